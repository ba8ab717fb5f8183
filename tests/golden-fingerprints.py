#!/usr/bin/env python3
"""golden-fingerprints.py: runs give the fingerprints that they gave before.

SPDX-License-Identifier: Apache-2.0

Runs the scenarios below and compares run by run with tests/golden/fingerprints.txt. A change of the model changes
lines there: KML_UPDATE_GOLDEN=1 rewrites the file, and the diff is reviewed.
    golden-fingerprints.py PROGRAM        TAP on standard output
"""

import json
import os
import subprocess
import sys
import tempfile

top = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
golden = os.path.join(top, "tests/golden/fingerprints.txt")
SCENARIOS = ["tests/data/determinism.ini", "scenarios/bins/which-bins.ini", "scenarios/slabs/what-cpus-keep.ini"]


def measured(program):
    lines = []
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run(
                [program, "run", os.path.join(top, scenario), "-o", os.path.join(folder, "x.db"), "--json"],
                capture_output=True, text=True, check=False)
            if result.returncode not in (0, 1):
                raise SystemExit(f"{scenario}: exit {result.returncode}: {result.stderr}")
            for run in json.loads(result.stdout)["runs"]:
                lines.append(f"{scenario} run {run['run_id']} bins {run['params']['objects.bins']} "
                             f"seed {run['seed']} {run['fingerprint']}")
    return lines


def main():
    lines = measured(sys.argv[1])
    print("1..1")
    if os.environ.get("KML_UPDATE_GOLDEN"):
        with open(golden, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        print("ok 1 - golden fingerprints rewritten")
        return 0
    expected = open(golden, encoding="utf-8").read().split("\n")[:-1]
    if lines == expected:
        print(f"ok 1 - {len(lines)} runs have their golden fingerprints")
        return 0
    print("not ok 1 - fingerprints differ; if results were meant to change: KML_UPDATE_GOLDEN=1")
    for line in sorted(set(expected) - set(lines)):
        print(f"# - {line}")
    for line in sorted(set(lines) - set(expected)):
        print(f"# + {line}")
    return 1


sys.exit(main())
