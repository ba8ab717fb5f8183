#!/usr/bin/env python3
"""promela.py: explore counts as many schedules as an independent model has.

SPDX-License-Identifier: Apache-2.0

tests/promela/ has three small programs as Promela models, whose inequivalent schedules SPIN counts: its final states with different
histories of the locks. kmemlab explore, which reduces by sleep sets, must run exactly one schedule for each. Where SPIN is not installed, the
numbers that it gave are compared.
    promela.py PROGRAM SPIN CC        TAP on standard output; SPIN "": not installed
"""

import json
import os
import subprocess
import sys
import tempfile

folder = os.path.join(os.path.dirname(os.path.realpath(__file__)), "promela")
FORTH, BACK = "lock A, unlock A, lock B, unlock B", "lock B, unlock B, lock A, unlock A"
# model, what SPIN 6.5.2 counted, the same as programs of tasks
MODELS = (("two-tasks-one-lock", 4, ["lock A, unlock A"] * 2),
          ("three-tasks-one-lock", 36, ["lock A, unlock A"] * 3),
          ("two-tasks-two-locks", 7, [FORTH, BACK]))


def explored(program, tasks, path):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"[machine]\ncpus = {len(tasks)}\nram = 16MiB\nprofile = unit\n[lock A]\n[lock B]\n")
        for i, task in enumerate(tasks):
            file.write(f"[task T{i}]\ncpus = {i}\nprogram = {task}\n")
    done = subprocess.run([program, "explore", "--json", path], cwd=os.path.dirname(path), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def counted(spin, compiler, model, where):
    subprocess.run([spin, "-a", os.path.join(folder, model + ".pml")], cwd=where, check=True, capture_output=True)
    subprocess.run([compiler, "-O1", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"], cwd=where, check=True)
    out = subprocess.run(["./pan", "-w16"], cwd=where, check=True, capture_output=True, text=True).stdout
    assert "errors: 0" in out, out
    return len({line for line in out.splitlines() if line.startswith("final ")})


def main():
    program, spin, compiler = os.path.realpath(sys.argv[1]), sys.argv[2], sys.argv[3]
    failed = False
    print(f"1..{len(MODELS)}")
    for i, (model, known, tasks) in enumerate(MODELS, 1):
        with tempfile.TemporaryDirectory() as where:
            result = explored(program, tasks, os.path.join(where, "tasks.ini"))
            expected = counted(spin, compiler, model, where) if spin else known
        good = result["verdict"] == "none, exhausted" and result["schedules"] == expected == known
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {i} - {model}: {result['schedules']} schedules, "
              f"{expected} {'by SPIN' if spin else 'that SPIN once counted'}")
    return 1 if failed else 0


sys.exit(main())
