#!/usr/bin/env python3
"""deadlocks.py: what could deadlock and what does, told, drawn and judged.

SPDX-License-Identifier: Apache-2.0
"""

import os

from harness import contains, equal, lacks, main, only_figures, query, run, run_json, write

DEADLOCKS = os.path.join(os.environ["KML_SOURCE_ROOT"], "scenarios/deadlock")
HEAD = "[machine]\ncpus = 2\nram = 16MiB\nprofile = unit\n"
SECTIONS = ("WARNING: possible circular locking dependency detected",
            "but task is already holding lock:",
            "the existing dependency chain (in reverse order) is:",
            "Possible unsafe locking scenario:",
            "*** DEADLOCK ***")


def what_is_not_told_of_a_run_is_counted():
    bugs = ", ".join(f"unlock L{i}" for i in range(7))
    write("many.ini", HEAD + "".join(f"[lock L{i}]\n" for i in range(7)) + f"[task T]\nprogram = repeat 3 {{ {bugs} }}\n[sweep]\nrepeat = 22\n")
    out = run("run", "many.ini", status=1).stdout
    equal(out.count("T gives L0 back and does not hold it; in unlock L0 (many.ini:13)"), 20, "what is the same is told once")
    equal(out.count(", and 2 times later, on CPU 0: T gives"), 20 * 5, "stories")
    equal(out.count("run 20: and 6 more, in the table bugs of many.db\n"), 1, "more of a run")
    contains(out, "2 more runs with deadlocks, bugs or potential deadlocks: in the tables deadlocks, bugs and potential_deadlocks of many.db")


def orders(first, second, more=""):
    write("orders.ini", HEAD + "[lock A]\n[lock B]\n" + more
          + f"[task T1]\nprogram = {first}\n[task T2]\ncpus = 1\nstart = 1ms\nprogram = {second}\n")


MEMORY = HEAD.replace("16MiB", "4MiB").replace("cpus = 2", "cpus = 3") + """[memory]
reclaim = yes
disk = sda
kswapd-cpu = 1
[device sda]
kind = queue
service = fixed(10us)
[lock fs]
kind = mutex
[mapping journal]
kind = file
size = 2MiB
lock = fs
[mapping other]
kind = file
size = 1700KiB
[task filler]
program = dirty journal 0..511, touch other 0..399, repeat 41 { alloc page 4KiB pages __GFP_DIRECT_RECLAIM|__GFP_IO|__GFP_FS }
"""


def programs(*texts, groups="", start=""):
    return HEAD.replace("cpus = 2", f"cpus = {len(texts)}") + groups + "".join(
        f"[task T{i}]\ncpus = {i}\nstart = {start or f'{i}us'}\nprogram = {text}\n" for i, text in enumerate(texts))


# T0 has the lock that whoever writes its pages needs, and may not write them itself
NO_FS = (HEAD.replace("16MiB", "4MiB") + "[memory]\nreclaim = yes\ndisk = d\nkswapd-cpu = 1\n{memory}[device d]\nkind = queue\nservice = fixed(1ms)\n"
         "[lock fs]\nkind = mutex\n[mapping f]\nsize = 3MiB\nempty = yes\nlock = fs\n"
         "[task T0]\nprogram = dirty f 0..700 nowait, lock fs, repeat 2000 {{ alloc x 4KiB pages {gfp} }}, unlock fs\n")

# kind of wait, scenario, the lines of the story that say who waits for whom; none: it is no deadlock
WAITS = (
    ("lock", programs("lock A, work 9us, lock B", "lock B, lock A", groups="[lock A]\n[lock B]\n"),
     ("T1 waits for A, which T0 has", "T0 waits for B, which T1 has")),
    # T0 reads and is at work; T1 reads, too, and waits for T2, who waits for both
    ("lock with readers", programs("lock-shared R, work 1s, unlock R", "lock-shared R, work 9us, lock A, unlock A, unlock R",
                                   "lock A, work 19us, lock R, unlock R, unlock A", groups="[lock R]\nkind = rw\n[lock A]\nkind = mutex\n"),
     ("T1 waits for A, which T2 has", "T2 waits for R, which T1 has")),
    ("what one task alone can bring about", programs("lock A, wait x for T1, unlock A", "lock A, wake x, unlock A", groups="[lock A]\nkind = mutex\n"),
     ("T0 waits for x, which only T1 can bring about", "T1 waits for A, which T0 has")),
    ("event", programs("lock A, wait x, unlock A", "lock A, wake x, unlock A", "lock A, wake x, unlock A", groups="[lock A]\nkind = mutex\n"),
     ("T0 waits for x, which only T2 or T1 can bring about", "T1 waits for A, which T0 has", "T2 waits for A, which T0 has")),
    ("event that a third can bring about", programs("lock A, wait x, unlock A", "lock A, wake x, unlock A", "sleep 1ms, wake x", groups="[lock A]\nkind = mutex\n"), ()),
    ("event that a handler can bring about", programs("lock A, wait x, unlock A", "lock A, wake x, unlock A", groups="[lock A]\nkind = mutex\n")
     + "[task nic]\ncontext = hardirq\nstart = 1ms\nevery = 1ms\ntimes = 1\nprogram = wake x\n", ()),
    ("pool", programs(*["wait p, work 9us, wait p, wake p, wake p"] * 3, groups="[pool p]\nsize = 3\n"),
     ("T0 takes p", "T0 waits for p, which T1 and T2 have", "T2 waits for p, which T0 and T1 have")),
    ("pool that one can give back to", programs("wait p, work 9us, wait p, wake p, wake p", "wait p, io 1ms, wake p", groups="[pool p]\nsize = 2\n"), ()),
    ("pool that a handler gives back to", programs(*["wait p, work 9us, wait p, wake p"] * 2, groups="[pool p]\nsize = 2\n")
     + "[task end]\ncontext = softirq\nstart = 1ms\nevery = 1ms\ntimes = 2\nprogram = wake p\n", ()),
    ("refill of a reserve", programs("wait reserve, wait page for T1, wake reserve", "wait reserve, wake page, wake reserve", groups="[pool reserve]\n"),
     ("T0 waits for page, which only T1 can bring about", "T1 waits for reserve, which T0 has")),
    ("reclaim by another", programs("alloc x 64MiB pages, if-failed { reclaim { wait memory for T1 } }", "reclaim { wait written for T0 }, wake memory"),
     ("T0 waits for memory, which only T1 can bring about", "T1 waits for written, which only T0 can bring about")),
    ("reclaim that writes", MEMORY + "[task T0]\nstart = 1s\nprogram = lock fs, alloc page 4KiB pages GFP_KERNEL, unlock fs\n",
     ("T0 waits for fs, which it has itself; in direct reclaim",)),
    ("memory that kswapd takes back", NO_FS.format(memory="", gfp="GFP_NOFS"),
     ("T0 waits for memory, which only kswapd can bring about; in direct reclaim > alloc x 4KiB pages GFP_NOFS (wait.ini:19): the cycle is closed", "kswapd waits for fs, which T0 has")),
    ("memory that may come from a disk", NO_FS.format(memory="", gfp="GFP_NOIO"),
     ("T0 waits for memory, which only kswapd can bring about", "kswapd waits for fs, which T0 has")),
    ("memory that the flusher makes clean", NO_FS.format(memory="flusher = yes\nflusher-cpu = 1\n", gfp="GFP_NOFS"),
     ("T0 waits for memory, which only flusher or kswapd can bring about", "flusher waits for fs, which T0 has", "kswapd waits for fs, which T0 has")),
    ("page that another reads", MEMORY + "[task T0]\nstart = 1s\nprogram = touch other 420\n"
     "[task T1]\ncpus = 2\nstart = 1s\nprogram = lock fs, work 200ns, touch other 420, unlock fs\n",
     ("T1 waits for the end of a page's read, which only T0 can bring about", "T0 waits for fs, which T1 has")),
    ("page under migration", MEMORY.split("[task")[0].replace("lock = fs", "lock = fs\nempty = yes\nmigrate = write") + "[task T0]\nprogram = dirty journal 1, migrate journal 1\n"
     "[task T1]\ncpus = 2\nprogram = lock fs, work 9us, touch journal 1, unlock fs\n",
     ("T1 waits for the end of a page's migration, which only T0 can bring about", "T0 waits for fs, which T1 has")),
    ("device", programs("lock A, io 1ms, unlock A", "lock A, unlock A", groups="[lock A]\nkind = mutex\n"), ()),
    ("handler in its place", programs("lock A, work 9us, unlock A", groups="[lock A]\n")
     + "[task nic]\ncontext = hardirq\nstart = 5us\nevery = 1ms\ntimes = 1\nprogram = lock A, unlock A\n",
     ("nic waits for A, which T0 has", "T0 cannot go on without CPU 0, where nic runs")),
)


# file of scenarios/deadlock/, and the remedy of its kind of cycle, as the story has it
REMEDIES = (
    ("abba", "take A and B in one order everywhere, or only try the last (try-lock) and give the others back when that fails"),
    ("abba-caches", "take cache-0 and cache-1 in one order everywhere"),
    ("failed-allocation", "writer calls nothing that takes inode while it has it"),
    ("interrupt-own-lock", "hold queue with interrupts off (kind = spin-irq), so that nic cannot come meanwhile"),
    ("ipi-with-interrupts-off", "turn interrupts on before waiting for another CPU"),
    ("allocator-pager-none", "pin what the allocator touches under its lock ([pager] metadata = pinned), or give the pager a pool of its own ([pager] pool = 4)"),
    ("reclaim-file-system-lock", "ask with GFP_NOFS, or GFP_NOIO below a file system, where fs is held (memalloc-nofs { … })"),
    ("reclaim-recursion", "z_wr_iss asks with GFP_NOFS, or GFP_NOIO below a file system (memalloc = nofs)"),
    ("migration-file-system-lock", "kcompactd, which has the page in its hands, keeps out of file systems meanwhile and so does without fs (memalloc = nofs)"),
    ("memalloc-propagation", "worker works for kswapd, which frees memory, and needs its right to the reserve (memalloc = noreclaim"),
    ("mempool-two-users", "an element more than those out: bio with size = 3;"),
    ("refill-own-reserve", "refill gets an element of its own, from a pool that nobody else takes from"),
    ("throttled-with-lock", "writer gives journal back before it waits for dirty pages to be written"),
    ("try-lock-loop", "pruner waits for inode instead of trying"),
    ("priority-inversion", "whoever has what process waits for has its priority meanwhile (a priority ceiling: priority = 3 for monitor)"),
)


def a_story_ends_with_the_remedy_of_its_kind():
    for name, remedy in REMEDIES:
        path = os.path.join(DEADLOCKS, name + ".ini")
        out = run("run", path, "-o", "remedy.db").stdout
        contains(out, "\nremedy: " + remedy)
        equal(out.count("remedy: "), 1, f"{name}: of the runs that have no remedy")
        equal([story.split("\n")[-2].startswith("remedy: " + remedy) for (story,) in query("remedy.db", "SELECT story FROM deadlocks")], [True], name)
        os.remove("remedy.db")
    # the first that a schedule of each deadlock shows
    contains(run_json("explore", os.path.join(DEADLOCKS, "abba.ini"), status=1)["story"], "\nremedy: take ")
    # two pools in both orders; a handler of softirqs
    write("wait.ini", programs("wait p, work 9us, wait q, wake q, wake p", "wait q, work 9us, wait p, wake p, wake q", groups="[pool p]\n[pool q]\n"))
    contains(run("run", "wait.ini", status=1).stdout, "remedy: take from p and q in one order everywhere\n")
    write("wait.ini", programs("lock A, work 9us, unlock A", groups="[lock A]\n")
          + "[task nic]\ncontext = softirq\nstart = 5us\nevery = 1ms\ntimes = 1\nprogram = lock A, unlock A\n")
    contains(run("run", "wait.ini", status=1).stdout, "remedy: hold A with softirqs off (kind = spin-softirq), so that nic cannot come meanwhile\n")


def every_wait_is_an_edge_and_a_knot_of_them_a_deadlock():
    for kind, text, lines in WAITS:
        write("wait.ini", text)
        result = run("run", "wait.ini", "-o", "wait.db", status=1 if lines else 0)
        equal(query("wait.db", "SELECT kind FROM deadlocks ORDER BY deadlock_id DESC LIMIT 1"), [("deadlock",)] if lines else [], kind)
        for line in lines:
            contains(result.stdout, line)
        if lines:
            contains(result.stdout, "\nremedy: ")
            contains(run("plot", "wait.db", "waits", "--format", "terminal").stdout, "[who has it]")
        os.remove("wait.db")


def it_is_one_in_whatever_order_its_tasks_come():
    pool = HEAD + "[pool bio]\nsize = 2\n[task a]\nprogram = %s\n[task b]\npriority = 2\nstart = 5us\nprogram = %s\n"
    two = "wait bio, work 10us, wait bio, wake bio, wake bio"
    third = "[task c]\ncpus = 1\nprogram = work %s, if-failed { wake bio }\n"
    for third_ends in ("1us", "50us"):
        write("third.ini", pool % (two, two) + third % third_ends)
        contains(run("run", "third.ini", status=1).stdout, "2 tasks wait for each other")
    tick = "[task tick]\ncpus = 1\ncontext = hardirq\nevery = 10us\nprogram = work 1us\n"
    # the last that could have given an element becomes ready while a handler runs in the place of who spins
    write("below.ini", pool.replace("size = 2", "size = 1") % (two, f"preempt-off, {two}, preempt-on") + f"[task c]\nstart = 22us\nprogram = {two}\n"
          + tick.replace("cpus = 1", "cpus = 0").replace("work 1us", "work 4us"))
    contains(run("run", "below.ini", status=1).stdout, "deadlock at 22 us")
    for end in ("", tick):  # b spins where a is ready, which has the other element
        write("spins.ini", pool % (two, f"preempt-off, {two}, preempt-on") + end)
        contains(run("run", "spins.ini", status=1).stdout, "deadlock at 15.00 us")


def a_run_that_got_away_with_it_warns_in_lockdeps_form():
    orders("call open { lock A, lock B, unlock B, unlock A }", "lock B, lock A, unlock A, unlock B")
    result = run("run", "orders.ini")  # a warning: the run is as it should be
    for section in SECTIONS:
        contains(result.stdout, section)
    equal(query("orders.db", "SELECT from_class, to_class, context, site, count FROM lock_edges"),
          [("A", "B", "process", "open", 1), ("B", "A", "process", "", 1)], "edges")
    equal(query("orders.db", "SELECT kind, classes FROM potential_deadlocks"), [("circular", "A -> B -> A")], "circles")
    equal(run_json("run", "orders.ini")["runs"][0]["metrics"]["lockdep.cycles"], 1, "metric")


def the_same_warning_is_printed_once():
    orders("lock A, lock B, unlock B, unlock A", "lock B, lock A, unlock A, unlock B", "[sweep]\nrepeat = 2\n")
    out = run("run", "orders.ini").stdout
    equal(out.count(SECTIONS[0]), 1, "reports")
    contains(out, "run 2: potential deadlock, A -> B -> A, as in run 1")


def explore_says_which_warnings_are_true():
    orders("lock A, lock B, unlock B, unlock A", "lock B, lock A, unlock A, unlock B")
    contains(run("explore", "orders.ini", status=1).stdout, "A -> B -> A (circular): confirmed: a schedule deadlocks there")
    # a third lock around both
    orders("lock C, lock A, lock B, unlock B, unlock A, unlock C", "lock C, lock B, lock A, unlock A, unlock B, unlock C",
           "[lock C]\n")
    contains(run("explore", "orders.ini").stdout, "A -> B -> A (circular): a false alarm: no schedule of this scenario deadlocks")
    equal(run_json("explore", "orders.ini")["potential"],
          [{"kind": "circular", "classes": "A -> B -> A", "fate": "refuted"}], "json")
    equal(run_json("explore", "orders.ini", "--budget", "1", status=75)["potential"][0]["fate"], "open", "budget")


def jffs2_s_warning_is_a_false_alarm_until_reclaim_takes_the_writer_s_own_lock():
    path = os.path.join(DEADLOCKS, "false-alarm-jffs2.ini")
    circle = {"kind": "circular", "classes": "f->sem -> fs_reclaim -> f->sem"}
    run("run", path)
    found = run_json("explore", path)
    equal((found["verdict"], found["potential"]), ("none, exhausted", [dict(circle, fate="refuted")]), "another inode")
    found = run_json("explore", path, "-s", "task.kswapd.program=reclaim { lock inode-1, unlock inode-1 }, wake memory", status=1)
    equal((found["verdict"], found["potential"]), ("deadlock", [dict(circle, fate="confirmed")]), "the same inode")


def who_may_not_call_file_systems_makes_no_circle():
    for flags, cycles in (("GFP_KERNEL", 1), ("GFP_NOFS", 0), ("GFP_ATOMIC", 0)):
        orders(f"lock A, alloc x 64 {flags}, unlock A", "reclaim { lock A, unlock A }")
        equal(run_json("run", "orders.ini", "-s", "lock.A.kind=mutex")["runs"][0]["metrics"]["lockdep.cycles"], cycles, flags)


def a_handler_that_takes_what_it_interrupts_is_told_without_luck():
    write("irq.ini", HEAD + "[lock queue]\n[task sender]\nprogram = lock queue, unlock queue\n"
          "[task nic]\ncontext = hardirq\nstart = 1ms\nevery = 1ms\ntimes = 1\nprogram = lock queue, unlock queue\n")
    out = run("run", "irq.ini").stdout
    contains(out, "WARNING: inconsistent lock state\n")
    contains(out, "  lock(queue);\n  <Interrupt>\n    lock(queue);\n")
    lacks(run("run", "irq.ini", "-s", "lock.queue.kind=spin-irq").stdout, "WARNING")


def trying_needs_no_order():
    orders("lock A, try-lock B, if-failed { unlock A, yield }", "lock B, lock A, unlock A, unlock B")
    contains(run("run", "orders.ini", status=1).stdout, "T1 has ended and keeps a lock")
    orders("try-lock B, if-failed { wait never }, unlock B", "yield")
    run("run", "orders.ini")


def a_deadlock_is_drawn_from_its_database():
    orders("lock A, work 2ms, lock B, unlock B, unlock A", "lock B, work 2ms, lock A, unlock A, unlock B")
    run("run", "orders.ini", status=1)
    waits = run("plot", "orders.db", "waits", "--format", "terminal").stdout
    lanes = run("plot", "orders.db", "lanes", "--format", "terminal").stdout
    for name in ("[T1]", "[T2]", "(A)", "(B)"):
        contains(waits, name)
    contains(lanes, "! waits for A of T1")
    contains(lanes, "T2 (CPU 1)   __")  # it started later
    equal(query("orders.db", "SELECT task, what, resource, t0_ns, t1_ns FROM deadlock_spans WHERE what IN ('lock', 'hold')"),
          [("T1", "lock", "B", 2000002, 3000002), ("T1", "hold", "A", 1, 3000002),
           ("T2", "lock", "A", 3000002, 3000002), ("T2", "hold", "B", 1000001, 3000002)], "spans")
    dot = run("export", "orders.db", "dot").stdout
    contains(dot, '"task T1" -> "resource B" [label="waits since 2.00 ms"')
    contains(dot, '"resource B" -> "task T2" [label="held by"')
    contains(run("export", "orders.db").stdout, "Graphviz")
    contains(run("export", "orders.db", "dott", status=2).stderr, "did you mean “dot”?")
    contains(run("export", "orders.db", "dot", "--run", "7", status=2).stderr, "run 7 has no deadlock and no stall")
    orders("lock A, unlock A", "lock A, unlock A")
    run("run", "orders.ini", "-o", "fine.db")
    contains(run("plot", "fine.db", "lanes", status=2).stderr, "has no deadlock and no stall")


ENDLESS = "repeat 1000000000000 "
POLITE = "{{ lock {0}, work 5us, try-lock {1}, if-failed {{ unlock {0}, work 1us }} }}"


def a_run_in_which_time_does_not_pass_ends_and_says_so():
    write("zero.ini", "[machine]\nram = 16MiB\n[task x]\nprogram = call spin " + "{ " + ENDLESS + "{ yield } }\n")
    out = run("run", "zero.ini", status=1).stdout
    contains(out, "livelock at 1 us: x has done 1000000 steps, and time did not pass")
    contains(out, "x is at work without progress; in spin > repeat 1000000000000 (zero.ini:4)\n")
    equal(query("zero.db", "SELECT kind FROM deadlocks"), [("livelock",)], "kind")


def who_gets_nowhere_is_told_with_the_block_that_it_goes_round_in():
    watch = "[schedule]\nno-progress = 10ms\n"
    # what is round it for the other half, what it enters anew each time, what it is in by chance; what it is in without a block
    orders("repeat 2 { call f { " + ENDLESS + "{ call g { repeat 3 { yield, work 1us }, retry { work 1us } } } } }", "lock A", watch)
    contains(run("run", "orders.ini", status=1).stdout, "T1 is at work without progress; in f > repeat 1000000000000 (orders.ini:10)\n")
    write("nofail.ini", HEAD + "[task a]\nprogram = repeat 2 { alloc y 8MiB pages, call f { alloc z 12MiB pages GFP_KERNEL|__GFP_NOFAIL } }\n"
          "[task tick]\ncontext = hardirq\nevery = 10us\nprogram = alloc z 64 GFP_ATOMIC, free z\n")
    contains(run("run", "nofail.ini", status=1).stdout, "; in f > alloc z 12MiB pages")


def a_bug_of_a_device_or_a_replay_says_whose_it_is():
    head = HEAD + "[pages]\nlock = mutex\n"
    write("nic.ini", head + "[device eth0]\nkind = nic\n[task x]\nprogram = sleep 1ms\n[scenario]\nuntil = 1ms\n")
    out = run("run", "nic.ini", status=1).stdout
    contains(out, "eth0 takes the sleeping lock pages, in softirq context; in network poll > segregated > buddy > [device eth0] (nic.ini:7)\n")
    contains(out, "eth0 takes the sleeping lock pages, with objects held since [device eth0] (nic.ini:7); in network consumer > segregated > buddy > [device eth0] (nic.ini:7)\n")
    write("replay.ini", head + "[schedule]\nreplay = cpus\n[workload w]\nkind = synthetic\ntarget = pages\ncpus = 0\ncontext = softirq\noperations = 10\n"
          "arrivals = periodic(10us)\nlifetimes = fixed(15us)\norders = fixed(0)\n")
    contains(run("run", "replay.ini", status=1).stdout, "w.0.softirq takes the sleeping lock pages, in softirq context; in buddy > alloc of 4 KiB at 10 us of [workload w]\n")


def tasks_that_go_on_and_achieve_nothing_are_a_livelock():
    orders(ENDLESS + POLITE.format("A", "B"), ENDLESS + POLITE.format("B", "A"), "[schedule]\nno-progress = 10ms\n")
    metrics = run_json("run", "orders.ini", "-s", "task.T2.start=0", status=1)["runs"][0]["metrics"]
    equal(metrics["livelock.count"], 1, "livelocks")
    equal(10e6 <= metrics["time.end_ns"] < 11e6, True, "it ends when the time is over")
    # the same, but something comes of it
    orders("repeat 5000 { alloc x 64, free x, lock A, work 5us, unlock A }", "repeat 5000 { lock A, work 5us, unlock A }",
           "[schedule]\nno-progress = 10ms\n")
    equal(run_json("run", "orders.ini", "-s", "task.T2.start=0")["runs"][0]["metrics"]["livelock.count"], 0, "progress")
    # a program may say what progress is
    orders("repeat 5000 { alloc x 64, free x, work 10us }, progress", "yield", "[schedule]\nno-progress = 10ms\n")
    equal(run_json("run", "orders.ini", status=1)["runs"][0]["metrics"]["livelock.count"], 1, "allocs do not count then")


def who_makes_dirty_what_the_flusher_cleans_gets_nowhere():
    only_figures()
    write("vain.ini", HEAD.replace("16MiB", "4MiB") + "[memory]\nreclaim = yes\ndisk = d\nflusher = yes\nflusher-cpu = 1\n[device d]\nkind = queue\nservice = fixed(100us)\n"
          "[lock L]\nkind = mutex\n[mapping f]\nsize = 512KiB\nempty = yes\n[task h]\nprogram = lock L, wait never\n"
          "[task T]\nstart = 1us\nprogram = retry { dirty f 0..127 nowait, work 20us, try-lock L }\n")
    contains(run("run", "vain.ini", status=1).stdout, "T has tried the same 1000000 times, and nothing has come of it")


def who_makes_dirty_what_kswapd_writes_gets_nowhere():
    only_figures()
    kinds = ["kind = anonymous", "kind = file\nempty = yes"]
    for kind in kinds[:1] if "ASAN_OPTIONS" in os.environ else kinds:  # a million tries take half a minute under sanitizers
        write("vain.ini", HEAD.replace("16MiB", "4MiB") + "[memory]\nreclaim = yes\ndisk = d\nkswapd-cpu = 1\n[device d]\nkind = queue\nservice = fixed(10us)\n"
              f"[lock L]\nkind = mutex\n[mapping f]\nsize = 6MiB\n{kind}\n[task h]\nprogram = lock L, wait never\n"
              "[task T]\nstart = 1us\nprogram = retry { dirty f next, work 20us, try-lock L }\n")
        contains(run("run", "vain.ini", status=1).stdout, "T has tried the same 1000000 times, and nothing has come of it")


def long_work_and_long_sleep_are_none():
    orders("work 100ms, sleep 100ms, work 100ms", "lock A, sleep 50ms, unlock A", "[schedule]\nno-progress = 10ms\n")
    run("run", "orders.ini", "-s", "lock.A.kind=mutex")


def who_is_kept_waiting_by_one_in_between_is_inverted():
    text = ("[machine]\nram = 16MiB\n[lock bus]\nkind = mutex\n[schedule]\nno-progress = 20ms\n"
            "[task low]\npriority = 1\nprogram = lock bus, work 5ms, unlock bus\n"
            "[task middle]\npriority = 2\nstart = 2ms\nprogram = work 100ms\n"
            "[task high]\npriority = 3\nstart = 1ms\nprogram = lock bus, work 1ms, unlock bus\n")
    write("inversion.ini", text)
    out = run("run", "inversion.ini", status=1).stdout
    contains(out, "high (priority 3) waits for low (1), in whose place middle (2) runs")
    contains(out, "low cannot go on without CPU 0, where middle runs")
    found = query("inversion.db", "SELECT kind, t_ns FROM deadlocks")
    equal([kind for kind, _ in found], ["priority inversion"], "kinds")
    equal(22e6 <= found[0][1] < 24e6, True, "20 ms after the last of them began to wait")
    write("inversion.ini", text.replace("work 100ms", "work 10ms"))
    run("run", "inversion.ini")


ORDERED = "call refill { lock cache-0, call steal { lock cache-1, unlock cache-1 }, unlock cache-0 }"
PRIVATE = "call write_out { wait private, io 10us, wake private }, wake page"
UNLOCKED = "lock journal, call write { dirty log 0..3 nowait }, unlock journal, throttle log"
SHORT = ["-s", "task.sender.program=repeat 2 { lock queue, unlock queue }", "-s", "task.nic.times=1"]
# An interrupt of another CPU may come between any two of its steps: all of these schedules are 770000.
FEW = ["--preemptions", "3"]
CASES = (("reclaim-recursion", [], ["-s", "task.z_wr_iss.memalloc=nofs"]),
         ("memalloc-propagation", [], ["-s", "task.worker.memalloc=noreclaim"]),
         ("mempool-two-users", [], ["-s", "pool.bio.size=3"]),
         ("abba-caches", [], ["-s", "task.cpu-1.program=" + ORDERED]),
         ("throttled-with-lock", [], ["-s", "task.writer.program=" + UNLOCKED]),
         ("migration-file-system-lock", [], ["-s", "mapping.log.migrate=copy"] + FEW),
         ("migration-file-system-lock", [], ["-s", "task.kcompactd.memalloc=nofs"] + FEW),
         ("interrupt-own-lock", [], SHORT + ["-s", "lock.queue.kind=spin-irq"]),
         ("refill-own-reserve", [], ["-s", "task.refill.program=" + PRIVATE]))


def each_real_case_is_found_and_its_remedy_holds_in_every_schedule():
    for name, without, remedy in CASES:
        path = os.path.join(DEADLOCKS, name + ".ini")
        run("run", path, "-o", name + ".db")
        equal(run_json("explore", path, *without, status=1)["verdict"], "deadlock", name)
        bounded = "--preemptions" in remedy
        equal(run_json("explore", path, *remedy, status=75 if bounded else 0)["verdict"],
              "none within budget" if bounded else "none, exhausted", name)


main(every_wait_is_an_edge_and_a_knot_of_them_a_deadlock, a_story_ends_with_the_remedy_of_its_kind, it_is_one_in_whatever_order_its_tasks_come, a_run_that_got_away_with_it_warns_in_lockdeps_form, the_same_warning_is_printed_once,
     explore_says_which_warnings_are_true,
     jffs2_s_warning_is_a_false_alarm_until_reclaim_takes_the_writer_s_own_lock,
     who_may_not_call_file_systems_makes_no_circle, a_handler_that_takes_what_it_interrupts_is_told_without_luck,
     trying_needs_no_order, a_deadlock_is_drawn_from_its_database, what_is_not_told_of_a_run_is_counted,
     a_run_in_which_time_does_not_pass_ends_and_says_so, tasks_that_go_on_and_achieve_nothing_are_a_livelock,
     who_gets_nowhere_is_told_with_the_block_that_it_goes_round_in, a_bug_of_a_device_or_a_replay_says_whose_it_is,
     who_makes_dirty_what_the_flusher_cleans_gets_nowhere, who_makes_dirty_what_kswapd_writes_gets_nowhere, long_work_and_long_sleep_are_none, who_is_kept_waiting_by_one_in_between_is_inverted,
     each_real_case_is_found_and_its_remedy_holds_in_every_schedule)
