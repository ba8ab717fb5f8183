#!/usr/bin/env python3
"""compare.py: runs beside each other.

SPDX-License-Identifier: Apache-2.0
"""

import re
import statistics
import xml.etree.ElementTree

from harness import SMALL, check, contains, equal, main, read, run, run_json, write


def compare_marks_the_best_and_gives_differences():
    write("small.ini", SMALL)
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
    write("small.ini", SMALL)
    document = run_json("compare", "small.ini", "--vary", "machine.ram=8MiB,16MiB", "-s", "objects.bins=pow2")
    equal({one["values"]["machine.ram"] for one in document["compared"]}, {"8MiB", "16MiB"}, "values")


def compare_takes_all_values_of_a_key_at_once():
    write("small.ini", SMALL)
    contains(run("compare", "small.ini", "--vary", "machine.ram=8MiB,16MiB", "--vary", "machine.ram=32MiB", status=2).stderr,
             "--vary: there is a machine.ram already: put its values together")


def compare_compares_within_a_seed():
    write("small.ini", SMALL)
    document = run_json("compare", "small.ini", "--vary", "objects.bins=linux,pow2")
    seeds = {one["run_id"]: one["seed"] for one in document["compared"]}
    equal(len(set(seeds.values())), 2, "seeds")
    for one in document["compared"]:
        equal(seeds[one["baseline"]], one["seed"], "the seed of the baseline")


def compare_takes_repetitions_together():
    write("small.ini", SMALL)
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
    write("small.ini", SMALL)
    run("compare", "small.ini", "--vary", "objects.bins=pow2,linux", "--plot", "picture.svg")
    run("compare", "small.ini", "--vary", "objects.bins=pow2,linux", "--plot", "picture.pdf")
    check(read("picture.pdf").startswith(b"%PDF"), "a PDF")
    xml.etree.ElementTree.parse("picture.svg")
    run("compare", "--vary", "objects.bins=pow2,linux", "--plot", "small.ini")
    xml.etree.ElementTree.parse("small-compare.svg")


def compare_knows_its_metrics_and_keys():
    write("small.ini", SMALL)
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


main(compare_marks_the_best_and_gives_differences, compare_takes_commas_where_there_is_no_bar,
     compare_takes_all_values_of_a_key_at_once, compare_compares_within_a_seed, compare_takes_repetitions_together,
     compare_draws_a_picture, compare_knows_its_metrics_and_keys)
