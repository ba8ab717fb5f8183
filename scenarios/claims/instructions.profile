# An instruction takes 1 ns and nothing else takes any time: latencies are numbers of
# instructions, as papers on real-time allocators count them.

[profile]
title = one nanosecond for an instruction
source = none: for counting instructions

[costs]
instruction = 1ns
branch-miss = 0ns
hot = 0ns
warm = 0ns
cold = 0ns
atomic = 0ns
lock = 0ns
zero-page = 0ns
handover = 0ns
bystander = 0ns
switch = 0ns
interrupt = 0ns
wake = 0ns
ipi = 0ns
