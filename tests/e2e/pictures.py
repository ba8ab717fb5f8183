#!/usr/bin/env python3
"""pictures.py: what kmemlab draws can be read: no text lies on another, and terminals of 80 by 24 characters show it all.

SPDX-License-Identifier: Apache-2.0
"""

import html
import math
import os
import re
import signal
import subprocess

from harness import SMALL, check, children, contains, environment, equal, finish, main, only_figures, query, read, run, run_json, start, wait_until, write

TITLE = "Which of these bins wastes least, of all that this title, which is as wide as the picture, tells of?"

# Sizes of many powers of two.
WIDE = f"""\
[scenario]
title = {TITLE}

[machine]
ram = 256MiB

[workload web]
kind = synthetic
operations = 3000
arrivals = periodic(10us)
lifetimes = exponential(1ms)
sizes = loguniform(1,4194304)
"""

TEXT = re.compile(r'<g transform="translate\(([-0-9.]+),([-0-9.]+)\)(?: rotate\(([-0-9.]+)\))?"[^>]*font-size="([0-9.]+)"'
                  r'\s*(?:text-anchor="(\w+)")?[^>]*>\s*<text[^>]*>(.*?)</text>', re.DOTALL)


def width_of(text, size):
    """About, in a font like Arial, with some space around it."""
    return size * (sum(0.56 if one.isdigit() or one.isupper() else 0.46 for one in text) + 0.3)


def texts(path):
    """What is written in an SVG: (text, left, top, right, bottom). Widths are estimates, and there is some space around a
    text; a turned one is a row of small boxes."""
    found = []
    for x, y, angle, size, anchor, text in TEXT.findall(read(path).decode()):
        text = html.unescape(re.sub(r"<[^>]*>", "", text)).strip()
        x, y, size, turn = float(x), float(y), float(size), math.radians(float(angle or 0))
        width = width_of(text, size)
        above, below = (-0.75, 0.05) if re.fullmatch("[-0-9.]+", text) else (-1.0, 0.35)
        start = {"end": -width, "middle": -width / 2}.get(anchor, 0)
        for i in range(len(text)) if turn else range(1 if text else 0):
            left = start + (i * width / len(text) if turn else 0)
            right = left + width / (len(text) if turn else 1)
            corners = [(x + a * math.cos(turn) - b * math.sin(turn), y + a * math.sin(turn) + b * math.cos(turn))
                       for a in (left, right) for b in (above * size, below * size)]
            found.append((text, min(a for a, _ in corners), min(b for _, b in corners), max(a for a, _ in corners),
                          max(b for _, b in corners)))
    return found


def is_legible(path, width=960, height=600):
    all_texts = texts(path)
    check(len(all_texts) > 5, f"{path} has texts")
    for i, (text, left, top, right, bottom) in enumerate(all_texts):
        check(left >= 0 and top >= 0 and right <= width and bottom <= height, f"{path}: “{text}” is cut off")
        for other, left2, top2, right2, bottom2 in all_texts[:i]:
            check(text == other or left >= right2 or left2 >= right or top >= bottom2 or top2 >= bottom,
                  f"{path}: “{text}” lies on “{other}”")


def drawn(database, kind, *arguments):
    run("plot", database, kind, "-o", f"{kind}.svg", *arguments)
    return f"{kind}.svg"


def on_terminal(database, kind, *arguments):
    lines = run("plot", database, kind, "--format", "terminal", "--width", "80", "--height", "24", *arguments).stdout.split("\n")
    check(len(lines) <= 25 and max(len(line) for line in lines) <= 80, f"{kind}: {len(lines)} lines")
    return "\n".join(lines)


def classes_show_what_goes_to_whole_pages():
    write("wide.ini", WIDE)
    run("bins", "wide.ini", "-k", "6", "--hold", "1KiB", "--max-size", "64KiB", "--simulate", "no", "-o", "wide.db", "-q")
    is_legible(drawn("wide.db", "bins-classes", "--keep", "kept"))
    rows = [line.split("\t") for line in read("kept/bins-classes-bins.tsv").decode().split("\n")[1:-1]]
    equal([row[4] for row in rows], ["0"] * 6 + ["1"], "which row is of whole pages")
    classes = run_json("bins", "wide.ini", "-k", "6", "--hold", "1KiB", "--max-size", "64KiB", "--simulate", "no")
    waste = 100 * classes["sets"][0]["with_tails"]
    check(abs(sum(float(row[1]) + float(row[2]) for row in rows) - waste) < 1e-6, "the bars add up to the waste")


SETS = ["pow2", "linux", "geometric:4", "8,24,40,64,96,128,256,512,1024", "optimal:8", "geometric:64", "tcmalloc"]


def runs_of_many_sets():
    write("sets.ini", WIDE.replace("4194304", "4096") + "\n[record]\npagemap = yes\n\n[sweep]\nobjects.bins = " + " | ".join(SETS) + "\n")
    run("run", "sets.ini", "-o", "sets.db", "-q")


def names_of_runs_do_not_lie_on_each_other():
    only_figures()
    runs_of_many_sets()
    is_legible(drawn("sets.db", "worst-case"))
    text = on_terminal("sets.db", "worst-case")
    for i, name in enumerate(SETS):
        contains(text, f"{i + 1}: {name[:20]}")


def labels_are_of_what_was_varied_and_not_of_what_came_with_it():
    write("sets.ini", WIDE.replace("4194304", "4096"))
    run("compare", "sets.ini", "--vary", "objects.allocator=slab,tlsf,best-fit", "-o", "three.db", "-q")
    run("plot", "three.db", "bins", "--keep", "kept")
    script = read("kept/bins.gp").decode()
    contains(script, "VARIED = 'objects.allocator'\n")
    contains(script, "array LABEL[3] = ['slab', 'tlsf', 'best-fit']\n")
    run("plot", "three.db", "internal", "--run", "2", "--keep", "kept")
    contains(read("kept/internal.gp").decode(), "run 2: objects.allocator = tlsf'")
    run("compare", "sets.ini", "--vary", "objects.allocator=slab,segregated", "--vary", "objects.bins=pow2,linux", "-o", "four.db", "-q")
    run("plot", "four.db", "bins", "--keep", "kept")
    contains(read("kept/bins.gp").decode(), "array LABEL[4] = ['slab, pow2', 'slab, linux', 'segregated, pow2', 'segregated, linux']\n")


Y_AXES = {"internal": "internal fragmentation (% of held bytes)", "latency": "share that takes longer", "pagemap": "address (MiB)",
          "free-blocks": "free memory (MiB)", "worst-case": "longest in process (ns)", "external": "free memory unusable for order 9 (%)",
          "waste": "waste of all requests up to a size (KiB)", "bins-curve": "waste inside blocks (%)", "bins-validation": "waste (%)",
          "bins-classes": "share of the bytes asked for (%)"}


def a_terminal_of_80_by_24_characters_shows_it_all():
    runs_of_many_sets()
    run("bins", "sets.ini", "-s", "sweep.objects.bins=linux", "--simulate", "no", "-o", "sets.db", "-q")
    shown = {kind: on_terminal("sets.db", kind, "--keep", "kept") for kind in Y_AXES}
    for kind, name in Y_AXES.items():
        check(shown[kind].split("\n")[1].startswith(name), f"{kind}: its y axis is called {name}:\n{shown[kind]}")
    contains(shown["pagemap"], ".:-=+*#%@ to all")
    rows = [line.split("\t") for line in read("kept/pagemap-cells.tsv").decode().split("\n")[1:-1]]
    top = max(float(row[1]) for row in rows)
    equal(len(shown["pagemap"].split("\n")[2].split("+")[-1].replace(" ", "")),
          sum(float(row[1]) == top and float(row[2]) > 0 for row in rows), "cells in the highest row that are not blank")
    signs = re.findall(r"to order (\d+)   (\S)", shown["free-blocks"])
    check(len(signs) > 5 and len({sign for _, sign in signs}) == len(signs), f"a sign for each order: {signs}")
    contains(shown["bins-curve"].split("over it: knee")[0], "K")
    check(re.search("half 1 +half 2 +piece 1 +piece 2 ", shown["bins-validation"]), shown["bins-validation"])


def a_small_terminal_has_the_whole_legend_below_the_plot():
    write("small.ini", SMALL)
    run("run", "small.ini", "-q")
    for width in ("40", "60"):
        text = run("plot", "small.db", "latency", "--format", "terminal", "--width", width, "--height", "12").stdout
        plot, legend = text.split("latency of alloc")
        names = "pow2|linux|8,24,40,64"
        equal((re.findall(names, plot), sorted(re.findall(names, legend))), ([], sorted(names.split("|"))), f"names of settings:\n{text}")


def long_names_do_not_lie_on_each_other_on_a_narrow_terminal():
    one, two = "the-lock-that-is-taken-first-of-all", "the-lock-that-is-taken-as-the-second"
    tasks = ("a-task-with-a-name-that-goes-on", "another-one-with-an-even-longer-one")
    write("long.ini", "[machine]\ncpus = 2\nram = 16MiB\n" + "".join(f"[lock {lock}]\n" for lock in (one, two)) +
          "".join(f"[task {task}]\ncpus = {cpu}\nprogram = lock {a}, work 1us, lock {b}, unlock {b}, unlock {a}\n"
                  for cpu, (task, a, b) in enumerate(zip(tasks, (one, two), (two, one)))))
    run("run", "long.ini", "-q", status=None)
    for width in (40, 60, 80):
        for kind in ("waits", "lanes"):
            text = run("plot", "long.db", kind, "--format", "terminal", "--width", str(width), "--height", "24").stdout
            for name in (one, two, *tasks):
                check(re.search(name[:8] + "[-a-z]*…", text), f"{name} in {kind} of {width} characters:\n{text}")
        equal(text.count("! waits for the"), 2, f"waits in {width} characters:\n{text}")


def a_wide_picture_is_as_legible_as_any():
    only_figures()
    runs_of_many_sets()
    for kind in ("internal", "latency", "bins"):
        is_legible(drawn("sets.db", kind, "--width", "2000", "--height", "400"), 2000, 400)


def on_paper_letters_have_7_to_9_points():
    only_figures()
    runs_of_many_sets()
    for size, width in (("column", 321), ("page", 673)):
        for kind in ("internal", "latency", "bins", "worst-case"):
            picture = drawn("sets.db", kind, "--size", size)
            height = int(re.search(f'width="{width}" height="([0-9]+)"', read(picture).decode()).group(1))
            is_legible(picture, width, height)
            sizes = {float(points) * 0.75 for *_, points, _, text in TEXT.findall(read(picture).decode()) if text.strip()}
            check(7 <= min(sizes) <= max(sizes) <= 9, f"{kind} for a {size}: letters of {sizes} points")
            check(TITLE[:20] not in read(picture).decode(), "the title is in the text and not in the picture")
    contains(run("plot", "sets.db", "internal", "--size", "85x60mm").stderr, f"For the caption: {TITLE} sets.ini, runs 1–7.")
    check(read("sets-internal.svg").decode().find('width="321" height="227"') > 0, "85 mm by 60")
    for size in ("85", "x60mm", "0mm", "85x0mm", "59mm", "5000mm"):
        run("plot", "sets.db", "internal", "--size", size, status=2)
    run("plot", "sets.db", "internal", "--size", "column", "--width", "300", status=2)
    run("plot", "sets.db", "internal", "--size", "column", "--format", "terminal", status=2)


def ends_of_lifetimes_are_apart():
    only_figures()
    write("life.ini", WIDE.replace("4194304", "4096") + "\n[record]\norigins = yes\n\n[sweep]\nobjects.bins = " + " | ".join(SETS) + "\n")
    run("run", "life.ini", "-o", "life.db", "-q")
    is_legible(drawn("life.db", "waste-by-lifetime"))
    text = run("plot", "life.db", "waste-by-lifetime", "--format", "terminal", "--width", "60", "--height", "24").stdout
    contains(text, " 10 ms ")
    check(not re.search("s[0-9]", text.split("lifetime of a block")[0]), f"ends are apart:\n{text}")


# Cuneiform is in hardly any font; where one has it, it is drawn.
def a_character_that_no_font_has_is_a_question_mark_in_pixels():
    write("sign.ini", WIDE.replace("Which of these", "µ – \U00012000"))
    run("run", "sign.ini", "-o", "sign.db", "-q")
    fonts = subprocess.run(["fc-list", ":charset=12000", "family"], stdout=subprocess.PIPE, check=False).stdout
    for ending, sign in (("svg", "\U00012000"), ("png", "\U00012000" if fonts else "?"), ("pdf", "\U00012000" if fonts else "?")):
        run("plot", "sign.db", "internal", "-o", f"sign.{ending}", "--keep", "kept")
        contains(read("kept/internal.gp").decode(), f"TITLE = 'µ – {sign} bins wastes least")


def repetitions_do_not_push_settings_out_of_a_picture():
    only_figures()
    write("often.ini", WIDE.replace("4194304", "4096").replace("3000", "500") + "\n[sweep]\nobjects.bins = pow2 | linux | geometric:4\nrepeat = 3\n[record]\norigins = yes\n")
    run("run", "often.ini", "-o", "often.db", "-q")
    run("plot", "often.db", "waste-by-lifetime", "--keep", "kept")
    script = read("kept/waste-by-lifetime.gp").decode()
    for name in ("pow2", "linux", "geometric:4"):
        equal(re.search("^array LABEL.*", script, re.M).group().count(f"'{name} (run "), 2, f"bars of {name}")
    contains(script, "runs 1–2, 4–5, 7–8 (of 9; others with --run)")
    legend = on_terminal("often.db", "waste-by-lifetime").split("lifetime of a block")[1]
    check(not re.search(r"[*#$%@&=]{2}[0-9a-z]", legend), f"entries of the legend are apart:\n{legend}")


def bars_are_means_of_repetitions():
    for times in ("scenario.seed = 3..7", "repeat = 5"):
        write("often.ini", WIDE.replace("4194304", "4096").replace("3000", "500") + f"\n[sweep]\nobjects.bins = pow2 | linux\n{times}\n")
        os.path.exists("often.db") and os.remove("often.db")
        run("run", "often.ini", "-o", "often.db", "-q")
        run("plot", "often.db", "bins", "--keep", "kept")
        contains(read("kept/bins.gp").decode(), "array LABEL[2] = ['pow2', 'linux']\n")
        rows = {row[1]: row for row in (line.split("\t") for line in read("kept/bins-bars.tsv").decode().split("\n")[1:-1])}
        for name, first in (("pow2", 1), ("linux", 6)):
            values = [100 * value for (value,) in query("often.db", "SELECT value FROM metrics WHERE name = 'frag.internal.mean' "
                                                        f"AND run_id BETWEEN {first} AND {first + 4}")]
            shown = [float(rows[name][i]) for i in (2, 5, 6)]
            check(all(abs(a - b) < 1e-6 for a, b in zip(shown, (sum(values) / 5, min(values), max(values)))), f"{name}: {shown} of {values}")
    is_legible(drawn("often.db", "bins"))


def forty_bars_and_their_names_are_apart():
    only_figures()
    write("many.ini", WIDE.replace("4194304", "4096").replace("3000", "200") + "\n[sweep]\nobjects.bins = pow2 | linux\nmachine.cpus = 1..2\n"
          "pages.allocator = buddy | page-first-fit\nworkload.web.operations = 200..1000 step 200\n")
    run("run", "many.ini", "-o", "many.db", "-q")
    picture = drawn("many.db", "bins", "--keep", "kept")
    is_legible(picture, 960, 1050)
    script = read("kept/bins.gp").decode()
    for key in ("objects.bins", "machine.cpus", "pages.allocator", "workload.web.operations"):
        contains(re.search("VARIED = '(.*)'", script).group(1), key)
    equal(script.split("array LABEL[40] = ")[1].split("\n")[0].count("(run "), 0, "labels that need the number of a run")
    lines = run("plot", "many.db", "bins", "--format", "terminal").stdout.split("\n")
    equal(sum(" |**" in line for line in lines), 40, "bars on a terminal")


def lines_of(path):
    """The first run's lines in the plots of an SVG, as lists of points; that in the legend is level."""
    lines = [[tuple(map(float, point.split(","))) for point in re.findall("[-0-9.]+,[-0-9.]+", line)]
             for line in re.findall("<path stroke='rgb\\(  0, 114, 178\\)'  d='(M[^']*)'", read(path).decode())]
    return [line for line in lines if len({y for _, y in line}) > 1]


def a_single_request_is_in_every_picture():
    write("one.ini", "[objects]\nbins = 128\n[workload]\nkind = synthetic\noperations = 1\nlive = 1\narrivals = closed\nsizes = fixed(64)\n"
          "[record]\norigins = yes\n")
    run("run", "one.ini", "-q")
    for kind, begin in (("latency", -1), ("waste", 1)):
        line, = lines_of(drawn("one.db", kind))
        check((line[-1][1] - line[0][1]) * begin < 0, f"{kind}: {line}")
    labels = [text for text, left, *_ in texts(drawn("one.db", "waste-by-site")) if left < 95]
    equal(labels, ["(unknown)"], "names of bars")


def the_slowest_operation_is_where_the_line_of_latencies_ends():
    write("small.ini", SMALL.split("[sweep]")[0])
    run("run", "small.ini", "-q")
    picture = drawn("small.db", "latency")
    places = {float(text): (left + right) / 2 for text, left, top, right, _ in texts(picture) if top > 510 and re.fullmatch("[0-9]+", text)}
    (one, x1), (two, x2) = list(places.items())[:2]
    for operation, line in zip(("alloc", "free"), lines_of(picture)):
        (slowest,), = query("small.db", "SELECT max (bucket_hi_ns) FROM latency WHERE operation = ?", operation)
        drawn_ns = one * math.exp((line[-1][0] - x1) / (x2 - x1) * math.log(two / one))
        check(abs(drawn_ns / slowest - 1) < 0.02, f"{operation}: {slowest} ns is drawn at {drawn_ns} ns")


def an_interrupted_plot_leaves_nothing_behind():
    write("small.ini", SMALL)
    run("run", "small.ini")
    os.mkdir("bin")
    write("bin/gnuplot", "#!/bin/sh\ntouch \"$GATE\"\nexec sleep 60\n")
    os.chmod("bin/gnuplot", 0o755)
    os.mkdir("tmp")
    changes = {"PATH": os.path.abspath("bin") + ":" + os.environ["PATH"], "TMPDIR": os.path.abspath("tmp"), "GATE": os.path.abspath("gate")}
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)):
        process = start("plot", "small.db", "internal", env=environment(**changes))
        wait_until(lambda: os.path.exists("gate"), "gnuplot is there", process)
        workers = children(process.pid)
        process.send_signal(number)
        finish(process, status)
        equal(os.listdir("tmp"), [], f"temporary folders after signal {number}")
        equal([worker for worker in workers if os.path.exists(f"/proc/{worker}")], [], "gnuplots that go on")
        os.remove("gate")
    equal([name for name in os.listdir(".") if name.endswith(".svg")], [], "pictures")


main(classes_show_what_goes_to_whole_pages, names_of_runs_do_not_lie_on_each_other,
     labels_are_of_what_was_varied_and_not_of_what_came_with_it, a_terminal_of_80_by_24_characters_shows_it_all,
     a_small_terminal_has_the_whole_legend_below_the_plot, long_names_do_not_lie_on_each_other_on_a_narrow_terminal, a_wide_picture_is_as_legible_as_any, on_paper_letters_have_7_to_9_points, ends_of_lifetimes_are_apart, repetitions_do_not_push_settings_out_of_a_picture, bars_are_means_of_repetitions,
     a_single_request_is_in_every_picture, the_slowest_operation_is_where_the_line_of_latencies_ends,
     an_interrupted_plot_leaves_nothing_behind, forty_bars_and_their_names_are_apart, a_character_that_no_font_has_is_a_question_mark_in_pixels)
