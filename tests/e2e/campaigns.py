#!/usr/bin/env python3
"""campaigns.py: many runs, interrupted, crashing, resumed.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import glob
import json
import os
import signal
import subprocess
import time

from harness import (DYING, ODD, PROGRAM, SLOW, SMALL, check, children, contains, environment, equal, finish, lacks, main,
                     query, read, run, run_json, start, wait_until, write)

SLOW_RUN = ["run", "--plugin", ODD, "slow.ini"]


def n_stored(database="slow.db"):
    if not os.path.exists(database):
        return 0
    return query(database, "SELECT count(*) FROM runs WHERE status = 'done'")[0][0]


def no_temporary_files():
    left = [name for name in os.listdir(".") if ".tmp" in name or "journal" in name]
    equal(left, [], "files left behind")


def start_slow(*arguments):
    write("slow.ini", SLOW)
    return start(*SLOW_RUN, *arguments)


def interrupt(process, number, whole_group=False):
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)


def stop_after_two(number, status, whole_group=False):
    """Interrupts a campaign of eight runs, checks what is left, and lets the same command go on."""
    process = start_slow("--jobs", "2")
    wait_until(lambda: n_stored() >= 2, "two runs are stored", process)
    interrupt(process, number, whole_group)
    _, err = finish(process, status)
    contains(err, "the same command goes on")
    no_temporary_files()
    n = n_stored()
    check(2 <= n < 8, f"{n} runs are kept")
    equal(query("slow.db", "SELECT status FROM campaigns"), [("stopped",)], "the campaign")

    result = run(*SLOW_RUN)
    contains(result.stderr, f"{n} were there already")
    equal(n_stored(), 8, "runs in the end")
    equal(query("slow.db", "SELECT status FROM campaigns ORDER BY campaign_id"),
          [("stopped",), ("complete",)], "the campaigns")


def ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on():
    stop_after_two(signal.SIGINT, 130, whole_group=True)


def sigterm_keeps_what_is_finished_and_the_same_command_goes_on():
    stop_after_two(signal.SIGTERM, 143)


def a_terminal_that_goes_away_keeps_what_is_finished():
    stop_after_two(signal.SIGHUP, 143, whole_group=True)
    process = subprocess.Popen(["nohup", PROGRAM, *SLOW_RUN, "-o", "on.db"], env=environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: n_stored("on.db") >= 2, "two runs are stored", process)
    interrupt(process, signal.SIGHUP, whole_group=True)
    finish(process, 0)
    equal(n_stored("on.db"), 8, "runs under nohup")


def sigterm_to_the_group_is_no_crash_of_the_workers():
    stop_after_two(signal.SIGTERM, 143, whole_group=True)
    process = start_slow("--jobs", "2", "-o", "other.db")
    wait_until(lambda: len(children(process.pid)) == 2, "workers are there", process)
    for worker in children(process.pid):  # what it means is for their parent to say
        os.kill(worker, signal.SIGTERM)
    finish(process, 0)
    equal(query("other.db", "SELECT status, count(*) FROM runs GROUP BY status"), [("done", 8)], "runs")


def interrupted_and_resumed_runs_have_the_same_fingerprints():
    process = start_slow()
    wait_until(lambda: n_stored() >= 1, "a run is stored", process)
    interrupt(process, signal.SIGINT)
    finish(process, 130)
    run(*SLOW_RUN)
    run(*SLOW_RUN, "-o", "straight.db")
    sql = "SELECT run_key, fingerprint FROM runs ORDER BY run_key"
    equal(query("slow.db", sql), query("straight.db", sql), "runs")


def a_second_signal_ends_at_once():
    write("slow.ini", SLOW.replace("pause = 20", "pause = 5000"))
    process = start(*SLOW_RUN)
    wait_until(lambda: children(process.pid), "workers are there", process)
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGSTOP)  # so that both come before anything can be done
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=20)
    check(process.returncode in (130, 143, -signal.SIGINT, -signal.SIGTERM),
          f"exit status {process.returncode}")
    check(time.monotonic() - began < 5, "it took long")
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "workers are gone")


def a_stop_before_anything_is_finished_leaves_no_database():
    write("slow.ini", SLOW.replace("pause = 20", "pause = 5000"))
    process = start(*SLOW_RUN)
    wait_until(lambda: os.path.exists("slow.db") and children(process.pid), "workers are there", process)
    interrupt(process, signal.SIGINT)
    _, err = finish(process, 130)
    contains(err, "before a run was finished")
    equal(os.listdir("."), ["slow.ini"], "files")


def a_limit_of_runs_stops_with_75_and_the_same_command_goes_on():
    write("small.ini", SMALL)
    contains(run("run", "small.ini", "--max-runs", "4", status=75).stderr, "the same command goes on")
    equal(n_stored("small.db"), 4, "runs")
    run("run", "small.ini", "--max-runs", "4", status=0)
    equal(n_stored("small.db"), 6, "runs")
    run("run", "small.ini", "-o", "straight.db")
    sql = "SELECT run_id, run_key, fingerprint FROM runs"
    equal(query("small.db", sql), query("straight.db", sql), "runs")


def a_gap_is_filled_by_the_next_campaign():
    write("slow.ini", SLOW)
    process = start(*SLOW_RUN, "--jobs", "2")
    wait_until(lambda: children(process.pid), "workers are there", process)
    first = children(process.pid)[0]
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: len(glob.glob("slow.db.run-*.tmp")) >= 4, "runs behind the first are finished", process)
    interrupt(process, signal.SIGTERM)
    with contextlib.suppress(ProcessLookupError):  # kmemlab may have ended it by now
        os.kill(first, signal.SIGCONT)
    finish(process, 143)
    stored = [row[0] for row in query("slow.db", "SELECT run_id FROM runs ORDER BY run_id")]
    check(stored and stored[0] > 1, f"the first run is missing: {stored}")
    run(*SLOW_RUN)
    equal(n_stored(), 8, "runs")
    no_temporary_files()


def nothing_is_run_twice():
    write("small.ini", SMALL)
    run("run", "small.ini")
    before = query("small.db", "SELECT run_id, run_key FROM runs")
    result = run("run", "small.ini")
    contains(result.stderr, "6 were there already")
    equal(query("small.db", "SELECT run_id, run_key FROM runs"), before, "runs")


def runs_of_several_scenarios_share_a_database():
    write("a.ini", SMALL)
    write("b.ini", SMALL.replace("2000", "3000"))
    document = run_json("run", "a.ini", "b.ini", "-o", "both.db")
    equal([one["scenario"] for one in document["runs"]], ["a.ini"] * 6 + ["b.ini"] * 6, "scenarios")
    equal([one["run_id"] for one in document["runs"]], list(range(1, 13)), "run ids")


def check_dying(death, *fragments):
    write("dying.ini", DYING)
    result = run("run", "--plugin", ODD, "dying.ini", "-s", f"objects.death={death}", "--json", status=70)
    rows = query("dying.db", "SELECT status, message, fingerprint FROM runs ORDER BY run_id")
    equal([row[0] for row in rows], ["done", "done", "crashed", "crashed"], "status")
    for fragment in fragments:
        contains(rows[2][1], fragment)
        contains(result.stderr, fragment)
    equal(rows[2][2], None, "the fingerprint of a run that crashed")
    lacks(result.stdout, "Bail out")
    contains(result.stdout, '"crashed"')
    no_temporary_files()


def a_failed_assertion_costs_one_run_and_says_what_it_was():
    check_dying("assert", "signal 6", "the allocator", "odd.c")


def a_segmentation_fault_costs_one_run():
    check_dying("signal", "signal 11")


def a_worker_that_just_ends_costs_one_run():
    check_dying("exit", "status 3")


def a_broken_invariant_is_found_where_one_asks_for_it():
    write("dying.ini", DYING)
    dying = ["--plugin", ODD, "dying.ini", "-s", "objects.death=check"]
    run("run", *dying)
    for how in (["--check=every-event"], ["-s", "scenario.check=every-event"]):
        result = run("run", *dying, *how, "-o", "checked.db", status=70)
        contains(result.stderr, "after operation 19: dying: invariant D1 does not hold")
        equal([row[0] for row in query("checked.db", "SELECT status FROM runs ORDER BY run_id")],
              ["done", "done", "crashed", "crashed"], "status")
        os.remove("checked.db")


def a_worker_that_is_killed_costs_one_run_and_is_run_again_next_time():
    process = start_slow("--jobs", "1")
    wait_until(lambda: children(process.pid), "a worker is there", process)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    finish(process, 70)
    equal(query("slow.db", "SELECT run_id FROM runs WHERE status = 'crashed'"), [(1,)], "crashed")
    run(*SLOW_RUN)
    equal(query("slow.db", "SELECT run_id, status FROM runs"), [(i, "done") for i in range(1, 9)], "runs")


def a_killed_campaign_takes_its_workers_with_it_and_can_be_gone_on_with():
    process = start_slow()
    wait_until(lambda: n_stored() >= 2, "two runs are stored", process)
    wait_until(lambda: children(process.pid), "workers are there", process)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "workers are gone")
    run(*SLOW_RUN)
    equal(n_stored(), 8, "runs")
    equal([row[0] for row in query("slow.db", "SELECT status FROM campaigns")], ["interrupted", "complete"],
          "campaigns")
    no_temporary_files()


def two_campaigns_cannot_write_one_database():
    process = start_slow()
    wait_until(lambda: os.path.exists("slow.db") and children(process.pid), "it is at work", process)
    contains(run(*SLOW_RUN, status=74).stderr, "in use")
    finish(process, 0)
    equal(n_stored(), 8, "runs of the first")


def readers_are_let_in_while_a_campaign_goes_on():
    process = start_slow()
    wait_until(lambda: n_stored() >= 2, "a reader sees two runs", process)
    run("plot", "slow.db")
    finish(process, 0)


def an_expectation_that_fails_is_told_with_its_line_and_exit_status_1():
    write("small.ini", SMALL + "\n[expect]\nfrag.internal.mean = <= 0.1\nalloc.count = 2000\n")
    result = run("run", "small.ini", status=1)
    contains(result.stderr, "small.ini:20: frag.internal.mean is 0.")
    contains(result.stderr, "expected <= 0.1")
    contains(result.stderr, "objects.bins = pow2")
    document = run_json("run", "small.ini", status=1)
    held = [one["expectations"][0]["held"] for one in document["runs"]]
    equal(held, [False, False, False, False, True, True], "held")
    check(all(one["expectations"][1]["held"] for one in document["runs"]), "the count is as expected")


def stored_runs_are_judged_by_what_the_scenario_says_now():
    write("small.ini", SMALL)
    run("run", "small.ini")
    write("small.ini", SMALL + "\n[expect]\nalloc.count = 2001\n")
    contains(run("run", "small.ini", status=1).stderr, "6 were there already")


def timings_are_stored_only_when_asked_for():
    write("small.ini", SMALL)
    run("run", "small.ini")
    run("run", "small.ini", "--timings", "-o", "timed.db")
    equal(query("small.db", "SELECT count(wall_ns), count(started_at) FROM runs"), [(0, 0)], "not asked")
    equal(query("timed.db", "SELECT count(wall_ns), count(started_at) FROM runs"), [(6, 6)], "asked")


def an_interrupted_verify_says_which_runs_it_did_not_look_at():
    write("slow.ini", SLOW)
    run(*SLOW_RUN)
    process = start("verify", "--plugin", ODD, "slow.db", "--jobs", "1", "--json")
    wait_until(lambda: children(process.pid), "a worker is there", process)
    first = children(process.pid)
    wait_until(lambda: children(process.pid) not in ([], first), "the second worker is there", process)
    interrupt(process, signal.SIGINT)
    out, err = finish(process, 130)
    runs = [(one["outcome"], one["message"], one["fingerprint"] is None) for one in json.loads(out)["runs"]]
    n = runs.count(("agrees", None, False))
    check(1 <= n < 8, f"{n} runs agree")
    equal(runs[n:], [("not looked at", "interrupted", True)] * (8 - n), "the others")
    contains(err, f"Interrupted: {n} of 8 runs agree, 0 differ, {8 - n} not looked at to the end.")


def an_interrupted_conversion_leaves_nothing():
    line = "cc1 7 [000] {}.{:06}: kmem:kmalloc: call_site=x+0x1 ptr=0xffff{:012x} bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL\n"
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = start("trace", "convert", "-", "-o", "x.kmt", stdin=subprocess.PIPE)
        for i in range(30000):
            process.stdin.write(line.format(i // 1000, i % 1000, i))
        process.stdin.flush()
        wait_until(lambda: glob.glob("x.kmt.*"), "it has begun to write", process)
        interrupt(process, number)
        contains(finish(process, status)[1], "Interrupted: nothing was written.")
        equal(os.listdir("."), [], "files")


def a_campaign_does_nothing_while_it_waits():
    write("slow.ini", SLOW.replace("pause = 20", "pause = 5000"))
    process = start(*SLOW_RUN)
    wait_until(lambda: children(process.pid), "workers are there", process)

    def ticks():
        fields = read(f"/proc/{process.pid}/stat").rsplit(b")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(0.2)
    before = ticks()
    time.sleep(0.5)
    used = ticks() - before
    interrupt(process, signal.SIGINT)
    finish(process, 130)
    check(used <= 1, f"{used} ticks in half a second")


def old_shards_are_removed_and_nothing_else_is():
    write("small.ini", SMALL)
    write("small.db.run-3.tmp", "left by a campaign that was killed")
    write("small.db.run-x.tmp", "not ours")
    write("other.db.run-3.tmp", "not this campaign's")
    run("run", "small.ini")
    equal(sorted(os.listdir(".")), ["other.db.run-3.tmp", "small.db", "small.db.run-x.tmp", "small.ini"], "files")


def a_reader_that_goes_away_is_no_error():
    write("small.ini", SMALL)
    process = start("run", "small.ini", "--json")
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    equal(process.returncode, 0, f"exit status ({err})")
    equal(n_stored("small.db"), 6, "runs")
    shell = subprocess.run(["sh", "-c", f"'{process.args[0]}' list keys | head -n 1"], check=True,
                           capture_output=True, text=True)
    lacks(shell.stderr, "rror")


main(ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on,
     sigterm_keeps_what_is_finished_and_the_same_command_goes_on,
     a_terminal_that_goes_away_keeps_what_is_finished, sigterm_to_the_group_is_no_crash_of_the_workers,
     interrupted_and_resumed_runs_have_the_same_fingerprints, a_second_signal_ends_at_once,
     a_stop_before_anything_is_finished_leaves_no_database,
     a_limit_of_runs_stops_with_75_and_the_same_command_goes_on, a_gap_is_filled_by_the_next_campaign,
     nothing_is_run_twice, runs_of_several_scenarios_share_a_database,
     a_failed_assertion_costs_one_run_and_says_what_it_was, a_segmentation_fault_costs_one_run,
     a_worker_that_just_ends_costs_one_run,
     a_broken_invariant_is_found_where_one_asks_for_it,
     a_worker_that_is_killed_costs_one_run_and_is_run_again_next_time,
     a_killed_campaign_takes_its_workers_with_it_and_can_be_gone_on_with,
     two_campaigns_cannot_write_one_database, readers_are_let_in_while_a_campaign_goes_on,
     an_expectation_that_fails_is_told_with_its_line_and_exit_status_1,
     stored_runs_are_judged_by_what_the_scenario_says_now, timings_are_stored_only_when_asked_for,
     an_interrupted_verify_says_which_runs_it_did_not_look_at, an_interrupted_conversion_leaves_nothing,
     a_campaign_does_nothing_while_it_waits, old_shards_are_removed_and_nothing_else_is,
     a_reader_that_goes_away_is_no_error)
