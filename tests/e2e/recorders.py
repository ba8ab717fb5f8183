#!/usr/bin/env python3
"""recorders.py: the programs that people record with, where they are installed.

SPDX-License-Identifier: Apache-2.0

A trace.dat of version 6 is put together here from the description in trace-cmd.dat(5): enough of it that trace-cmd reads
it, and small enough to follow.
"""

import os
import shutil
import struct
import subprocess

from harness import Skip, check, contains, environment, equal, main, read, run, run_json, write

PAGE = 4096

HEADER_PAGE = """\
\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
"""

HEADER_EVENT = """\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""

COMMON = """\
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
"""

KMALLOC = f"""\
name: kmalloc
ID: 501
format:
{COMMON}
\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;
\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;
\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;
\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\tsigned:0;

print fmt: "call_site=%lx ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=GFP_KERNEL", REC->call_site, REC->ptr, \
REC->bytes_req, REC->bytes_alloc
"""

KFREE = f"""\
name: kfree
ID: 502
format:
{COMMON}
\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;
\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;

print fmt: "call_site=%lx ptr=%p", REC->call_site, REC->ptr
"""


def sized(text, width):
    return struct.pack("<I" if width == 4 else "<Q", len(text)) + text.encode()


def event(delta_ns, identifier, *words):
    """An entry of the ring buffer: flags say "in a softirq", the task is 7."""
    payload = struct.pack("<HBBi", identifier, 0x10, 0, 7) + b"".join(struct.pack("<Q", word) for word in words)
    return struct.pack("<I", len(payload) // 4 | delta_ns << 5) + payload


def trace_dat():
    """50 objects are asked for, and 40 of them given back."""
    entries = b"".join(event(1000, 501, 0x1111, 0xffff888000010000 + 64 * i, 50, 64) for i in range(50))
    entries += b"".join(event(1000, 502, 0x2222, 0xffff888000010000 + 64 * i) for i in range(40))
    page = (struct.pack("<QQ", 5 * 10**9, len(entries)) + entries).ljust(PAGE, b"\0")
    head = b"\x17\x08Dtracing6\0" + struct.pack("<BBI", 0, 8, PAGE)
    head += b"header_page\0" + sized(HEADER_PAGE, 8) + b"header_event\0" + sized(HEADER_EVENT, 8)
    head += struct.pack("<I", 0)
    head += struct.pack("<I", 1) + b"kmem\0" + struct.pack("<I", 2) + sized(KMALLOC, 8) + sized(KFREE, 8)
    head += sized("", 4) + sized("", 4) + sized("7 shop\n", 8)
    head += struct.pack("<I", 1) + b"options  \0" + struct.pack("<H", 0) + b"flyrecord\0"
    begin = (len(head) + 16 + PAGE - 1) // PAGE * PAGE
    return (head + struct.pack("<QQ", begin, PAGE)).ljust(begin, b"\0") + page


def need(program):
    if shutil.which(program) is None:
        raise Skip(f"{program} is not installed")


def trace_cmd_reads_its_own_file():
    need("trace-cmd")
    write("trace.dat", trace_dat())
    info = run_json("trace", "info", "trace.dat")
    equal(info["format"], "trace.dat", "format")
    equal(info["counts"]["object_allocs"], 50, "allocations")
    equal(info["counts"]["object_frees"], 40, "frees")
    equal(info["counts"]["malformed"], 0, "malformed lines")
    equal(run_json("trace", "stats", "trace.dat")["contexts"]["softirq"], 50, "allocations in softirqs")
    write("a.ini", "[machine]\ncpus = 1\nram = 1MiB\n\n[workload]\nkind = trace\nfile = trace.dat\n")
    equal(run_json("run", "a.ini")["runs"][0]["metrics"]["alloc.count"], 50, "allocations of the run")


def what_trace_cmd_prints_is_the_same_recording():
    need("trace-cmd")
    write("trace.dat", trace_dat())
    with open("report.txt", "wb") as out:
        subprocess.run(["trace-cmd", "report", "-l", "-i", "trace.dat"], stdout=out, check=True)
    run("trace", "convert", "trace.dat", "-o", "a.kmt")
    run("trace", "convert", "report.txt", "-o", "b.kmt")
    equal(run_json("trace", "info", "a.kmt")["counts"], run_json("trace", "info", "b.kmt")["counts"], "counts")


def a_trace_dat_that_was_cut_or_spoiled_is_survived():
    need("trace-cmd")
    whole = trace_dat()
    for length in (12, 100, 500, 1000, 1500, len(whole) - PAGE, len(whole) - 1):
        write("cut.dat", whole[:length])
        result = run("trace", "convert", "cut.dat", "-o", "x.kmt", "--force", status=None)
        check(result.returncode in (0, 2), f"{length} bytes: {result.returncode}: {result.stderr}")
        equal(os.path.exists("x.kmt"), result.returncode == 0, f"{length} bytes: a file is there")
        if os.path.exists("x.kmt"):
            os.remove("x.kmt")
    for at in range(20, len(whole) - PAGE, 97):
        write("spoiled.dat", whole[:at] + b"\xff" + whole[at + 1:])
        result = run("trace", "info", "spoiled.dat", status=None)
        check(result.returncode in (0, 2), f"byte {at}: {result.returncode}: {result.stderr}")


def without_trace_cmd_its_package_is_named():
    write("trace.dat", trace_dat())
    err = run("trace", "info", "trace.dat", status=74, env=environment(PATH="/nowhere")).stderr
    contains(err, "trace.dat: this form is read through the program trace-cmd")
    contains(err, "the package is called trace-cmd")


PROGRAM = """\
#include <stdlib.h>
int main (void)
{
  void *blocks[100];
  for (int i = 0; i < 100; i++)
    blocks[i] = malloc (1000 + i);
  for (int i = 0; i < 50; i++)
    blocks[i] = realloc (blocks[i], 5000);
  for (int i = 0; i < 90; i++)
    free (blocks[i]);
  return 0;
}
"""


def compile_program():
    need("cc")
    write("shop.c", PROGRAM)
    subprocess.run(["cc", "-O0", "-o", "shop", "shop.c"], check=True)


def heaptrack_reads_as_it_wrote():
    need("heaptrack")
    compile_program()
    subprocess.run(["heaptrack", "--raw", "-o", "shop", "./shop"], check=True, capture_output=True)
    files = [name for name in os.listdir(".") if ".raw" in name]
    equal(len(files), 1, "files")
    stats = run_json("trace", "stats", files[0])
    equal(stats["format"], "heaptrack", "format")
    sizes = {size["size"]: size["count"] for size in stats["sizes"]}
    equal([sizes.get(1000 + i) for i in range(100)], [1] * 100, "blocks of each size")
    check(sizes.get(5000) == 50, f"{sizes.get(5000)} blocks of 5000 bytes")
    contains(" ".join(site["site"] for site in stats["sites"]), "/shop+0x")


def glibc_reads_as_it_wrote():
    write("hook.c", "#include <mcheck.h>\n__attribute__ ((constructor)) static void begin (void) { mtrace (); }\n")
    compile_program()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "hook.so", "hook.c"], check=True)
    result = subprocess.run(["./shop"], check=False, env=environment(
        LD_PRELOAD=f"libc_malloc_debug.so.0 {os.getcwd()}/hook.so", MALLOC_TRACE="trace.txt"), capture_output=True)
    if result.returncode != 0 or not os.path.exists("trace.txt") or len(read("trace.txt")) < 100:
        raise Skip("this C library writes no trace")
    stats = run_json("trace", "stats", "trace.txt")
    equal(stats["format"], "mtrace", "format")
    equal(stats["counts"]["reallocs"], 50, "reallocations")
    sizes = {size["size"]: size["count"] for size in stats["sizes"]}
    equal([sizes.get(1000 + i) for i in range(100)], [1] * 100, "blocks of each size")


main(trace_cmd_reads_its_own_file, what_trace_cmd_prints_is_the_same_recording,
     a_trace_dat_that_was_cut_or_spoiled_is_survived, without_trace_cmd_its_package_is_named,
     heaptrack_reads_as_it_wrote, glibc_reads_as_it_wrote)
