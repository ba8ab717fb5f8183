"""harness.py: what the end-to-end tests share.

SPDX-License-Identifier: Apache-2.0

A test is a function whose name is the sentence that it proves. Each gets a folder of its own to work in. The program is
run as a user would run it; nothing is known of its inside.

    SCRIPT.py PROGRAM FOLDER_OF_MODULES [TEST…]        TAP on standard output
"""

import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import traceback

PROGRAM = os.path.abspath(sys.argv[1])
MODULES = os.path.abspath(sys.argv[2])
ODD = os.path.join(MODULES, "odd.so")
TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TRACES = os.path.join(TOP, "tests", "data", "traces")
TIMEOUT = 60

# With AddressSanitizer a program looks for leaks when it ends, which is a third of the time of a short command: unit tests do that, and these, which together run
# every command.
LOOK_FOR_LEAKS = ("commands.py", "compare.py", "export.py", "help.py", "traces.py")
IS_SANITIZED = "ASAN_OPTIONS" in os.environ
if IS_SANITIZED and os.path.basename(sys.argv[0]) not in LOOK_FOR_LEAKS:
    os.environ["ASAN_OPTIONS"] += ":detect_leaks=0"

# Six runs of a few milliseconds.
SMALL = """\
[scenario]
title = A small test

[machine]
cpus = 2
ram = 16MiB

[workload web]
kind = synthetic
operations = 2000
arrivals = closed
live = 100
sizes = weighted(18:0.6, 64:0.4)

[sweep]
objects.bins = pow2 | linux | 8,24,40,64
repeat = 2
"""

# Runs that wait, for tests that interrupt them; needs the module odd.
SLOW = """\
[workload]
kind = slow
operations = 10
pause = 20

[sweep]
repeat = 8
"""

# Every second run dies; needs the module odd.
DYING = """\
[objects]
allocator = dying

[workload]
kind = slow
operations = 20

[sweep]
objects.after = 0 | 10
repeat = 2
"""

# A trace of a real kernel; the machine has the CPUs that it was recorded on.
REPLAY = """\
[machine]
cpus = 4
ram = 64MiB

[workload kernel]
kind = trace
file = report.txt
"""


class Skip(Exception):
    """The machine has not what the test needs."""


def only_figures():
    """What follows is about figures, pictures or the end of much work: where memory is watched, that takes long and shows nothing new."""
    if IS_SANITIZED:
        raise Skip("about figures")


class Failure(AssertionError):
    """Something is not as it should be."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(a, b, what):
    check(a == b, f"{what}: {a!r} is not {b!r}")


def contains(text, fragment):
    check(fragment in text, f"{fragment!r} is not in {text!r}")


def lacks(text, fragment):
    check(fragment not in text, f"{fragment!r} is in {text!r}")


def write(path, text):
    mode = "wb" if isinstance(text, bytes) else "w"
    with open(path, mode, **({} if mode == "wb" else {"encoding": "utf-8"})) as file:
        file.write(text)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def environment(**changes):
    """The user's environment, without what would change the output; None removes a variable."""
    result = {key: value for key, value in os.environ.items()
              if key not in ("NO_COLOR", "CLICOLOR_FORCE", "KML_UPDATE_GOLDEN")}
    for key, value in changes.items():
        result.pop(key, None)
        if value is not None:
            result[key] = value
    return result


def start(*arguments, **options):
    """A kmemlab that goes on in the background, as the leader of a group as a shell would start it."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([PROGRAM, *arguments], text=True, start_new_session=True, **options)


def run(*arguments, status=0, before=None, **options):
    """Runs kmemlab, which must end with this exit status, and returns it with .stdout and .stderr."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", environment())
    result = subprocess.run([*(before or []), PROGRAM, *arguments], text=True, timeout=TIMEOUT,
                            check=False, **options)
    if status is not None and result.returncode != status:
        raise Failure(f"kmemlab {' '.join(arguments)}: exit status {result.returncode}, not {status}\n"
                      f"stdout: {result.stdout}\nstderr: {result.stderr}")
    return result


def run_json(*arguments, **options):
    """The document that --json prints."""
    return json.loads(run(*arguments, "--json", **options).stdout)


def finish(process, status):
    """Waits for a process of start() and returns what it wrote."""
    out, err = process.communicate(timeout=TIMEOUT)
    equal(process.returncode, status, f"exit status (stderr: {err})")
    return out, err


def query(database, sql, *values):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def change(database, sql, *values):
    """As if kmemlab had stored it so: the checksums of the pages are right again."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(sql, values)
    connection.commit()
    connection.close()
    write(database, with_sums(read(database)))


def with_sums(data):
    """A database with the sums that analysis/database-pages.c describes at the end of each page."""
    size = int.from_bytes(data[16:18], "big")
    pages = []
    for at in range(0, len(data), size):
        page = data[at:at + size - 8]
        words = struct.unpack(f"<{len(page) // 4}I", page)
        s1 = s2 = 0
        for even, odd in zip(words[::2], words[1::2]):
            s1 = s1 + even + s2 & 0xffffffff
            s2 = s2 + odd + s1 & 0xffffffff
        pages.append(page + struct.pack("<2I", s1, s2))
    return b"".join(pages)


def wait_until(condition, what, process=None):
    """@process: one that must go on meanwhile."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        check(time.monotonic() < end, f"never happened: {what}")
        if process is not None and process.poll() is not None:
            raise Failure(f"ended before {what}: {process.communicate()}")
        time.sleep(0.01)


def children(pid):
    """The workers of a kmemlab."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError as error:
        raise Skip("no list of children in /proc") from error


def main(*tests):
    chosen = [test for test in tests if not sys.argv[3:] or test.__name__ in sys.argv[3:]]
    failed = 0
    print(f"1..{len(chosen)}")
    for number, test in enumerate(chosen, 1):
        name = test.__name__.replace("_", " ")
        home = os.getcwd()
        with tempfile.TemporaryDirectory(prefix="kmemlab-e2e-") as folder, \
                tempfile.TemporaryDirectory(prefix="kmemlab-e2e-state-") as state:
            os.environ["XDG_STATE_HOME"] = state
            os.chdir(folder)
            try:
                test()
                print(f"ok {number} - {name}")
            except Skip as reason:
                print(f"ok {number} - {name} # SKIP {reason}")
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                text = str(error) if isinstance(error, Failure) else traceback.format_exc()
                print(f"not ok {number} - {name}")
                print("\n".join("# " + line for line in text.splitlines()))
            finally:
                os.chdir(home)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
