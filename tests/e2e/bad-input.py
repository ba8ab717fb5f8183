#!/usr/bin/env python3
"""bad-input.py: what is wrong is told in one message, with its place, and breaks nothing.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import os
import random
import resource
import sqlite3
import subprocess

from harness import (PROGRAM, SMALL, TRACES, Skip, change, check, contains, environment, equal, lacks, main,
                     query, read, run, write)

REPORT = os.path.join(TRACES, "report.txt")
REPLAY = "[machine]\ncpus = 4\n\n[workload kernel]\nkind = trace\nfile = FILE\n"


def refuse(text, *fragments, status=2):
    """A scenario that is refused before anything is run."""
    write("bad.ini", text)
    err = run("run", "bad.ini", status=status).stderr
    for fragment in fragments:
        contains(err, fragment)
    equal([name for name in os.listdir(".") if name.endswith((".db", ".tmp", "-journal"))], [], "files left")


def a_scenario_that_is_not_there():
    contains(run("run", "missing.ini", status=2).stderr, "missing.ini")
    contains(run("run", ".", status=2).stderr, "error")
    equal(os.listdir("."), [], "files")


def an_unknown_key_has_line_column_and_the_nearest_name():
    refuse("[machine]\ncpus = 1\nrma = 1MiB\n\n[workload]\nkind = synthetic\n", "bad.ini:3:1: ", "ram")


def the_line_is_shown_with_a_caret():
    refuse("[machine]\ncpus = 1\n\trma = 1MiB # little\n\n[workload]\nkind = synthetic\n",
           "bad.ini:3:2: error: unknown key “rma”", "\n    3 |  rma = 1MiB # little\n      |  ^\n",
           "bad.ini:3:13: error: a comment", "\n      |             ^\n")


def every_mistake_is_told_at_once():
    refuse("[machine]\ncpsu = 1\nram = lots\n[objcts]\nbins = 1\n", "bad.ini:2:", "bad.ini:3:", "bad.ini:4:")


def nonsense_values():
    for text in ("[machine]\ncpus = 0\n", "[machine]\npage-size = 3\n", "[machine]\nram = 1180591620717411303424\n",
                 "[machine]\nram = 1e400\n", "[machine]\nram = -1\n", "[machine]\ncpus = 010x\n"):
        refuse(text + "[workload]\nkind = synthetic\n", "bad.ini:2:")


def a_key_twice():
    refuse("[machine]\ncpus = 1\ncpus = 2\n[workload]\nkind = synthetic\n", "bad.ini:3:")


def files_that_are_no_scenario():
    for text in (b"", b"\0" * 100, b"\x7fELF\x02\x01\x01", bytes(range(256)), b"[machine\n", b"\xff\xfe",
                 b"[workload]\nkind = synthetic\n\xc3\x28 = 1\n"):
        refuse(text, "bad.ini")


def an_enormous_scenario():
    refuse("# " + "x" * (8 << 20), "bad.ini")
    refuse("[machine]\n" + "cpus = 1\n" * 300000, "bad.ini")


def a_scenario_that_never_ends():
    for path in ("/dev/zero", "/dev/tty"):
        if os.path.exists(path):
            run("run", path, "-o", "x.db", status=2)
            run("bins", REPORT, "--simulate", "no", "--scenario", path, status=2)
    if os.path.exists("/dev/zero"):
        run("reproduce", "/dev/zero", status=2)
    os.mkfifo("pipe")
    run("run", "pipe", status=2)
    run("plot", "pipe", status=2)


def a_bad_override():
    write("small.ini", SMALL)
    for setting in ("machine.cpus", "machine.cpsu=1", "machine.cpus=0", "=", "", "nothing.x=1", "a.b.c.d=1",
                    "machine.cpus=1\n2"):
        contains(run("run", "small.ini", "-s", setting, status=2).stderr, "-s")
    equal(os.listdir("."), ["small.ini"], "files")


def settings_that_do_not_go_together_leave_no_database():
    refuse("[machine]\nram = 8KiB\n\n[workload]\nkind = synthetic\n")


def what_only_a_run_sees_is_told_with_its_place():
    task = "[task T]\nprogram = yield\n"
    disk = "[device sda]\nkind = hdd\nsize = 1MiB\n"
    for text, arguments, message in (
            (task + "context = softirq\n", (), "5:11: [task T] context = softirq: it is the handler of an interrupt: expected every = 100us, say"),
            (task + "context = softirq\nevery = 1us\n", (), "3:1: [task T] times = 0 (its default): there are only devices and interrupts without end"),
            (task + "[memory]\nstart = none\n", (), "6:9: [memory] start = none: none: cannot be read: No such file or directory"),
            (task + "[memory]\nstart = place.ini\n", (), "6:9: [memory] start = place.ini: place.ini: word 0 is not the flags of a page: expected /proc/kpageflags"),
            (task + "[memory]\nstart = buddyinfo\n[pages]\nallocator = bump\n", (), "6:9: [memory] start = buddyinfo: [pages] bump hands out"),
            (task + "[memory]\nreclaim = yes\nflusher = yes\n", (), "7:11: [memory] flusher = yes: there is nowhere to write to: expected disk = NAME"),
            (task + "[memory]\nreclaim = yes\n", ("-s", "memory.flusher=yes"), " [memory] flusher = yes (-s): there is nowhere to write to"),
            (task + "[memory]\nreclaim = yes\n[sweep]\nmemory.flusher = no | yes\n", (), "8:23: [memory] flusher = yes (in [sweep]): there is nowhere"),
            (task + disk + "[memory]\nreclaim = yes\ndisk = sda\n[mapping m]\nsize = 1GiB\n", (), "10:8: [memory] disk = sda: all mappings together need a disk of at least 1 GiB"),
            (task + "[layer m]\naround = pages\nallocator = magazine\n", (), "6:10: [layer m] around = pages: magazine can be put around objects alone"),
            (task + "[layer l]\naround = pages\nallocator = per-cpu-pages\nhigh = 4\nbatch = 8\n", (), "9:9: [layer l] batch = 8: allocator per-cpu-pages: 8 is more than high = 4"),
            (task + "[pager]\npool = 100000\n", (), "6:8: [pager] pool = 100000: there are frames for 1016 only"),
            (task + "[schedule]\npolicy = replay\nchoices = 1 2\n", (), "7:11: [schedule] choices = 1 2: choice 1 is out of range there"),
            (task + "[record]\nwarm-up = 9\n", (), "6:11: [record] warm-up = 9: the run has ended before its first 9 operations")):
        write("place.ini", "[machine]\nram = 4MiB\n" + text)
        write("buddyinfo", "Node 0, zone DMA 4 0 1 0 0 0 0 1\n")
        contains(run("run", "place.ini", *arguments, status=2).stderr, "kmemlab: place.ini:" + message)


def a_trace_that_is_missing():
    refuse(REPLAY.replace("FILE", "missing.kmt"), "missing.kmt")


def replay(name):
    refuse(REPLAY.replace("FILE", name), name)


def traces_that_are_none():
    cases = {"empty.txt": b"", "binary.txt": bytes(range(256)) * 100, "zeros.kmt": b"\0" * 10000,
             "text.kmt": b"hello\nworld\n", "zst.txt": b"\x28\xb5\x2f\xfd\x00\x00\x00", "line.txt": b"x" * (4 << 20),
             "gz.txt": b"\x1f\x8b\x08\x00", "xz.txt": b"\xfd7zXZ\x00"}
    for name, data in cases.items():
        write(name, data)
        replay(name)
        contains(run("trace", "info", name, status=2).stderr, name)


def a_trace_that_is_empty_is_called_so():
    for name, data in (("empty.txt", b""), ("empty.gz", gzip.compress(b""))):
        write(name, data)
        contains(run("trace", "stats", name, status=2).stderr, f"{name}: it is empty")
        contains(run("bins", name, status=2).stderr, f"{name}: it is empty")
    for name, data in (("blank.txt", b"\n\n"), ("hello.txt", b"hello\n"), ("head.txt", b"cpus=4\n")):
        write(name, data)
        lacks(run("trace", "stats", name, status=2).stderr, "empty")


def text_that_was_spoiled_is_read_and_told_of():
    whole = read(REPORT)
    middle = len(whole) // 2
    write("cut.txt", whole[:-1])
    contains(run("trace", "info", "cut.txt").stderr, "cut.txt:300: the last line does not end: the file may have been cut")
    lacks(run("trace", "info", REPORT).stderr, "does not end")
    write("hole.txt", whole[:middle] + b"\0" * 4096 + whole[middle + 4096:])
    contains(run("trace", "info", "hole.txt").stderr, "the line has zeros in it")
    write("replay.ini", REPLAY.replace("FILE", "hole.txt") + "\n[sweep]\nobjects.bins = pow2 | linux\n")
    out = run("run", "replay.ini").stdout
    equal(out.count("of its recording 1 line could not be read"), 1, "told once, of two runs")
    contains(out, "run 1: of its recording")
    write("replay.ini", REPLAY.replace("FILE", REPORT))
    lacks(run("run", "replay.ini").stdout, "of its recording")


def a_binary_trace_that_is_cut_short():
    run("trace", "convert", REPORT, "-o", "whole.kmt")
    whole = read("whole.kmt")
    for length in (1, 7, 16, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        write("cut.kmt", whole[:length])
        replay("cut.kmt")
        run("trace", "stats", "cut.kmt", status=2)


def a_binary_trace_with_a_changed_byte():
    run("trace", "convert", REPORT, "-o", "whole.kmt")
    whole = read("whole.kmt")
    draw = random.Random(1)
    for _ in range(20):
        at = draw.randrange(len(whole))
        write("changed.kmt", whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1:])
        result = run("trace", "stats", "changed.kmt", status=None)
        check(result.returncode in (2, 125), f"byte {at}: exit status {result.returncode}: {result.stderr}")


def half_a_conversion_is_no_file():
    write("cut.txt.zst", b"\x28\xb5\x2f\xfd\x04\x58\x11\x00\x00")
    run("trace", "convert", "cut.txt.zst", status=2)
    equal(os.listdir("."), ["cut.txt.zst"], "files")


def untouched(name, status=2, *commands):
    before = read(name)
    for command in commands or (["run", "small.ini", "-o", name], ["plot", name, "internal"], ["export", name], ["verify", name]):
        run(*command, status=status)
        equal(read(name), before, f"{name} after {command[0]}")
    equal([other for other in os.listdir(".") if other.startswith(name) and other != name], [], "files beside it")


def foreign_files_are_not_touched():
    write("small.ini", SMALL)
    write("text.db", "my diary\n" * 100)
    untouched("text.db")
    write("empty.db", b"")
    untouched("empty.db")
    connection = sqlite3.connect("other.db")
    connection.execute("CREATE TABLE runs (run_id)")
    connection.commit()
    connection.close()
    untouched("other.db")


def a_database_of_a_newer_version_is_not_touched():
    write("small.ini", SMALL)
    run("run", "small.ini")
    change("small.db", "PRAGMA user_version = 1000")
    untouched("small.db", 125)


def a_database_that_is_not_there():
    for command in ("plot", "verify"):
        contains(run(command, "missing.db", *["internal"][:command == "plot"], status=2).stderr, "missing.db")
    equal(os.listdir("."), [], "files")


def refuse_damaged(database, what):
    """Every reader says so in one message, and nothing is drawn."""
    for command in (["plot", database], ["plot", database, "internal", "-o", "x.svg"], ["verify", database],
                    ["run", "small.ini", "--dry-run", "-o", database]):
        result = run(*command, status=None)
        check(result.returncode == 2, f"{what}: {command[0]}: {result.returncode}: {result.stderr}")
        contains(result.stderr, database)
        check(not os.path.exists("x.svg"), f"{what}: a picture was drawn")


def what_is_wrong_is_said_once_in_words_and_of_what_was_typed():
    write("small.ini", SMALL)
    write("junk.db", "junk\n")
    lacks(run("run", "small.ini", "-o", "junk.db", status=2).stderr, "0 runs")
    run("run", "small.ini")
    data = bytearray(read("small.db"))
    data[len(data) // 2] ^= 1
    write("small.db", bytes(data))
    result = run("plot", "small.db", status=2)
    contains(result.stderr, "the checksum of a page is wrong")
    equal(result.stderr.count("\n"), 1, "lines")
    run("trace", "convert", REPORT, "-o", "flip.kmt")
    data = bytearray(read("flip.kmt"))
    data[200] ^= 1
    write("flip.kmt", bytes(data))
    equal(run("bins", "flip.kmt", status=2).stderr.count("flip.kmt"), 1, "names")
    contains(run("bins", REPORT, "--quantum", "0", status=2).stderr, "--quantum: error: objects.quantum")
    contains(run("bins", REPORT, "--quantum", "8", "-s", "objects.bins=?", status=2).stderr, "-s: error: ")
    contains(run("plot", "flip.kmt", "-o", "x.svg", "--format", "png", status=2).stderr, "contradicts the name x.svg")
    write("bad.csv", "time,op,ptr,size\nx,alloc,1,8\n")
    contains(run("trace", "info", "bad.csv", "--columns", "time=time,op=op,id=ptr,size=size", status=2).stderr, "bad.csv:2: ")


def a_database_that_was_cut_short():
    write("small.ini", SMALL)
    run("run", "small.ini", "-s", "sweep.repeat=1")
    whole = read("small.db")
    for length in (0, 50, 100, 4096, len(whole) // 2, len(whole) - 8192, len(whole) - 100, len(whole) - 1):
        write("cut.db", whole[:length])
        refuse_damaged("cut.db", f"cut to {length} bytes")
    write("long.db", whole + b"\0")
    refuse_damaged("long.db", "a byte too many")
    write("cut.db", whole[:-1])
    before = read("cut.db")
    contains(run("run", "small.ini", "-o", "cut.db", status=2).stderr, "damaged")
    equal(read("cut.db"), before, "what was cut, after a campaign")


def a_database_with_a_changed_byte():
    write("small.ini", SMALL)
    run("run", "small.ini", "-s", "sweep.repeat=1")
    whole = read("small.db")
    draw = random.Random(2)
    for _ in range(15):
        at = draw.randrange(len(whole))
        write("changed.db", whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1:])
        refuse_damaged("changed.db", f"byte {at}")


def stored_scenarios_are_not_trusted():
    write("small.ini", SMALL)
    run("run", "small.ini", "-s", "sweep.repeat=1")
    for text in ("", "\0", "[workload]\nkind = nothing\n", "x" * 3000000):
        change("small.db", "UPDATE runs SET scenario_text = ?", text)
        run("verify", "small.db", status=2)


def a_database_that_is_locked():
    write("small.ini", SMALL)
    run("run", "small.ini")
    connection = sqlite3.connect("small.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    contains(run("run", "small.ini", "--seed", "9", status=74).stderr, "in use")
    connection.execute("ROLLBACK")
    connection.close()
    equal(query("small.db", "SELECT count(*) FROM runs"), [(6,)], "runs")


def places_that_cannot_be_written():
    write("small.ini", SMALL)
    run("run", "small.ini", "-o", "/proc/x.db", status=74)
    run("run", "small.ini", "-o", "no/such/folder/x.db", status=74)
    run("run", "small.ini", "-o", ".", status=2)
    run("run", "small.ini", "-o", "", status=2)
    run("trace", "convert", REPORT, "-o", "no/such/folder/x.kmt", status=74)
    run("run", "small.ini")
    run("plot", "small.db", "internal", "-o", "no/such/folder/x.svg", status=74)
    equal(sorted(os.listdir(".")), ["small.db", "small.ini"], "files")


def what_is_written_in_places_does_not_go_to_standard_output():
    write("small.ini", SMALL)
    for command in (("run", "small.ini"), ("compare", "small.ini", "--vary", "machine.cpus=1,2"), ("bins", REPORT), ("check", "small.ini"),
                    ("reproduce", "small.ini"), ("trace", "convert", REPORT)):
        contains(run(*command, "-o", "-", status=2).stderr, "./-")
    equal(os.listdir("."), ["small.ini"], "files")
    run("trace", "convert", REPORT, "-o", "./-")
    equal(sorted(os.listdir(".")), ["-", "small.ini"], "files")


def messages_name_no_temporary_file():
    write("small.ini", SMALL)
    run("run", "small.ini")
    err = run("plot", "small.db", "internal", "-o", "no/such.svg", status=74).stderr
    equal(err, "kmemlab: no/such.svg: cannot be written: No such file or directory\n", "the message")


def a_folder_that_is_read_only():
    if os.getuid() == 0:
        raise Skip("root may write anywhere")
    write("small.ini", SMALL)
    os.mkdir("closed", 0o500)
    contains(run("run", "small.ini", "-o", "closed/x.db", status=74).stderr, "closed/x.db")


def a_disk_that_is_full():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    write("small.ini", SMALL)
    with open("/dev/full", "w", encoding="ascii") as full:
        for command in (["list", "keys"], ["run", "small.ini"], ["run", "small.ini", "--json"], ["--help"]):
            contains(run(*command, status=74, stdout=full).stderr, "standard output")
    equal(query("small.db", "SELECT count(*) FROM runs"), [(6,)], "the runs are stored all the same")


def a_database_that_may_not_grow_keeps_its_runs():
    write("small.ini", SMALL)
    run("run", "small.ini", "--max-runs", "2", status=75)
    size = os.path.getsize("small.db")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, size + 8192))

    err = run("run", "small.ini", "-s", "record.events=all", "--jobs", "1", status=74, preexec_fn=limit).stderr
    contains(err, "small.db")
    equal(query("small.db", "PRAGMA integrity_check"), [("ok",)], "integrity")
    equal(query("small.db", "SELECT status FROM runs WHERE run_id < 3"), [("done",)] * 2, "runs")
    equal([name for name in os.listdir(".") if ".tmp" in name], [], "temporary files")
    run("run", "small.ini")
    equal(query("small.db", "SELECT count(*) FROM runs WHERE status = 'done'")[0][0] >= 6, True, "runs")


def a_new_database_that_cannot_grow_is_not_left_half_made():
    write("small.ini", SMALL)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    run("run", "small.ini", status=74, preexec_fn=limit)
    equal(os.listdir("."), ["small.ini"], "files")


def closed_standard_streams():
    write("small.ini", SMALL)
    shell = subprocess.run(["sh", "-c", f"'{PROGRAM}' run small.ini >&- 2>&- <&-"], check=False, timeout=60,
                           env=environment())
    equal(shell.returncode, 74, "exit status")
    equal(query("small.db", "PRAGMA integrity_check"), [("ok",)], "integrity")
    equal(query("small.db", "SELECT count(*) FROM runs"), [(6,)], "runs")


main(a_scenario_that_is_not_there, an_unknown_key_has_line_column_and_the_nearest_name,
     the_line_is_shown_with_a_caret, every_mistake_is_told_at_once, nonsense_values, a_key_twice, files_that_are_no_scenario,
     an_enormous_scenario, a_scenario_that_never_ends, a_bad_override,
     settings_that_do_not_go_together_leave_no_database, what_only_a_run_sees_is_told_with_its_place,
     a_trace_that_is_missing, traces_that_are_none, a_trace_that_is_empty_is_called_so,
     text_that_was_spoiled_is_read_and_told_of, a_binary_trace_that_is_cut_short, a_binary_trace_with_a_changed_byte, half_a_conversion_is_no_file,
     foreign_files_are_not_touched, a_database_of_a_newer_version_is_not_touched,
     a_database_that_is_not_there, what_is_wrong_is_said_once_in_words_and_of_what_was_typed, a_database_that_was_cut_short, a_database_with_a_changed_byte,
     stored_scenarios_are_not_trusted,
     a_database_that_is_locked, places_that_cannot_be_written, what_is_written_in_places_does_not_go_to_standard_output,
     messages_name_no_temporary_file, a_folder_that_is_read_only,
     a_disk_that_is_full, a_database_that_may_not_grow_keeps_its_runs,
     a_new_database_that_cannot_grow_is_not_left_half_made, closed_standard_streams)
