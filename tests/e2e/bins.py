#!/usr/bin/env python3
"""bins.py: kmemlab bins, from a trace or a scenario to a set of bins that can be run.

SPDX-License-Identifier: Apache-2.0
"""

import itertools
import os
import xml.etree.ElementTree

from harness import (SMALL, TOP, TRACES, check, contains, equal, lacks, main, only_figures, query, read, run, run_json,
                     write)

MIX = os.path.join(TOP, "scenarios", "traces", "mix.kmt")
REPORT = os.path.join(TRACES, "report.txt")

# Sizes few enough to try every set of bins, at set times.
FEW = """\
[scenario]
title = Few sizes

[machine]
ram = 16MiB

[workload web]
kind = synthetic
operations = 3000
arrivals = periodic(10us)
lifetimes = exponential(1ms)
sizes = weighted(10:0.2, 30:0.3, 50:0.1, 100:0.2, 130:0.1, 700:0.1)
"""

SETS = ["optimal", "pow2", "linux-slab", "linux", "geometric:4", "jemalloc", "mimalloc", "tcmalloc"]


def few():
    write("few.ini", FEW)


def by_name(document):
    return {one["name"]: one for one in document["sets"]}


def near(a, b, tolerance, what):
    check(abs(a - b) <= tolerance, f"{what}: {a} and {b} differ")


def the_chosen_set_is_compared_with_the_usual_ones():
    result = run("bins", MIX)
    for word in SETS + ["knee, chosen", "The bins of optimal", "half 1", "fold 5"]:
        contains(result.stdout, word)
    contains(result.stderr, "Next: kmemlab run mix-bins.ini")
    check(all(line == line.rstrip() for line in result.stdout.split("\n")), "no line ends with blanks")
    equal(sorted(os.listdir(".")), ["mix-bins.ini"], "files")
    equal(run("bins", REPORT, "--quiet").stderr, "", "what --quiet says")


def what_is_expected_of_requests_is_what_the_simulation_finds():
    only_figures()
    document = run_json("bins", MIX, "-k", "9")
    equal(document["schema"], "kmemlab/bins/1", "schema")
    equal([one["name"] for one in document["sets"]], SETS, "sets")
    for one in document["sets"]:
        near(one["internal"], one["simulated"]["frag.internal.objects.requests"], 1e-12, one["name"])
        check(one["optimum"] is None or one["optimum"] <= one["internal"] + 1e-12, f"{one['name']} beats the best")
    equal(len(by_name(document)["optimal"]["bins"]), 9, "bins")
    wastes = [point["waste"] for point in document["curve"]]
    check(all(a >= b for a, b in zip(wastes, wastes[1:])), "the curve falls")
    near(wastes[8], by_name(document)["optimal"]["internal"], 1e-12, "the curve and the set")


def what_is_expected_over_time_is_what_the_simulation_finds():
    only_figures()
    document = run_json("bins", MIX, "--weigh", "time")
    for one in document["sets"]:
        near(one["internal"], one["simulated"]["frag.internal.objects.mean"], 1e-5, one["name"])


def page_requests_are_not_what_bins_are_measured_on():
    write("both.ini", FEW + """
[workload frames]
kind = synthetic
target = pages
operations = 3000
arrivals = periodic(10us)
lifetimes = exponential(1ms)
sizes = uniform(1,20000)
""")
    only_figures()
    for weight, metric, tolerance in (("requests", "frag.internal.objects.requests", 1e-12),
                                      ("time", "frag.internal.objects.mean", 1e-3)):
        document = run_json("bins", "both.ini", "--weigh", weight)
        for one in document["sets"]:
            near(one["internal"], one["simulated"][metric], tolerance, one["name"])


def no_other_set_of_sizes_wastes_less():
    few()
    document = run_json("bins", "few.ini", "-k", "3", "--simulate", "no")
    sizes = [10, 30, 50, 100, 130, 700]
    best = by_name(document)["optimal"]
    others = [" ,".join(str(size) for size in choice + (700,)) for choice in itertools.combinations(sizes[:-1], 2)]
    document = run_json("bins", "few.ini", "-k", "3", "--simulate", "no", "--sets", "|".join(others))
    for one in document["sets"]:
        check(one["internal"] >= best["internal"], f"{one['name']} wastes less than {best['bins']}")


def the_written_scenario_runs_the_chosen_set():
    document = run_json("bins", REPORT, "--scenario", "sub.ini")
    chosen = by_name(document)["optimal"]
    result = run_json("run", "sub.ini")["runs"][0]
    equal(result["params"]["objects.bins"], ",".join(str(size) for size in chosen["bins"]), "bins")
    near(result["metrics"]["frag.internal.requests"], chosen["internal"], 1e-12, "waste")
    os.mkdir("deeper")
    few()
    run("bins", "few.ini", "--scenario", "deeper/few.ini", "--simulate", "no", "-s", "scenario.seed=5")
    equal(run_json("run", "deeper/few.ini")["runs"][0]["seed"], 5, "the seed")


def a_scenario_that_someone_wrote_is_not_replaced():
    write("report-bins.ini", SMALL)
    contains(run("bins", REPORT, "--simulate", "no", status=2).stderr, "report-bins.ini is there already")
    equal(read("report-bins.ini").decode(), SMALL, "the file")
    run("bins", REPORT, "--simulate", "no", "--scenario", "other.ini")
    run("bins", REPORT, "--simulate", "no", "--scenario", "other.ini", "-k", "5")
    contains(read("other.ini").decode(), "5 bins designed for report.txt")


def rules_are_kept():
    bins = by_name(run_json("bins", MIX, "--simulate", "no", "--prefix", "8,16,48", "-k", "8"))["optimal"]["bins"]
    equal(bins[:3], [8, 16, 48], "the prefix")
    equal(len(bins), 8, "bins")
    document = run_json("bins", MIX, "--quantum", "64", "-k", "6")
    optimal = by_name(document)["optimal"]
    check(all(size % 64 == 0 for size in optimal["bins"]), f"multiples of 64: {optimal['bins']}")
    near(optimal["internal"], optimal["simulated"]["frag.internal.objects.requests"], 1e-12, "waste")
    contains(read("mix-bins.ini").decode(), "quantum = 64")
    document = run_json("bins", MIX, "--max-size", "1KiB", "--simulate", "no")
    check(max(by_name(document)["optimal"]["bins"]) <= 1024, "no bin above 1 KiB")
    check(by_name(document)["optimal"]["page_level"] > 0, "something goes to the page level")
    document = run_json("bins", MIX, "--hold", "1GiB", "--simulate", "no")
    equal(by_name(document)["optimal"]["page_level"], 0, "weight at the page level")
    tails = by_name(run_json("bins", MIX, "--tails", "-k", "6", "--simulate", "no"))["optimal"]
    plain = by_name(run_json("bins", MIX, "-k", "6", "--simulate", "no"))["optimal"]
    check(tails["with_tails"] < plain["with_tails"], "who counts the ends of slabs has less of them")
    check(tails["internal"] > plain["internal"], "... and more inside blocks")


def a_scenario_is_compared_with_its_own_set():
    few()
    write("own.bins", "8\n300\n")
    document = run_json("bins", "few.ini", "-s", "objects.bins=own.bins", "--sets", "pow2, linux")
    equal([one["name"] for one in document["sets"]], ["optimal", "pow2", "linux", "own.bins"], "sets")
    equal(by_name(document)["own.bins"]["bins"], [8, 304], "its bins")
    check(by_name(document)["own.bins"]["simulated"]["frag.internal.objects.requests"] > 0, "it is simulated")


def a_study_is_drawn_again_from_the_database_alone():
    run("bins", REPORT, "-o", "mix.db", "--plot", "mix.svg")
    equal(query("mix.db", "SELECT count(*) FROM bin_sets WHERE run_id IS NOT NULL"), [(8,)], "sets with runs")
    equal(query("mix.db", "SELECT count(*) FROM bin_validations"), [(7,)], "validations")
    for kind, file in (("curve", "mix.svg"), ("classes", "mix-classes.svg"), ("validation", "mix-validation.svg")):
        run("plot", "mix.db", f"bins-{kind}", "-o", "again.svg")
        equal(read("again.svg"), read(file), f"bins-{kind}")
        xml.etree.ElementTree.parse(file)
    run("bins", REPORT, "-o", "mix.db", "-k", "10", "--quiet")
    equal(query("mix.db", "SELECT study_id, chosen FROM bin_studies"), [(1, 0), (2, 0)], "studies")
    equal(query("mix.db", "SELECT count(*) FROM runs"), [(9,)], "runs: those of the usual sets are not run again")
    run("plot", "mix.db", "bins-curve", "--study", "1", "-o", "again.svg")
    contains(read("again.svg").decode(), "study 1 (of 2; others with --study)")
    contains(run("plot", "mix.db", "bins-curve", "--study", "3", status=2).stderr, "no study 3")
    contains(run("bins", REPORT, "--plot", "terminal", "--simulate", "no").stdout, "best set")
    run("verify", "mix.db")


def a_study_of_next_to_nothing_has_pictures_too():
    write("one.csv", "time,op,id,size\n1,a,1,40\n2,f,1,\n")
    contains(run("bins", "one.csv", "--plot", "one.svg", "-o", "one.db", "--sets", "linux").stdout, "1 request for objects of 1 size;")
    equal(sorted(name for name in os.listdir(".") if name.endswith(".svg")), ["one-classes.svg", "one.svg"], "pictures")
    contains(read("one-classes.svg").decode(), ">40<")
    contains(run("plot", "one.db", "bins-validation", status=2).stderr, "study 1 has too few requests")
    write("two.csv", "time,op,id,size\n1,a,1,40\n2,a,2,41\n3,a,3,5000\n5,f,1,\n")
    run("bins", "two.csv", "--plot", "two.svg", "--sets", "linux", "--simulate", "no")
    lacks(read("two-validation.svg").decode(), "piece 4 of 3")


def the_same_study_comes_out_of_any_number_of_workers():
    one, two = (run("bins", REPORT, "--json", "-j", jobs, "-o", f"{jobs}.db").stdout for jobs in ("1", "2"))
    equal(one.replace("1.db", "2.db"), two, "the documents")
    equal(read("1.db"), read("2.db"), "the databases")


def a_share_of_the_time_is_simulated():
    document = run_json("bins", MIX, "--simulate", "25%", "-o", "mix.db", "--sets", "linux")
    equal(document["simulated_share"], 0.25, "share")
    for operations, in query("mix.db", "SELECT operations FROM runs"):
        check(1000 < operations < 150000, f"{operations} operations")
    write("small.ini", SMALL.replace("repeat = 2", ""))
    contains(run("bins", "small.ini", "--simulate", "25%", status=2).stderr, "nothing in small.ini has a set time")
    contains(run("bins", "small.ini", "--weigh", "time", status=2).stderr, "lifetimes are unknown")
    run("bins", "small.ini")


# Claim A07.
def the_columns_of_tcmalloc_are_reproduced():
    classes = run_json("bins", MIX, "--classes", "tcmalloc", "--simulate", "no")["classes"]
    with open(os.path.join(TOP, "tests", "data", "tcmalloc-size-classes.tsv"), encoding="ascii") as file:
        rows = [line.split("\t") for line in file.read().split("\n") if line.startswith("48\t8192\t")]
    equal(len(classes["bins"]), 81, "classes")
    for one, row in zip(classes["bins"], rows):
        shown = [str(one["size"]), str(one["span"] // 8192), str(one["objects"]),
                 f"{100 * one['fixed_waste']:.2f}", f"{100 * one['increment']:.2f}"]
        equal(shown, row[2:], "a row of size_classes.cc")


def a_trace_may_be_called_what_it_likes():
    for name in ("m # ; x.kmt", " a \\s ; b ", "#c;", "ä\\n.kmt"):
        write(name, read(MIX))
        run("bins", name, "--simulate", "no", "--scenario", "odd.ini")
        run("run", "odd.ini", "--dry-run", "-o", "x.db")
        contains(read("odd.ini").decode(), "kind = trace")
        os.remove("odd.ini")
    write("a\nb", read(MIX))
    contains(run("bins", "a\nb", status=2).stderr, "a scenario cannot name this file")


def what_makes_no_sense_is_refused():
    few()
    write("varied.ini", FEW + "\n[sweep]\nmachine.cpus = 1 | 2\nobjects.bins = pow2 | linux\n")
    write("none.ini", FEW.replace("kind = synthetic", "kind = synthetic\ntarget = pages")
          .replace("sizes = weighted(10:0.2, 30:0.3, 50:0.1, 100:0.2, 130:0.1, 700:0.1)", "orders = fixed(0)"))
    write("text.txt", "hello\n")
    os.mkdir("folder")
    for arguments, fragment in (
            (["few.ini", "-k", "0"], "--bins: expected a count from 1 to 4096, not 0"),
            (["few.ini", "-k", "7"], "few.ini: expected a number of bins from 1 to 6"),
            (["few.ini", "-k", "x"], "--bins"),
            (["few.ini", "--max-bins", "0"], "--max-bins"),
            (["few.ini", "--max-size", "8"], "every request is for more than 8 B: no bin can hold it"),
            (["few.ini", "--max-size", "2GiB"], "--max-size: expected a size from 1 to 1 GiB"),
            (["few.ini", "--hold", "-1"], "--hold"),
            (["few.ini", "--quantum", "24"], "objects.quantum: expected a size that is a power of two"),
            (["few.ini", "--prefix", "8,x"], "--prefix: "),
            (["few.ini", "--prefix", "optimal:3"], "--prefix: expected a list"),
            (["few.ini", "--prefix", "8,16,24", "-k", "2"], "from 4 to"),
            (["few.ini", "--sets", "linux|jemaloc"], "did you mean “jemalloc”?"),
            (["few.ini", "--sets", "optimal:7"], "--sets: expected optimal:1 to optimal:6, which is how many"),
            (["few.ini", "--classes", "linx"], "did you mean “linux”?"),
            (["few.ini", "--weigh", "tim"], "did you mean “time”?"),
            (["few.ini", "--simulate", "some"], "--simulate: expected all, no or a share"),
            (["few.ini", "--simulate", "0%"], "--simulate"),
            (["few.ini", "--folds", "1"], "--folds"),
            (["few.ini", "--plot", "x.jpeg"], "--plot"),
            (["few.ini", "--bons", "2"], "did you mean “--bins”?"),
            (["varied.ini"], "varied.ini varies machine.cpus: choose one value with -s machine.cpus=VALUE"),
            (["none.ini"], "none.ini: expected requests for objects"),
            (["missing.ini"], "missing.ini"),
            (["missing.kmt"], "missing.kmt"),
            (["text.txt"], "text.txt"),
            (["folder"], "folder"),
            (["-"], "standard input")):
        result = run("bins", *arguments, status=2)
        contains(result.stderr, fragment)
        equal(result.stdout, "", f"standard output of {arguments}")
    lacks(" ".join(os.listdir(".")), "-bins.ini")
    run("bins", "varied.ini", "-s", "machine.cpus=2", "--simulate", "no")


def a_full_disk_is_said():
    result = run("bins", REPORT, "-o", "/dev/full", status=None)
    check(result.returncode in (2, 74), f"exit status {result.returncode}")
    contains(run("bins", REPORT, "--scenario", "no/such/folder.ini", status=74).stderr, "no/such/folder.ini")


main(the_chosen_set_is_compared_with_the_usual_ones, what_is_expected_of_requests_is_what_the_simulation_finds,
     what_is_expected_over_time_is_what_the_simulation_finds, page_requests_are_not_what_bins_are_measured_on, no_other_set_of_sizes_wastes_less,
     the_written_scenario_runs_the_chosen_set, a_scenario_that_someone_wrote_is_not_replaced, rules_are_kept,
     a_scenario_is_compared_with_its_own_set, a_study_is_drawn_again_from_the_database_alone, a_study_of_next_to_nothing_has_pictures_too,
     the_same_study_comes_out_of_any_number_of_workers, a_share_of_the_time_is_simulated,
     the_columns_of_tcmalloc_are_reproduced, a_trace_may_be_called_what_it_likes, what_makes_no_sense_is_refused, a_full_disk_is_said)
