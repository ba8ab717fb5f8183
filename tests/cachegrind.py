#!/usr/bin/env python3
"""cachegrind.py: the cache model misses when valgrind's cachegrind does.

SPDX-License-Identifier: Apache-2.0

Nicholas Nethercote's cachegrind has another implementation of the same model (LRU, write-allocate) and watches a real program; cache-walk.c is
one, and puts the same references to ours; what else it does is subtracted. For one CPU, so what is compared is sets, ways and LRU, not coherence.

    cachegrind.py CACHE-WALK VALGRIND
"""

import os
import subprocess
import sys
import tempfile

PATTERNS = ["24 KiB in order", "40 KiB in order", "12 lines of a set", "64 KiB at random", "2 MiB at random"]
GEOMETRY = ["--D1=32768,8,64", "--LL=1048576,16,64", "--I1=32768,8,64"]
STRAY = 2  # lines of the stack and of instructions that the walk drives out or brings in, of 400000 references


def cachegrind(program, valgrind, pattern, folder):
    """Misses of data reads of D1 and LL in all of the program."""
    out = os.path.join(folder, "out")
    done = subprocess.run(
        [valgrind, "--tool=cachegrind", "--cache-sim=yes", *GEOMETRY, f"--cachegrind-out-file={out}", program, "real", pattern],
        capture_output=True, text=True)
    if done.returncode != 0:
        print("1..0 # SKIP cachegrind does not work here")
        sys.exit(0)
    with open(out, encoding="utf-8") as file:
        words = {line.split()[0]: line.split()[1:] for line in file if line.startswith(("events:", "summary:"))}
    sums = dict(zip(words["events:"], map(int, words["summary:"])))
    return [sums["D1mr"], sums["DLmr"]]


def main():
    program, valgrind = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        without = cachegrind(program, valgrind, "-", folder)
        print(f"1..{len(PATTERNS)}")
        for pattern, name in enumerate(PATTERNS):
            whole = cachegrind(program, valgrind, str(pattern), folder)
            theirs = [whole[0] - without[0], whole[1] - without[1]]
            ours = list(map(int, subprocess.run([program, "model", str(pattern)], capture_output=True, text=True, check=True).stdout.split()))
            good = ours[0] > 0 and all(abs(a - b) <= STRAY for a, b in zip(ours, theirs))
            failed += not good
            print(f"{'ok' if good else 'not ok'} {pattern + 1} - {name}: misses of L1 and L2: {ours}, cachegrind {theirs}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
