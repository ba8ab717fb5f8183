#!/usr/bin/env python3
"""inputs.py: traces and cost profiles are known by their content, wherever they and the database are.

SPDX-License-Identifier: Apache-2.0
"""

import os
import shutil

from harness import (ODD, REPLAY, TRACES, check, children, contains, environment, equal, finish, lacks,
                     main, query, read, run, run_json, start, wait_until, write)

REPORT = read(os.path.join(TRACES, "report.txt"))
PROFILE = """\
[profile]
title = t
source = s
[costs]
instruction = 1ns
branch-miss = 5ns
hot = 1ns
warm = 2ns
cold = 3ns
atomic = 1ns
lock = 1ns
zero-page = 100ns
handover = 50ns
bystander = 10ns
switch = 1us
interrupt = 400ns
wake = 500ns
ipi = 1us
"""
BINS = "title = mine\nsource = myself\n8\n24\n64\n8192\n"


def n_runs(database="replay.db"):
    return query(database, "SELECT count(*) FROM runs WHERE status = 'done'")[0][0]


def make(folder="."):
    """A scenario, its trace and the database of its run."""
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "report.txt"), REPORT)
    write(os.path.join(folder, "replay.ini"), REPLAY)
    run("run", os.path.join(folder, "replay.ini"), "-o", os.path.join(folder, "replay.db"))


def verify(database, *arguments, **options):
    """All runs agree."""
    result = run("verify", database, *arguments, **options)
    equal(result.stdout.count(" agrees"), result.stdout.count("\n") - 1, "runs that agree")


def refuse(database, *arguments, **options):
    result = run("verify", database, *arguments, status=2, **options)
    contains(result.stdout, "a file is missing")
    return result.stderr


STRANGER = environment(XDG_STATE_HOME=None, HOME=None)


def a_changed_trace_at_the_same_path_is_run_anew():
    make()
    contains(run("run", "replay.ini").stderr, "1 were there already")
    write("report.txt", b"\n".join(REPORT.split(b"\n")[:-100]) + b"\n")
    document = run_json("run", "replay.ini")
    equal([one["run_id"] for one in document["runs"]], [2], "the run that is shown")
    equal(n_runs(), 2, "runs")
    rows = query("replay.db", "SELECT fingerprint, digest FROM runs JOIN inputs USING (run_id)")
    check(rows[0][0] != rows[1][0] and rows[0][1] != rows[1][1], "they differ")


def a_trace_that_is_only_written_anew_is_not():
    make()
    os.remove("report.txt")
    write("report.txt", REPORT)
    contains(run("run", "replay.ini").stderr, "1 were there already")


def so_it_is_with_a_trace_behind_the_sizes_with_a_cost_profile_and_with_a_set_of_bins():
    write("sizes.txt", REPORT)
    write("slow.profile", PROFILE)
    write("replay.ini", "[machine]\nprofile = slow.profile\n[workload]\nkind = synthetic\noperations = 100\n"
          "sizes = trace(sizes.txt)\n[objects]\nbins = my.bins\n")
    write("my.bins", BINS)
    inputs = run_json("run", "replay.ini")["runs"][0]["inputs"]
    equal([(one["key"], one["file"]) for one in inputs],
          [("machine.profile", "slow.profile"), ("objects.bins", "my.bins"), ("workload.sizes", "sizes.txt")],
          "inputs")
    equal(inputs[2]["size_bytes"], len(REPORT), "size")
    write("slow.profile", PROFILE.replace("100ns", "101ns"))
    run("run", "replay.ini")
    equal(n_runs(), 2, "runs after the profile was changed")
    write("sizes.txt", REPORT[:-1])
    run("run", "replay.ini")
    equal(n_runs(), 3, "runs after the trace was changed")
    write("my.bins", BINS.replace("24", "32"))
    run("run", "replay.ini")
    equal(n_runs(), 4, "runs after the bins were changed")


def a_file_that_changes_while_it_is_read_costs_the_run():
    make()
    write("slow.ini", REPLAY + "\n[workload wait]\nkind = slow\noperations = 10\npause = 100\n")
    process = start("run", "--plugin", ODD, "slow.ini")
    wait_until(lambda: children(process.pid), "a worker is there", process)
    write("report.txt", REPORT + b"\n")
    _, err = finish(process, 2)
    contains(err, "report.txt: the file was changed")
    run("run", "--plugin", ODD, "slow.ini")
    equal(n_runs("slow.db"), 1, "runs of the same command, once more")


def what_can_be_read_only_once_is_refused():
    write("replay.ini", REPLAY.replace("report.txt", "-"))
    contains(run("run", "replay.ini", status=2).stderr, "standard input")
    write("replay.ini", REPLAY.replace("report.txt", "pipe"))
    os.mkfifo("pipe")
    contains(run("run", "replay.ini", status=2).stderr, "pipe: cannot be read: not a regular file")
    equal(sorted(os.listdir(".")), ["pipe", "replay.ini"], "files")


def a_database_says_nothing_of_where_it_was_made():
    make("here/one")
    os.makedirs("and/there")
    shutil.copytree("here/one", "and/there/one", ignore=shutil.ignore_patterns("*.db"))
    run("run", "one/replay.ini", "-o", "one/replay.db", cwd="and/there")
    run("run", "one/replay.ini", "-o", "replay.db", cwd="here")
    check(read("and/there/one/replay.db") == read("here/replay.db"), "the same command, the same bytes")
    for cwd in ("here", "and"):
        run("run", os.path.abspath("here/one/replay.ini"), "-o", "full.db", cwd=cwd)
        lacks(read(f"{cwd}/full.db"), os.getcwd().encode())
    run("run", os.path.abspath("and/there/one/replay.ini"), "-o", "away.db", cwd="here")
    check(read("here/away.db") == read("and/full.db"), "scenarios of two folders, named from the root")
    equal(query("here/away.db", "SELECT base_dir FROM runs"), [("",)], "named from the root")
    equal(query("here/full.db", "SELECT base_dir FROM runs"), [("one",)], "named from the root, but below")


def scenario_and_database_that_were_moved_together_are_verified():
    make("one")
    os.rename("one", "two")
    verify("two/replay.db", env=STRANGER)
    os.mkdir("project")
    os.rename("two", "project/one")
    os.makedirs("project/results/old")
    os.rename("project/one/replay.db", "project/results/old/replay.db")
    verify("project/results/old/replay.db", env=STRANGER)
    verify("results/old/replay.db", env=STRANGER, cwd="project")
    verify("old/replay.db", env=STRANGER, cwd="project/results")


def a_database_that_was_copied_away_is_verified_from_where_the_scenario_is():
    make("project/one")
    os.mkdir("away")
    run("run", "one/replay.ini", "-o", "../away/replay.db", cwd="project")
    verify("../away/replay.db", env=STRANGER, cwd="project")
    verify("../../away/replay.db", env=STRANGER, cwd="project/one")


def a_trace_beside_the_database_is_found():
    os.makedirs("scenarios/deep")
    write("scenarios/report.txt", REPORT)
    write("scenarios/deep/replay.ini", REPLAY.replace("report.txt", "../report.txt"))
    run("run", "scenarios/deep/replay.ini")
    os.mkdir("parcel")
    os.rename("replay.db", "parcel/replay.db")
    os.rename("scenarios/report.txt", "parcel/report.txt")
    verify("parcel/replay.db", env=STRANGER)


def a_folder_that_is_named_is_looked_at_first():
    make("one")
    os.mkdir("away")
    os.rename("one/report.txt", "away/report.txt")
    err = refuse("one/replay.db", env=STRANGER)
    contains(err, "--base FOLDER")
    verify("one/replay.db", "--base", "nothing", "--base", "away", env=STRANGER)


def where_a_run_of_this_user_has_read_it_is_remembered():
    make("one")
    run("run", os.path.abspath("one/replay.ini"), "-o", "full.db", cwd="one")
    os.mkdir("away")
    os.rename("one/full.db", "away/full.db")
    verify("full.db", cwd="away")
    refuse("full.db", cwd="away", env=STRANGER)


def a_memory_that_cannot_be_kept_is_no_error():
    write("state", "a file, not a folder")
    write("report.txt", REPORT)
    write("replay.ini", REPLAY)
    equal(run("run", "replay.ini", "--quiet", env=environment(XDG_STATE_HOME=os.path.abspath("state"))).stderr,
          "", "what is said")


def verify_says_which_file_it_looked_for_and_where():
    make("one")
    os.remove("one/report.txt")
    err = refuse("one/replay.db", env=STRANGER)
    for fragment in ("“report.txt”", "workload.kernel.file", str(len(REPORT)), "one/report.txt: no such file"):
        contains(err, fragment)
    write("one/report.txt", REPORT + b"\n")
    contains(refuse("one/replay.db", env=STRANGER), "one/report.txt: has another content")
    write("one/report.txt", REPORT.replace(b"a", b"b"))  # as long as it was
    contains(refuse("one/replay.db", env=STRANGER), "one/report.txt: has another content")


def runs_of_two_contents_of_one_trace_are_told_apart():
    make()
    os.mkdir("old")
    os.rename("report.txt", "old/report.txt")
    write("report.txt", REPORT[:20000])
    run("run", "replay.ini")
    result = run("verify", "replay.db", status=2, env=STRANGER)
    equal([line.rsplit("  ", 1)[1] for line in result.stdout.strip().split("\n")[1:]],
          ["a file is missing", "agrees"], "outcomes")
    verify("replay.db", "--base", "old", env=STRANGER)


main(a_changed_trace_at_the_same_path_is_run_anew, a_trace_that_is_only_written_anew_is_not,
     so_it_is_with_a_trace_behind_the_sizes_with_a_cost_profile_and_with_a_set_of_bins,
     a_file_that_changes_while_it_is_read_costs_the_run, what_can_be_read_only_once_is_refused,
     a_database_says_nothing_of_where_it_was_made,
     scenario_and_database_that_were_moved_together_are_verified,
     a_database_that_was_copied_away_is_verified_from_where_the_scenario_is,
     a_trace_beside_the_database_is_found, a_folder_that_is_named_is_looked_at_first,
     where_a_run_of_this_user_has_read_it_is_remembered, a_memory_that_cannot_be_kept_is_no_error,
     verify_says_which_file_it_looked_for_and_where, runs_of_two_contents_of_one_trace_are_told_apart)
