#!/usr/bin/env python3
"""explore.py: every schedule, and the one that deadlocks once more.

SPDX-License-Identifier: Apache-2.0
"""

import os

from harness import check, contains, equal, main, read, run, run_json, write

DEADLOCKS = os.path.join(os.environ["KML_SOURCE_ROOT"], "scenarios", "deadlock")
HEAD = "[machine]\ncpus = 2\nram = 16MiB\nprofile = unit\n\n[lock A]\n[lock B]\n"


def tasks(first, second):
    write("two.ini", HEAD + f"[task T1]\nprogram = {first}\n[task T2]\ncpus = 1\nprogram = {second}\n")


def a_remedy_is_proved_over_every_schedule():
    for name, verdict, status in (("none", "deadlock", 1), ("pinned", "none, exhausted", 0),
                                  ("pool", "none, exhausted", 0), ("both", "none, exhausted", 0)):
        path = os.path.join(DEADLOCKS, f"allocator-pager-{name}.ini")
        result = run_json("explore", path, status=status)
        equal(result["verdict"], verdict, name)


def independent_steps_are_tried_in_one_order():
    tasks("lock A, unlock A", "lock B, unlock B")
    equal(run_json("explore", "two.ini")["schedules"], 1, "two locks")
    tasks("repeat 3 { work 1us }", "repeat 5 { work 1us }")
    equal(run_json("explore", "two.ini")["schedules"], 1, "work")


def dependent_steps_are_tried_in_every_order():
    # T1 first; T2 first; T2 waits for T1, or T1 for T2: four orders of taking and giving back a lock
    tasks("lock A, unlock A", "lock A, unlock A")
    equal(run_json("explore", "two.ini")["schedules"], 4, "one lock")


def a_deadlock_has_a_reproducer_with_the_same_story():
    tasks("lock A, work 5us, lock B, unlock B, unlock A", "sleep 1ms, lock B, work 5us, lock A, unlock A, unlock B")
    run("run", "two.ini")
    found = run_json("explore", "two.ini", status=1)
    equal(found["reproducer"], "two.reproducer", "file")
    contains(found["story"], "the cycle is closed")
    again = run_json("reproduce", "two.reproducer")
    equal((again["verdict"], again["story"]), ("reproduced", found["story"]), "again")
    contains(run("reproduce", "two.reproducer").stdout, "reproduced: the fingerprint is the same")


def a_reproducer_knows_what_the_sweep_had_set():
    tasks("lock A, work 5us, lock B, unlock B, unlock A", "yield")
    write("two.ini", read("two.ini").decode()
          + "[sweep]\ntask.T2.program = yield | lock B, work 5us, lock A, unlock A, unlock B\n")
    run("explore", "two.ini", status=1)
    contains(read("two.reproducer").decode(), "override = task.T2.program=lock B, work 5us")
    run("reproduce", "two.reproducer")


def a_reproducer_that_was_edited_is_refused_or_does_not_reproduce():
    tasks("lock A, work 5us, lock B, unlock B, unlock A", "lock B, work 5us, lock A, unlock A, unlock B")
    run("explore", "two.ini", status=1)
    text = read("two.reproducer").decode()
    lines = text.split("\n")

    def tried(changed, status, message):
        write("edited.reproducer", changed)
        contains(run("reproduce", "edited.reproducer", status=status).stderr, message)

    tried(text.replace("choices", "choises"), 2, "edited.reproducer:7: unknown key “choises”; did you mean “choices”?")
    tried("\n".join(lines[:-3]), 2, "it lacks “fingerprint”")
    tried(text.replace("choices = ", "choices = 9 "), 2, "choice 1 is out of range")
    tried(text.replace("choices = ", "choices = x "), 2, "edited.reproducer:7: choices: expected small numbers")
    tried("\n".join(lines[:-2]) + "\nchoices = 0\n", 2, "but there are no more choices")
    tried(text.replace("version = ", "version = 9"), 125, "made by version 9")
    tried(text.replace("two.ini", "gone.ini"), 2, "gone.ini")
    tried("\x00", 2, "no reproducer")
    write("edited.reproducer", text.replace("fingerprint = ", "fingerprint = 0"))
    contains(run("reproduce", "edited.reproducer", status=1).stdout, "not reproduced")


def a_budget_is_not_the_whole_space():
    path = os.path.join(DEADLOCKS, "allocator-pager-pool.ini")
    result = run_json("explore", path, "--budget", "5", status=75)
    equal((result["verdict"], result["schedules"]), ("none within budget", 5), "budget")
    contains(run("explore", path, "--budget", "many", status=2).stderr, "expected schedules (100000) or a time (10s)")
    write("straight.ini", "[workload w]\nkind = synthetic\narrivals = closed\nlive = 1\noperations = 1\nsizes = fixed(8)\n")
    contains(run("explore", "straight.ini", status=2).stderr, "nothing to explore without tasks")


main(a_remedy_is_proved_over_every_schedule, independent_steps_are_tried_in_one_order,
     dependent_steps_are_tried_in_every_order, a_deadlock_has_a_reproducer_with_the_same_story,
     a_reproducer_knows_what_the_sweep_had_set, a_reproducer_that_was_edited_is_refused_or_does_not_reproduce, a_budget_is_not_the_whole_space)
