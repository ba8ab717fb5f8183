#!/usr/bin/env python3
"""same-everywhere.py: the same scenario and seed give the same run, wherever and however it is run.

SPDX-License-Identifier: Apache-2.0
"""

import os
import shutil
import subprocess

from harness import (SMALL, Skip, environment, equal, main, read, run, run_json, write)


def fingerprints(*arguments, **options):
    """Of a run into a database of its own."""
    if os.path.exists("x.db"):
        os.remove("x.db")
    document = run_json("run", "small.ini", "-o", "x.db", *arguments, **options)
    return [one["fingerprint"] for one in document["runs"]]


def expect_the_same(*arguments, **options):
    write("small.ini", SMALL)
    expected = fingerprints()
    equal(fingerprints(*arguments, **options), expected, "fingerprints")


def twice_is_the_same():
    expect_the_same()


def the_locale_does_not_matter():
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    names = [name for name in known if name.lower() in ("c.utf8", "posix", "de_de.utf8", "tr_tr.utf8")]
    for name in names:
        expect_the_same(env=environment(LC_ALL=name, LANG=name))


def the_locale_does_not_matter_to_what_is_printed():
    write("small.ini", SMALL)
    one = run("run", "small.ini", "-o", "a.db", env=environment(LC_ALL="C")).stdout
    other = run("run", "small.ini", "-o", "b.db", env=environment(LC_ALL="de_DE.UTF-8")).stdout
    equal(one, other, "the table")


def the_time_zone_does_not_matter():
    expect_the_same(env=environment(TZ="Pacific/Kiritimati"))


def the_size_of_the_environment_does_not_matter():
    expect_the_same(env=environment(PADDING="x" * 100001))


def an_empty_environment_does_not_matter():
    expect_the_same(env={})


def the_folder_does_not_matter():
    write("small.ini", SMALL)
    expected = fingerprints()
    os.mkdir("other")
    document = run_json("run", os.path.abspath("small.ini"), cwd="other")
    equal([one["fingerprint"] for one in document["runs"]], expected, "fingerprints")


def the_layout_of_memory_does_not_matter():
    setarch = shutil.which("setarch")
    if setarch is None or subprocess.run([setarch, "-R", "true"], check=False,
                                         stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no setarch -R")
    expect_the_same(before=[setarch, "-R"])


def checking_does_not_matter():
    expect_the_same("--check=every-event")


def what_is_recorded_does_not_matter():
    expect_the_same("-s", "record.events=all", "-s", "record.pagemap=yes", "-s", "record.latency=no", "-s",
                    "record.origins=yes")


def the_number_of_workers_does_not_change_a_byte():
    write("small.ini", SMALL)
    for jobs in ("1", "2", "7"):
        run("run", "small.ini", "-s", "record.events=all", "-s", "record.origins=yes", "--jobs", jobs, "-o", f"{jobs}.db")
    equal(read("2.db") == read("1.db"), True, "--jobs 2 gives the same bytes as --jobs 1")
    equal(read("7.db") == read("1.db"), True, "--jobs 7 gives the same bytes as --jobs 1")


def another_value_of_the_sweep_changes_no_other_run():
    write("small.ini", SMALL)
    expected = fingerprints()
    more = SMALL.replace("pow2 | linux", "pow2 | geometric:4 | linux")
    write("small.ini", more)
    found = fingerprints()
    equal(found[:2] + found[4:], expected, "fingerprints of the others")


def the_seed_matters():
    write("small.ini", SMALL)
    equal(set(fingerprints()).isdisjoint(fingerprints("--seed", "77")), True, "all differ")


main(twice_is_the_same, the_locale_does_not_matter, the_locale_does_not_matter_to_what_is_printed,
     the_time_zone_does_not_matter, the_size_of_the_environment_does_not_matter,
     an_empty_environment_does_not_matter, the_folder_does_not_matter,
     the_layout_of_memory_does_not_matter, checking_does_not_matter,
     what_is_recorded_does_not_matter, the_number_of_workers_does_not_change_a_byte,
     another_value_of_the_sweep_changes_no_other_run, the_seed_matters)
