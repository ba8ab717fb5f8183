#!/usr/bin/env python3
"""same-bytes.py: several builds of kmemlab, one result.

SPDX-License-Identifier: Apache-2.0

Runs a few scenarios with each program and compares the whole result databases, byte for byte.
    same-bytes.py PROGRAM PROGRAM…        TAP on standard output
"""

import hashlib
import os
import subprocess
import sys
import tempfile

top = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
SCENARIOS = [
    ("which-bins", [os.path.join(top, "scenarios/bins/which-bins.ini"), "-s", "record.origins=yes"]),
    ("synthetic, all laws", [os.path.join(top, "tests/data/determinism.ini")]),
]


def digest(program, arguments):
    with tempfile.TemporaryDirectory() as folder:
        database = os.path.join(folder, "result.db")
        subprocess.run([program, "run", *arguments, "-o", database, "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        return hashlib.sha256(open(database, "rb").read()).hexdigest()


def main():
    programs = sys.argv[1:]
    failed = False
    print(f"1..{len(SCENARIOS)}")
    for number, (name, arguments) in enumerate(SCENARIOS, 1):
        digests = [digest(program, arguments) for program in programs]
        same = len(set(digests)) == 1
        failed |= not same
        print(f"{'ok' if same else 'not ok'} {number} - {name}: {len(programs)} builds, the same database")
        if not same:
            for program, value in zip(programs, digests):
                print(f"# {value}  {program}")
    return 1 if failed else 0


sys.exit(main())
