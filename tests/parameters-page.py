#!/usr/bin/env python3
"""parameters-page.py: docs/parameters.md is what the program says.

SPDX-License-Identifier: Apache-2.0

    parameters-page.py PROGRAM            TAP on standard output
    KML_UPDATE_GOLDEN=1 …                 writes the page anew
"""

import difflib
import os
import subprocess
import sys

PAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "docs", "parameters.md")


def main():
    said = subprocess.run([sys.argv[1], "list", "keys", "--markdown"], check=True, capture_output=True).stdout.decode()
    if os.environ.get("KML_UPDATE_GOLDEN"):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(said)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    same = page == said
    print(f"1..1\n{'ok' if same else 'not ok'} 1 - docs/parameters.md is what the program says")
    if not same:
        print("# KML_UPDATE_GOLDEN=1 and this test write it anew:")
        for line in difflib.unified_diff(page.split("\n"), said.split("\n"), "docs/parameters.md", "list keys", n=0,
                                         lineterm=""):
            print("# " + line)
    return 0 if same else 1


sys.exit(main())
