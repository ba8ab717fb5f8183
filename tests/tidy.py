#!/usr/bin/env python3
"""tidy.py: what a machine can say of the sources, so that a reviewer need not.

SPDX-License-Identifier: Apache-2.0

Each rule is a function that yields "file:line: what is wrong"; the sentence under its name is the rule.
    tidy.py [SOURCE_FOLDER]        TAP on standard output
"""

import os
import re
import shutil
import subprocess
import sys

top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
FOLDERS = ["simcore", "allocators", "devices", "workloads", "analysis", "scenarios", "cli", "tests"]

# Which folders a folder may include from: the arrows of ARCHITECTURE.md.
ARROWS = {
    "simcore": {"simcore"},
    "allocators": {"simcore", "allocators"},
    "devices": {"simcore", "devices"},
    "workloads": {"simcore", "workloads"},
    "analysis": {"simcore", "analysis"},
    "scenarios": {"simcore", "workloads", "analysis", "scenarios"},
    "cli": {"simcore", "workloads", "analysis", "scenarios", "cli"},
    "tests": set(FOLDERS),
}

# The rooms of a folder, from the ground up: one may include from those below it, and from the folder itself, which has what all of them share or stands on all of them.
ROOMS = {
    "simcore": ["base", "memory", "caches", "tasks", "locks", "devices", "pages", "incidents", "objects", "recording", "replay"],
    "workloads": ["traces", "formats", "programs"],
}

# Calls that make a run depend on the host, or that have a safer sister, and what to use instead.
BANNED = {
    r"\b(rand|srand|random|drand48|g_random_\w+|g_rand_\w+)": "kml_rng_next() of a named stream",
    r"\b(sprintf|strcpy|strcat|gets|strtok)": "g_snprintf, g_strlcpy, GString",
    r"\b(atoi|atol|atof|strtod)": "kml_parse_count(), kml_parse_real()",
    r"\bsetlocale": "nothing: output is in the C locale",
}
BANNED_IN_MODEL = {
    r"\b(gettimeofday|clock_gettime|g_get_real_time|g_get_monotonic_time|time)": "simulated time",
    r"\b(getenv|g_getenv)": "a parameter",
    r"\b(exp|log|pow|sin|cos|log2|log10|exp2)": "integers: libm differs in the last bit",
    r"\bg_hash_table_(iter|foreach)\w*": "an array beside the table, or sorted keys",
    r"\bqsort": "g_array_sort(), which is stable",
}


def files(*suffixes, folders=FOLDERS):
    for folder in folders:
        for path, _, names in sorted(os.walk(os.path.join(top, folder))):
            for name in sorted(names):
                if name.endswith(suffixes):
                    full = os.path.join(path, name)
                    yield folder, os.path.relpath(full, top), open(full, encoding="utf-8").read()


def code_lines(text):
    """Lines without comments and strings, numbered from 1."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"', blank, text, flags=re.S)
    return enumerate(text.split("\n"), 1)


def includes_follow_the_arrows():
    for folder, name, text in files(".c", ".h"):
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r'#include "([a-z]+)/', line)
            if match and match.group(1) in FOLDERS and match.group(1) not in ARROWS[folder]:
                yield f"{name}:{number}: {folder} may not include from {match.group(1)}"
            if folder in ("allocators", "devices") and match and match.group(1) == folder:
                own = re.split(r"[-.]", os.path.basename(name))[0]
                owner = re.match(rf'#include "{folder}/(\w+)', line).group(1)
                if owner != own and os.path.exists(os.path.join(top, folder, owner + ".c")):
                    yield f"{name}:{number}: one of {folder} includes its own pieces ({own}-*.h) and nobody's, not {owner}'s"
        if folder == "simcore":
            for number, line in enumerate(text.split("\n"), 1):
                if re.match(r"#include <(sqlite3|gio/|stdio|fcntl)", line):
                    yield f"{name}:{number}: the machine knows no files and no database"


def includes_go_down():
    for folder, name, text in files(".c", ".h", folders=ROOMS):
        parts = name.split("/")
        if len(parts) < 3:
            continue
        if parts[1] not in ROOMS[folder]:
            yield f"{name}:1: {parts[1]} is none of the rooms of {folder}: {', '.join(ROOMS[folder])}"
            continue
        above = ROOMS[folder][ROOMS[folder].index(parts[1]) + 1:]
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(rf'#include "{folder}/([a-z]+)/', line)
            if match and match.group(1) in above:
                yield f"{name}:{number}: {parts[1]} lies below {match.group(1)}, and may not include from it"


def no_banned_call():
    for folder, name, text in files(".c", ".h"):
        rules = dict(BANNED)
        if folder in ("simcore", "allocators", "devices", "workloads"):
            rules.update(BANNED_IN_MODEL)
        if folder == "tests":
            rules = {}
        for number, line in code_lines(text):
            for pattern, instead in rules.items():
                if re.search(pattern + r"\s*\(", line):
                    yield f"{name}:{number}: {line.strip()} — use {instead}"


def nothing_is_left_for_later():
    for _, name, text in files(".c", ".h", ".build", ".py"):
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"\b(TODO|" r"FIXME|" r"XXX|" r"HACK)\b", line) and name != "tests/tidy.py":
                yield f"{name}:{number}: {line.strip()}"


def every_source_says_what_it_is():
    for _, name, text in files(".c", ".h", ".py"):
        head = text[:1500]
        if "SPDX-License-Identifier: Apache-2.0" not in head:
            yield f"{name}:1: no SPDX line in its head"
        if name.endswith((".c", ".h")) and not re.match(r"/\* " + re.escape(os.path.basename(name)) + ":", head):
            yield f"{name}:1: the head begins with /* {os.path.basename(name)}: and one line what it is"


def headers_are_guarded():
    for _, name, text in files(".h"):
        if "#pragma once" not in text:
            yield f"{name}:1: no #pragma once"


def first_include(text):
    found = re.search(r'^#include [<"]([^>"]+)[>"]', text, re.M)
    return found and found.group(1)


def headers_can_be_included_alone():
    """Most of them are what some file includes first, so that its compilation tells. The others are compiled here."""
    told = {first_include(text) for _, _, text in files(".c", ".h")}
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0", "json-glib-1.0", "sqlite3", "check"], capture_output=True, text=True)
    for _, name, _ in files(".h", folders=[folder for folder in FOLDERS if folder != "tests"]):
        if name in told:
            continue
        result = subprocess.run(["cc", "-std=gnu17", "-fsyntax-only", "-I", top, *flags.stdout.split(), "-include", name, "-x", "c", "-"],
                                input="", capture_output=True, text=True)
        for line in result.stderr.split("\n"):
            if ": error: " in line:
                yield line


def no_path_of_a_machine():
    listing = subprocess.run(["git", "-C", top, "ls-files"], capture_output=True, text=True)
    for name in listing.stdout.split("\n"):
        path = os.path.join(top, name)
        if not name or not os.path.isfile(path) or os.path.getsize(path) > 1 << 20:
            continue
        text = open(path, encoding="utf-8", errors="replace").read()
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"(^|[\s\"'=(])/(home|root|work)/", line) and name != "tests/tidy.py":
                yield f"{name}:{number}: a path of one machine"


def documents_have_one_title():
    for name in sorted(os.listdir(top)) + ["docs/" + n for n in sorted(os.listdir(os.path.join(top, "docs")))]:
        if name.endswith(".md"):
            text = open(os.path.join(top, name), encoding="utf-8").read()
            prose = re.sub(r"```.*?```", "", text, flags=re.S)
            titles = re.findall(r"^# ", prose, flags=re.M)
            if len(titles) != 1:
                yield f"{name}:1: {len(titles)} titles (# …), expected one"


def layout_is_clang_format_s():
    program = shutil.which("clang-format")
    if not program:
        return
    paths = [os.path.join(top, name) for _, name, _ in files(".c", ".h")]
    result = subprocess.run([program, "--dry-run", "--Werror", *paths], capture_output=True, text=True)
    told = set()
    for line in result.stderr.split("\n"):
        place = line.split(": error:")
        if len(place) == 2 and place[0].split(":")[0] not in told:
            told.add(place[0].split(":")[0])
            yield line.replace(os.path.realpath(top) + "/", "")


RULES = [includes_follow_the_arrows, includes_go_down, no_banned_call, nothing_is_left_for_later, every_source_says_what_it_is,
         headers_are_guarded, headers_can_be_included_alone, no_path_of_a_machine, documents_have_one_title, layout_is_clang_format_s]


def main():
    failed = 0
    print(f"1..{len(RULES)}")
    for number, rule in enumerate(RULES, 1):
        complaints = list(rule())
        failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {number} - {rule.__name__}")
        for complaint in complaints[:40]:
            print(f"# {complaint}")
    return 1 if failed else 0


sys.exit(main())
