#!/usr/bin/env python3
"""embed.py: text files as one C source, so that the program needs no file at run time.

SPDX-License-Identifier: Apache-2.0

    embed.py OUTPUT HEADER ARRAY FILE…        the array has {name without ending, text} of each, and ends with {NULL, NULL}
"""

import os
import sys


def quoted(text):
    """@text as C strings, one a line."""
    escapes = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("?"): "\\?"}
    escapes.update({byte: f"\\{byte:03o}" for byte in range(256) if byte not in escapes and not 32 <= byte < 127})
    lines = text.splitlines(keepends=True) or [b""]
    return "\n".join('      "' + "".join(escapes.get(byte, chr(byte)) for byte in line) + '"' for line in lines)


def main():
    output, header, array, *files = sys.argv[1:]
    names = sorted((os.path.splitext(os.path.basename(path))[0], path) for path in files)
    with open(output, "w", encoding="ascii") as c:
        c.write(f'#include "{header}"\n\nconst KmlEmbedded {array}[] = {{\n')
        for name, path in names:
            with open(path, "rb") as file:
                c.write(f'  {{ "{name}",\n{quoted(file.read())} }},\n')
        c.write("  { NULL, NULL },\n};\n")


main()
