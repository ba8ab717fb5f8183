#!/usr/bin/env python3
"""explore.py: every schedule, or many, and the one that deadlocks once more.

SPDX-License-Identifier: Apache-2.0
"""

import os
import time

from harness import check, contains, equal, lacks, main, only_figures, query, read, run, run_json, write

DEADLOCKS = os.path.join(os.environ["KML_SOURCE_ROOT"], "scenarios", "deadlock")
HEAD = "[machine]\ncpus = 2\nram = 16MiB\nprofile = unit\n\n[lock A]\n[lock B]\n"
ABBA = "lock A, work 5us, lock B, unlock B, unlock A", "lock B, work 5us, lock A, unlock A, unlock B"


def tasks(first, second, more=""):
    write("two.ini", HEAD + f"[task T1]\nprogram = {first}\n[task T2]\ncpus = 1\nprogram = {second}\n" + more)


def explore(*arguments, status=0):
    return run_json("explore", "two.ini", "--afresh", *arguments, status=status)


def choices():
    return [line for line in read("two.reproducer").decode().split("\n") if line.startswith("choices")][0].split()[2:]


def changes(numbers):
    return sum(a != b for a, b in zip(numbers, numbers[1:]))


def a_remedy_is_proved_over_every_schedule():
    for name, verdict, status in (("none", "deadlock", 1), ("pinned", "none, exhausted", 0),
                                  ("pool", "none, exhausted", 0), ("both", "none, exhausted", 0)):
        path = os.path.join(DEADLOCKS, f"allocator-pager-{name}.ini")
        result = run_json("explore", path, status=status)
        equal(result["verdict"], verdict, name)


def a_remedy_that_a_sweep_has_is_proved_by_its_run():
    path = os.path.join(DEADLOCKS, "mempool-two-users.ini")
    contains(run("explore", path, status=1).stderr, "the next: the same command with --run 2")
    equal(run_json("explore", path, "--run", "2")["verdict"], "none, exhausted", "a pool of three")
    lacks(run("explore", path, "--run", "1", status=1).stderr, "--run")
    stopped = run_json("explore", path, "--run", "2", "--budget", "5", status=75)["schedules"]
    equal(stopped, 5, "schedules in the budget")
    both = run_json("explore", path, "--run", "2")
    equal(both["schedules"], run_json("explore", path, "--run", "2", "--afresh")["schedules"], "stopped and gone on with")
    contains(run("explore", path, "--run", "3", status=2).stderr, "--run: expected a count from 1 to 2, not 3")


def allocator_and_pager_deadlock_with_two_tasks_and_alone_where_recursion_is_allowed():
    path = os.path.join(DEADLOCKS, "allocator-pager-none.ini")
    result = run("explore", path, status=1).stdout
    contains(result, "the shortest there is: 2 context switches")
    contains(result, "T2 waits for pages, which T1 has; in page fault > buddy > touch data (allocator-pager-none.ini:38)\n")
    contains(result, "T1 waits for pager, which T2 has; in syscall > buddy > page fault > alloc a 4KiB pages (allocator-pager-none.ini:34): the cycle is closed\n")
    contains(run("explore", path, "-s", "pager.recursion=allowed", status=1).stdout,
             "T1 waits for pages, which it has itself; in syscall > buddy > page fault > buddy > alloc a 4KiB pages (allocator-pager-none.ini:34): the cycle is closed\n")


def a_task_that_a_layer_makes_meanwhile_is_gone_in_the_next_schedule():
    for n_tasks in (1, 2, 4, 8): # with a task more there is no room for their turns
        write("reserve.ini", "[machine]\ncpus = 2\nram = 2MiB\n[layer r]\nallocator = reserve\nsize = 4\nuse = first\n"
              f"[task t]\ncpus = all\ncount = {n_tasks}\nprogram = alloc x 4KiB pages GFP_ATOMIC, free x\n")
        run("explore", "reserve.ini", "--budget", "50", "--afresh", status=0 if n_tasks == 1 else 75)


def a_schedule_that_is_too_long_to_shorten_has_a_reproducer():
    only_figures()
    write("long.ini", "[machine]\ncpus = 4\nprofile = unit\n[lock A]\n[task owner]\nprogram = lock A, work 1s, unlock A\n"
          "[task t]\ncpus = 1-3\nprogram = retry { try-lock A, work 100ns }, unlock A\n[schedule]\nno-progress = 4ms\n")
    contains(run("explore", "long.ini", "--budget", "10", status=1).stdout, "livelock found")
    contains(run("reproduce", "long.reproducer").stdout, "reproduced: the fingerprint is the same")


def independent_steps_are_tried_in_one_order():
    tasks("lock A, unlock A", "lock B, unlock B")
    equal(explore()["schedules"], 1, "two locks")
    tasks("repeat 3 { work 1us }", "repeat 5 { work 1us }")
    equal(explore()["schedules"], 1, "work")


def dependent_steps_are_tried_in_every_order():
    # T1 first; T2 first; T2 waits for T1, or T1 for T2: four orders of taking and giving back a lock
    tasks("lock A, unlock A", "lock A, unlock A")
    equal(explore()["schedules"], 4, "one lock")


def a_deadlock_that_the_run_has_by_itself_is_found_in_a_space_without_end():
    path = os.path.join(DEADLOCKS, "interrupt-own-lock.ini")
    found = run_json("explore", path, "-s", "task.nic.times=0", status=1) # interrupts may come for ever
    equal((found["verdict"], found["schedules"]), ("deadlock", 1), "the schedule by the clock")
    contains(run("reproduce", "interrupt-own-lock.reproducer").stdout, found["story"].split("\n")[0])


def the_first_schedule_has_the_order_of_the_clock():
    tasks("repeat 4 { lock A, work 5us, unlock A, work 3us }, lock A, work 5us, lock B, unlock B, unlock A",
          "work 33us, lock B, work 5us, lock A, unlock A, unlock B")
    found = explore("--no-minimise", status=1)
    equal(found["schedules"], 1, "the first")
    story = run("run", "two.ini", status=1).stdout
    for line in found["story"].rstrip("\n").split("\n"):
        contains(story, line)


POLITE = "retry {{ lock {0}, work 5us, try-lock {1}, if-failed {{ unlock {0}, work 1us }} }}, unlock {1}, unlock {0}"


def who_tries_for_ever_is_a_livelock_and_who_is_passed_over_is_none():
    only_figures()
    limit = "[schedule]\nno-progress = 200us\n"
    tasks(POLITE.format("A", "B"), POLITE.format("B", "A"), limit)
    found = explore(status=1)
    equal(found["kind"], "livelock", "both try and give back")
    contains(found["story"], "T1 tries in vain to get B, which T2 has; in retry (two.ini:9)\n")
    contains(found["story"], "T2 tries in vain to get A, which T1 has; in retry (two.ini:12)\n")
    # T1 tries as long as T2 is passed over, which is no fault of theirs; but such schedules have no end
    tasks("retry { try-lock A, if-failed { work 1us } }, unlock A", "lock A, work 2us, unlock A", limit)
    contains(run("explore", "two.ini", "--afresh", status=75).stdout, "all schedules within the bounds were looked at")
    lacks(run("explore", "two.ini", "--search", "random", "--budget", "2000", "--afresh", status=75).stdout, "livelock")
    # without a stated time they are cut, and quickly
    begin = time.monotonic()
    tasks("retry { try-lock A, if-failed { work 1us } }, unlock A", "lock A, work 2us, unlock A")
    equal(explore("--budget", "1s", status=75)["verdict"], "none within budget", "cut")
    equal(time.monotonic() - begin < 30, True, "the budget is kept")
    # nor does the run have an end whose orders of locks are looked at
    tasks("lock A, lock B, unlock B, unlock A, repeat 1000000000 { lock A, unlock A }", "lock B, unlock B")
    equal(explore("--budget", "1", status=75)["potential"], [], "no circle")


def what_goes_on_for_too_long_is_found_named_and_reproduced():
    for name, kind, line in (("try-lock-loop", "livelock", "pruner tries in vain to get inode, which writer has; in shrink_dentry_list > retry (try-lock-loop.ini:40)\n"),
                             ("priority-inversion", "priority inversion", "process waits for mmap_lock, which monitor has; in mmap")):
        path = os.path.join(DEADLOCKS, name + ".ini")
        found = run_json("explore", path, status=1)
        equal((found["verdict"], found["kind"]), ("deadlock", kind), name)
        contains(found["story"], line)
        again = run_json("reproduce", name + ".reproducer") # its program comes with the command
        equal((again["verdict"], again["story"].split("\n")[0]), ("reproduced", found["story"].split("\n")[0]), name)
        equal(run_json("explore", path, "--run", "2")["verdict"], "none, exhausted", name)


def a_deadlock_has_a_reproducer_with_the_same_story():
    tasks(ABBA[0], "sleep 1ms, " + ABBA[1])
    run("run", "two.ini")
    found = explore(status=1)
    equal(set(found), {"schema", "verdict", "schedules", "pruned", "wall_s", "blocked", "kind", "reproducer", "story", "potential", "unsought"}, "members")
    equal(found["reproducer"], "two.reproducer", "file")
    contains(found["story"], "the cycle is closed")
    again = run_json("reproduce", "two.reproducer")
    equal((again["verdict"], again["story"]), ("reproduced", found["story"]), "again")
    contains(run("reproduce", "two.reproducer").stdout, "reproduced: the fingerprint is the same")


def what_was_found_is_called_by_its_name():
    for kind, first, second in (("deadlock", *ABBA), ("stall", "wait go", "work 1us"), ("livelock", "repeat 1000000000 { yield }", "work 1us")):
        tasks(first, second)
        contains(run("explore", "two.ini", "--afresh", status=1).stdout, kind + " found: ")
        found = explore(status=1)
        equal((found["verdict"], found["kind"]), ("deadlock", kind), "members")
        equal(run_json("reproduce", "two.reproducer")["kind"], kind, "again")
        contains(run("run", "two.ini", "-o", kind + ".db", status=1).stderr, f"plot {kind}.db waits")
    tasks(*[ABBA[0]] * 2)
    equal(explore()["kind"], None, "nothing")


def a_bug_is_found_when_it_is_asked_for():
    # by the clock T2 is done before T1 begins to give back
    tasks("alloc @x 64, work 1ms, free @x", "work 2us, lock A, unlock A, touch @x")
    run("run", "two.ini")
    equal(explore()["verdict"], "none, exhausted", "nothing deadlocks")
    found = explore("--find", "bugs", status=1)
    equal((found["verdict"], found["kind"]), ("bug", "use after free"), "what it is")
    contains(found["story"], "T2 uses @x, which T1 has given back at ")
    contains(found["story"], "; in touch @x (two.ini:12)\n")
    contains(read("two.reproducer").decode(), "override = schedule.find=bugs\n")
    again = run_json("reproduce", "two.reproducer")
    equal((again["verdict"], again["story"]), ("reproduced", found["story"]), "again")
    run("reproduce", "two.reproducer", "-o", "short.db")
    equal(query("short.db", "SELECT kind FROM bugs"), [("bug.use_after_free",)], "as a run")
    for what in ("all", "bug.use_after_free", "deadlocks, bug.use_after_free", "bugs --search random --budget 1000"):
        equal(explore("--find", *what.replace(", ", ",").split(), status=1)["kind"], "use after free", what)
    equal(explore("--find", "bug.double_free")["verdict"], "none, exhausted", "another kind")
    contains(run("explore", "two.ini", "--find", "buggs", status=2).stderr, "--find: error: schedule.find: nothing is called “buggs”; did you mean “bugs”?")
    drawn = run_json("run", "two.ini", "-o", "many.db", "-s", "schedule.policy=random", "-s", "schedule.schedules=400", "-s", "schedule.find=bugs", status=1)["runs"][0]["metrics"]
    check(0 < drawn["schedules.failed"] < 400, f"{drawn['schedules.failed']} of 400 have it")
    equal(drawn["bug.use_after_free"], 1, "the run is the first that has it")


def who_seeks_a_deadlock_passes_bugs_by_and_the_other_way_round():
    tasks(ABBA[0] + ", free @x, free @x", "alloc @x 64, sleep 1ms, " + ABBA[1])
    equal(explore("--find", "deadlocks", status=1)["kind"], "deadlock", "deadlocks")
    found = explore("--find", "bugs", status=1)
    equal(found["kind"], "freeing twice", "bugs, and not the deadlock of shorter schedules")
    equal(run_json("reproduce", "two.reproducer")["kind"], "freeing twice", "again")
    tasks(ABBA[0], "sleep 1ms, " + ABBA[1])
    result = explore("--find", "bugs")
    equal((result["verdict"], [potential["fate"] for potential in result["potential"]]), ("none, exhausted", ["open"]), "no alarm is false for that")


def what_was_not_looked_for_is_hinted_at():
    tasks("alloc @x 64, work 1ms, free @x", "work 2us, lock A, unlock A, touch @x")
    every = explore("--find", "bug.double_free", "--jobs", "1")
    found = every["unsought"]
    equal(found["kind"], "use after free", "the first")
    check(0 < found["schedules"] < every["schedules"], f"{found} of {every['schedules']}")
    for jobs in "1", "2":
        equal(explore("--jobs", jobs)["unsought"], found, f"{jobs} jobs")
    hint = f"{found['schedules']} of these schedules had bugs, the first: use after free (bug.use_after_free); --find bugs looks for such\n"
    contains(run("explore", "two.ini", "--quiet").stdout, hint)
    run_json("explore", "two.ini", "--budget", "1", status=75) # stopped and gone on with
    equal(run_json("explore", "two.ini")["unsought"], found, "in two goes")
    equal(explore("--find", "all", status=1)["unsought"], {"schedules": 0, "kind": None}, "all is sought")
    check(explore("--search", "random", "--budget", "1000", status=75)["unsought"]["schedules"] > 0, "by chance")
    tasks(*ABBA)
    passed = explore("--find", "bugs")["unsought"]
    equal(passed["kind"], "deadlock", "the other way round")
    contains(run("explore", "two.ini", "--find", "bugs").stdout, f"{passed['schedules']} of these schedules had other failures, the first: deadlock (deadlock.count); --find deadlocks looks")


def a_reproducer_s_own_schedule_is_a_run_with_pictures():
    tasks("sleep 1ms, " + ABBA[0], "sleep 1ms, " + ABBA[1], "[sweep]\nlock.A.kind = spin | mutex\n[expect]\ndeadlock.count = 0\n")
    said = run("explore", "two.ini", "--search", "random", "--budget", "1000", status=1)
    contains(said.stderr, "kmemlab reproduce two.reproducer -o two-short.db; kmemlab plot two-short.db waits")
    again = run_json("reproduce", "two.reproducer", "-o", "two-short.db")
    equal(again["database"], "two-short.db", "named")
    equal(query("two-short.db", "SELECT fingerprint, (SELECT story FROM deadlocks) FROM runs"),
          [(again["fingerprint"], again["story"])], "the run is the one that was told")
    contains(run("plot", "two-short.db", "lanes", "--format", "terminal").stdout, "! waits for")
    contains(run("plot", "two-short.db", "waits", "--format", "terminal").stdout, "[who has it]")
    run("verify", "two-short.db")
    contains(run("reproduce", "two.reproducer").stderr, "kmemlab reproduce two.reproducer -o FILE.db")
    for words, *settings in (("choice 3 is out of range there", "schedule.choices=0 1 9", "schedule.policy=replay"),
                             ("the schedule goes on, but there are no more choices", "schedule.policy=replay"),
                             ("policy = replay", "schedule.choices=0 1"), ("expected small numbers such as 0 or 1, not “x”", "schedule.choices=0 x")):
        contains(run("run", "two.ini", *(word for setting in settings for word in ("-s", setting)), status=2).stderr, words)


def a_schedule_that_was_drawn_becomes_as_short_as_one_that_was_searched_for():
    tasks("repeat 5 { work 1us }, " + ABBA[0], "repeat 5 { work 1us }, " + ABBA[1])
    explore("--search", "random", "--budget", "1000", "--no-minimise", status=1)
    drawn = choices()
    told = run("explore", "two.ini", "--afresh", "--search", "random", "--budget", "1000", status=1).stdout
    # T1 takes A; T2 takes B and waits for A; T1 waits for B
    contains(told, "the shortest there is: 2 context switches")
    short = choices()
    check(changes(short) < changes(drawn), f"{short} changes less than {drawn}")
    run("reproduce", "two.reproducer")
    explore(status=1)
    equal(choices(), short, "of the exhaustive search")


def chance_finds_what_is_there_and_proves_nothing():
    tasks(*ABBA)
    for search in ("random", "pct", "pct:2"):
        equal(explore("--search", search, "--budget", "1000", status=1)["verdict"], "deadlock", search)
    tasks(ABBA[0], ABBA[0])
    for search in ("random", "pct:2"):
        result = explore("--search", search, "--budget", "100", status=75)
        equal((result["verdict"], result["schedules"]), ("none within budget", 100), search)
    contains(run("explore", "two.ini", "--search", "random", status=2).stderr, "--search random has no end")
    contains(run("explore", "two.ini", "--search", "pct:0", status=2).stderr, "expected exhaustive, random, pct")


def few_preemptions_are_not_all_schedules():
    tasks(*ABBA)  # T2 must begin although T1 could go on
    none = explore("--preemptions", "0", status=75)
    equal(none["verdict"], "none within budget", "without preemptions")
    contains(run("explore", "two.ini", "--afresh", "--preemptions", "0", status=75).stdout, "within the bounds")
    equal(explore("--preemptions", "1", status=1)["verdict"], "deadlock", "with one")
    tasks("work 1us", "work 1us")
    equal(explore("--preemptions", "9")["verdict"], "none, exhausted", "more than there can be")


def a_search_that_was_stopped_goes_on_where_it_stood():
    path = os.path.join(DEADLOCKS, "allocator-pager-pinned.ini")
    whole = run_json("explore", path, "--afresh")
    stops = 0
    while True:
        result = run_json("explore", path, "--budget", "50", status=None)
        if result["verdict"] != "none within budget":
            break
        stops += 1
        equal(result["schedules"], 50 * stops, "schedules")
    equal((result["verdict"], result["schedules"], result["pruned"]),
          (whole["verdict"], whole["schedules"], whole["pruned"]), "in pieces")
    check(not os.path.exists("allocator-pager-pinned.search"), "a search that has ended leaves nothing behind")
    tasks(ABBA[0], ABBA[0])
    drawn = [run_json("explore", "two.ini", "--search", "random", "--budget", "40", status=75)["schedules"] for _ in "123"]
    equal(drawn, [40, 80, 120], "by chance")
    run("explore", "two.ini", "--search", "pct", "--budget", "40", status=75)
    contains(run("explore", "two.ini", "--search", "pct", "--budget", "40", status=75).stderr, "Going on from two.search, behind 40")
    write("two.search", read("two.search").decode().replace("next = ", "next = x"))
    contains(run("explore", "two.ini", "--search", "pct", "--budget", "40", status=2).stderr, "two.search:5: next: expected a count")


def more_processes_find_the_same_after_as_many_schedules():
    only_figures()
    programs = "repeat 2 { lock A, work 1us, unlock A }, lock B, unlock B", "repeat 2 { lock A, unlock A }, lock B, unlock B"
    third = "lock A, lock B, unlock B, unlock A"
    # at the beginning of schedules, so that the search comes to it late, and not by the clock
    deadlocks = "lock A, lock B, unlock B, unlock A, lock A, unlock A", programs[1]

    def explored(jobs, programs, *arguments):
        last = third if programs != deadlocks else "sleep 1ms, lock B, lock A, unlock A, unlock B, lock A, unlock A"
        tasks(*programs, f"\n[task T3]\ncpus = 2\nprogram = {last}\n")
        write("two.ini", read("two.ini").decode().replace("cpus = 2", "cpus = 3", 1))
        result = run_json("explore", "two.ini", "--jobs", jobs, *arguments, status=None)
        return [result[member] for member in ("verdict", "schedules", "pruned")]

    for case in ((programs,), (deadlocks,), (programs, "--search", "random", "--budget", "20000"),
                 (programs, "--preemptions", "3")):
        alone = explored("1", *case, "--afresh", "--no-minimise")
        check(alone[1] > 4000, f"{case}: {alone}, but others begin to work after 4000 schedules")
        left = [read(file) for file in ("two.reproducer", "two.search") if os.path.exists(file)]
        equal(explored("3", *case, "--afresh", "--no-minimise"), alone, case)
        equal([read(file) for file in ("two.reproducer", "two.search") if os.path.exists(file)], left, "files")
    whole = explored("1", programs, "--afresh")
    while True:
        piece = explored("3", programs, "--budget", "1500")
        if piece[0] != "none within budget":
            break
        equal(piece[1] % 1500, 0, "pieces")
    equal(piece, whole, "in pieces")


def what_may_go_wrong_is_a_choice():
    tasks("lock A, alloc a 64, if-failed { lock A, unlock A }, unlock A", "lock A, unlock A")
    equal(explore()["verdict"], "none, exhausted", "all goes well")
    failing = ("-s", "schedule.inject=alloc")
    equal(explore(*failing, status=1)["verdict"], "deadlock", "any allocation may fail")
    contains(read("two.reproducer").decode(), "override = schedule.inject=alloc")
    run("reproduce", "two.reproducer")
    equal(explore(*failing, "--search", "random", "--budget", "1000", status=1)["verdict"], "deadlock", "by chance")
    tasks("lock A, alloc a 64, if-failed { work 1us }, unlock A", "repeat 2 { alloc a 64 }")
    # three allocations, one of which fails, or none
    counts = [explore("-s", "schedule.inject=alloc", "-s", f"schedule.inject-most={most}")["schedules"] for most in (1, 2, 3, 0)]
    check(counts[0] < counts[1] < counts[2] == counts[3], f"{counts}: up to 1, 2, 3 of them")
    contains(run("explore", "two.ini", "-s", "schedule.inject=alloc, io-slw", status=2).stderr, "did you mean “io-slow”?")
    contains(run("run", "two.ini", "-s", "schedule.inject-share=0", status=2).stderr, "expected a share above 0 and at most 1")


def by_chance_as_much_goes_wrong_as_was_said():
    tasks("repeat 4000 { alloc a 64 }", "yield", "[device d]\nkind = hdd\n")
    for policy in ("timed", "random"):
        failed = run_json("run", "two.ini", "-s", "schedule.inject=alloc", "-s", "schedule.inject-share=0.25", "-s",
                          "schedule.inject-most=0", "-s", f"schedule.policy={policy}", "-o", f"{policy}.db")["runs"][0]["metrics"]["alloc.failed"]
        check(abs(failed - 1000) < 3 * 27.4, f"{failed} of 4000 fail under {policy}, 1000 expected")
    tasks("repeat 1000 { read d 4KiB, if-failed { alloc a 64 } }", "yield", "[device d]\nkind = hdd\n")
    errors = run_json("run", "two.ini", "-s", "schedule.inject=io-error", "-s", "schedule.inject-share=0.1", "-s",
                      "schedule.inject-most=0", "-o", "io.db")["runs"][0]["metrics"]["alloc.count"]
    check(abs(errors - 100) < 3 * 9.5, f"{errors} of 1000 reads fail, 100 expected")
    tasks("repeat 10 { io 1ms }", "yield")
    slow = run_json("run", "two.ini", "-s", "schedule.inject=io-slow", "-s", "schedule.inject-share=1", "-s",
                    "schedule.inject-most=3", "-o", "slow.db")["runs"][0]["metrics"]["time.end_ns"]
    equal(round(slow / 1e6), 40, "three of ten take 10 ms longer")


def interrupts_come_in_any_order_when_injected():
    # the handler that comes a second later has to come first
    write("two.ini", HEAD + "[task T1]\nprogram = wait go, lock A, work 1us, unlock A\n"
          "[task early]\ncontext = hardirq\ncpus = 1\nevery = 1s\ntimes = 1\nprogram = wake go\n"
          "[task late]\ncontext = hardirq\nstart = 2s\nevery = 1s\ntimes = 1\nprogram = work 1us\n")
    alone = explore()["schedules"]
    check(explore("-s", "schedule.inject=interrupt")["schedules"] > alone, "more orders")


def interrupts_between_cpus_are_explored_like_all_else():
    # by the clock T2 has given A back long before; else the handler finds it taken by whom it interrupts
    program = "work 1ms, ipi 1 { lock A, unlock A }", "lock A, unlock A"
    tasks(*program)
    run("run", "two.ini")
    for search in ("exhaustive", "random", "pct"):
        result = explore("--search", search, "--budget", "100000", status=1)
        equal((result["verdict"], result["kind"]), ("deadlock", "deadlock"), search)
        contains(run("reproduce", "two.reproducer").stdout, "ipi.1 waits for A, which T2 has")
    tasks(*program, more="")
    write("two.ini", read("two.ini").decode().replace("[lock A]", "[lock A]\nkind = spin-irq"))
    equal(explore()["verdict"], "none, exhausted", "with interrupts off")


def who_has_another_cpu_wake_it_waits_for_no_other_task():
    tasks("ipi 1 nowait { wake done }, wait done", "work 1us")
    run("run", "two.ini")
    equal(explore()["verdict"], "none, exhausted", "the handler wakes it")
    tasks("ipi 1 nowait { work 1us }, wait done, wake done", "work 1us")
    equal(explore(status=1)["kind"], "deadlock", "it alone could")


def a_reproducer_knows_what_the_sweep_had_set():
    tasks(ABBA[0], "yield", "[sweep]\ntask.T2.program = yield | " + ABBA[1] + "\n")
    run("explore", "two.ini", status=1)
    contains(read("two.reproducer").decode(), "override = task.T2.program=lock B, work 5us")
    run("reproduce", "two.reproducer")


def a_reproducer_that_was_edited_is_refused_or_does_not_reproduce():
    tasks(*ABBA)
    run("explore", "two.ini", status=1)
    text = read("two.reproducer").decode()
    lines = text.split("\n")

    def tried(changed, status, message):
        write("edited.reproducer", changed)
        contains(run("reproduce", "edited.reproducer", status=status).stderr, message)

    tried(text.replace("choices", "choises"), 2, "edited.reproducer:8: unknown key “choises”; did you mean “choices”?")
    tried("\n".join(lines[:-3]), 2, "edited.reproducer:6: it lacks “fingerprint”")
    tried(text.replace("choices = ", "choices = 9 "), 2, "edited.reproducer:8: choice 1 is out of range")
    tried(text.replace("choices = ", "choices = x "), 2, "edited.reproducer:8: choices: expected small numbers")
    tried("\n".join(lines[:-2]) + "\nchoices = 0\n", 2, "edited.reproducer:8: choice 2: the schedule goes on, but there are no more choices")
    tried(text.rstrip() + " 0 0\n", 2, "2 choices too many")
    tried(text.replace("version = ", "version = 9"), 2, "edited.reproducer:3: made by version 9")
    tried(text.replace("version = 0", "version = 0.0."), 2, "edited.reproducer:3: made by version 0.0.")
    tried(text.replace("two.ini", "gone.ini"), 2, "edited.reproducer:4: that is why gone.ini cannot be run as it was explored")
    tried(text.replace("seed = 1", "seed = 1\noverride = task.T3.start=1us"), 2, "edited.reproducer:4: that is why two.ini cannot be run")
    tried("", 2, "edited.reproducer:1: it lacks “version”")
    tried(text.replace("seed = 1", "seed = 1\nseed = 1"), 2, "edited.reproducer:6: “seed” again")
    tried("\x00", 2, "no reproducer")
    write("edited.reproducer", text.replace("fingerprint = ", "fingerprint = 0"))
    contains(run("reproduce", "edited.reproducer", status=1).stdout, "not reproduced")
    tasks(ABBA[0], ABBA[1].replace("5us", "6us"))
    tried(text, 2, "edited.reproducer:6: two.ini is not, or no longer, the scenario that was explored")


def an_interrupt_without_end_is_named_where_the_space_has_none():
    path = os.path.join(DEADLOCKS, "interrupt-own-lock.ini")
    shorter = ("-s", "lock.queue.kind=spin-irq", "-s", "task.sender.program=repeat 2 { lock queue, work 1us, unlock queue, work 9us }", "--afresh")
    contains(run("explore", path, *shorter, "-s", "task.nic.times=0", "--budget", "50", status=75).stderr,
             "task.nic.times is 0: that interrupt comes for ever")
    result = run("explore", path, *shorter, "-s", "task.nic.times=2", status=0)
    contains(result.stdout, "none: the space is exhausted")
    check("for ever" not in result.stderr, "it has an end")


def two_deadlocks_have_two_fingerprints():
    def fingerprint(name):
        run("explore", os.path.join(DEADLOCKS, name + ".ini"), status=1)
        return [line for line in read(name + ".reproducer").decode().split("\n") if line.startswith("fingerprint")][0]

    check(fingerprint("abba") != fingerprint("abba-caches"), "no request has ended in either")


def zones_that_are_alone_need_no_more_orders_than_their_lock():
    def explored(program, status):
        write("zone.ini", "[machine]\ncpus = 2\nram = 256KiB\nprofile = unit\n[memory]\nzones = linux\nmin-free = 32KiB\n[pages]\nlock = mutex\n"
              "[lock A]\nkind = mutex\n[lock B]\nkind = mutex\n"
              + "".join(f"[task T{i}]\ncpus = {i - 1}\nprogram = " + program.format(lock="AB"[i - 1]) + "\n" for i in (1, 2)))
        return run_json("explore", "zone.ini", status=status)

    result = explored("repeat 2 {{ lock {lock}, unlock {lock} }}, alloc p 4KiB pages, free p", 0)
    equal((result["verdict"], result["schedules"]), ("none, exhausted", 648), "7440 when it depended on everything")
    # what only one of them can have is had by either
    result = explored("alloc p 128KiB pages GFP_NOWAIT, if-failed {{ wait for-ever }}, work 1us, free p", 1)
    equal(result["kind"], "stall", "an order in which one finds nothing")


def remedies_are_taken_away_one_by_one():
    scenario = os.path.join(DEADLOCKS, "allocator-pager-none.ini")
    document = run_json("ablate", scenario, "--vary", "pager.metadata=pageable,pinned", "--vary", "pager.pool=0,4", "--schedules", "200")
    equal([(row["params"]["pager.metadata"], row["params"]["pager.pool"], row["failed"]) for row in document["rows"]],
          [("pageable", "0", document["rows"][0]["failed"]), ("pageable", "4", 0), ("pinned", "0", 0), ("pinned", "4", 0)], "rows")
    check(50 < document["rows"][0]["failed"] < 150, "without a remedy about every other schedule")
    check(0.018 < document["rows"][1]["high"] < 0.0185, "1 - 0.025^(1/200)")
    tasks(*ABBA)
    table = run("ablate", "two.ini", "--seed", "3").stdout
    equal(run("ablate", "two.ini", "--seed", "3").stdout, table, "the same again")
    failed, of = (int(word) for word in table.split("\n")[1].split()[:2])
    check(of == 1000 and 0 < failed < 1000, "by chance")
    contains(run("ablate", "two.ini", "--schedules", "0", status=2).stderr, "--schedules")
    contains(run("ablate", "two.ini", "--vary", "pager.pol=0,4", status=2).stderr, "pool")
    write("straight.ini", "[workload w]\nkind = synthetic\narrivals = closed\nlive = 1\noperations = 1\nsizes = fixed(8)\n")
    contains(run("ablate", "straight.ini", status=2).stderr, "task")


def a_run_can_be_many_schedules():
    def measured(*settings, status=1):
        return run_json("run", "two.ini", "-o", "many.db", *(word for setting in settings for word in ("-s", "schedule." + setting)), status=status)["runs"][-1]["metrics"]

    tasks(*ABBA)
    drawn = measured("policy=random", "schedules=400")
    failed = run_json("ablate", "two.ini", "--schedules", "400")["rows"][0]["failed"]
    equal((drawn["schedules.count"], drawn["schedules.failed"], drawn["deadlock.count"]), (400, failed, 1), "as ablate counts")
    all_of_them = measured("policy=explore")
    equal((all_of_them["schedules.count"], all_of_them["schedules.exhausted"], all_of_them["deadlock.count"]),
          (explore(status=1)["schedules"], 0, 1), "until one fails")
    tasks(ABBA[0], ABBA[0])
    all_of_them = measured("policy=explore", status=0)
    equal((all_of_them["schedules.count"], all_of_them["schedules.exhausted"], all_of_them["deadlock.count"]),
          (explore()["schedules"], 1, 0), "all")
    equal(measured("policy=explore", "schedules=2", status=0)["schedules.exhausted"], 0, "some")
    check("schedules.count" not in measured("policy=random", status=0), "one")
    contains(run("run", "two.ini", "-o", "many.db", "-s", "schedule.schedules=2", status=None).stderr, "there is one schedule to look at")
    tasks("lock A, work 5us, unlock A", "yield", "[schedule]\npolicy = explore\n[task nic]\ncontext = hardirq\nevery = 10us\nprogram = work 1us\n")
    contains(run("run", "two.ini", "-o", "nic.db", status=2).stderr, "[task nic] times = 0 (its default): that interrupt comes for ever")
    for ends in ("task.nic.times=2", "scenario.until=25us"):
        metrics = run_json("run", "two.ini", "-o", "nic.db", "-s", ends)["runs"][-1]["metrics"]
        equal(metrics["schedules.exhausted"], 1, ends)


def a_long_schedule_is_not_shortened_for_ever():
    only_figures()
    began = time.monotonic()
    run("explore", os.path.join(DEADLOCKS, "reclaim-file-system-lock.ini"), "--budget", "100", "-o", "long.reproducer", status=1)
    check(len(read("long.reproducer").decode().split()) > 5000, "it is long")
    check(time.monotonic() - began < 30, "and took a second or so")


def a_budget_is_not_the_whole_space():
    path = os.path.join(DEADLOCKS, "allocator-pager-pool.ini")
    result = run_json("explore", path, "--budget", "5", status=75)
    equal((result["verdict"], result["schedules"]), ("none within budget", 5), "budget")
    contains(run("explore", path, "--budget", "many", status=2).stderr, "expected schedules (100000) or a time (10s)")
    write("straight.ini", "[workload w]\nkind = synthetic\narrivals = closed\nlive = 1\noperations = 1\nsizes = fixed(8)\n")
    contains(run("explore", "straight.ini", status=2).stderr, "nothing to explore without tasks")


main(a_remedy_is_proved_over_every_schedule, a_remedy_that_a_sweep_has_is_proved_by_its_run, an_interrupt_without_end_is_named_where_the_space_has_none, two_deadlocks_have_two_fingerprints, zones_that_are_alone_need_no_more_orders_than_their_lock, allocator_and_pager_deadlock_with_two_tasks_and_alone_where_recursion_is_allowed, the_first_schedule_has_the_order_of_the_clock, a_deadlock_that_the_run_has_by_itself_is_found_in_a_space_without_end,
     independent_steps_are_tried_in_one_order,
     dependent_steps_are_tried_in_every_order, what_was_found_is_called_by_its_name, who_tries_for_ever_is_a_livelock_and_who_is_passed_over_is_none,
     a_task_that_a_layer_makes_meanwhile_is_gone_in_the_next_schedule, a_schedule_that_is_too_long_to_shorten_has_a_reproducer, what_goes_on_for_too_long_is_found_named_and_reproduced, a_deadlock_has_a_reproducer_with_the_same_story, a_reproducer_s_own_schedule_is_a_run_with_pictures,
     a_bug_is_found_when_it_is_asked_for, who_seeks_a_deadlock_passes_bugs_by_and_the_other_way_round,
     what_was_not_looked_for_is_hinted_at,
     a_schedule_that_was_drawn_becomes_as_short_as_one_that_was_searched_for, chance_finds_what_is_there_and_proves_nothing,
     few_preemptions_are_not_all_schedules, more_processes_find_the_same_after_as_many_schedules, what_may_go_wrong_is_a_choice,
     by_chance_as_much_goes_wrong_as_was_said, interrupts_come_in_any_order_when_injected, interrupts_between_cpus_are_explored_like_all_else,
     who_has_another_cpu_wake_it_waits_for_no_other_task, a_search_that_was_stopped_goes_on_where_it_stood,
     a_reproducer_knows_what_the_sweep_had_set, a_reproducer_that_was_edited_is_refused_or_does_not_reproduce,
     remedies_are_taken_away_one_by_one, a_run_can_be_many_schedules, a_long_schedule_is_not_shortened_for_ever,
     a_budget_is_not_the_whole_space)
