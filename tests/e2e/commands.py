#!/usr/bin/env python3
"""commands.py: every command, as it is meant to be used.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import json
import os
import pty
import re
import shutil
import stat
import statistics
import subprocess
import xml.etree.ElementTree

from harness import (MODULES, ODD, PROGRAM, REPLAY, SLOW, SMALL, TRACES, Skip, change, check, contains,
                     environment, equal, lacks, main, query, read, run, run_json, write)

COMMANDS = ["ablate", "bins", "check", "compare", "completion", "explore", "export", "list", "manual", "plot", "reproduce", "reserve", "run",
            "trace", "verify", "waste"]
TOPICS = ["allocators", "bins", "caches", "devices", "keys", "metrics", "profiles", "workloads"]
REPORT = os.path.join(TRACES, "report.txt")


def small(text=SMALL):
    write("small.ini", text)


def every_command_has_help_with_a_synopsis_and_two_examples():
    for command in COMMANDS:
        text = run(command, "--help").stdout
        contains(text, f"Usage: kmemlab {command} ")
        check(text.split("\n")[2][0].isupper(), f"{command}: its summary is a sentence")
        examples = [line for line in text.split("\n") if line.startswith(f"  kmemlab {command} ")]
        check(len(examples) >= 2, f"{command} has {len(examples)} examples")
        equal(run("help", command).stdout, text, f"kmemlab help {command}")
        contains(run("--help").stdout, f"  {command} ")


def the_version_names_the_libraries():
    contains(run("--version").stdout, "SQLite 3.")
    contains(run("--version").stdout, "GLib 2.")


def a_mistyped_command_is_told_with_the_nearest():
    contains(run("rnu", "x.ini", status=2).stderr, "did you mean “run”?")
    run(status=2)


def a_mistyped_option_is_told_with_the_nearest():
    contains(run("run", "x.ini", "--jbos", "1", status=2).stderr, "did you mean “--jobs”?")
    contains(run("--versoin", status=2).stderr, "--versoin")


def a_missing_and_a_superfluous_argument_are_told():
    contains(run("run", status=2).stderr, "missing")
    contains(run("plot", "a", "b", "c", status=2).stderr, "too many")
    contains(run("compare", "x.ini", status=2).stderr, "--vary is missing")


def numbers_in_options_are_checked():
    small()
    for option, value in (("--jobs", "0"), ("--jobs", "x"), ("--jobs", "-1"), ("--seed", "1.5"),
                          ("--seed", "99999999999999999999"), ("--seed", ""), ("--max-runs", "nan")):
        contains(run("run", "small.ini", f"{option}={value}", status=2).stderr, option)
    equal(os.listdir("."), ["small.ini"], "files")


def options_may_stand_anywhere_and_be_attached():
    small()
    run("run", "-j2", "small.ini", "-osomewhere.db", "-ssweep.repeat=1")
    equal(query("somewhere.db", "SELECT count(*) FROM runs"), [(3,)], "runs")
    write("-odd.ini", SMALL)
    run("run", "-q", "-o", "odd.db", "--", "-odd.ini")


def run_prints_a_table_and_says_what_comes_next():
    small()
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
    small(SMALL + "[expect]\nbuddy.merges = >= 0\nbuddy.splits = > 0\n")
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
    small()
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
    small()
    run("run", "small.ini", "--max-runs", "2", status=75)
    contains(run("run", "small.ini", "--dry-run").stdout, "6 runs into small.db, 2 of them are there")
    contains(run("run", "small.ini", "--dry-run", "-s", "sweep.repeat=185").stdout, "With 185 repetitions the distribution of a metric over seeds is known to ± 0.0998, ")
    contains(run("run", "small.ini", "--dry-run", "--seed", "9").stdout, "6 runs into small.db, 0 of them are there")


def a_dry_run_and_a_list_of_runs_leave_no_database():
    small()
    contains(run("run", "small.ini", "--dry-run").stdout, "6 runs into small.db")
    text = run("run", "small.ini", "--list").stdout
    equal(len(text.strip().split("\n")), 8, "lines")
    runs = run_json("run", "small.ini", "--list")["runs"]
    equal([one["params"]["objects.bins"] for one in runs][::2], ["pow2", "linux", "8,24,40,64"], "bins")
    equal(os.listdir("."), ["small.ini"], "files")


def who_names_what_is_not_there_is_told_what_is():
    small()
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


def compare_marks_the_best_and_gives_differences():
    small()
    arguments = ("compare", "small.ini", "--vary", "objects.bins=pow2|8,24,40,64", "-s", "sweep.repeat=1")
    text = run(*arguments).stdout
    rows = {line.split()[0]: line for line in text.split("\n") if line.startswith(("pow2", "8,24"))}
    equal(len(rows), 2, "rows")
    contains(rows["8,24,40,64"], "*")
    check(re.search(r"-\d+\.\d %", rows["8,24,40,64"]), "a difference in percent")
    document = run_json(*arguments, "--metrics", "frag.internal.mean")
    equal(document["schema"], "kmemlab/compare/1", "schema")
    first, second = document["compared"]
    equal([first["values"], second["values"]],
          [{"objects.bins": "pow2"}, {"objects.bins": "8,24,40,64"}], "values")
    measured = second["metrics"]["frag.internal.mean"]
    equal((measured["best"], first["metrics"]["frag.internal.mean"]["best"]), (True, False), "best")
    base = first["metrics"]["frag.internal.mean"]["value"]
    check(abs(measured["difference_percent"] - 100 * (measured["value"] - base) / base) < 1e-9, "difference")


def compare_takes_commas_where_there_is_no_bar():
    small()
    document = run_json("compare", "small.ini", "--vary", "machine.ram=8MiB,16MiB", "-s", "objects.bins=pow2")
    equal({one["values"]["machine.ram"] for one in document["compared"]}, {"8MiB", "16MiB"}, "values")


def compare_takes_all_values_of_a_key_at_once():
    small()
    contains(run("compare", "small.ini", "--vary", "machine.ram=8MiB,16MiB", "--vary", "machine.ram=32MiB", status=2).stderr,
             "--vary: there is a machine.ram already: put its values together")


def compare_compares_within_a_seed():
    small()
    document = run_json("compare", "small.ini", "--vary", "objects.bins=linux,pow2")
    seeds = {one["run_id"]: one["seed"] for one in document["compared"]}
    equal(len(set(seeds.values())), 2, "seeds")
    for one in document["compared"]:
        equal(seeds[one["baseline"]], one["seed"], "the seed of the baseline")


def compare_takes_repetitions_together():
    small()
    arguments = ("compare", "small.ini", "--vary", "objects.bins=pow2|8,24,40,64", "-s", "sweep.repeat=5", "--metrics", "frag.internal.mean")
    text = run(*arguments).stdout
    rows = [line for line in text.split("\n") if line.startswith(("pow2", "8,24,40,64"))]
    equal(len(rows), 2, "lines")
    contains(text, "means of 5 repetitions")
    document = run_json(*arguments)
    values = {bins: [one["metrics"]["frag.internal.mean"]["value"] for one in document["compared"] if one["values"]["objects.bins"] == bins]
              for bins in ("pow2", "8,24,40,64")}
    differences = [after - before for before, after in zip(values["pow2"], values["8,24,40,64"])]
    base = statistics.mean(values["pow2"])
    t = 2.7764451  # 95 %, four degrees of freedom
    first, second = [one["metrics"]["frag.internal.mean"] for one in document["means"]]
    expected = [(first["mean"], base), (first["margin"], t * statistics.stdev(values["pow2"]) / 5 ** 0.5), (second["mean"], statistics.mean(values["8,24,40,64"])),
                (second["difference_percent"], 100 * statistics.mean(differences) / base),
                (second["difference_margin_percent"], 100 * t * statistics.stdev(differences) / 5 ** 0.5 / base)]
    for got, wanted in expected:
        check(abs(got - wanted) <= 1e-6 * abs(wanted), f"{got} is {wanted}")
    contains(rows[1], f"{second['difference_percent']:+.1f} ± {second['difference_margin_percent']:.1f} %")
    equal([one["repetitions"] for one in document["means"]], [5, 5], "repetitions")
    equal(second["repetitions_needed"], 0, "those of what five tell already")
    check("would tell" not in text, "nothing is undecided")
    undecided = ("compare", "small.ini", "--vary", "workload.live=100|101", "-s", "sweep.repeat=3", "-s", "objects.bins=linux", "--metrics", "frag.internal.mean")
    needed = run_json(*undecided)["means"][1]["metrics"]["frag.internal.mean"]["repetitions_needed"]
    check(needed > 3, f"{needed} are more than there are")
    contains(run(*undecided).stdout, f"workload.web.live = 101: frag.internal.mean may be that of the first line; about {needed} repetitions would tell")


def compare_draws_a_picture():
    small()
    run("compare", "small.ini", "--vary", "objects.bins=pow2,linux", "--plot", "picture.svg")
    run("compare", "small.ini", "--vary", "objects.bins=pow2,linux", "--plot", "picture.pdf")
    check(read("picture.pdf").startswith(b"%PDF"), "a PDF")
    xml.etree.ElementTree.parse("picture.svg")
    run("compare", "--vary", "objects.bins=pow2,linux", "--plot", "small.ini")
    xml.etree.ElementTree.parse("small-compare.svg")


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


def compare_knows_its_metrics_and_keys():
    small()
    contains(run("compare", "small.ini", "--vary", "objects.bins=pow2,linux", "--metrics",
                 "frag.internal.maen", status=2).stderr, "did you mean “frag.internal.mean”?")
    contains(run("compare", "small.ini", "--vary", "objects.bnis=pow2,linux", status=2).stderr, "bins")
    run("compare", "small.ini", "--vary", "objects.bins", status=2)
    contains(run("compare", "small.ini", "--vary", "allocator=slab,tlsf", status=2).stderr, "“allocator” is not the name of a setting: expected group.key")
    contains(run("compare", "small.ini", "--vary", "repeat=3", status=2).stderr, "-s sweep.repeat=N repeats runs")
    for options, says in ((("--vary", "machine.cpus=1,many"), "--vary: error: machine.cpus: expected a count"),
                          (("--vary", "machin.cpus=1,2"), "--vary: error: unknown group “machin”"),
                          (("--vary", "objects.bins=pow2,linux", "-s", "machine.ram=much"), "-s: error: machine.ram:")):
        contains(run("compare", "small.ini", *options, status=2).stderr, says)
    run("compare", "small.ini", "--vary", "objects.bins=pow2,,linux", status=2)


def what_list_names_can_be_parsed():
    for topic in TOPICS:
        document = run_json("list", topic)
        check(isinstance(document[topic], list), f"{topic} is a list")
        check(run("list", topic).stdout.strip(), f"{topic} has text")
    names = {one["name"] for one in run_json("list", "allocators")["allocators"]}
    check({"buddy", "bump", "segregated"} <= names, f"allocators: {names}")
    keys = {one["key"] for one in run_json("list", "keys")["keys"]}
    check({"machine.ram", "objects.bins", "workload.NAME.kind", "sweep.repeat"} <= keys, f"keys: {keys}")
    contains(run("list", "allocator", status=2).stderr, "did you mean “allocators”?")


def a_set_of_bins_has_a_name_or_a_file_of_its_own():
    os.mkdir("sets")
    write("sets/mine.bins", "title = Mine\n8\n24\n64\n")
    small(SMALL.replace("pow2 | linux | 8,24,40,64", "8,24,64 | sets/mine.bins | jemalloc | tcmalloc"))
    runs = run_json("run", "small.ini", "-s", "sweep.repeat=1")["runs"]
    equal(runs[0]["fingerprint"], runs[1]["fingerprint"], "fingerprints of a list and a file with the same sizes")
    contains(run("list", "bins").stdout, "jemalloc 5.3.0")
    write("sets/mine.bins", "8\nten\n")
    result = run("run", "small.ini", status=2)
    contains(result.stderr, "sets/mine.bins:2: expected a size such as 64KiB, not “ten”")
    contains(run("run", "small.ini", "-s", "objects.bins=none.bins", status=2).stderr, "none.bins")
    contains(run("run", "small.ini", "-s", "objects.bins=jemaloc", status=2).stderr, "did you mean “jemalloc”?")


def every_measured_metric_is_in_the_list():
    small()
    known = [one["name"] for one in run_json("list", "metrics")["metrics"]]
    patterns = []
    for name in known:
        pattern = re.escape(name).replace(r"\{", "(").replace(r"\}", ")").replace(",", "|")
        pattern = pattern.replace("CONTEXT", "(process|softirq|hardirq)").replace("orderN", r"order\d+")
        patterns.append(re.compile(pattern))
    for name in run_json("run", "small.ini")["runs"][0]["metrics"]:
        check(any(pattern.fullmatch(name) for pattern in patterns), f"{name} is not listed")


def every_setting_of_a_run_is_in_the_list():
    small()
    keys = {one["key"] for one in run_json("list", "keys")["keys"]}
    for key in run_json("run", "small.ini")["runs"][0]["params"]:
        check(key.replace("workload.web.", "workload.NAME.") in keys, f"{key} is not listed")


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


def plot_lists_its_kinds_and_draws_them():
    small()
    run("run", "small.ini", "-s", "record.pagemap=yes", "-s", "record.origins=yes")
    text = run("plot", "small.db").stdout
    kinds = [line.split()[0] for line in text.strip().split("\n")[1:]]
    check({"bins", "external", "internal", "latency", "pagemap", "waste", "waste-by-lifetime", "waste-by-site", "worst-case"}
          <= set(kinds), f"kinds: {kinds}")
    others = {"lanes", "waits"}  # of deadlocks: deadlocks.py; bins-… are of studies: bins.py
    check(others <= set(kinds), f"kinds: {kinds}")
    for kind in [kind for kind in kinds if not kind.startswith("bins-") and kind not in others]:
        run("plot", "small.db", kind, "--run", "1", "-o", f"{kind}.svg")
        xml.etree.ElementTree.parse(f"{kind}.svg")
    run("plot", "small.db", "internal", "-o", "internal.png")
    equal(read("internal.png")[:8], b"\x89PNG\r\n\x1a\n", "the beginning of a PNG")
    check(run("plot", "small.db", "internal", "--format", "terminal").stdout.count("\n") > 5, "a picture of text")
    result = run("plot", "small.db", "internal", "-o", "-")
    xml.etree.ElementTree.fromstring(result.stdout)
    equal((result.stderr, os.path.exists("-")), ("", False), "on the standard output, and nothing beside it")
    equal(run("plot", "small.db", "internal", "-q", "-o", "quiet.svg").stderr, "", "quiet")
    run("plot", "small.db", "waste", "--run", "1", "--run", "3", "--keep", "kept")
    check(os.path.exists("small-waste.svg"), "the picture by default")
    check(any(name.endswith(".gp") for name in os.listdir("kept")), "the script is kept")


def labels_of_runs_leave_room_for_a_picture():
    long = ["8,24,40,64,128,256,512,1024,2048," + last for last in ("4096", "4095,4096", "8192")]
    small()
    run("run", "small.ini", "-s", "objects.bins=" + "|".join(long), "-s", "workload.sizes=fixed(18)|weighted(18:0.6, 64:0.4, 4096:0.01)",
        "-s", "pages.allocator=buddy|weighted-buddy")
    run("plot", "small.db", "external", "-o", "x.svg", "--keep", "kept")
    labels = re.findall("'([^']*)'", re.search("^array LABEL.*", read("kept/external.gp").decode(), re.M).group())
    equal((len(labels), len(set(labels))), (12, 12), "labels, each another")
    check(max(map(len, labels)) <= 28 + len(" (run 12)"), f"short: {labels}")


def what_is_written_goes_through_links_and_into_pipes():
    small()
    run("run", "small.ini")
    write("target.svg", "")
    os.symlink("target.svg", "link.svg")
    run("plot", "small.db", "internal", "-o", "link.svg")
    check(os.path.islink("link.svg"), "the link is one still")
    xml.etree.ElementTree.parse("target.svg")
    os.symlink("yet-to-come.svg", "dangling.svg")
    run("plot", "small.db", "internal", "-o", "dangling.svg")
    xml.etree.ElementTree.parse("yet-to-come.svg")
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        run("plot", "small.db", "internal", "-o", "pipe", "--format", "svg")
        equal(reader.communicate(timeout=20)[0], open("target.svg", "rb").read(), "what came out of the pipe")
    check(stat.S_ISFIFO(os.stat("pipe").st_mode), "the pipe is one still")
    contains(run("trace", "convert", REPORT, "-f", "-o", "pipe", status=74).stderr, "not a pipe or a device")
    check(stat.S_ISFIFO(os.stat("pipe").st_mode), "the pipe is one after a trace, too")


def plot_says_what_it_does_not_know():
    small()
    run("run", "small.ini")
    contains(run("plot", "small.db", "internol", status=2).stderr, "internal")
    run("plot", "small.db", "internal", "--run", "99", status=2)
    run("plot", "small.db", "internal", "--format", "jpeg", status=2)
    run("plot", "small.db", "internal", "-o", "x.jpeg", status=2)
    run("plot", "small.db", "internal", "--width", "3", status=2)


def export_writes_the_files_that_a_kernel_would_show():
    small()
    run("run", "small.ini")
    counts = [n for (n,) in query("small.db", 'SELECT sum (count) FROM free_blocks WHERE run_id = 1 AND t_ns = '
                                              '(SELECT max (t_ns) FROM free_blocks WHERE run_id = 1) GROUP BY "order" ORDER BY "order"')]
    counts += [0] * (11 - len(counts))
    free = sum(n << k for k, n in enumerate(counts))
    unusable = [(free - sum(n << k for k, n in enumerate(counts) if k >= order)) * 1000 // free for order in range(len(counts))]
    equal(run("export", "small.db", "buddyinfo").stdout, "Node 0, zone   Normal " + "".join(f"{n:6} " for n in counts) + "\n", "buddyinfo")
    equal(run("export", "small.db", "unusable_index").stdout,
          "Node 0, zone   Normal " + "".join(f"{n // 1000}.{n % 1000:03} " for n in unusable) + "\n", "unusable_index")
    equal(run("export", "small.db", "extfrag_index").stdout, "Node 0, zone   Normal " + "-1.000 " * len(counts) + "\n", "extfrag_index")
    pagetypeinfo = run("export", "small.db", "pagetypeinfo").stdout.splitlines()
    contains(pagetypeinfo[0], "Free pages count per migrate type at order       0      1")
    equal(pagetypeinfo[1], "Node    0, zone   Normal, type    Unmovable " + "".join(f"{n:6} " for n in counts), "pagetypeinfo")
    slabs = [line for line in run("export", "small.db", "slabinfo").stdout.splitlines() if line.startswith("32 ")]
    active, objects, n = query("small.db", "SELECT active_objects, objects, slabs FROM slabs WHERE run_id = 1 AND cache = '32' ORDER BY t_ns DESC LIMIT 1")[0]
    equal(slabs[0], f"32                {active:6} {objects:6}     32  128    1 : tunables    0    0    0 : slabdata {n:6} {n:6}      0", "slabinfo")
    contains(run("export", "small.db", "buddyinfo", "--run", "9", status=2).stderr, "there is no such run")


def unpacked(data, n):
    """The columns of a row of samples, as schema.sql describes them."""
    columns, at = [], 0
    for column in range(5):
        head = int.from_bytes(data[at:at + 4], "little")
        zeros, end, values, last, at = head >> 24, at + 4 + (head & 0xffffff), [], {}, at + 4
        for i in range(n):
            code, shift = 0, 0
            while True:
                code, shift, at = code | (data[at] & 127) << shift, shift + 7, at + 1
                if data[at - 1] < 128:
                    break
            kind = columns[1][i] & 1 if column == 4 else 0
            last[kind] = last.get(kind, 0) + ((code >> 1 ^ -(code & 1)) << zeros)
            values.append(last[kind] % 2 ** 64)
        equal(at, end, "length of a column")
        columns.append(values)
    return list(zip(*columns))


def export_has_a_line_for_each_sample():
    write("small.ini", SMALL.split("[sweep]")[0] + "[record]\nevents = all\n")
    run("run", "small.ini")
    lines = run("export", "small.db", "samples").stdout.splitlines()
    rows = [line.split(",") for line in lines[1:]]
    expected = [one for data, n in query("small.db", "SELECT data, n FROM samples ORDER BY seq") for one in unpacked(data, n)]
    equal(lines[0], "t_ns,operation,level,context,cpu,size,address,latency_ns", "the columns")
    equal([[str(ps // 1000), ("alloc", "free")[what & 3], ("pages", "objects")[what >> 2 & 3], ("process", "softirq", "hardirq")[what >> 4 & 15],
            str(what >> 8), str(size), hex(addr), f"{latency // 1000}.{latency % 1000:03}"] for ps, what, size, addr, latency in expected], rows, "samples")
    metrics = dict(query("small.db", "SELECT name, value FROM metrics"))
    latencies = [float(row[7]) for row in rows if row[1] == "alloc"]
    check(abs(sum(latencies) / len(latencies) - metrics["latency.alloc.mean_ns"]) < 1e-6, "their mean is the metric")
    run("export", "small.db", "samples", "-o", "samples.csv")
    equal(read("samples.csv").decode().splitlines(), lines, "the file")
    contains(run("export", "small.db", "samples", "--run", "2", status=2).stderr, "run 2 has no samples")
    run("export", "small.db", "samples", "-o", "no/samples.csv", status=74)
    equal(sorted(os.listdir(".")), ["samples.csv", "small.db", "small.ini"], "files")


def export_writes_tables_of_all_runs():
    write("small.ini", SMALL.split("[sweep]")[0] + '[sweep]\nobjects.bins = pow2 | 8,16,4096\nrepeat = 2\n')
    run("run", "small.ini")
    rows = list(csv.DictReader(run("export", "small.db", "metrics").stdout.splitlines()))
    equal([row["objects.bins"] for row in rows], ["pow2", "pow2", "8,16,4096", "8,16,4096"], "settings that differ, quoted where they must be")
    check("machine.ram" not in rows[0] and "scenario.seed" not in rows[0], "those that do not are no columns")
    for row in rows:
        seed, fingerprint = query("small.db", "SELECT seed, fingerprint FROM runs WHERE run_id = ?", row["run_id"])[0]
        equal([row["scenario"], row["seed"], row["fingerprint"]], ["small.ini", seed, fingerprint], "where it is from")
        for name, value in query("small.db", "SELECT name, value FROM metrics WHERE run_id = ?", row["run_id"]):
            equal(row[name], "" if value is None else row[name] if float(row[name]) == value else value, name)
    equal(len(run("export", "small.db", "metrics", "--run", "3").stdout.splitlines()), 2, "lines of one run")
    for form, columns in (("series", "run_id, t_ns, name, value"), ("latency", "run_id, operation, context, bucket_lo_ns, bucket_hi_ns, count")):
        rows = list(csv.reader(run("export", "small.db", form).stdout.splitlines()))
        equal([[float(cell) if cell[0].isdigit() else cell for cell in row[:len(columns.split())]] for row in rows[1:]],
              [list(row) for row in query("small.db", f"SELECT {columns} FROM {form}")], form)
    contains(run("export", "small.db", "metrics", "--run", "9", status=2).stderr, "run 9 has no metrics, or is not done")


def export_has_a_line_for_each_zone():
    write("zones.ini", SMALL.replace("ram = 16MiB", "ram = 64MiB\n[memory]\nzones = 1MiB,8MiB").split("[sweep]")[0])
    run("run", "zones.ini")
    total, zones = {}, ("DMA", "DMA32", "Normal")
    for form, begin in (("buddyinfo", "Node 0, zone "), ("unusable_index", "Node 0, zone "), ("extfrag_index", "Node 0, zone "), ("pagetypeinfo", "Node    0, zone ")):
        lines = [line for line in run("export", "zones.db", form).stdout.splitlines() if line.startswith("Node")]
        equal(tuple(line[len(begin):].split()[0].strip(",") for line in lines), zones, form)
    for line in run("export", "zones.db", "buddyinfo").stdout.splitlines():
        for order, n in enumerate(line.split()[4:]):
            total[order] = total.get(order, 0) + int(n)
    free = dict(query("zones.db", 'SELECT "order", sum (count) FROM free_blocks WHERE t_ns = (SELECT max (t_ns) FROM free_blocks) GROUP BY "order"'))
    equal({order: n for order, n in total.items() if order in free}, free, "all zones together")
    equal(sum(n << order for order, n in enumerate(int(n) for n in run("export", "zones.db", "buddyinfo").stdout.split("\n")[0].split()[4:])), 1024 // 4, "DMA is free")


def verify_agrees_with_what_was_just_stored():
    small()
    run("run", "small.ini", "-s", "machine.ram=8MiB")
    result = run("verify", "small.db")
    equal(result.stdout.count(" agrees"), 6, "runs that agree")
    document = run_json("verify", "small.db", "--run", "2", "--run", "5")
    equal([(one["run_id"], one["outcome"]) for one in document["runs"]], [(2, "agrees"), (5, "agrees")], "runs")


def verify_finds_a_fingerprint_that_differs():
    small()
    run("run", "small.ini")
    change("small.db", "UPDATE runs SET fingerprint = ? WHERE run_id = 4", "0" * 32)
    result = run("verify", "small.db", status=1)
    equal(result.stdout.count(" differs"), 1, "runs that differ")
    equal(result.stdout.count(" agrees"), 5, "runs that agree")


def verify_says_when_a_newer_version_has_stored_a_run():
    small()
    run("run", "small.ini")
    change("small.db", "UPDATE runs SET version = '999.0.0', run_key = run_id || 'x' WHERE run_id = 1")
    run("verify", "small.db", status=125)


def verify_finds_runs_of_an_older_version_by_their_settings():
    small()
    run("run", "small.ini")
    change("small.db", "UPDATE runs SET version = '0.0.1', run_key = run_id || 'x'")
    equal(run("verify", "small.db").stdout.count(" agrees"), 6, "runs that agree")


# What each shell offers for words of which the last is being typed.
COMPLETE = {
    "bash": "source completion; COMP_WORDS=({words}); COMP_CWORD={last}; "
            "compopt () {{ [[ $* == *default ]] && echo FILES; [[ $* == *dirnames ]] && echo FOLDERS; true; }}; "
            "_kmemlab; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "source completion; complete -C '{line}'",
    "zsh": "compdef () {{ : }}; source ./completion; words=({words}); CURRENT={next}; "
           "compadd () {{ shift 3; print -rl -- $@ }}; _describe () {{ print -rl -- ${{(P)2}} }}; "
           "_files () {{ [[ $1 == -/ ]] && print FOLDERS || print FILES }}; _kmemlab",
}


def complete(shell, *words):
    """What it offers, without descriptions; FILES and FOLDERS where it leaves that to itself."""
    quoted = [f"'{word}'" for word in words]
    script = COMPLETE[shell].format(words=" ".join(quoted), line=" ".join(words), last=len(words) - 1, next=len(words))
    arguments = [shell, "-fc" if shell == "zsh" else "-c", script]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60,
                            env=environment(HOME=os.getcwd()))
    equal(result.stderr, "", f"what {shell} says")
    offers = {re.split(r"[\t:]", line)[0] for line in result.stdout.split("\n")}
    return {word for word in offers if word.startswith(words[-1]) or word in ("FILES", "FOLDERS")} - {""}


def completion_completes_in(shell):
    if shutil.which(shell) is None:
        raise Skip(f"no {shell}")
    write("completion", run("completion", shell).stdout)
    write("x.db", "")
    equal(complete(shell, "kmemlab", "ver"), {"verify"}, "a command")
    equal(complete(shell, "kmemlab", "list", "all"), {"allocators"}, "a topic")
    equal(complete(shell, "kmemlab", "manual", "scen"), {"scenario"}, "a page")
    check({"--seed", "--set"} <= complete(shell, "kmemlab", "run", "--se"), "options")
    equal(complete(shell, "kmemlab", "plot", "x.db", "int"), {"internal"}, "a kind of plot")
    equal(complete(shell, "kmemlab", "plot", "x.db", "internal", "--format", "p"), {"png", "pdf"}, "a format")
    equal(complete(shell, "kmemlab", "waste", "x.db", "--by", "si"), {"size", "site"}, "a view")
    equal(complete(shell, "kmemlab", "bins", "x.ini", "--classes", "jem"), {"jemalloc"}, "a set of bins")
    equal(complete(shell, "kmemlab", "bins", "x.ini", "--sets", "linux"), {"linux", "linux-slab"}, "a set of bins")
    equal(complete(shell, "kmemlab", "explore", "x.ini", "--find", "b"), {"bugs"}, "what is sought")
    equal(complete(shell, "kmemlab", "run", "-s", "objects.bi"), {"objects.bins="}, "a setting")
    equal(complete(shell, "kmemlab", "compare", "x.ini", "--metrics", "frag.internal.m"), {"frag.internal.mean"},
          "a metric")
    check(complete(shell, "kmemlab", "run", "-o", "x") <= {"FILES", "x.db"}, "a file")
    check(complete(shell, "kmemlab", "run", "x") <= {"FILES", "x.db"}, "an argument that is a file")
    equal(complete(shell, "kmemlab", "run", "--seed", "x") - {"FILES"}, set(), "a value that is any number")


def completion_completes_in_bash():
    completion_completes_in("bash")


def completion_completes_in_fish():
    completion_completes_in("fish")


def completion_completes_in_zsh():
    completion_completes_in("zsh")


def a_shell_that_is_not_known_is_told_which_are():
    contains(run("completion", "tcsh", status=2).stderr, "bash, fish, zsh")


def every_command_has_a_page_in_the_manual():
    pages = {name: run("manual", name).stdout for name in [*COMMANDS, "scenario", "kmemlab"]}
    equal(run("manual").stdout, pages["kmemlab"], "the page without a name")
    for command in COMMANDS:
        contains(pages["kmemlab"], f".BR kmemlab\\-{command} (1)\n")
        for option in re.findall(r"^  (?:-., )?--([a-z-]+)", run(command, "--help").stdout, re.M):
            escaped = option.replace("-", "\\-")
            contains(pages[command], f"\\fB{escaped}\\fR" if option != "help" else "\\-\\-help")
    for key in run_json("list", "keys")["keys"]:
        name = key["key"].rsplit(".", 1)[1].replace("-", "\\-")
        contains(pages["scenario"], f"\\fB{name}\\fR (")
    contains(run("manual", "rnu", status=2).stderr, "did you mean “run”?")


def pages_of_the_manual_are_well_formed():
    groff = shutil.which("groff")
    if groff is None:
        raise Skip("no groff")
    for name in [*COMMANDS, "scenario", "kmemlab"]:
        result = subprocess.run([groff, "-man", "-ww", "-Kutf8", "-Tutf8"], input=run("manual", name).stdout,
                                capture_output=True, text=True, check=True)
        equal(result.stderr, "", f"what groff says of {name}")
        check(len(result.stdout) > 1000, f"{name} has text")


def only_keys_are_listed_as_markdown():
    contains(run("list", "keys", "--markdown").stdout, "## [machine]")
    contains(run("list", "metrics", "--markdown", status=2).stderr, "list keys --markdown")


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
    small(SMALL.replace("A small test", "A \\tsmall\u0085 \u202etest"))
    result = run("run", "small.ini", status=None)
    lacks(result.stdout + result.stderr, "\u0085")
    lacks(result.stdout + result.stderr, "\u202e")


def text_with_any_byte_makes_valid_json():
    os.mkdir(b"\xff\x01")
    write(b"\xff\x01/small.ini", SMALL)
    result = subprocess.run([PROGRAM, "run", b"\xff\x01/small.ini", "-o", b"\xff.db", "--json"],
                            capture_output=True, timeout=60, check=True)
    json.loads(result.stdout.decode("utf-8"))


main(every_command_has_help_with_a_synopsis_and_two_examples, the_version_names_the_libraries,
     a_mistyped_command_is_told_with_the_nearest, a_mistyped_option_is_told_with_the_nearest,
     a_missing_and_a_superfluous_argument_are_told, numbers_in_options_are_checked,
     options_may_stand_anywhere_and_be_attached, run_prints_a_table_and_says_what_comes_next,
     a_table_shows_what_the_scenario_is_about_or_what_one_asks_for,
     run_prints_json_that_agrees_with_the_database, a_dry_run_counts_what_is_stored, a_dry_run_and_a_list_of_runs_leave_no_database,
     a_reallocation_is_counted_once_by_its_name, who_names_what_is_not_there_is_told_what_is, compare_marks_the_best_and_gives_differences, compare_takes_commas_where_there_is_no_bar,
     compare_takes_all_values_of_a_key_at_once, compare_compares_within_a_seed, compare_takes_repetitions_together, compare_draws_a_picture,
     parameters_are_those_of_the_allocator_that_is_chosen_in_the_end, compare_knows_its_metrics_and_keys,
     what_list_names_can_be_parsed, a_set_of_bins_has_a_name_or_a_file_of_its_own, every_measured_metric_is_in_the_list,
     every_setting_of_a_run_is_in_the_list, trace_info_stats_and_convert_agree_between_text_and_binary,
     trace_stats_print_what_was_worked_out_by_hand,
     trace_convert_replaces_nothing_unless_told_to, trace_info_verifies_a_binary_recording_where_one_asks_for_it, stacks_of_perf_are_passed_over,
     a_trace_is_read_from_standard_input,
     a_recorded_trace_is_replayed_and_verified, plot_lists_its_kinds_and_draws_them, labels_of_runs_leave_room_for_a_picture,
     what_is_written_goes_through_links_and_into_pipes, plot_says_what_it_does_not_know, export_writes_the_files_that_a_kernel_would_show, export_has_a_line_for_each_sample, export_writes_tables_of_all_runs, export_has_a_line_for_each_zone,
     verify_agrees_with_what_was_just_stored,
     verify_finds_a_fingerprint_that_differs, verify_says_when_a_newer_version_has_stored_a_run,
     verify_finds_runs_of_an_older_version_by_their_settings,
     completion_completes_in_bash, completion_completes_in_fish, completion_completes_in_zsh,
     a_shell_that_is_not_known_is_told_which_are, every_command_has_a_page_in_the_manual,
     pages_of_the_manual_are_well_formed, only_keys_are_listed_as_markdown,
     a_module_brings_allocators_and_workloads,
     what_is_no_module_for_this_program_is_refused, a_module_that_was_built_with_other_headers_is_refused,
     a_module_whose_names_are_taken_is_refused, colour_is_for_terminals_and_those_who_ask,
     progress_is_shown_on_a_terminal_alone, control_characters_never_reach_the_terminal,
     text_with_any_byte_makes_valid_json)
