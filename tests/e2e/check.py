#!/usr/bin/env python3
"""check.py: claims that check themselves.

SPDX-License-Identifier: Apache-2.0
"""

import glob
import json
import os
import resource
import signal

from harness import (ODD, SLOW, SMALL, check, children, contains, environment, equal, finish, lacks, main, query, read, run, run_json, start,
                     wait_until, write)

TRUE = SMALL.replace("title = A small test", "title = T01: truth\nsource = by hand") + """
[expect]
alloc.failed = 0
alloc.count = 2000

[expect bins]
when = objects.bins = 8,24,40,64
frag.internal.requests = 0.15 +- 0.1
"""
FALSE = SMALL + "\n[expect]\nalloc.count = 1999..2001\nfrag.internal.requests = > 0.3\n"


def folder():
    os.makedirs("claims/deep/.hidden")
    write("claims/true.ini", TRUE)
    write("claims/deep/false.ini", FALSE)
    write("claims/no-claim.ini", SMALL)
    write("claims/deep/.hidden/broken.ini", "[expect]\nnonsense\n")
    write("claims/notes.txt", "[expect]\n")


def every_scenario_that_claims_something_is_run_and_told_in_one_table():
    folder()
    result = run("check", "claims", status=1)
    for word in ("claim", "source", "expected", "measured", "tolerance", "by hand", "alloc.failed", "pass 6 of 6",
                 "pass 2 of 2", "FAIL", "objects.bins = 8,24,40,64"):
        contains(result.stdout, word)
    contains(result.stderr, "1 of 2 claims hold")
    lacks(result.stdout, "no-claim")
    equal(sorted(os.listdir(".")), ["claims"], "files: results are thrown away")


def a_folder_is_looked_through_once_and_no_pipe_is_waited_for():
    os.makedirs("claims/deep")
    write("claims/true.ini", TRUE)
    os.symlink("..", "claims/deep/back")
    equal(len(run_json("check", "claims")["claims"]), 1, "claims")
    os.mkfifo("claims/deep/pipe.ini")
    os.symlink("gone", "claims/lost.ini")
    result = run("check", "claims", status=2)
    contains(result.stderr, "claims/deep/pipe.ini: error: cannot be read: it is not a regular file")
    contains(result.stderr, "claims/lost.ini: error: cannot be read: No such file")
    contains(result.stderr, "1 of 3 claims hold")


def all_hold_is_exit_status_0_and_results_can_be_kept():
    write("true.ini", TRUE)
    run("check", "true.ini", "-o", "kept.db")
    equal(query("kept.db", "SELECT count(*) FROM runs"), [(6,)], "runs")
    run("check", "true.ini", "-o", "kept.db")
    equal(query("kept.db", "SELECT count(*) FROM runs"), [(6,)], "runs after a second call")


def what_no_scenario_has_to_say_is_a_line_where_it_is_not_so():
    write("stall.ini", "[task a]\nprogram = wait x\n[expect]\nalloc.count = 0\n")
    lines = run_json("check", "stall.ini", status=1)["claims"][0]["expectations"]
    equal((len(lines), lines[-1]["metric"], lines[-1]["pass"]), (2, "stall.count", False), "lines")
    contains(run("check", "stall.ini", "--format", "ktap", status=1).stdout, "# stall.ini: expected 0, measured 1")


def json_has_every_line_with_its_range():
    folder()
    document = run_json("check", "claims", "--format", "json", status=1)
    equal(document["schema"], "kmemlab/check/2", "schema")
    false, true = document["claims"]
    equal((false["pass"], true["pass"], true["title"], true["source"]), (False, True, "T01: truth", "by hand"), "claims")
    lines = {line["metric"]: line for line in true["expectations"]}
    equal(lines["alloc.count"]["least"], 2000, "least")
    equal((lines["alloc.count"]["runs"], lines["alloc.count"]["held"]), (6, 6), "runs")
    line = lines["frag.internal.requests"]
    equal((line["expected"], line["tolerance"], line["when"], line["runs"]), ("0.15", "0.1", {"objects.bins": "8,24,40,64"}, 2), "line")
    check(line["least"] < line["most"], "two seeds are two measurements")


def ktap_is_nested_and_numbered():
    folder()
    lines = run("check", "claims", "--format", "ktap", status=1).stdout.split("\n")
    equal(lines[:2], ["KTAP version 1", "1..2"], "the plan")
    contains("\n".join(lines), "    not ok 2 frag.internal.requests")
    contains("\n".join(lines), "\nnot ok 1 claims/deep/false.ini")
    contains("\n".join(lines), "\nok 2 claims/true.ini")


def what_is_measured_can_be_compared_with_what_was_expected():
    write("t.ini", SMALL + "\n[expect]\nalloc.count = 2000 ± 0.5\nmemory.metadata.peak_bytes = 1234567\n")
    result = run("check", "t.ini", "-s", "machine.ram=256MiB", status=1)
    words = " ".join(result.stdout.split())
    contains(words, "alloc.count 2000 2000 0.5 pass")
    contains(words, " 1234567 2097")  # the frame table, 32 bytes for 4096, and not 2.09e+06
    contains(result.stderr, "Next: kmemlab run t.ini")


def a_bad_scenario_is_told_with_its_line_and_the_others_are_checked():
    folder()
    write("claims/bad.ini", "[scenario]\nseeed = 1\n[expect]\nalloc.failed = 0\n")
    result = run("check", "claims", status=2)
    contains(result.stderr, "claims/bad.ini:2:1: error: ")
    contains(result.stderr, "1 of 3 claims hold")


def nothing_to_check_and_wrong_words_are_mistakes():
    os.mkdir("empty")
    contains(run("check", "empty", status=2).stderr, "no scenario with an [expect] group was found in empty")
    write("small.ini", SMALL)
    for file, words in (("missing", "missing: error: "), ("small.ini", "small.ini has no [expect] group: it claims nothing")):
        result = run("check", file, status=2)
        contains(result.stderr, words)
        lacks(result.stderr, "claims hold")
        lacks(result.stderr, "Next: kmemlab run")
        equal(result.stdout, "", "the table")
    write("true.ini", TRUE)
    contains(run("check", "true.ini", "small.ini", status=2).stderr, "1 of 2 claims hold")
    contains(run("check", "empty", "--format", "jsno", status=2).stderr, "did you mean “json”?")


def a_claim_that_could_not_be_run_has_not_failed():
    write("true.ini", TRUE)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    result = run("check", "true.ini", status=74, preexec_fn=limit)
    lacks(result.stdout, "FAIL")
    contains(result.stdout, "not run")
    contains(result.stderr, "0 of 1 claims hold")
    document = json.loads(run("check", "true.ini", "--format", "json", status=74, preexec_fn=limit).stdout)
    equal([line["pass"] for line in document["claims"][0]["expectations"]], [None] * len(document["claims"][0]["expectations"]), "lines")
    contains(run("check", "true.ini", "--format", "ktap", status=74, preexec_fn=limit).stdout, "and no run came to its end")


def interrupted(number, status, *options, expected="alloc.count = 10"):
    """A check of three claims in the midst of the second, which has eight runs; the first holds."""
    for name, text in (("1", TRUE), ("2", f"{SLOW}\n[expect]\n{expected}\n"), ("3", TRUE)):
        write(name + ".ini", text)
    process = start("check", "--plugin", ODD, "-j", "1", "1.ini", "2.ini", "3.ini", *options, env=environment(TMPDIR=os.getcwd()))

    def n_stored():
        found = glob.glob("kmemlab-check-*/check.db") + glob.glob("kept.db")
        return query(found[0], "SELECT count(*) FROM runs WHERE status = 'done'")[0][0] if found else 0

    wait_until(lambda: n_stored() >= 7, "a run of the second claim is stored", process)
    process.send_signal(number)
    result = finish(process, status)
    equal(glob.glob("kmemlab-*"), [], "temporary folders")
    return result


def an_interrupted_check_says_what_is_open_and_calls_nothing_of_it_failed():
    out, err = interrupted(signal.SIGINT, 130)
    lacks(out, "FAIL")
    contains(out, "stopped")
    contains(err, "of 8 runs of 2.ini were finished, and nothing is kept without --output")
    contains(err, "Interrupted: 1 of 3 claims hold, 0 do not, 2 not looked at to the end.")
    contains(err, "Next: the same command with --output FILE")
    lacks(err, "check.db")
    out, err = interrupted(signal.SIGTERM, 143, "--format", "json", "-o", "kept.db")
    equal([(claim["scenario"], claim["status"], claim["pass"]) for claim in json.loads(out)["claims"]],
          [("1.ini", 0, True), ("2.ini", 143, None), ("3.ini", 143, None)], "claims")
    contains(err, "kept in kept.db; the same command goes on")
    contains(err, "Next: the same command, which goes on")


def the_plan_of_an_interrupted_check_is_that_of_all_claims():
    out = interrupted(signal.SIGINT, 130, "--format", "ktap")[0]
    equal([line for line in out.split("\n") if line and line[0] != " "],
          ["KTAP version 1", "1..3", "ok 1 1.ini", "Bail out! Interrupted: 2 of 3 claims not looked at to the end"], "lines")


def what_is_known_to_fail_fails_in_an_interrupted_check_too():
    out, err = interrupted(signal.SIGINT, 130, "--format", "ktap", expected="alloc.count = 11\nalloc.failed = 0")
    contains(out, "    not ok 1 alloc.count\n    ok 2 alloc.failed # SKIP interrupted\nnot ok 2 2.ini\nBail out! Interrupted: 1 of 3")
    contains(err, "Interrupted: 1 of 3 claims hold, 1 do not, 1 not looked at to the end.")
    contains(err, "Next: kmemlab run 2.ini")


def an_interrupt_between_two_claims_is_no_success():
    for name in "12":
        write(name + ".ini", SLOW.replace("[sweep]\nrepeat = 8\n", "[expect]\nalloc.count = 10\n"))
    process = start("check", "--plugin", ODD, "1.ini", "2.ini")
    wait_until(lambda: children(process.pid), "a worker is there", process)
    worker = children(process.pid)[0]
    os.kill(process.pid, signal.SIGSTOP)  # so that the claim's only run is finished when the signal is seen
    process.send_signal(signal.SIGINT)
    wait_until(lambda: read(f"/proc/{worker}/stat").rsplit(b")", 1)[1].split()[0] == b"Z", "the run has ended")
    os.kill(process.pid, signal.SIGCONT)
    contains(finish(process, 130)[1], "Interrupted: 1 of 2 claims hold, 0 do not, 1 not looked at to the end.")


main(every_scenario_that_claims_something_is_run_and_told_in_one_table, a_folder_is_looked_through_once_and_no_pipe_is_waited_for,
     all_hold_is_exit_status_0_and_results_can_be_kept, json_has_every_line_with_its_range, what_no_scenario_has_to_say_is_a_line_where_it_is_not_so,
     ktap_is_nested_and_numbered, what_is_measured_can_be_compared_with_what_was_expected, a_bad_scenario_is_told_with_its_line_and_the_others_are_checked,
     nothing_to_check_and_wrong_words_are_mistakes, a_claim_that_could_not_be_run_has_not_failed,
     an_interrupted_check_says_what_is_open_and_calls_nothing_of_it_failed,
     the_plan_of_an_interrupted_check_is_that_of_all_claims, what_is_known_to_fail_fails_in_an_interrupted_check_too,
     an_interrupt_between_two_claims_is_no_success)
