# Every item takes 1 ns: what an operation costs is the number of things that it
# does, and can be checked by hand.

[profile]
title = one nanosecond for everything
source = none: for counting

[costs]
instruction = 1ns
branch-miss = 1ns
hot = 1ns
warm = 1ns
cold = 1ns
atomic = 1ns
lock = 1ns
zero-page = 1ns
handover = 1ns
bystander = 1ns
switch = 1ns
interrupt = 1ns
wake = 1ns
ipi = 1ns
