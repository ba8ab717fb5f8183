# A server core of about 3 GHz and the early 2020s: an orientation, not a
# measurement. The figures are typical of such cores as their vendors' optimization
# manuals and common microbenchmarks give them, in cycles, and are turned into
# time at 3 GHz (one cycle is a third of a nanosecond) and rounded. Who studies one
# machine measures it and writes a profile of its own; who compares allocators
# looks at whether the ranking depends on the profile.
#
# Costs do not overlap here, as they would on a core that runs out of order: a path is
# the sum of its items. What comes out is a latency of dependent steps, the
# order of magnitude of what kernel people measure: on a Xeon Gold 5320 with Linux 6.0
# a page of order 0 is given back and asked for again, through the per-CPU list,
# in 112 ns (the data published with LLFree, USENIX ATC 2023).

[profile]
title = a server core of about 3 GHz
source = typical figures, derived in the profile's comments

[costs]
# 3.3 instructions a cycle, a straight path whose data is in the first-level cache
instruction = 100ps

# 15 to 20 cycles to refill the pipeline
branch-miss = 5ns

# first-level data cache: 4 to 5 cycles from load to use
hot = 1.3ns

# second-level cache: 14 cycles
warm = 4.7ns

# DRAM of a two-socket server: 70 to 100 ns from load to use
cold = 80ns

# a locked read-modify-write of a line that the core owns: 18 to 20 cycles
atomic = 6ns

# two of them, for taking and giving back, and the path around (preemption count, interrupt flags)
lock = 16ns

# 4096 bytes at 64 bytes a cycle and less, with the start-up of the string instruction
zero-page = 60ns

# a line modified in another core's cache of the same socket arrives: 40 to 70 ns
handover = 50ns

# each further core that polls the line asks for it once more
bystander = 10ns

# saving and loading a task's state, choosing the next, and the caches that are cold then
switch = 1us

# the flow of control into the kernel and back, and the acknowledgement of the controller
interrupt = 400ns

# try_to_wake_up(): run queue lock, queueing, perhaps an interrupt for another CPU
wake = 500ns

# from writing to the interrupt controller to the handler on another CPU of the socket
ipi = 1us
