#!/usr/bin/env python3
"""traces.py: recordings are looked at, converted and replayed.

SPDX-License-Identifier: Apache-2.0
"""

import os

from harness import REPLAY, TRACES, check, contains, equal, lacks, main, read, run, run_json, write

REPORT = os.path.join(TRACES, "report.txt")


def trace_info_stats_and_convert_agree_between_text_and_binary():
    run("trace", "convert", REPORT, "-o", "report.kmt")
    text, binary = run_json("trace", "info", REPORT), run_json("trace", "info", "report.kmt")
    equal(binary["format"], "kmt", "format")
    equal(binary["source"], text["format"], "source")
    for key in ("counts", "stream", "duration_ns", "live_objects_peak", "live_pages_peak"):
        equal(binary[key], text[key], key)
    text, binary = run_json("trace", "stats", REPORT), run_json("trace", "stats", "report.kmt")
    for key in ("objects", "pages", "sizes", "sites", "page_sites", "contexts", "cpu_requests", "orders"):
        equal(binary[key], text[key], key)
    check(binary["objects"]["allocs"] > 0, "it has allocations")
    for verb in ("info", "stats"):
        check(run("trace", verb, "report.kmt").stdout.strip(), f"{verb} prints something")
    write("many\033.csv", "time,op,id,size\n" + "".join(f"{n},x{n},1,\n" for n in range(30)) + "40,a,1,8\n")
    contains(run("trace", "info", "many\033.csv").stdout, "… and 11 other names: --json has all")
    lacks(run("trace", "stats", "many\033.csv").stderr, "\033")


def trace_stats_print_what_was_worked_out_by_hand():
    """The file and the numbers are those of test-trace-stats.c."""
    table = os.path.join(TRACES, "stats.csv")
    lines = [" ".join(line.split()) for line in run("trace", "stats", table).stdout.split("\n")]
    for line in ("freed on another CPU than allocated: 2 of 3 (66.7 %)",
                 "wasted on internal fragmentation: 50 bytes, 24.038462%",
                 "what limits these figures: free_unknown 1, double_alloc 1 (kmemlab trace info explains them)",
                 "10 us 2 66.7 % 2 100.0 %", "1 s 1 33.3 % . 0.0 %", "1 4 57.1 % 2 1 1", "0 1 . .", "2 . 1 .",
                 "100 1 20.0 % 21.875%", "a 2 118 B 42 B 26.250% 1 0", "b 3 40 B 8 B 16.667% 1 1",
                 "p 1 16 KiB 0 B 0.000% 1 0"):
        check(line in lines, f"{line!r} is not in {lines}")
    stats = run_json("trace", "stats", table)
    equal(stats["objects"]["ping_pong"], 2, "ping-pong")
    equal(stats["objects"]["lifetimes_ns"]["histogram"],
          [{"below": 10000, "count": 2}, {"below": 10 ** 9, "count": 1}], "lifetimes")
    equal(stats["orders"], [{"order": 0, "unmovable": 1, "movable": 0, "reclaimable": 0},
                            {"order": 2, "unmovable": 0, "movable": 1, "reclaimable": 0}], "orders")
    equal([(site["site"], site["frag_percent"], site["ping_pong"]) for site in stats["sites"]],
          [("a", 26.25, 1), ("b", 100 - 100 * 40 / 48, 1)], "sites")


def trace_convert_replaces_nothing_unless_told_to():
    write("report.kmt", "precious")
    check(run("trace", "convert", REPORT, status=None).returncode in (2, 74), "refused")
    equal(read("report.kmt"), b"precious", "what was there")
    contains(run("trace", "convert", REPORT, status=2).stderr, "report.kmt is there already: --force replaces it")
    run("trace", "convert", REPORT, "--force")
    os.symlink("report.kmt", "link.kmt")
    before = read("report.kmt")
    for name in ("report.kmt", "link.kmt"):
        contains(run("trace", "convert", "report.kmt", "-o", name, "--force", status=2).stderr, "is the recording itself")
    equal(read("report.kmt"), before, "the recording")
    equal(run_json("trace", "info", "report.kmt")["format"], "kmt", "format")


def trace_info_verifies_a_binary_recording_where_one_asks_for_it():
    run("trace", "convert", REPORT)
    contains(run("trace", "info", "report.kmt", "--verify").stdout, "right")
    data = bytearray(read("report.kmt"))
    data[200] ^= 1
    write("report.kmt", bytes(data))
    contains(run("trace", "info", "report.kmt").stdout, "not looked at")
    contains(run("trace", "info", "report.kmt", "--verify", status=2).stderr, "the checksum is wrong")


def stacks_of_perf_are_passed_over():
    event = "cc1 7 [001] {}: kmem:kmalloc: call_site=f+0x1 ptr=0xffff{:04x} bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL\n"
    stack = "\tffffffff8133d5a3 __kmalloc+0x1f3 ([kernel.kallsyms])\n        7f3d lost_in_space+0x1 (/lib/x.so)\n\t 401000 [unknown] (/bin/x)\n\n"
    write("g.txt", "".join(event.format(f"1.{i:06}", i) + stack for i in range(2000)))
    info = run_json("trace", "info", "g.txt")
    equal((info["format"], info["counts"]["object_allocs"], info["counts"]["malformed"], info["counts"]["lost"]), ("perf", 2000, 0, 0), "read")


def a_trace_is_read_from_standard_input():
    with open(REPORT, encoding="ascii") as file:
        document = run_json("trace", "info", "-", stdin=file)
    equal(document["counts"], run_json("trace", "info", REPORT)["counts"], "counts")


def a_recorded_trace_is_replayed_and_verified():
    write("report.txt", read(REPORT))
    write("replay.ini", REPLAY)
    document = run_json("run", "replay.ini")
    check(document["runs"][0]["metrics"]["alloc.count"] > 0, "something was allocated")
    run("verify", "replay.db")


main(trace_info_stats_and_convert_agree_between_text_and_binary, trace_stats_print_what_was_worked_out_by_hand,
     trace_convert_replaces_nothing_unless_told_to, trace_info_verifies_a_binary_recording_where_one_asks_for_it,
     stacks_of_perf_are_passed_over, a_trace_is_read_from_standard_input, a_recorded_trace_is_replayed_and_verified)
