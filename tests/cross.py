#!/usr/bin/env python3
"""cross.py: the switch of stacks is right on every processor that it is written for, and without assembly.

SPDX-License-Identifier: Apache-2.0

simcore/base/coroutine.c and tests/cross/coroutine-check.c are compiled alone, with as much of GLib as they need (tests/cross/glib.h): for this
processor, and for aarch64, whose program qemu-aarch64 runs; each in assembly and with swapcontext(). What is not installed is skipped.

    cross.py CC SOURCE_ROOT        TAP on standard output
"""

import os
import shutil
import subprocess
import sys
import tempfile

cc, root = sys.argv[1], sys.argv[2]
cross_cc, qemu = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
TARGETS = (("this processor", cc, [], True), ("aarch64", cross_cc, [qemu], cross_cc and qemu))
WAYS = (("as it is", []), ("by swapcontext", ["-DKML_UCONTEXT"]))


def works(compiler, run, flags, level):
    """None, or what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "check")
        command = [compiler, level, "-std=gnu17", "-Wall", "-Wextra", "-Werror", *flags, f"-I{root}/tests/cross", f"-I{root}", *(["-static"] if run else []),
                   f"{root}/tests/cross/coroutine-check.c", f"{root}/simcore/base/coroutine.c", "-o", program]
        for step in (command, [*run, program]):
            done = subprocess.run(step, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                return f"{' '.join(step)}: {done.returncode}: {done.stderr}"
        return None


failed = False
print(f"1..{len(TARGETS) * len(WAYS)}")
for i, (target, compiler, run, there) in enumerate(TARGETS):
    for j, (way, flags) in enumerate(WAYS):
        name = f"{i * len(WAYS) + j + 1} - stacks are switched on {target}, {way}"
        wrong = [text for level in ("-O0", "-O2") if there and (text := works(compiler, run, flags, level))]
        print(f"{'not ok' if wrong else 'ok'} {name}{'' if there else ' # SKIP aarch64-linux-gnu-gcc or qemu-aarch64 is not installed'}")
        for text in wrong:
            print("#", text.replace("\n", "\n# "))
        failed = failed or bool(wrong)
sys.exit(failed)
