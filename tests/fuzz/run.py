#!/usr/bin/env python3
"""run.py: lets libFuzzer loose on one target for a while.

SPDX-License-Identifier: Apache-2.0

    run.py PROGRAM TARGET CORPUS DICTIONARY SECONDS

What is found new goes to a scratch folder. A crash is kept as crash-… in the current folder, with how to repeat it. PROGRAM, kmemlab, makes the
seed of a database, which is too large to be carried and changes with the schema.
"""

import os
import subprocess
import sys
import tempfile

TINY = "[workload]\nkind = synthetic\noperations = 40\nlive = 10\narrivals = closed\n[record]\npoints = 2\nevents = all\n"


def main():
    program, target, corpus, dictionary, seconds = sys.argv[1:6]
    with tempfile.TemporaryDirectory() as scratch:
        found = os.path.join(scratch, "found")
        os.mkdir(found)
        command = [target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                   "-max_len=8192", "-close_fd_mask=0"]
        if os.path.exists(dictionary):
            command.append(f"-dict={dictionary}")
        command.append(found)
        if os.path.isdir(corpus):
            command.append(corpus)
        if target.endswith("fuzz-database"):
            seeds = make_database(program, scratch)
            command[command.index("-max_len=8192")] = "-max_len=1000000"
            command.append(seeds)
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace",
                                env=dict(os.environ, TMPDIR=scratch, ASAN_OPTIONS="quarantine_size_mb=8"))
    lines = result.stderr.rstrip("\n").split("\n")
    shown = lines if result.returncode else [line for line in lines if line.startswith(("stat::number", "Done"))]
    print("\n".join(shown))
    return result.returncode


def make_database(program, scratch):
    seeds = os.path.join(scratch, "seeds")
    os.mkdir(seeds)
    with open(os.path.join(scratch, "tiny.ini"), "w", encoding="utf-8") as scenario:
        scenario.write(TINY)
    subprocess.run([program, "run", "-q", os.path.join(scratch, "tiny.ini"), "-o", os.path.join(seeds, "tiny.db")],
                   check=True, stdout=subprocess.DEVNULL)
    return seeds


sys.exit(main())
