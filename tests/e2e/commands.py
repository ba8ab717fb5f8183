#!/usr/bin/env python3
"""commands.py: runs and what is stored of them, modules, and what goes to a terminal.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pty
import re
import shutil
import subprocess

from harness import (MODULES, ODD, PROGRAM, SLOW, SMALL, Skip, change, check, contains, environment, equal, lacks,
                     main, query, read, run, run_json, write)


def run_prints_a_table_and_says_what_comes_next():
    write("small.ini", SMALL)
    result = run("run", "small.ini")
    lines = result.stdout.split("\n")
    equal(lines[0], "A small test", "the title")
    for word in ("pow2", "linux", "8,24,40,64", "internal.", "p99_ns", " %", " KiB", " ns"):
        contains(result.stdout, word)
    check(all(line == line.rstrip() for line in lines), "no line ends with blanks")
    contains(result.stderr, "Next: kmemlab plot small.db")
    lacks(result.stdout + result.stderr, "\033")
    equal(run("run", "small.ini", "--quiet").stderr, "", "what --quiet says")


def a_table_shows_what_the_scenario_is_about_or_what_one_asks_for():
    write("small.ini", SMALL + "[expect]\nbuddy.merges = >= 0\nbuddy.splits = > 0\n")
    header = run("run", "small.ini").stdout.split("\n\n")[1].splitlines()
    contains(header[0] + header[1], "buddy.")
    check(header[1].index("merges") < header[1].index("splits") < header[1].index("count"), "expected ones come first")
    table = run("run", "small.ini", "--metrics", "free.count, alloc.count").stdout
    contains(table, "free.")
    lacks(table, "buddy.")
    contains(run("run", "small.ini", "--metrics", "free.cuont", status=2).stderr,
             "kmemlab: --metrics: unknown metric “free.cuont”; did you mean “free.count”?")
    os.remove("small.db")
    for command in (("run", "small.ini"), ("compare", "small.ini", "--vary", "machine.cpus=1,2")):
        run(*command, "--metrics", "alloc.count,free.cuont", status=2)
        check(not os.path.exists("small.db"), f"{command[0]}: nothing was run")


def run_prints_json_that_agrees_with_the_database():
    write("small.ini", SMALL)
    document = run_json("run", "small.ini", "--seed", "7")
    equal(document["schema"], "kmemlab/run/1", "schema")
    equal(document["database"], "small.db", "database")
    equal(len(document["runs"]), 6, "runs")
    for one in document["runs"]:
        row = query("small.db", "SELECT seed, status, fingerprint, scenario FROM runs WHERE run_id = ?", one["run_id"])
        equal(row, [(str(one["seed"]), one["status"], one["fingerprint"], one["scenario"])], "the run")
        stored = dict(query("small.db", "SELECT name, value FROM metrics WHERE run_id = ?", one["run_id"]))
        equal(one["metrics"], stored, "metrics")
        stored = dict(query("small.db", "SELECT key, value FROM params WHERE run_id = ?", one["run_id"]))
        equal(one["params"], stored, "params")
    equal(document["runs"][0]["seed"], 7, "the seed of the first repetition")


def a_dry_run_counts_what_is_stored():
    write("small.ini", SMALL)
    run("run", "small.ini", "--max-runs", "2", status=75)
    contains(run("run", "small.ini", "--dry-run").stdout, "6 runs into small.db, 2 of them are there")
    contains(run("run", "small.ini", "--dry-run", "-s", "sweep.repeat=185").stdout, "With 185 repetitions the distribution of a metric over seeds is known to ± 0.0998, ")
    contains(run("run", "small.ini", "--dry-run", "--seed", "9").stdout, "6 runs into small.db, 0 of them are there")


def a_dry_run_and_a_list_of_runs_leave_no_database():
    write("small.ini", SMALL)
    contains(run("run", "small.ini", "--dry-run").stdout, "6 runs into small.db")
    text = run("run", "small.ini", "--list").stdout
    equal(len(text.strip().split("\n")), 8, "lines")
    runs = run_json("run", "small.ini", "--list")["runs"]
    equal([one["params"]["objects.bins"] for one in runs][::2], ["pow2", "linux", "8,24,40,64"], "bins")
    equal(os.listdir("."), ["small.ini"], "files")


def who_names_what_is_not_there_is_told_what_is():
    write("small.ini", SMALL)
    run("run", "small.ini")
    for command, known in ((("trace", "frob", "small.ini"), "(there are: convert, info, stats)"), (("bins", "small.ini", "--weigh", "xx"), "(there are: requests, time)"),
                           (("waste", "small.db", "--by", "qq"), "size, site, lifetime"), (("completion", "tcsh"), "(there are: bash, fish, zsh)"),
                           (("check", "small.ini", "--format", "qq"), "text, json, ktap")):
        contains(run(*command, status=2).stderr, known)


def a_reallocation_is_counted_once_by_its_name():
    write("r.csv", "op,id,size\nmalloc,1,8\nrealloc,1,16\nrealloc,1,0\n")
    write("r.rep", "20000\n1\n3\n1\na 0 8\nr 0 16\nr 0 0\n")
    for name in ("r.csv", "r.rep"):
        counts = {event["name"]: event["count"] for event in run_json("trace", "info", name)["events"]}
        equal(counts, {"malloc": 1, "realloc": 2, "realloc (old block)": 1}, name)


def parameters_are_those_of_the_allocator_that_is_chosen_in_the_end():
    write("file.ini", "[machine]\nram = 16MiB\n[objects]\nallocator = segregated\nlist = fifo\n"
          "[workload]\nkind = synthetic\narrivals = closed\nlive = 100\noperations = 1000\nsizes = uniform(8, 500)\n")
    chosen = ("-s", "objects.allocator=first-fit", "-s", "objects.list=address")
    run("run", "file.ini", *chosen)
    run("compare", "file.ini", "--vary", "objects.allocator=first-fit,best-fit", "--vary", "objects.list=address,lifo")
    contains(run("run", "file.ini", "-s", "objects.list=address", status=2).stderr, "objects.list: expected fifo | lifo, not “address”")
    contains(run("compare", "file.ini", "--vary", "objects.allocator=first-fit,segregated", *chosen[2:], status=2).stderr,
             "objects.list of segregated: expected fifo | lifo, not “address”")
    write("other.ini", read("file.ini").decode().replace("segregated", "first-fit").replace("fifo", "address"))
    contains(run("run", "other.ini", "-s", "objects.allocator=segregated", status=2).stderr,
             "other.ini:5:8: error: list: expected fifo | lifo, not “address”")
    run("run", "other.ini", "-s", "objects.allocator=segregated", "-s", "objects.list=lifo")


def a_set_of_bins_has_a_name_or_a_file_of_its_own():
    os.mkdir("sets")
    write("sets/mine.bins", "title = Mine\n8\n24\n64\n")
    write("small.ini", SMALL.replace("pow2 | linux | 8,24,40,64", "8,24,64 | sets/mine.bins | jemalloc | tcmalloc"))
    runs = run_json("run", "small.ini", "-s", "sweep.repeat=1")["runs"]
    equal(runs[0]["fingerprint"], runs[1]["fingerprint"], "fingerprints of a list and a file with the same sizes")
    contains(run("list", "bins").stdout, "jemalloc 5.3.0")
    write("sets/mine.bins", "8\nten\n")
    result = run("run", "small.ini", status=2)
    contains(result.stderr, "sets/mine.bins:2: expected a size such as 64KiB, not “ten”")
    contains(run("run", "small.ini", "-s", "objects.bins=none.bins", status=2).stderr, "none.bins")
    contains(run("run", "small.ini", "-s", "objects.bins=jemaloc", status=2).stderr, "did you mean “jemalloc”?")


def verify_agrees_with_what_was_just_stored():
    write("small.ini", SMALL)
    run("run", "small.ini", "-s", "machine.ram=8MiB")
    result = run("verify", "small.db")
    equal(result.stdout.count(" agrees"), 6, "runs that agree")
    document = run_json("verify", "small.db", "--run", "2", "--run", "5")
    equal([(one["run_id"], one["outcome"]) for one in document["runs"]], [(2, "agrees"), (5, "agrees")], "runs")


def verify_finds_a_fingerprint_that_differs():
    write("small.ini", SMALL)
    run("run", "small.ini")
    change("small.db", "UPDATE runs SET fingerprint = ? WHERE run_id = 4", "0" * 32)
    result = run("verify", "small.db", status=1)
    equal(result.stdout.count(" differs"), 1, "runs that differ")
    equal(result.stdout.count(" agrees"), 5, "runs that agree")


def verify_says_when_a_newer_version_has_stored_a_run():
    write("small.ini", SMALL)
    run("run", "small.ini")
    change("small.db", "UPDATE runs SET version = '999.0.0', run_key = run_id || 'x' WHERE run_id = 1")
    run("verify", "small.db", status=125)


def verify_finds_runs_of_an_older_version_by_their_settings():
    write("small.ini", SMALL)
    run("run", "small.ini")
    change("small.db", "UPDATE runs SET version = '0.0.1', run_key = run_id || 'x'")
    equal(run("verify", "small.db").stdout.count(" agrees"), 6, "runs that agree")


def a_module_brings_allocators_and_workloads():
    names = {one["name"] for one in run_json("list", "allocators", "--plugin", ODD)["allocators"]}
    check("dying" in names, f"allocators: {names}")
    write("slow.ini", SLOW.replace("pause = 20", "pause = 0"))
    run("run", "slow.ini", f"--plugin={ODD}")
    run("run", "slow.ini", status=2)
    contains(run("verify", "slow.db", status=2).stderr, "“slow” came from a module: verify with --plugin FILE")
    run("verify", "slow.db", "--plugin", ODD)


def what_is_no_module_for_this_program_is_refused():
    write("text.so", "not a module\n")
    run("--plugin", "text.so", "list", "allocators", status=2)
    run("--plugin", "missing.so", "list", "allocators", status=2)
    run("--plugin", "libm.so.6", "list", "allocators", status=2)
    run("list", "allocators", "--plugin", status=2)
    contains(run("--plugin", os.path.join(MODULES, "future.so"), "list", "allocators", status=125).stderr,
             "interface 1000000")


def a_module_that_was_built_with_other_headers_is_refused():
    contains(run("--plugin", os.path.join(MODULES, "stale.so"), "list", "allocators", status=2).stderr,
             "stale.so: built with other headers than those of this kmemlab: build it again")


def a_module_whose_names_are_taken_is_refused():
    shutil.copy(ODD, "twin.so")
    contains(run("--plugin", ODD, "--plugin", "twin.so", "list", "allocators", status=2).stderr,
             "twin.so: there is a “dying” already")


def colour_is_for_terminals_and_those_who_ask():
    lacks(run("list", "allocators", env=environment(TERM="xterm")).stdout, "\033")
    contains(run("list", "allocators", env=environment(CLICOLOR_FORCE="1")).stdout, "\033[1m")
    lacks(run("list", "allocators", env=environment(CLICOLOR_FORCE="1", NO_COLOR="1")).stdout, "\033")


def on_a_terminal(*arguments, **variables):
    """What kmemlab writes to a terminal."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        raise Skip("no terminals") from error
    with subprocess.Popen([PROGRAM, *arguments], stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
                          env=environment(**variables)) as process:
        os.close(theirs)
        text = b""
        try:
            while block := os.read(ours, 4096):
                text += block
        except OSError:
            pass  # the other side is closed
        process.wait(timeout=60)
        os.close(ours)
        equal(process.returncode, 0, "exit status")
        return text.decode("utf-8", "replace")


def progress_is_shown_on_a_terminal_alone():
    write("slow.ini", SLOW)
    arguments = ("run", "slow.ini", "--plugin", ODD)
    text = on_a_terminal(*arguments, "-o", "a.db", TERM="xterm")
    contains(text, "slow.ini [")
    check(re.search(r"\d/8 runs", text), "runs")
    contains(text, " left")
    check(text.count("\r") < 60, "not too often")
    lacks(on_a_terminal(*arguments, "-o", "b.db", TERM="dumb"), "\r\033")
    lacks(on_a_terminal(*arguments, "-o", "c.db", "--quiet", TERM="xterm"), "runs")
    lacks(run(*arguments, "-o", "d.db").stderr, "\r")


def control_characters_never_reach_the_terminal():
    lacks(run("run", "no\033[31m such\a.ini", status=2).stderr, "\033")
    write("small.ini", SMALL.replace("A small test", "A \\tsmall\u0085 \u202etest"))
    result = run("run", "small.ini", status=None)
    lacks(result.stdout + result.stderr, "\u0085")
    lacks(result.stdout + result.stderr, "\u202e")


def text_with_any_byte_makes_valid_json():
    os.mkdir(b"\xff\x01")
    write(b"\xff\x01/small.ini", SMALL)
    result = subprocess.run([PROGRAM, "run", b"\xff\x01/small.ini", "-o", b"\xff.db", "--json"],
                            capture_output=True, timeout=60, check=True)
    json.loads(result.stdout.decode("utf-8"))


def more_requests_answered_and_freed_are_better():
    write("more.ini", "[task T]\nprogram = repeat 1000 { alloc x 4KiB pages }, repeat 1000 { free x }\n")
    lines = run("compare", "more.ini", "--vary", "machine.ram=4MiB,2MiB", "--metrics", "alloc.count,free.count,alloc.failed").stdout.split("\n")
    equal([lines[row].count("*") for row in (2, 3)], [3, 0], "the larger has answered and freed more, and refused fewer")


main(more_requests_answered_and_freed_are_better, run_prints_a_table_and_says_what_comes_next, a_table_shows_what_the_scenario_is_about_or_what_one_asks_for,
     run_prints_json_that_agrees_with_the_database, a_dry_run_counts_what_is_stored,
     a_dry_run_and_a_list_of_runs_leave_no_database, who_names_what_is_not_there_is_told_what_is,
     a_reallocation_is_counted_once_by_its_name, parameters_are_those_of_the_allocator_that_is_chosen_in_the_end,
     a_set_of_bins_has_a_name_or_a_file_of_its_own, verify_agrees_with_what_was_just_stored,
     verify_finds_a_fingerprint_that_differs, verify_says_when_a_newer_version_has_stored_a_run,
     verify_finds_runs_of_an_older_version_by_their_settings, a_module_brings_allocators_and_workloads,
     what_is_no_module_for_this_program_is_refused, a_module_that_was_built_with_other_headers_is_refused,
     a_module_whose_names_are_taken_is_refused, colour_is_for_terminals_and_those_who_ask,
     progress_is_shown_on_a_terminal_alone, control_characters_never_reach_the_terminal,
     text_with_any_byte_makes_valid_json)
