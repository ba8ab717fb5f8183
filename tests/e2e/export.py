#!/usr/bin/env python3
"""export.py: what was stored, as pictures, in the forms of kernels and as tables.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import os
import re
import stat
import subprocess
import xml.etree.ElementTree

from harness import SMALL, TRACES, check, contains, equal, main, query, read, run, write

REPORT = os.path.join(TRACES, "report.txt")


def plot_lists_its_kinds_and_draws_them():
    write("small.ini", SMALL)
    run("run", "small.ini", "-s", "record.pagemap=yes", "-s", "record.origins=yes")
    text = run("plot", "small.db").stdout
    kinds = [line.split()[0] for line in text.strip().split("\n")[1:]]
    check({"bins", "external", "internal", "latency", "pagemap", "waste", "waste-by-lifetime", "waste-by-site", "worst-case"}
          <= set(kinds), f"kinds: {kinds}")
    others = {"lanes", "waits"}  # of deadlocks: deadlocks.py; bins-… are of studies: bins.py
    check(others <= set(kinds), f"kinds: {kinds}")
    for kind in [kind for kind in kinds if not kind.startswith("bins-") and kind not in others]:
        run("plot", "small.db", kind, "--run", "1", "-o", f"{kind}.svg")
        xml.etree.ElementTree.parse(f"{kind}.svg")
    run("plot", "small.db", "internal", "-o", "internal.png")
    equal(read("internal.png")[:8], b"\x89PNG\r\n\x1a\n", "the beginning of a PNG")
    check(run("plot", "small.db", "internal", "--format", "terminal").stdout.count("\n") > 5, "a picture of text")
    result = run("plot", "small.db", "internal", "-o", "-")
    xml.etree.ElementTree.fromstring(result.stdout)
    equal((result.stderr, os.path.exists("-")), ("", False), "on the standard output, and nothing beside it")
    equal(run("plot", "small.db", "internal", "-q", "-o", "quiet.svg").stderr, "", "quiet")
    run("plot", "small.db", "waste", "--run", "1", "--run", "3", "--keep", "kept")
    check(os.path.exists("small-waste.svg"), "the picture by default")
    check(any(name.endswith(".gp") for name in os.listdir("kept")), "the script is kept")


def labels_of_runs_leave_room_for_a_picture():
    long = ["8,24,40,64,128,256,512,1024,2048," + last for last in ("4096", "4095,4096", "8192")]
    write("small.ini", SMALL)
    run("run", "small.ini", "-s", "objects.bins=" + "|".join(long), "-s", "workload.sizes=fixed(18)|weighted(18:0.6, 64:0.4, 4096:0.01)",
        "-s", "pages.allocator=buddy|weighted-buddy")
    run("plot", "small.db", "external", "-o", "x.svg", "--keep", "kept")
    labels = re.findall("'([^']*)'", re.search("^array LABEL.*", read("kept/external.gp").decode(), re.M).group())
    equal((len(labels), len(set(labels))), (12, 12), "labels, each another")
    check(max(map(len, labels)) <= 28 + len(" (run 12)"), f"short: {labels}")


def what_is_written_goes_through_links_and_into_pipes():
    write("small.ini", SMALL)
    run("run", "small.ini")
    write("target.svg", "")
    os.symlink("target.svg", "link.svg")
    run("plot", "small.db", "internal", "-o", "link.svg")
    check(os.path.islink("link.svg"), "the link is one still")
    xml.etree.ElementTree.parse("target.svg")
    os.symlink("yet-to-come.svg", "dangling.svg")
    run("plot", "small.db", "internal", "-o", "dangling.svg")
    xml.etree.ElementTree.parse("yet-to-come.svg")
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        run("plot", "small.db", "internal", "-o", "pipe", "--format", "svg")
        equal(reader.communicate(timeout=20)[0], open("target.svg", "rb").read(), "what came out of the pipe")
    check(stat.S_ISFIFO(os.stat("pipe").st_mode), "the pipe is one still")
    contains(run("trace", "convert", REPORT, "-f", "-o", "pipe", status=74).stderr, "not a pipe or a device")
    check(stat.S_ISFIFO(os.stat("pipe").st_mode), "the pipe is one after a trace, too")


def plot_says_what_it_does_not_know():
    write("small.ini", SMALL)
    run("run", "small.ini")
    contains(run("plot", "small.db", "internol", status=2).stderr, "internal")
    run("plot", "small.db", "internal", "--run", "99", status=2)
    run("plot", "small.db", "internal", "--format", "jpeg", status=2)
    run("plot", "small.db", "internal", "-o", "x.jpeg", status=2)
    run("plot", "small.db", "internal", "--width", "3", status=2)


def export_writes_the_files_that_a_kernel_would_show():
    write("small.ini", SMALL)
    run("run", "small.ini")
    counts = [n for (n,) in query("small.db", 'SELECT sum (count) FROM free_blocks WHERE run_id = 1 AND t_ns = '
                                              '(SELECT max (t_ns) FROM free_blocks WHERE run_id = 1) GROUP BY "order" ORDER BY "order"')]
    counts += [0] * (11 - len(counts))
    free = sum(n << k for k, n in enumerate(counts))
    unusable = [(free - sum(n << k for k, n in enumerate(counts) if k >= order)) * 1000 // free for order in range(len(counts))]
    equal(run("export", "small.db", "buddyinfo").stdout, "Node 0, zone   Normal " + "".join(f"{n:6} " for n in counts) + "\n", "buddyinfo")
    equal(run("export", "small.db", "unusable_index").stdout,
          "Node 0, zone   Normal " + "".join(f"{n // 1000}.{n % 1000:03} " for n in unusable) + "\n", "unusable_index")
    equal(run("export", "small.db", "extfrag_index").stdout, "Node 0, zone   Normal " + "-1.000 " * len(counts) + "\n", "extfrag_index")
    pagetypeinfo = run("export", "small.db", "pagetypeinfo").stdout.splitlines()
    contains(pagetypeinfo[0], "Free pages count per migrate type at order       0      1")
    equal(pagetypeinfo[1], "Node    0, zone   Normal, type    Unmovable " + "".join(f"{n:6} " for n in counts), "pagetypeinfo")
    slabs = [line for line in run("export", "small.db", "slabinfo").stdout.splitlines() if line.startswith("32 ")]
    active, objects, n = query("small.db", "SELECT active_objects, objects, slabs FROM slabs WHERE run_id = 1 AND cache = '32' ORDER BY t_ns DESC LIMIT 1")[0]
    equal(slabs[0], f"32                {active:6} {objects:6}     32  128    1 : tunables    0    0    0 : slabdata {n:6} {n:6}      0", "slabinfo")
    contains(run("export", "small.db", "buddyinfo", "--run", "9", status=2).stderr, "there is no such run")


def unpacked(data, n):
    """The columns of a row of samples, as schema.sql describes them."""
    columns, at = [], 0
    for column in range(5):
        head = int.from_bytes(data[at:at + 4], "little")
        zeros, end, values, last, at = head >> 24, at + 4 + (head & 0xffffff), [], {}, at + 4
        for i in range(n):
            code, shift = 0, 0
            while True:
                code, shift, at = code | (data[at] & 127) << shift, shift + 7, at + 1
                if data[at - 1] < 128:
                    break
            kind = columns[1][i] & 1 if column == 4 else 0
            last[kind] = last.get(kind, 0) + ((code >> 1 ^ -(code & 1)) << zeros)
            values.append(last[kind] % 2 ** 64)
        equal(at, end, "length of a column")
        columns.append(values)
    return list(zip(*columns))


def export_has_a_line_for_each_sample():
    write("small.ini", SMALL.split("[sweep]")[0] + "[record]\nevents = all\n")
    run("run", "small.ini")
    lines = run("export", "small.db", "samples").stdout.splitlines()
    rows = [line.split(",") for line in lines[1:]]
    expected = [one for data, n in query("small.db", "SELECT data, n FROM samples ORDER BY seq") for one in unpacked(data, n)]
    equal(lines[0], "t_ns,operation,level,context,cpu,size,address,latency_ns", "the columns")
    equal([[str(ps // 1000), ("alloc", "free")[what & 3], ("pages", "objects")[what >> 2 & 3], ("process", "softirq", "hardirq")[what >> 4 & 15],
            str(what >> 8), str(size), hex(addr), f"{latency // 1000}.{latency % 1000:03}"] for ps, what, size, addr, latency in expected], rows, "samples")
    metrics = dict(query("small.db", "SELECT name, value FROM metrics"))
    latencies = [float(row[7]) for row in rows if row[1] == "alloc"]
    check(abs(sum(latencies) / len(latencies) - metrics["latency.alloc.mean_ns"]) < 1e-6, "their mean is the metric")
    run("export", "small.db", "samples", "-o", "samples.csv")
    equal(read("samples.csv").decode().splitlines(), lines, "the file")
    contains(run("export", "small.db", "samples", "--run", "2", status=2).stderr, "run 2 has no samples")
    run("export", "small.db", "samples", "-o", "no/samples.csv", status=74)
    equal(sorted(os.listdir(".")), ["samples.csv", "small.db", "small.ini"], "files")


def export_writes_tables_of_all_runs():
    write("small.ini", SMALL.split("[sweep]")[0] + '[sweep]\nobjects.bins = pow2 | 8,16,4096\nrepeat = 2\n')
    run("run", "small.ini")
    rows = list(csv.DictReader(run("export", "small.db", "metrics").stdout.splitlines()))
    equal([row["objects.bins"] for row in rows], ["pow2", "pow2", "8,16,4096", "8,16,4096"], "settings that differ, quoted where they must be")
    check("machine.ram" not in rows[0] and "scenario.seed" not in rows[0], "those that do not are no columns")
    for row in rows:
        seed, fingerprint = query("small.db", "SELECT seed, fingerprint FROM runs WHERE run_id = ?", row["run_id"])[0]
        equal([row["scenario"], row["seed"], row["fingerprint"]], ["small.ini", seed, fingerprint], "where it is from")
        for name, value in query("small.db", "SELECT name, value FROM metrics WHERE run_id = ?", row["run_id"]):
            equal(row[name], "" if value is None else row[name] if float(row[name]) == value else value, name)
    equal(len(run("export", "small.db", "metrics", "--run", "3").stdout.splitlines()), 2, "lines of one run")
    for form, columns in (("series", "run_id, t_ns, name, value"), ("latency", "run_id, operation, context, bucket_lo_ns, bucket_hi_ns, count")):
        rows = list(csv.reader(run("export", "small.db", form).stdout.splitlines()))
        equal([[float(cell) if cell[0].isdigit() else cell for cell in row[:len(columns.split())]] for row in rows[1:]],
              [list(row) for row in query("small.db", f"SELECT {columns} FROM {form}")], form)
    contains(run("export", "small.db", "metrics", "--run", "9", status=2).stderr, "run 9 has no metrics, or is not done")


def export_has_a_line_for_each_zone():
    write("zones.ini", SMALL.replace("ram = 16MiB", "ram = 64MiB\n[memory]\nzones = 1MiB,8MiB").split("[sweep]")[0])
    run("run", "zones.ini")
    total, zones = {}, ("DMA", "DMA32", "Normal")
    for form, begin in (("buddyinfo", "Node 0, zone "), ("unusable_index", "Node 0, zone "), ("extfrag_index", "Node 0, zone "), ("pagetypeinfo", "Node    0, zone ")):
        lines = [line for line in run("export", "zones.db", form).stdout.splitlines() if line.startswith("Node")]
        equal(tuple(line[len(begin):].split()[0].strip(",") for line in lines), zones, form)
    for line in run("export", "zones.db", "buddyinfo").stdout.splitlines():
        for order, n in enumerate(line.split()[4:]):
            total[order] = total.get(order, 0) + int(n)
    free = dict(query("zones.db", 'SELECT "order", sum (count) FROM free_blocks WHERE t_ns = (SELECT max (t_ns) FROM free_blocks) GROUP BY "order"'))
    equal({order: n for order, n in total.items() if order in free}, free, "all zones together")
    equal(sum(n << order for order, n in enumerate(int(n) for n in run("export", "zones.db", "buddyinfo").stdout.split("\n")[0].split()[4:])), 1024 // 4, "DMA is free")


main(plot_lists_its_kinds_and_draws_them, labels_of_runs_leave_room_for_a_picture,
     what_is_written_goes_through_links_and_into_pipes, plot_says_what_it_does_not_know,
     export_writes_the_files_that_a_kernel_would_show, export_has_a_line_for_each_sample,
     export_writes_tables_of_all_runs, export_has_a_line_for_each_zone)
