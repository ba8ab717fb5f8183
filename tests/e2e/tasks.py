#!/usr/bin/env python3
"""tasks.py: programs of tasks, from the scenario to the story.

SPDX-License-Identifier: Apache-2.0
"""

import os

from harness import TOP, check, contains, equal, lacks, main, only_figures, query, run, run_json, write

MIX = os.path.join(TOP, "scenarios", "traces", "mix.kmt")
HEAD = "[machine]\ncpus = 2\nram = 16MiB\n\n"
ABBA = HEAD + """[lock A]
kind = spin
[lock B]
kind = spin
[task T1]
program = lock A, work 5us, lock B, unlock B, unlock A
[task T2]
cpus = 1
start = 2us
program = lock B, work 5us, lock A, unlock A, unlock B
"""


def a_deadlock_that_nobody_expects_is_status_1_and_has_a_story():
    write("abba.ini", ABBA)
    result = run("run", "abba.ini", status=1)
    contains(result.stdout, "deadlock at 8.02 us: 2 tasks wait in a cycle")
    contains(result.stdout, "4.      8.02 us  T2 waits for A, which T1 has; in lock A (abba.ini:14): the cycle is closed")
    contains(result.stdout, "T1 takes A; in lock A (abba.ini:10)\n")
    contains(result.stdout, "-> #1 (B){+.+.}:\n       lock B (abba.ini:10)\n       T1, in process context on CPU 0\n")
    contains(result.stderr, "abba.ini: deadlock.count is 1, expected 0, as [expect] does not say otherwise (run 1")
    equal(query("abba.db", "SELECT waiter, waits_for, resource, held, since_ns FROM deadlock_edges ORDER BY waiter"),
          [("T1", "T2", "B", "A", 6016), ("T2", "T1", "A", "B", 8016)], "edges")
    contains(query("abba.db", "SELECT story FROM deadlocks")[0][0], "T1 takes A")


def a_table_of_runs_without_requests_is_about_time():
    write("idle.ini", HEAD + "[task x]\nprogram = work 3ms\n[task y]\nprogram = work 1ms\n")
    table = run("run", "idle.ini").stdout
    contains(table, "utilisation")
    contains(table, "4.00 ms")
    lacks(table, "reserved")
    write("asks.ini", HEAD + "[task x]\nprogram = alloc y 64\n")
    contains(run("run", "asks.ini").stdout, "reserved")
    write("failing.ini", HEAD + "[task x]\nprogram = alloc y 1GiB pages\n[expect]\nalloc.failed = 1\n")
    contains(run("run", "failing.ini").stdout, "reserved")


def one_that_is_expected_is_what_one_wanted():
    write("abba.ini", ABBA + "[expect]\ndeadlock.count = 1\n")
    run("run", "abba.ini")
    run("run", "abba.ini", "-s", "task.T2.start=20us", status=1)
    run("verify", "abba.db", status=0)


def random_schedules_find_what_the_order_of_time_does_not():
    write("luck.ini", ABBA.replace("start = 2us", "start = 20us")
          + "[schedule]\npolicy = random\n[sweep]\nrepeat = 60\n[expect]\ndeadlock.count = 0..1\n")
    run("run", "luck.ini")
    found = query("luck.db", "SELECT count (*) FROM deadlocks")[0][0]
    check(10 < found < 59, f"{found} of 60 deadlocked")
    run("verify", "luck.db")


def a_wait_that_nobody_ends_is_a_stall_and_no_hang():
    write("stall.ini", HEAD + "[task x]\nprogram = wait godot\n")
    contains(run("run", "stall.ini", status=1).stdout, "stall at 1 us: 1 task waits, and nobody is left who could wake it")


def a_stall_tells_of_those_who_are_kept_from_their_cpu_too():
    write("kept.ini", HEAD + "[lock L]\n[task x]\nprogram = lock L, wait godot\n[task y]\nprogram = work 1us\n")
    story = run("run", "kept.ini", status=1).stdout
    contains(story, "2 tasks wait, and nobody is left who could wake them")
    contains(story, "x waits for godot")
    contains(story, "y cannot go on without CPU 0, where x runs")
    write("below.ini", HEAD + "[task y]\nprogram = work 1ms\n[task h]\ncontext = hardirq\nevery = 100us\ntimes = 3\nprogram = wait godot\n")
    contains(run("run", "below.ini", status=1).stdout, "y cannot go on without CPU 0, where h runs")


def flags_of_a_step_may_be_joined_wherever_a_program_is_given():
    write("flags.ini", HEAD + "[task t]\nprogram = alloc x 4KiB pages, free x\n")
    joined = "alloc x 4KiB pages GFP_KERNEL|__GFP_ZERO, free x"
    equal(len(run_json("run", "flags.ini", "-s", "task.t.program=" + joined)["runs"]), 1, "runs")
    equal(len(run_json("run", "flags.ini", "-s", f"task.t.program={joined} | work 1us")["runs"]), 2, "runs")


def progress_is_not_looked_for_all_the_time():
    write("often.ini", HEAD + "[schedule]\nno-progress = 1ps\n[task a]\nprogram = alloc x 64, work 1ms, free x\n")
    run("run", "often.ini", before=["timeout", "10"])


TICK = "[task tick]\ncontext = hardirq\nevery = 10us\nprogram = %s\n"


def interrupts_without_end_do_not_keep_a_run_that_nobody_can_go_on_in():
    for name, tasks, says in (
            ("forgotten", "[task x]\nprogram = wait godot\n", "stall at 2.40 us: 1 task waits, and nobody is left who could wake it"),
            ("late", "[task x]\nprogram = wait go\n[task y]\ncpus = 1\nprogram = work 100us, if-failed { wake go }, sleep 1ms\n", "x waits for go"),
            ("kept", "[lock m]\nkind = mutex\n[task x]\nprogram = lock m\n[task y]\ncpus = 1\nprogram = work 50us, lock m\n", "y waits for m, which x has"),
            ("call", "[task x]\nprogram = irq-off, wait godot\n[task y]\ncpus = 1\nprogram = work 50us, ipi 0 { work 1us }\n", "y waits for ipi.0"),
            ("behind", "[lock m]\nkind = mutex\n[task x]\nprogram = lock m, wait godot\n[task y]\ncpus = 1\nprogram = work 50us, lock m\n",
             "2 tasks wait, and nobody is left")):
        write(f"{name}.ini", HEAD + tasks + TICK % "work 1us")
        contains(run("run", f"{name}.ini", status=1).stdout, says)


def what_a_handler_may_still_bring_about_is_no_stall():
    write("hoped.ini", HEAD + "[task x]\nprogram = wait go\n" + TICK % "work 1us, wake go" + "start = 1ms\n")
    run("run", "hoped.ini")


def interrupts_that_leave_no_time_for_anything_are_a_livelock():
    storm = HEAD + "[task x]\nprogram = work 1ms\n" + TICK % "work 30us"
    write("storm.ini", storm)
    result = run("run", "storm.ini", status=1)
    contains(result.stdout, "there was nothing but interrupts, and no task came any further")
    contains(result.stdout, "x cannot go on without CPU 0, where tick runs")
    contains(result.stdout, "\nremedy: tick stays masked while there is work left, which a task polls for")
    write("ns.ini", storm.replace("every = 10us", "every = 1ns"))
    contains(run("run", "ns.ini", status=1).stdout, "there was nothing but interrupts")
    write("zero.ini", storm.replace("every = 10us", "every = 0"))
    contains(run("run", "zero.ini", status=2).stderr, "every: expected a time of at least 1ns, not “0”")
    # a million times, which is a storm, and then it is over
    write("end.ini", storm.replace("every = 10us", "every = 1us\ntimes = 1000000").replace("work 30us", "work 2us"))
    equal(run_json("run", "end.ini")["runs"][0]["metrics"]["hardirq.tick.taken"], 1000000, "taken")
    # a handler that waits for the disk, whose interrupt it keeps out, and those of a source that would end
    write("kept.ini", HEAD + "[device sda]\nkind = ssd\n[task x]\nprogram = work 1ms\n[task k]\ncontext = hardirq\nevery = 10us\ntimes = 50\nprogram = work 1us\n"
          "[task h]\ncontext = hardirq\nevery = 1ms\nprogram = read sda 512\n")
    contains(run("run", "kept.ini", status=1).stdout, "there was nothing but interrupts, and no task came any further")
    write("bounded.ini", "[scenario]\nuntil = 10ms\n" + storm)
    run("run", "bounded.ini")


def tries_that_nothing_can_come_of_are_a_livelock():
    only_figures()
    for program in ("retry { alloc y 1GiB GFP_ATOMIC }", "retry { alloc y 1GiB, if-failed { sleep 1ms } }"):
        write("vain.ini", HEAD + f"[task a]\nprogram = {program}\n")
        contains(run("run", "vain.ini", status=1).stdout, "a has tried the same 1000000 times, and nothing has come of it")
    write("call.ini", HEAD + "[lock L]\n[task t]\nprogram = irq-off, work 1us, retry { try-lock L }, irq-on\n"
          "[task u]\ncpus = 1\nprogram = lock L, ipi 0 { work 1us }, unlock L\n")
    contains(run("run", "call.ini", status=1).stdout, "t tries in vain to get L, which u has")
    write("patient.ini", HEAD + "[lock L]\n[task t]\nstart = 1us\nprogram = retry { try-lock L }, unlock L\n"
          "[task u]\ncpus = 1\nprogram = lock L, work 100ms, unlock L\n")
    run("run", "patient.ini")
    write("nested.ini", HEAD + "[lock L]\n[task t]\nstart = 1us\nprogram = retry { retry { work 1ns }, try-lock L }\n"
          "[task u]\ncpus = 1\nprogram = lock L, wait godot\n")
    contains(run("run", "nested.ini", status=1).stdout, "t tries in vain to get L, which u has")


def who_tries_in_vain_and_keeps_others_off_its_cpu_is_in_a_livelock():
    only_figures()
    loop = os.path.join(TOP, "scenarios", "deadlock", "try-lock-loop.ini")
    stdout = run("run", loop, "-s", "schedule.no-progress=0").stdout
    contains(stdout, "writer cannot go on without CPU 0, where pruner runs")
    contains(stdout, "pruner tries in vain to get inode, which writer has")
    held = HEAD + "[schedule]\ntime-slice = 100ms\n[lock L]\nkind = mutex\n[task u]\nprogram = lock L, sleep 20us, unlock L\n" \
        "[task t]\nstart = 10us\nprogram = %s\n"
    write("off.ini", held % "preempt-off, retry { try-lock L }, unlock L, preempt-on")
    contains(run("run", "off.ini", status=1).stdout, "u cannot go on without CPU 0, where t runs")
    write("slice.ini", held % "retry { try-lock L }, unlock L")
    run("run", "slice.ini")


def what_handlers_do_and_undo_keeps_no_run_that_nobody_gets_on_in():
    only_figures()
    undo = "alloc z 64 GFP_ATOMIC, free z"
    blocked = "[lock L]\nkind = mutex\n[task u]\ncpus = 1\nprogram = lock L, wait godot\n"
    reclaim = "[memory]\nreclaim = yes\n"
    for name, tasks, handler, says in (
            ("retry", "[task a]\nprogram = retry { alloc y 1GiB GFP_ATOMIC }\n", undo, "a tries in vain to get memory"),
            ("inside", blocked + "[task a]\nprogram = alloc y 4KiB pages, reclaim { retry { try-lock L } }\n", undo, "a tries in vain to get L, which u has; in direct reclaim"),
            ("nofail", "[task a]\nprogram = alloc y 8MiB pages, alloc z 12MiB pages GFP_KERNEL|__GFP_NOFAIL\n", undo, "a has tried the same 1000000 times"),
            ("nofs", reclaim + "[task a]\nprogram = repeat 10000 { alloc y 4KiB pages GFP_NOFS }\n", "work 1us", "a waits for memory; in direct reclaim"),
            ("kswapd", reclaim + "[task a]\nprogram = repeat 10000 { retry { alloc y 4KiB pages } }\n", "work 1us", "a tries in vain to get memory"),
            ("never", "[task a]\nprogram = wait go\n", "work 1us, if-failed { wake go }", "a waits for go")):
        write(f"{name}.ini", HEAD + tasks + TICK % handler)
        contains(run("run", f"{name}.ini", status=1).stdout, says)
    filled = "[task a]\nprogram = repeat 3500 { alloc @x 4KiB pages }, retry { alloc y 4MiB pages GFP_ATOMIC }\n"
    for handler in ("repeat 300 { free @x }\nevery = 60ms", "free @x\nevery = 1us"):
        write("hoped.ini", HEAD + filled + f"[task tick]\ncontext = hardirq\nstart = 60ms\nprogram = {handler}\n")
        run("run", "hoped.ini")


def what_is_done_in_a_round_that_fails_is_not_achieved():
    only_figures()
    for program in ("retry { alloc y 1GiB GFP_ATOMIC, if-failed { io 1ms } }", "retry { alloc x 64, free x, alloc y 1GiB GFP_ATOMIC }",
                    "retry { alloc y 1GiB GFP_ATOMIC, if-failed { free x } }, alloc x 64"):
        write("undone.ini", HEAD + f"[task a]\nprogram = {program}\n")
        contains(run("run", "undone.ini", status=1).stdout, "a has tried the same 1000000 times, and nothing has come of it")
    write("drawn.ini", HEAD + "[schedule]\npolicy = random\n[task a]\nprogram = retry { alloc y 1GiB GFP_ATOMIC }\n")
    contains(run("run", "drawn.ini", status=1).stdout, "a has tried the same 1000000 times")
    write("drawn.ini", HEAD + "[schedule]\npolicy = random\n[task a]\nprogram = wait go\n" + TICK % "work 1us, if-failed { wake go }")
    contains(run("run", "drawn.ini", status=1).stdout, "a waits for go")


def a_run_that_would_outlast_simulated_time_is_refused():
    for program in ("work 10000000s, work 10000000s", "repeat 30 { sleep 1000000s }"):
        write("long.ini", HEAD + f"[task a]\nprogram = {program}\n")
        contains(run("run", "long.ini", status=2).stderr, "longer than the 213 days of simulated time")
        run("run", "long.ini", "-s", "scenario.until=1s")


def a_bug_is_recorded_where_it_happens():
    write("bug.ini", HEAD + "[lock L]\n[task x]\nprogram = call work_fn { lock L, sleep 5us, unlock L }\n")
    contains(run("run", "bug.ini", status=1).stdout,
             "x sleeps for a time, with L held since lock L (bug.ini:7); in work_fn > sleep 5us (bug.ini:7)")
    equal(query("bug.db", "SELECT kind, task, site FROM bugs"), [("bug.sleep_in_atomic", "x", "work_fn > sleep 5us (bug.ini:7)")], "bugs")
    for steps, why in (("preempt-off, sleep 1us, preempt-on", "preemption off since preempt-off (why.ini:3)"),
                       ("irq-off, alloc x 8, irq-on", "interrupts off since irq-off (why.ini:3)"),
                       ("irq-off, yield, irq-on", "interrupts off since irq-off (why.ini:3)")):
        write("why.ini", f"[task x]\n\nprogram = {steps}\n")
        contains(run("run", "why.ini", status=1).stdout, ", with " + why)
    write("why.ini", "[task x]\ncontext = softirq\nevery = 1ms\ntimes = 1\nprogram = sleep 1us\n")
    contains(run("run", "why.ini", status=1).stdout, "x sleeps for a time, in softirq context; in sleep 1us (why.ini:5)")


def who_yields_in_atomic_context_keeps_its_cpu():
    for steps, bugs in (("yield, work 10us", 0), ("irq-off, yield, work 10us, irq-on", 1), ("ipi 0 { yield, work 10us }", 1)):
        write("yield.ini", f"[task x]\nprogram = {steps}\n[task y]\nprogram = work 1us\n")
        metrics = run_json("run", "yield.ini", status=bugs)["runs"][0]["metrics"]
        equal((metrics["bug.sleep_in_atomic"], metrics["task.y.ready_max_ns"] > 1e4), (bugs, bugs == 1), steps)


def where_the_lines_are_changes_no_fingerprint():
    for steps in ("lock L, lock L", "irq-off, sleep 1us", "free @x"):
        text = f"[lock L]\nkind = mutex\n[task x]\nprogram = alloc @x 8, {steps}, free @x\n"
        found = []
        for before in ("", "# why\n\n"):
            write("place.ini", before + text)
            found.append(run_json("run", "place.ini", "-o", f"place{len(found)}.db", status=1)["runs"][0]["fingerprint"])
        equal(found[0], found[1], steps)


def a_bug_that_is_done_again_and_again_is_one_with_a_count():
    def told(times, tasks=1):
        write("again.ini", HEAD + "".join(f"[task x{i}]\nprogram = alloc a 64, free a, repeat {times} {{ free a, work 1us }}, call f {{ free a }}\n" for i in range(tasks)))
        result = run_json("run", "again.ini", "-o", f"{times}.db", status=1)["runs"][-1]
        return result["fingerprint"], result["metrics"]["bug.double_free"]

    first, n = told(10000)
    equal(n, 10001, "metric")
    equal(query("10000.db", "SELECT task, count FROM bugs ORDER BY seq"), [("x0", 10000), ("x0", 1)], "of each step one")
    contains(run("run", "again.ini", "-o", "10000.db", status=1).stdout, "bug.double_free at 1.28 us, and 9999 times later, on CPU 0: x0 gives back a")
    check(os.path.getsize("10000.db") < 500000, f"{os.path.getsize('10000.db')} bytes for two rows")
    equal(told(10000)[0], first, "the same")
    check(told(9999)[0] != first, "once less is another fingerprint")
    told(2, 2)
    equal(query("2.db", "SELECT task, count FROM bugs ORDER BY task, seq"), [(task, n) for task in ("x0", "x1") for n in (2, 1)], "of each task")


def the_longest_operation_says_where_its_time_went():
    write("worst.ini", HEAD + "[pages]\nlock = mutex\n[pager]\nmetadata = pageable\npool = 2\nread = 300us\n"
          "[task x]\nprogram = alloc p 4KiB pages, free p\n")
    contains(run("run", "worst.ini").stdout, "longest alloc in process context 30")
    metrics = run_json("run", "worst.ini")["runs"][0]["metrics"]
    equal(metrics["worst.alloc.process.io_ns"], 300000, "io")
    equal(metrics["fault.count"], 1, "faults")


def the_longest_operation_says_who_where_and_in_what():
    write("why.ini", HEAD + "[pages]\nlock = mutex\n[pager]\nmetadata = pageable\npool = 2\nread = 300us\n"
          "[task x]\nprogram = call syscall { alloc p 4KiB pages, free p }\n")
    stdout = run("run", "why.ini").stdout
    contains(stdout, "alloc p 4KiB pages (why.ini:")
    contains(stdout, "in syscall > buddy > page fault; 300 us at a stretch for disk")
    longest = run_json("run", "why.ini")["runs"][0]["longest"]
    equal([l["operation"] for l in longest], ["alloc", "free"], "operations")
    for l in longest:
        equal(round(sum(l["parts"].values()), 3), round(l["latency_ns"], 3), "sum of parts")
    rows = query("why.db", "SELECT operation, task, cpu, size, site FROM longest ORDER BY operation")
    equal(rows, [("alloc", "x", 0, 4096, "syscall > buddy > page fault"), ("free", "x", 0, 4096, "syscall")], "rows")


def what_is_told_of_a_lock_is_what_it_cost():
    queue = "[machine]\ncpus = 4\nprofile = unit\n[task x]\ncpus = all\nprogram = repeat 50 { alloc o 64, free o }\n"
    # y has given the pages back to others by the time that x asks for them, but for a moment
    ahead = ("[machine]\ncpus = 2\nprofile = unit\n[task x]\ncpus = 1\nstart = 10us\nprogram = alloc o 64\n"
             "[task y]\ncpus = 0\nstart = 10us\nprogram = alloc p 4KiB pages\n")
    for text, what in ((queue, "objects"), (ahead, "pages")):
        write("lock.ini", text)
        longest = run_json("run", "lock.ini")["runs"][0]["longest"][0]
        equal((longest["waited_for"], longest["waited_ns"]), (what, longest["parts"]["lock"]), "the lock")


def of_several_runs_the_longest_of_all_is_told():
    write("sweep.ini", HEAD + "[task T]\nprogram = alloc x 64, free x\n[sweep]\nobjects.allocator = segregated | slab | first-fit\n")
    lines = [line for line in run("run", "sweep.ini").stdout.split("\n") if "longest " in line]
    for operation, line in zip(("alloc", "free"), lines, strict=True):
        longest, of = query("sweep.db", "SELECT max(latency_ns), run_id FROM longest WHERE operation = ?", operation)[0]
        contains(line, f"run {of}: of 3 runs the longest {operation} in process context ")
        check(longest > 0, "it took time")


def straight_code_says_how_much_of_its_longest_operation_is_splitting():
    # each split is 25 instructions and 2 warm references, 27 ns in the profile `unit`
    write("split.ini", "[machine]\ncpus = 1\nram = 1MiB\nprofile = unit\n[workload]\nkind = synthetic\ntarget = pages\n"
          "operations = 1\narrivals = closed\nlive = 1\norders = fixed(0)\n")
    one = run_json("run", "split.ini")["runs"][0]
    longest, metrics = one["longest"][0], one["metrics"]
    equal((longest["task"], longest["operation"], longest["t_ns"]), ("", "alloc", 0), "who")
    equal(metrics["buddy.splits"] > 0, True, "there are splits")
    equal(longest["parts"]["split"], metrics["buddy.splits"] * 27, "split")
    equal(sum(longest["parts"].values()), metrics["latency.alloc.max_ns"], "sum")


def another_cpu_does_what_it_is_asked():
    write("ipi.ini", "[machine]\ncpus = 2\nram = 16MiB\nprofile = unit\n[task A]\ncpus = 0\n"
          "program = alloc x 64, ipi 1 { repeat 2 { work 1us }, free x }, alloc y 128, ipi all nowait { work 3us }\n"
          "[task B]\ncpus = 1\nprogram = irq-off, work 10us, irq-on\n")
    one = run_json("run", "ipi.ini")["runs"][0]
    free = [l for l in one["longest"] if l["operation"] == "free"]
    # CPU 1 turns interrupts on at 10 us: its handler begins then, and works for 2 us
    equal([(l["task"], l["cpu"], l["context"]) for l in free], [("ipi.1", 1, "hardirq")], "who frees")
    equal(free[0]["t_ns"] >= 12000 and free[0]["t_ns"] < 12100, True, f"when: {free[0]['t_ns']}")
    equal(one["metrics"]["time.end_ns"] > 15000, True, "the run waits for the last")
    for program, message in (("ipi 7 { yield }", "there is no such CPU, the machine has 2"),
                             ("ipi 1 { ipi 0 { yield } }", "an ipi within an ipi"),
                             ("ipi 1 wait { yield }", "expected ipi CPU | all [nowait]")):
        write("wrong.ini", HEAD + f"[task A]\nprogram = {program}\n")
        contains(run("run", "wrong.ini", status=2).stderr, message)


def two_who_touch_one_page_at_a_time_are_one_fault():
    write("fault.ini", HEAD + "[region data]\n[task x]\ncpus = all\nprogram = touch data\n")
    metrics = run_json("run", "fault.ini")["runs"][0]["metrics"]
    equal((metrics["fault.count"], metrics["lock.pager.contended"]), (1, 1), "faults and waits")


def structures_of_either_allocator_may_be_paged_out():
    write("structures.ini", HEAD + "[objects]\nallocator = segregated\nlock = mutex\n[pager]\nlock = mutex\nread = 5ms\n"
          "[task x]\nprogram = alloc a 64, alloc b 64, free a, free b\n")
    metrics = "--metrics=fault.count,latency.alloc.max_ns"

    def run_of(*options):
        return run_json("run", "structures.ini", metrics, *options)["runs"][0]["metrics"]

    pinned, paged = run_of(), run_of("-s", "pager.object-metadata=pageable")
    equal((pinned["fault.count"], paged["fault.count"]), (0, 1), "faults: the first request's")
    check(pinned["latency.alloc.max_ns"] < 5e6 <= paged["latency.alloc.max_ns"], f"{pinned} {paged}")
    equal(run_of("-s", "pager.object-metadata=pageable", "-s", "pager.metadata=pageable", "-s", "pages.lock=mutex", "-s", "pager.recursion=guarded")["fault.count"], 2, "both")
    contains(run("run", "structures.ini", "-s", "pager.object-metadata=pageable", "-s", "objects.lock=spin-irq", status=1).stdout, "sleep")


def a_pinned_region_is_always_there():
    write("pinned.ini", HEAD + "[pager]\nresident = 1\n[region data]\nsize = 8KiB\n[region code]\nkind = pinned\nsize = 12KiB\n"
          "[task x]\nprogram = repeat 3 { touch data 0..1, touch code 0..2, dirty code 0..2 }\n")
    run_of = lambda *options: run_json("run", "pinned.ini", *options)["runs"][-1]["metrics"]
    metrics = run_of()
    equal((metrics["fault.count"], metrics["fault.evicted"], metrics["fault.written"]), (6, 5, 0), "faults, of the other alone")
    check(metrics["time.end_ns"] < 610e3, f"six pages are read: {metrics['time.end_ns']}")
    equal(metrics["memory.reserved.end_bytes"], 4 * 4096, "frames: three, and the one that may be resident")
    equal(run_of("-s", "region.code.kind=pageable")["fault.count"], 24, "each touch, of all five")
    contains(run("run", "pinned.ini", "-s", "region.code.size=1GiB", status=2).stderr, "[region code] kind = pinned: there are frames for ")


def a_block_is_done_again_as_long_as_it_fails():
    write("retry.ini", HEAD + "[lock A]\n[task T1]\nprogram = lock A, work 10us, unlock A\n[task T2]\ncpus = 1\nstart = 1us\n"
          "program = retry { try-lock A, if-failed { work 1us } }, unlock A, retry { work 1us }, retry { retry { work 1us }, if-failed { alloc x 64 } }\n")
    metrics = run_json("run", "retry.ini")["runs"][0]["metrics"]
    equal((metrics["lock.A.taken"], metrics["bug.lock_misuse"], metrics["alloc.count"]), (2, 0, 0), "taken, and once by each")
    check(13e3 < metrics["time.end_ns"] < 15e3, f"it ends soon after the other: {metrics['time.end_ns']}")


def each_device_has_metrics_of_its_own_name_and_a_kind_has_their_sum():
    devices = "[device sda]\nkind = hdd\n[device sdb]\nkind = hdd\n[device fast]\nkind = ssd\n"
    write("two.ini", HEAD + devices + "[task a]\nprogram = repeat 3 { read sda 4KiB }, read sdb 64KiB, write fast 4KiB\n"
          "[expect]\ndevice.sda.read = 12288\nhdd.read = 77824\ndevice.fast.written = ssd.written\n")
    metrics = run_json("run", "two.ini")["runs"][0]["metrics"]
    equal((metrics["device.sda.read"], metrics["device.sdb.read"], metrics["hdd.read"]), (12288, 65536, 77824), "sums")
    check("hdd.latency_mean" not in metrics and metrics["device.sda.latency_mean"] > 0, "means are of one device")
    equal(metrics["ssd.latency_mean"], metrics["device.fast.latency_mean"], "the only one of its kind")
    contains(run("run", "two.ini", "-s", "task.a.program=read sda 4KiB", status=1).stderr, "device.sda.read is 4096")
    write("two.ini", HEAD + devices + "[task a]\nprogram = yield\n[expect]\ndevice.sda.raed = 1\n")
    contains(run("run", "two.ini", status=2).stderr, "did you mean “device.sda.read”?")


def who_gives_a_block_back_twice_or_uses_it_afterwards_is_a_bug():
    write("gone.ini", HEAD + "[device e]\nkind = dma\n[task x]\nprogram = alloc a 64, touch a, call drop { free a }, call use { touch a, dirty a, dma e a }, call drop { free a }\n")
    result = run("run", "gone.ini", status=1)
    contains(result.stdout, "bug.use_after_free at 1.36 us on CPU 0: x uses a, which it has given back at 1.34 us; in use > touch a (gone.ini:8)")
    contains(result.stdout, "bug.double_free at")
    contains(result.stdout, "x gives back a, which it has given back at")
    equal(query("gone.db", "SELECT kind, task, site FROM bugs ORDER BY seq"),
          [("bug.use_after_free", "x", f"use > {step} (gone.ini:8)") for step in ("touch a", "dirty a", "dma e a")] + [("bug.double_free", "x", "drop > free a (gone.ini:8)")], "bugs")
    metrics = run_json("run", "gone.ini", status=1)["runs"][0]["metrics"]
    equal((metrics["bug.use_after_free"], metrics["bug.double_free"], metrics["touch.skipped"], metrics["free.skipped"], metrics["free.count"]), (3, 1, 0, 0, 1), "metrics")
    write("race.ini", HEAD + "[task x]\nprogram = alloc @a 64, work 1us, free @a\n[task y]\ncpus = 1\nprogram = work 500ns, touch @a, work 10us, free @a, alloc @a 64, touch @a, free @a\n")
    contains(run("run", "race.ini", status=1).stdout, "y gives back @a, which x has given back at")
    run("run", "race.ini", "-s", "task.y.program=work 500ns, touch @a")
    contains(run("run", "race.ini", "-s", "task.y.program=work 10us, touch @a", status=1).stdout, "y uses @a, which x has given back at")


def of_a_name_with_a_percent_sign_each_cpu_has_its_own_blocks():
    def frees(name, others, status=0):
        write("own.ini", HEAD + f"[task fill]\ncpus = 0-1\nprogram = alloc {name} 64, sleep 1ms\n{others}")
        metrics = run_json("run", "own.ini", status=status)["runs"][0]["metrics"]
        return metrics["free.count"], metrics["bug.double_free"], metrics["free.skipped"]

    twice = "[task reap]\ncpus = 1\nstart = 500us\nprogram = free {0}, free {0}\n"
    equal(frees("@x", twice.format("@x")), (2, 0, 0), "everybody's")
    equal(frees("%x", twice.format("%x"), status=1), (1, 1, 0), "its CPU's alone")
    equal(frees("%x", "[task reap]\nstart = 500us\nprogram = ipi all { free %x }, free %x\n"), (2, 0, 0), "who is asked frees its own")
    equal(frees("%x", "[task tick]\ncontext = softirq\ncpus = 1\nstart = 500us\nevery = 1us\ntimes = 1\nprogram = free %x\n"), (1, 0, 0),
          "a handler's, too")
    write("slip.ini", HEAD + "[task fill]\nprogram = alloc %cache 64\n[task reap]\nprogram = free %cahce\n")
    contains(run("run", "slip.ini", status=2).stderr, "did you mean “%cache”?")


def what_was_never_had_is_counted_and_no_bug():
    write("none.ini", HEAD + "[task x]\nprogram = alloc a 1GiB, touch a, free a\n[task y]\nstart = 1ms\nprogram = touch @a, free @a\n"
          "[task z]\nstart = 2ms\nprogram = repeat 3 { alloc @a 64 }, repeat 3 { free @a }\n")
    metrics = run_json("run", "none.ini")["runs"][0]["metrics"]
    equal((metrics["touch.skipped"], metrics["free.skipped"], metrics["free.count"]), (2, 2, 3), "skipped")
    for program in ("alloc a 64, alloc a 1GiB, free a, free a", "repeat 2 { alloc a 1GiB, alloc a 64 }, repeat 4 { free a }", "free a, alloc a 64, free a"):
        run("run", "none.ini", "-s", f"task.x.program={program}")
        contains(run("run", "none.ini", "-s", f"task.x.program={program}, free a", status=1).stdout, "bug.double_free")
    full = "repeat 4100 { alloc b 4KiB pages }, wake full, sleep 10us, free b"
    write("again.ini", HEAD + f"[task f]\nprogram = {full}\n[task x]\ncpus = 1\nprogram = wait full, retry {{ alloc a 4KiB pages GFP_ATOMIC, if-failed {{ sleep 1us }} }}, free a\n")
    equal(run_json("run", "again.ini")["runs"][0]["metrics"]["bug.double_free"], 0, "bugs")
    run("run", "again.ini", "-s", "task.x.program=wait full, retry { alloc a 4KiB pages GFP_ATOMIC, if-failed { sleep 1us } }, free a, free a", status=1)


def many_tasks_are_refused():
    write("many.ini", HEAD + "".join(f"[task {name}]\ncount = 16000\nprogram = yield\n" for name in "ab"))
    contains(run("run", "many.ini", status=2).stderr, "many.ini:9:9: [task b] count = 16000: expected at most 30000 tasks and handlers in all")


def what_a_program_names_must_be_there():
    for program, message in (("lock quue", "there is no [lock] “quue”; did you mean “queue”?"),
                             ("read sdb 4KiB", "there is no [device] “sdb”"),
                             ("read sda 0", "expected a size from 1 to 1 GiB"),
                             ("write small 8KiB\n[device small]\nkind = hdd\nsize = 4KiB", "write small 8KiB (wrong.ini:7): the disk has 4 KiB"),
                             ("touch heap", "there is no block, [region] or [mapping] “heap”"),
                             ("wait x for nobody", "there is no [task] “nobody”"),
                             ("lok queue", "there is no such step; did you mean “lock”?"),
                             ("repeat 3 { yield", "is not closed"),
                             ("alloc x 64 GFP_KERNAL", "GFP_KERNAL")):
        write("wrong.ini", HEAD + f"[lock queue]\n[task x]\nprogram = {program}\n")
        result = run("run", "wrong.ini", status=2)
        contains(result.stderr, message)
    write("wrong.ini", "[machine]\ncpus = 2\n[task x]\ncpus = 0,7\nprogram = yield\n[device d]\nkind = ssd\ncpu = 9\n"
          "[mapping m]\nsize = 4KiB\n[workload w]\nkind = synthetic\ncpus = 1-2\n")
    for line in ("wrong.ini:4:8: error: cpus: the machine has CPUs 0 to 1, there is no 7", "wrong.ini:8:7: error: cpu: the machine has CPUs 0 to 1, there is no 9",
                 "wrong.ini:9:1: error: its pages could never be taken back: expected [memory] reclaim = yes",
                 "wrong.ini:13:8: error: cpus: the machine has CPUs 0 to 1, there is no 2"):
        contains(run("run", "wrong.ini", status=2).stderr, line)
    write("some.ini", "[machine]\ncpus = 2\n[task x]\ncpus = 3\nprogram = yield\n[sweep]\nmachine.cpus = 1 | 2..8 step 2\n")
    run("run", "some.ini", "-n")
    contains(run("run", "some.ini", status=2).stderr, "some.ini:4:8: [task x] cpus = 3: the machine has CPUs 0 to 0, there is no 3")
    write("reach.ini", HEAD + "[task x]\nprogram = yield\n[device d]\nkind = dma\nlimit = 1\n")
    contains(run("run", "reach.ini", status=2).stderr, "reach.ini:9:9: [device d] limit = 1: it can reach no memory so: expected at least 4 KiB")
    write("wrong.ini", HEAD + "[task x]\ncontext = hardirq\nprogram = yield\n")
    contains(run("run", "wrong.ini", status=2).stderr, "wrong.ini:6:11: [task x] context = hardirq: it is the handler of an interrupt: expected every = 100us")
    write("wrong.ini", HEAD + "[task x]\ncontext = hardirq\nevery = 1us\nprogram = yield\n")
    contains(run("run", "wrong.ini", status=2).stderr, "wrong.ini:5:1: [task x] times = 0 (its default): there are only devices and interrupts without end: expected [scenario] until")


def a_disk_and_a_network_card_work_beside_the_cpus():
    write("devices.ini", HEAD + "[device sda]\nkind = hdd\n[device eth0]\nkind = nic\n"
          "[task x]\nprogram = repeat 20 { read sda 4KiB, if-failed { wait never } write sda 64KiB }\n")
    metrics = run_json("run", "devices.ini")["runs"][0]["metrics"]
    equal((metrics["hdd.done"], metrics["hdd.read"], metrics["hdd.written"]), (40, 20 * 4096, 20 * 65536), "disk")
    check(metrics["hdd.utilisation"] > 0.9, "one reader keeps it busy")
    check(metrics["nic.packets"] > 0, "packets")
    write("devices.ini", HEAD + "[device eth0]\nkind = nic\n")
    contains(run("run", "devices.ini", status=2).stderr, "devices.ini:5:1: [device eth0]: there are only devices and interrupts without end")
    write("devices.ini", HEAD + "[device eth0]\nkind = nick\n[task x]\nprogram = yield\n")
    contains(run("run", "devices.ini", status=2).stderr, "did you mean “nic”?")


def measured(text, **more):
    write("m.ini", text)
    metrics = run_json("run", "m.ini", **more)["runs"][0]["metrics"]
    n_cpus = len([name for name in metrics if name.startswith("cpu.") and name.endswith(".busy_ns") and name[4].isdigit()])
    equal(round(metrics["cpu.busy_ns"] + metrics["cpu.idle_ns"], 3), round(n_cpus * metrics["time.end_ns"], 3), "busy and idle are all the time")
    return metrics


def what_cpus_and_handlers_did_is_counted():
    unit = "[machine]\ncpus = %d\nprofile = unit\n"
    # three levels, each of which interrupts the one before
    level = "[task %s]\ncontext = %s\npriority = %d\nstart = %dus\nevery = 1ms\ntimes = 1\nprogram = work %dus\n"
    metrics = measured(unit % 1 + "[task p]\nprogram = work 100us\n" + level % ("soft", "softirq", 0, 10, 30)
                       + level % ("low", "hardirq", 1, 15, 20) + level % ("high", "hardirq", 2, 20, 5) + level % ("kept", "hardirq", 1, 21, 1))
    equal([metrics[name] for name in ("cpu.interrupts", "softirq.soft.taken", "hardirq.low.taken", "hardirq.high.taken")], [4, 1, 1, 1], "handlers")
    # `high' begins at 20 us, `low' ends with it after 15 + 20 + 5 us and their two nanoseconds
    equal((metrics["hardirq.high.delay_max_ns"], metrics["hardirq.kept.delay_max_ns"]), (0, 40002 - 21000), "delays")
    equal((metrics["task.p.interrupted_ns"], metrics["cpu.idle_ns"]), (56004, 0), "time")
    # one CPU asks all others, at first when their interrupts have been off for 1 us of 5
    metrics = measured(unit % 4 + "[task t]\nprogram = work 4us, repeat 10 { ipi all { work 1us } }\n"
                       "[task o]\ncpus = 1-3\nprogram = work 3us, irq-off, work 5us, irq-on, work 20us\n")
    equal([metrics[f"cpu.{cpu}.ipis_sent"] for cpu in range(4)], [30, 0, 0, 0], "sent")
    equal([metrics[f"cpu.{cpu}.ipis_taken"] for cpu in range(4)], [0, 10, 10, 10], "taken")
    equal(metrics["hardirq.ipi.3.taken"], 10, "interrupts for that")
    check(3990 <= metrics["hardirq.ipi.1.delay_max_ns"] <= 4000, "they waited for irq-on")
    check(metrics["cpu.0.idle_ns"] > 0, "who has asked has ended")


def what_tasks_did_is_measured():
    unit = "[machine]\ncpus = 1\nprofile = unit\n"
    # three of 10 ms in slices of 1 ms: each waits for the two others
    metrics = measured(unit + "[schedule]\ntime-slice = 1ms\n[task a]\ncount = 3\nprogram = work 10ms\n")
    equal((metrics["cpu.preemptions"], metrics["cpu.switches"], metrics["task.a.ready_max_ns"]), (30, 33, 2000003), "slices")
    equal(metrics["task.a.run_ns"], 30000000, "of all three")
    # who comes at 1 ms waits until preemption is on again, at 3 ms
    metrics = measured(unit + "[task low]\nprogram = preempt-off, work 3ms, preempt-on, work 1ms\n"
                       "[task high]\npriority = 1\nstart = 1ms\nprogram = work 1ms\n")
    equal((metrics["cpu.preemptions"], metrics["task.high.ready_max_ns"]), (1, 2000002), "kept from preempting")
    # one that never runs, for there is one above it, has waited all the time but for what it ran before
    metrics = measured(unit + "[scenario]\nuntil = 5ms\n[task low]\nprogram = work 1ms\n[task high]\npriority = 1\nstart = 1us\nprogram = work 1s\n")
    equal(metrics["task.low.ready_max_ns"], 4999000, "to the end")
    # where the run ends in the middle of the switch to one
    metrics = measured("[machine]\ncpus = 2\n[lock L]\nkind = mutex\n[task stuck]\ncpus = 1\nprogram = lock L, lock L\n"
                       "[task late]\nstart = 1us\nprogram = work 1us\n", status=1)
    equal([metrics[f"task.late.{part}_ns"] for part in ("sleep", "cpu", "run")], [1000, 1000, 0], "as far as its CPU has come")


def nobody_runs_before_he_was_woken_and_the_switch_is_no_work_of_his():
    # "waker" begins to wake "sleeper" at 14.1 us, which takes 500 ns; the handler of CPU 1, which was idle, returns at 14.4 us
    metrics = measured("[machine]\ncpus = 3\n[task sleeper]\ncpus = 1\nprogram = wait e\n"
                       "[task asker]\ncpus = 2\nprogram = work 10us, ipi 1 nowait { work 2us }\n[task waker]\nprogram = work 13100ns, wake e\n")
    equal((metrics["task.sleeper.sleep_ns"], metrics["time.end_ns"]), (13600, 14600), "woken")
    metrics = measured("[machine]\ncpus = 2\n[task waiter]\ncpus = 1\nprogram = wait e, work 1us\n[task waker]\nprogram = work 10us, wake e\n")
    equal([metrics[f"task.waiter.{part}_ns"] for part in ("cpu", "sleep", "run")], [2000, 10500, 1000], "switches")


def a_poll_takes_as_long_as_its_packets():
    metrics = measured("[machine]\ncpus = 2\nprofile = unit\n[device eth]\nkind = nic\npackets = 10\narrivals = periodic(3ms)\npacket = 1ms\n"
                       "consumer-cpu = 1\n[task t]\ncpus = 1\nprogram = work 40ms\n")
    equal((metrics["nic.received"], round(metrics["cpu.0.busy_ns"] / 1e6, 1)), (10, 10.0), "one by one, 1 ms each")


def of_two_that_are_ready_at_once_the_higher_runs():
    low, high = "[task low]\nprogram = %swork 3ms\n", "[task high]\npriority = 1\nprogram = %swork 1ms\n"
    waker = "[task waker]\ncpus = 1\nprogram = work 1ms, wake a, wake b\n"
    for text in (low % "" + high % "", low % "wait a, " + high % "wait b, " + waker):
        metrics = measured("[machine]\ncpus = 2\n" + text)
        equal((metrics["task.high.ready_max_ns"], metrics["task.low.ready_max_ns"]), (2000, 1002000), "waits")


def a_recording_is_replayed_by_the_cpus_it_was_made_on():
    write("replay.ini", "[machine]\ncpus = 4\nram = 64MiB\n[schedule]\nreplay = cpus\n[record]\norigins = yes\n"
          "[workload w]\nkind = trace\nfile = " + MIX + "\nlevel = both\n"
          "[sweep]\nworkload.w.timing = recorded | asap\nmachine.cpus = 1 | 4 | 64\n")
    runs = [each["metrics"] for each in run_json("run", "replay.ini")["runs"]]
    equal({each["alloc.count"] for each in runs}, {146437}, "no request is lost")
    equal({each["alloc.failed"] for each in runs}, {0}, "nor refused")
    one, four = runs[3], runs[4]
    check("latency.alloc.hardirq.p99_ns" in four, "contexts are kept")
    equal(one["lock.objects.contended"], 0, "one CPU meets nobody")
    check(four["lock.objects.wait_ns"] > four["lock.objects.hold_ns"], "four wait most of the time")
    check(four["time.end_ns"] > one["time.end_ns"], "which takes longer than one CPU alone: handing the lock over costs more than the work")
    check(0 < query("replay.db", "SELECT count(*) FROM site_waste WHERE run_id = 5")[0][0], "origins")
    result = run("run", "replay.ini", "-s", "machine.cpus=4", "-s", "objects.lock=mutex", "-o", "mutex.db", status=1)
    contains(result.stdout, "takes the sleeping lock objects")
    contains(run("run", "replay.ini", "-s", "machine.cpus=4", "-s", "objects.lock=none", "-o", "none.db", status=2).stderr,
             "[pages] lock = none as well")
    run("run", "replay.ini", "-s", "machine.cpus=4", "-s", "objects.lock=none", "-s", "pages.lock=none", "-o", "none.db")


def slub_has_no_lock_around_it():
    program = "[machine]\nprofile = default\n[task loop]\ncpus = all\nprogram = repeat 2000 { alloc x 64, free x }\n"
    write("objects.ini", program + "[sweep]\nobjects.allocator = slub | segregated\nmachine.cpus = 1 | 26\n")
    runs = [each["metrics"] for each in run_json("run", "objects.ini")["runs"]]
    p50 = [each["latency.alloc.p50_ns"] for each in runs]
    equal(p50[0], p50[1], "26 CPUs are as fast as one")
    check(p50[3] > 100 * p50[2], "where one lock is around, each waits for all others")
    equal([each["lock.objects.taken"] for each in runs], [0, 0, 4000, 104000], "locks taken")
    contains(run("run", "objects.ini", "-s", "objects.lock=spin", "-s", "objects.allocator=slub", "-o", "spin.db", status=2).stderr,
             "slub keeps others out itself")
    write("replay.ini", "[machine]\ncpus = 4\nram = 64MiB\n[schedule]\nreplay = cpus\n[objects]\nallocator = slub\n"
          "[workload w]\nkind = trace\nfile = " + MIX + "\nlevel = both\ntiming = asap\n")
    metrics = run_json("run", "replay.ini")["runs"][0]["metrics"]
    check(0 < metrics["lock.objects.contended"] < metrics["lock.objects.taken"] < 5000, "the list_locks, together")
    write("small.ini", "[machine]\ncpus = 2\nram = 128KiB\n[objects]\nallocator = slub\nmax-order = 0\ncpu-partial = none\n[schedule]\nfind = bugs\n"
          "[task a]\ncpus = 0\nprogram = alloc @x 2048, alloc @y 2048, alloc @z 2048, free @z\n[task b]\ncpus = 1\nprogram = alloc b 2048, free b\n")
    contains(run("explore", "small.ini").stdout, "the space is exhausted")


def nothing_that_is_asked_for_is_left_out_in_silence():
    task = "[task x]\nprogram = repeat 50 { alloc a 64, free a }\n"
    workload = "[workload w]\nkind = synthetic\narrivals = closed\nlive = 1\noperations = 1\nsizes = fixed(8)\n"
    for other in (task, "[device d]\nkind = hdd\n"):
        write("both.ini", other + workload)
        contains(run("run", "both.ini", status=2).stderr, "say [schedule] replay = cpus")
        contains(run("run", "both.ini", "-s", "schedule.replay=straight", status=2).stderr, "[schedule] replay = straight (-s): beside tasks and devices expected cpus")
    write("check.ini", "[scenario]\ncheck = every-event\n" + task)
    contains(run("run", "check.ini", status=2).stderr, "is for runs without tasks")
    write("warm.ini", task + "[record]\nwarm-up = 10\n")
    metrics = run_json("run", "warm.ini")["runs"][0]["metrics"]
    equal(metrics["alloc.count"], 50, "allocs")
    check(metrics["latency.alloc.max_ns"] < 100, "the first, which makes a slab, is in the warm-up")


def steps_are_listed():
    listed = run("list", "steps").stdout
    contains(listed, "alloc NAME SIZE")
    contains(listed, "if-failed { … }")
    lacks(listed, "}\n}")
    equal([step["name"] for step in run_json("list", "steps")["steps"]][:3], ["alloc", "free", "touch"], "steps")


main(a_deadlock_that_nobody_expects_is_status_1_and_has_a_story, a_bug_that_is_done_again_and_again_is_one_with_a_count,
     a_table_of_runs_without_requests_is_about_time, one_that_is_expected_is_what_one_wanted,
     random_schedules_find_what_the_order_of_time_does_not,
     a_wait_that_nobody_ends_is_a_stall_and_no_hang, a_stall_tells_of_those_who_are_kept_from_their_cpu_too, progress_is_not_looked_for_all_the_time,
     interrupts_without_end_do_not_keep_a_run_that_nobody_can_go_on_in,
     what_a_handler_may_still_bring_about_is_no_stall,
     interrupts_that_leave_no_time_for_anything_are_a_livelock, tries_that_nothing_can_come_of_are_a_livelock,
     who_tries_in_vain_and_keeps_others_off_its_cpu_is_in_a_livelock,
     what_handlers_do_and_undo_keeps_no_run_that_nobody_gets_on_in, what_is_done_in_a_round_that_fails_is_not_achieved,
     a_run_that_would_outlast_simulated_time_is_refused,
     a_bug_is_recorded_where_it_happens, who_yields_in_atomic_context_keeps_its_cpu, where_the_lines_are_changes_no_fingerprint,
     the_longest_operation_says_where_its_time_went,
     the_longest_operation_says_who_where_and_in_what,
     what_is_told_of_a_lock_is_what_it_cost, of_several_runs_the_longest_of_all_is_told,
     another_cpu_does_what_it_is_asked,
     straight_code_says_how_much_of_its_longest_operation_is_splitting,
     two_who_touch_one_page_at_a_time_are_one_fault, a_pinned_region_is_always_there, structures_of_either_allocator_may_be_paged_out, a_block_is_done_again_as_long_as_it_fails, each_device_has_metrics_of_its_own_name_and_a_kind_has_their_sum, who_gives_a_block_back_twice_or_uses_it_afterwards_is_a_bug, of_a_name_with_a_percent_sign_each_cpu_has_its_own_blocks,
     what_was_never_had_is_counted_and_no_bug, many_tasks_are_refused, what_a_program_names_must_be_there,
     a_disk_and_a_network_card_work_beside_the_cpus,
     of_two_that_are_ready_at_once_the_higher_runs, what_cpus_and_handlers_did_is_counted, what_tasks_did_is_measured,
     a_recording_is_replayed_by_the_cpus_it_was_made_on, slub_has_no_lock_around_it,
     flags_of_a_step_may_be_joined_wherever_a_program_is_given,
     nothing_that_is_asked_for_is_left_out_in_silence, steps_are_listed)
