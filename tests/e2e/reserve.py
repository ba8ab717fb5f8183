#!/usr/bin/env python3
"""reserve.py: kmemlab reserve: sizes of emergency reserves, to the digit and as simulated (claim A31).

SPDX-License-Identifier: Apache-2.0
"""

from harness import check, contains, equal, main, run, run_json


def one_reserve_needs_88_objects_and_sixteen_need_192():
    document = run_json("reserve", "--rate", "1000000/s", "--holding", "64us", "--cpus", "16")
    equal(document["load"], 64, "load")
    equal([(d["reserve"], d["stashes"], d["size"], d["objects"]) for d in document["designs"]],
          [("shared", 1, 88, 88), ("per-cpu", 16, 12, 192)], "designs")
    for design in document["designs"]:
        check(design["erlang"] <= 1e-3, str(design))
        for law in ("fixed", "exponential", "skewed"):
            loss = design[law]
            check(abs(loss["share"] - design["erlang"]) <= 4 * loss["error"], f"{law}: {loss}")


def two_cpus_are_enough_for_a_stash_each():
    for n_cpus, expected in (("1", [("shared", 1)]), ("2", [("shared", 1), ("per-cpu", 2)])):
        document = run_json("reserve", "--rate", "1000000/s", "--holding", "64us", "--cpus", n_cpus, "--requests", "32000")
        equal([(d["reserve"], d["stashes"]) for d in document["designs"]], expected, n_cpus)


def bursts_on_one_cpu_find_its_stash_empty():
    document = run_json("reserve", "--rate", "1000000/s", "--holding", "64us", "--cpus", "16", "--burst", "32")
    shared, per_cpu = [design["bursts"]["share"] for design in document["designs"]]
    check(shared > 1e-3, f"shared: {shared}")
    check(abs(per_cpu - 20 / 32) < 0.05, f"a stash of 12 serves 12 of 32: {per_cpu}")


def the_same_seed_loses_the_same_requests():
    arguments = ("reserve", "--rate", "50000/s", "--holding", "200us", "--seed", "3")
    equal(run(*arguments).stdout, run(*arguments).stdout, "output")
    contains(run(*arguments).stdout, "Load: 10 objects")


def mistakes_are_told():
    for arguments, text in (((), "--rate and --holding are needed"),
                            (("--rate", "5"), "--holding are needed"),
                            (("--rate", "5", "--holding", "1us"), "--rate: "),
                            (("--rate", "5/s", "--holding", "0"), "--holding: expected a time above 0"),
                            (("--rate", "5/s", "--holding", "1us", "--target", "1"), "expected a probability"),
                            (("--rate", "5/s", "--holding", "1us", "--cpus", "0"), "--cpus"),
                            (("--rate", "1000000000000/s", "--holding", "1h"), "--holding"),
                            (("--rate", "1000000000000/s", "--holding", "1s"), "no emergency reserve"),
                            (("--rate", "5/s", "--holding", "1us", "x"), "one argument too many")):
        contains(run("reserve", *arguments, status=2).stderr, text)


main(one_reserve_needs_88_objects_and_sixteen_need_192, two_cpus_are_enough_for_a_stash_each, bursts_on_one_cpu_find_its_stash_empty,
     the_same_seed_loses_the_same_requests, mistakes_are_told)
