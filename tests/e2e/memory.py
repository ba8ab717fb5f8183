#!/usr/bin/env python3
"""memory.py: memory that runs short, in programs of tasks.

SPDX-License-Identifier: Apache-2.0

On 4 MiB 1016 frames are to be had, of which ordinary requests leave 63.
"""

import gzip
import struct

from harness import ODD, check, contains, equal, main, query, run, run_json, write

HEAD = "[machine]\ncpus = 2\nram = 4MiB\n\n"
SHORT = HEAD + ("[memory]\nreclaim = yes\ndisk = sda\nkswapd-cpu = 1\n\n[device sda]\nkind = queue\nservice = fixed(1ms)\n\n"
                "[mapping log]\nkind = file\nsize = 3600KiB\n\n")
FILL = "dirty log 0..899, repeat 53 { alloc p 4KiB pages __GFP_DIRECT_RECLAIM|__GFP_IO|__GFP_FS }"

LAST = "WHERE run_id = (SELECT max (run_id) FROM runs)"


def measure(text, *arguments, status=0):
    write("m.ini", text)
    return run_json("run", "m.ini", *arguments, status=status)["runs"][0]["metrics"]


def frames_are_checked_and_cleared_without_the_lock():
    hold = {}
    for flags in ("GFP_KERNEL", "GFP_KERNEL|__GFP_ZERO"):
        metrics = measure(f"[machine]\nram = 16MiB\n[task T]\nprogram = alloc p 4MiB pages {flags}, free p, alloc x 4KiB {flags}, free x\n")
        hold[flags] = (metrics["lock.pages.hold_max_ns"], metrics["lock.objects.hold_max_ns"])
        check(metrics["latency.free.max_ns"] > 5000, "1024 frames are looked at")
        check((metrics["latency.alloc.max_ns"] > 60000) == ("ZERO" in flags), "and cleared where that is asked for")
    metrics = measure("[machine]\nram = 16MiB\n[pages]\nmax-splits = 1\n[task T]\nprogram = alloc p 4KiB pages GFP_KERNEL|__GFP_ZERO, free p\n")
    equal((metrics["buddy.oversized"], metrics["latency.alloc.max_ns"] < 200, metrics["latency.free.max_ns"] < 200), (1, True, True), "one frame, of 512 that are held")
    check(hold["GFP_KERNEL"][0] < 300, "the lock is held for splits and joins alone")
    equal(hold["GFP_KERNEL|__GFP_ZERO"], hold["GFP_KERNEL"], "and for the same time when all is cleared")


def objects_wait_for_pages_without_their_allocator_s_lock():
    metrics = measure(SHORT + f"[task T]\nprogram = {FILL}, alloc x 3000\n")
    equal((metrics["alloc.failed"], metrics["reclaim.direct"]), (0, 1), "requests")
    check(metrics["worst.alloc.process.io_ns"] >= 32e6, "it waits for the disk")
    check(metrics["lock.objects.hold_max_ns"] < 1e5, "and has not got the lock meanwhile")
    run("verify", "m.db")


def who_finds_nothing_on_its_cpu_s_list_may_sleep_as_without_lists():
    lists = "[layer pcp]\nallocator = per-cpu-pages\naround = pages\nhigh = 8\nbatch = 4\n"
    for flags in ("GFP_KERNEL", "GFP_KERNEL|__GFP_NOFAIL"):
        metrics = measure(SHORT + lists + f"[task T]\nprogram = {FILL}, repeat 3 {{ alloc x 4KiB pages {flags} }}\n")
        equal((metrics["alloc.failed"], metrics["reclaim.direct"]), (0, 1), flags)
        check(metrics["worst.alloc.process.io_ns"] >= 32e6, "it waits for the disk")


def reclaim_gets_what_lies_in_magazines():
    metrics = measure(SHORT + "[layer cpu]\nallocator = magazine\naround = objects\n[task T]\n"
                      "program = repeat 1500 { alloc x 1KiB }, repeat 1500 { free x }, repeat 900 { alloc p 4KiB pages }\n")
    equal((metrics["alloc.failed"], metrics["magazine.drains"]), (0, 0), "requests")
    check(metrics["reclaim.slab_pages"] >= 350, "nearly all of the 375 pages of objects")


def reclaim_gets_what_cpus_keep():
    for flags, settings, expected in (
            ("__GFP_DIRECT_RECLAIM|__GFP_IO|__GFP_FS", "", (2, 64, 2)),  # 32 pages that come to lie on the list, each time; then all of it
            ("__GFP_DIRECT_RECLAIM|__GFP_IO|__GFP_FS", "drain-all = no\n", (2, 448, 0)),  # until the list is so full that it gives some back
            ("GFP_KERNEL, sleep 1ms", "", (0, 128, 0))):  # kswapd's CPU keeps 32 meanwhile; it kept 400, and 480 were taken
        metrics = measure(SHORT + f"[layer pcp]\nallocator = per-cpu-pages\naround = pages\nhigh = 400\nbatch = 8\n{settings}"
                          f"[task T]\nprogram = touch log 0..899, repeat 100 {{ alloc p 4KiB pages {flags} }}\n")
        equal(metrics["alloc.failed"], 0, flags)
        equal(tuple(metrics[name] for name in ("reclaim.direct", "reclaim.pages", "per-cpu-pages.all_drains")), expected, (flags, settings))


def pages_of_a_region_are_written_when_they_are_dirty():
    head = HEAD + "[pager]\nresident = 4\nread = 1ms\nwrite = 10ms\n[region data]\nsize = 32KiB\n[task T]\nprogram = "
    for program, expected, ms in (("touch data 0..7", (8, 4, 0), 8), ("dirty data 0..7", (8, 4, 4), 48),
                                  ("dirty data 0..3, touch data 4..7", (8, 4, 4), 48), ("touch data 0..3, dirty data 4..7, touch data 0..3", (12, 8, 4), 52),
                                  ("dirty data 0, touch data 1..7, touch data 0..7", (16, 12, 1), 26)):
        metrics = measure(head + program + "\n")
        equal((metrics["fault.count"], metrics["fault.evicted"], metrics["fault.written"]), expected, program)
        check(ms <= metrics["time.end_ns"] / 1e6 < ms + 1, program)


def one_zone_has_watermarks_where_it_is_said():
    for memory, least, atomic in (("", 0, 0), ("min-free = 1MiB\n", 1024, 384), ("min-free = 1MiB\nhighatomic = 512KiB\n", 1536, 384),
                                  ("highatomic = 512KiB\n", 512 + 252, 96), ("min-free = 8MiB\n", 4064, None)):
        for flags, left in (("GFP_KERNEL", least), ("GFP_ATOMIC", atomic)):
            metrics = measure(HEAD + f"[memory]\n{memory}[task T]\nprogram = repeat 1200 {{ alloc p 4KiB pages {flags} }}\n")
            if left is not None:
                equal(1016 * 4 - metrics["alloc.count"] * 4, left, (memory, flags))
            write("m.ini", HEAD + f"[memory]\n{memory}[workload w]\nkind = synthetic\ntarget = pages\ncpus = 0\noperations = 1200\n"
                  f"arrivals = closed\nlive = 1200\norders = fixed(0)\nflags = {flags}\n")
            equal(run_json("run", "m.ini")["runs"][0]["metrics"]["alloc.count"], metrics["alloc.count"], "straight")


def zones_have_locks_of_their_own():
    metrics = measure(HEAD + "[memory]\nzones = 1MiB,2MiB\n[task T]\nprogram = alloc a 4KiB pages GFP_DMA, "
                      "repeat 2 { alloc a 4KiB pages GFP_DMA32 }, repeat 3 { alloc a 4KiB pages }\n")
    equal([metrics[f"lock.pages.{zone}.taken"] for zone in ("DMA", "DMA32", "Normal")], [1, 2, 3], "locks")


def a_request_that_may_sleep_in_atomic_context_is_a_bug_though_it_would_not_have_slept():
    for program, count in (("irq-off, call f { alloc a 64 }, irq-on", 1), ("lock L, call f { alloc a 64 }, unlock L", 1),
                           ("lock L, call f { alloc a 64 GFP_ATOMIC }, unlock L", 0), ("alloc a 64", 0)):
        write("m.ini", HEAD + f"[lock L]\n[task T]\nprogram = {program}\n")
        run("run", "m.ini", status=1 if count else 0)
        equal(query("m.db", f"SELECT kind, task, site FROM bugs {LAST}"), [("bug.sleep_in_atomic", "T", "f > alloc a 64 (m.ini:7)")] * count, program)


def who_ends_with_something_off_is_a_bug_and_others_go_on():
    others = "[task U]\nstart = 1ms\ncpus = 0\nprogram = sleep 1ms, alloc x 64, free x\n[task irq]\ncontext = hardirq\ncpus = 0\nevery = 100us\ntimes = 5\nprogram = work 1us\n"
    def off(what, step, chain=""):
        return (f"T has ended with {what} off, as it was left by {step} (m.ini:7)", f"{chain}{step} (m.ini:7)")
    def keeps(last):
        return ("T has ended and keeps a lock: L", f"{last} (m.ini:7)")
    for program, expected in (("call f { irq-off }", [off("interrupts", "irq-off", "f > ")]),
                              ("call f { call g { softirq-off } }", [off("softirqs", "softirq-off", "f > g > ")]),
                              ("preempt-off", [off("preemption", "preempt-off")]),
                              ("repeat 2 { irq-off }, irq-on, preempt-off", [off("interrupts", "irq-off"), off("preemption", "preempt-off")]),
                              ("irq-off, lock L, irq-on, unlock L, preempt-off, preempt-on", []),
                              ("lock L", [keeps("lock L")]),
                              ("lock L, call f { irq-off }", [keeps("irq-off"), off("interrupts", "irq-off", "f > ")])):
        write("m.ini", HEAD + f"[task T]\ncpus = 0\nprogram = {program}\n{others}[lock L]\nkind = spin-irq\n")
        run("run", "m.ini", status=1 if expected else 0)
        equal(query("m.db", f"SELECT text, site FROM bugs {LAST} ORDER BY seq"), expected, program)


def freeing_from_the_wrong_context_is_a_bug_where_the_allocator_forbids_it():
    tasks = ("[task T]\nprogram = repeat 5 { alloc @x 64 }, sleep 10ms\n"
             "[task irq]\ncontext = hardirq\nstart = 1ms\nevery = 1ms\ntimes = 5\nprogram = call f { free @x }\n")
    for where, count in (("any", 0), ("softirq", 5), ("process", 5), ("sleepable", 5)):
        write("m.ini", HEAD + f"[objects]\nfree-from = {where}\n" + tasks)
        contains(run("run", "m.ini", status=1 if count else 0).stdout, "bug.free_context" if count else "")
        equal(query("m.db", "SELECT count FROM bugs " + LAST + " AND kind = 'bug.free_context' AND site LIKE 'f > free @x (m.ini:%)'"), [(count,)] * (count > 0), where)
    tasks = "[task T]\nprogram = alloc x 64, irq-off, free x, irq-on\n"
    equal(measure(HEAD + "[objects]\nfree-from = process\n" + tasks)["bug.free_context"], 0, "interrupts off")
    equal(measure(HEAD + "[objects]\nfree-from = sleepable\n" + tasks, status=1)["bug.free_context"], 1, "interrupts off")


def an_allocator_says_from_where_it_may_be_called():
    for context, key, bugs in (("softirq", "", (0, 5)), ("hardirq", "", (5, 5)), ("softirq", "alloc-from = process\n", (5, 5)),
                               ("softirq", "free-from = any\n", (0, 5))):
        text = (HEAD + f"[objects]\nallocator = picky\n{key}[task T]\nprogram = sleep 10ms\n"
                f"[task irq]\ncontext = {context}\nstart = 1ms\nevery = 1ms\ntimes = 5\nprogram = call f {{ alloc x 64 GFP_ATOMIC, free x }}\n")
        metrics = measure(text, "--plugin", ODD, status=1)
        equal((metrics["bug.alloc_context"], metrics["bug.free_context"]), bugs, (context, key))


def a_block_that_a_device_works_on_is_not_given_back():
    tasks = ("[device eng]\nkind = dma\nburst-time = 1ms\n[task T]\nprogram = alloc b 8KiB pages, dma eng b from-device nowait, "
             "free b, dma-wait b, alloc c 8KiB pages, dma eng c, free c\n")
    metrics = measure(HEAD + tasks, status=1)
    equal((metrics["bug.free_in_flight"], metrics["free.count"], metrics["live.blocks.end"]), (1, 1, 1), "blocks")


def a_refused_buffer_has_a_reason():
    text = ("[machine]\nram = 8GiB\n[memory]\nzones = linux\n[device e]\nkind = dma\nmax-segments = 1\n[device near]\nkind = dma\nlimit = 16MiB\n"
            "[device wide]\nkind = dma\nalignment = 8KiB\n[task t]\nprogram = alloc a 128KiB pages GFP_DMA32, dma e a, alloc b 4KiB pages GFP_DMA32, dma near b, "
            "alloc c 4KiB pages GFP_DMA32, alloc d 4KiB pages GFP_DMA32, dma wide c, dma wide d\n")
    metrics = measure(text)
    equal([metrics[f"device.{name}"] for name in ("e.refused_scattered", "near.refused_out_of_reach", "wide.refused_misaligned", "wide.done")], [1, 1, 1, 1], "each")
    equal([metrics[f"dma.refused{why}"] for why in ("", "_misaligned", "_out_of_reach", "_scattered", "_no_addresses")], [3, 1, 1, 1, 0], "all")


def frames_are_checked_that_were_asked_for_whatever_a_handler_asks_for_then():
    # a handler comes in as soon as the allocator's lock is given back, and has 512 frames checked
    task = "[task T]\nprogram = repeat 1000 { alloc x 4KiB pages }, repeat 1000 { free x }\n"
    tick = "[task tick]\ncontext = hardirq\nevery = 20us\ntimes = 40\nprogram = alloc y 2MiB pages GFP_ATOMIC, free y\n"
    alone, interrupted = measure(HEAD + task), measure(HEAD + task + tick)
    check(interrupted["task.T.interrupted_ns"] > 0, "it is interrupted")
    equal(interrupted["task.T.run_ns"], alone["task.T.run_ns"], "its own time")


def a_limit_chooses_the_zone():
    # of the 4096 frames of the first 16 MiB all but the 5 of its min watermark, as with GFP_DMA: nothing is kept from who can have no others
    text = ("[machine]\nram = 8GiB\n[memory]\nzones = linux\n[device near]\nkind = dma\nlimit = 16MiB\n"
            "[task t]\nprogram = repeat 4200 { alloc b 4KiB pages %s }\n")
    for how in ("for near", "below 16MiB", "GFP_DMA", "GFP_ATOMIC|GFP_DMA below 8MiB"):
        metrics = measure(text % how)
        equal(metrics["alloc.count"], 2048 if "8MiB" in how else 4091, how)
    write("near.ini", text % "for near")
    contains(run("run", "near.ini").stdout, "109 requests failed: 109 watermark")


def what_mappings_take_and_give_back_is_in_peaks_and_pictures():
    # 1024 pages are touched and dropped before the only request, which no snapshot and no peak had been told of
    write("quiet.ini", "[machine]\nram = 16MiB\n[memory]\nreclaim = yes\n[mapping heap]\nkind = anonymous\nsize = 4MiB\n[record]\ninterval = 10us\n"
          "[task t]\nprogram = repeat 1024 { dirty heap next }, drop heap, sleep 1ms, alloc x 4KiB pages, free x\n")
    run("run", "quiet.ini", "-q")
    [(peak,)] = query("quiet.db", "SELECT value FROM metrics WHERE name = 'memory.reserved.peak_bytes'")
    equal(peak, 4 << 20, "bytes at most")
    reserved = [value for (value,) in query("quiet.db", "SELECT value FROM series WHERE name = 'memory.reserved_bytes' ORDER BY t_ns")]
    at_most = reserved.index(max(reserved))
    check(at_most > 10, f"many snapshots while it grows, not {at_most}")
    equal(reserved[:at_most], sorted(reserved[:at_most]), "growing")
    equal(reserved[-1], 0, "bytes in the end")
    # what a request to the disk needs until it is done, in a run with no request at all
    needs = measure("[record]\ninterval = 100us\n" + HEAD + "[device sda]\nkind = queue\nservice = fixed(10us)\n[memory]\nreclaim = yes\ndisk = sda\n"
                    "flusher = yes\ndirty-expire = 1ms\ndirty-writeback = 1ms\n[mapping f]\nsize = 16KiB\nwrite-memory = 64KiB\nempty = yes\n"
                    "[task t]\nprogram = dirty f 0..3, sleep 10ms, drop f\n")
    equal(needs["memory.reserved.peak_bytes"], (16 + 64) << 10, "pages and what writing them needs")
    at_1ms = "SELECT value FROM series WHERE name = 'memory.reserved_bytes' AND t_ns = 1000000"
    equal(query("m.db", at_1ms), [(16 << 10,)], "when they are about to be written")
    # frames of a pager
    write("paged.ini", HEAD + "[pager]\nresident = 64\nread = 10us\n[region data]\nsize = 256KiB\n[record]\ninterval = 10us\n"
          "[task t]\nprogram = repeat 64 { touch data next }\n")
    run("run", "paged.ini", "-q")
    reserved = {value for (value,) in query("paged.db", "SELECT value FROM series WHERE name = 'memory.reserved_bytes'")}
    check(len(reserved) > 32, f"many snapshots while it grows, not {len(reserved)}")


def every_page_that_a_device_has_moves_while_it_is_paused():
    # the last page is being moved while who migrates it waits, and its transfer is over then: the interrupt is on its way
    text = ("[machine]\ncpus = 2\nram = 16MiB\nprofile = unit\n[memory]\nreclaim = yes\n[device e]\nkind = dma\nboundary = 0\nmax-segments = 256\n"
            "burst-time = 100us\niommu = %s\n[mapping heap]\nkind = anonymous\nsize = 64KiB\n"
            "[task t]\nprogram = dirty heap 0..15, dma e heap 0..15 nowait, wake go, dma-wait heap, migrate heap 0..15, drop heap\n"
            "[task m]\ncpus = 1\nprogram = wait go, migrate heap 0..15 pausing\n")
    for iommu in ("no", "yes"):
        metrics = measure(text % iommu, "--check=every-event")
        equal([metrics[name] for name in ("dma.moves", "migrate.pages", "migrate.failed_pinned", "dma.moved")], [16, 32, 0, 65536], iommu)


def a_page_that_moves_interrupts_the_other_cpus():
    text = ("[machine]\ncpus = 3\nram = 1MiB\n[memory]\nreclaim = yes\n[mapping heap]\nkind = anonymous\nsize = 64KiB\n"
            "[task t]\nprogram = dirty heap 0..15, migrate heap 0..15\n[task u]\ncpus = 1\nprogram = %s\n")
    metrics = measure(text % "work 1ms")
    equal([metrics[name] for name in ("migrate.pages", "cpu.ipis_sent", "cpu.interrupts")], [16, 32, 32], "two others")
    check(measure(text % "irq-off, work 10ms, irq-on")["time.end_ns"] > 10.01e6, "it waits for who has interrupts off")


def small_blocks_are_one_scattered_buffer():
    for step, setting, expected in (
            # blocks of 96 bytes lie 96 apart, or end a slab; every other one is another's
            ("repeat 4 { alloc b 96, alloc c 96 }, dma eng b all", "alignment = 32", (1, 1, 0, 4 * 96, 4)),
            ("repeat 4 { alloc b 96 }, dma eng b all", "alignment = 32", (1, 1, 0, 4 * 96, 1)),
            ("alloc b 96, alloc b 10000, alloc b 96, dma eng b all", "alignment = 32", (1, 1, 0, 10192, None)),
            ("repeat 4 { alloc b 96, alloc c 96 }, dma eng b all, if-failed { alloc no 96 }", "alignment = 128", (1, 0, 1, 0, 0)),
            ("repeat 4 { alloc b 96, alloc c 96 }, dma eng b all, if-failed { alloc no 96 }", "alignment = 32\nmax-segments = 3", (1, 0, 1, 0, 0)),
            ("alloc b 96, free b, dma eng b all, if-failed { alloc b 96 }", "alignment = 32", (0, 0, 0, 0, 0))):
        metrics = measure(HEAD + f"[device eng]\nkind = dma\n{setting}\n[task T]\nprogram = {step}\n")
        found = [metrics["dma." + name] for name in ("requests", "done", "refused", "moved", "segments")]
        equal(found, [found[i] if value is None else value for i, value in enumerate(expected)], step)
        equal(metrics["live.blocks.end"] in (1, 9), "if-failed" in step, "the step fails")


def a_block_for_a_device_may_cross_the_boundary_where_it_is_cut_there():
    for setting, alloc, expected in (
            # failed, done, refused, segments
            ("", "alloc b 1MiB pages for eng", (0, 1, 0, 16)),
            ("max-segments = 15\n", "alloc b 1MiB pages", (0, 0, 1, 0)),
            ("boundary = 4KiB\nmax-segments = 2\n", "alloc x 4000, alloc b 6000 for eng", (0, 1, 0, 2)),
            ("boundary = 4KiB\nmax-segments = 1\n", "alloc x 4000, alloc b 4000 for eng", (0, 1, 0, 1))):
        metrics = measure(HEAD + f"[device eng]\nkind = dma\n{setting}[task T]\nprogram = {alloc}, dma eng b from-device\n")
        equal((metrics["alloc.failed"], metrics["dma.done"], metrics["dma.refused"], metrics["dma.segments"]), expected, alloc)


def a_block_that_could_never_suit_its_device_is_refused():
    for setting, alloc, message in (
            ("max-segments = 15\n", "alloc b 1MiB pages for eng", "alloc b 1MiB pages for eng (m.ini:9): the device takes 15 segments, and this is 16 wherever it lies"),
            ("max-segment = 4KiB\nmax-segments = 1\n", "alloc b 5000 for eng", "the device takes 1 segment, and this is 2 wherever it lies"),
            ("limit = 64KiB\n", "alloc b 128KiB pages for eng", "the device reaches no further than 64 KiB"),
            ("limit = 64KiB\n", "alloc b 64KiB pages for eng", None)):
        write("m.ini", HEAD + f"[device eng]\nkind = dma\n{setting}[task T]\nprogram = {alloc}\n")
        result = run("run", "m.ini", status=2 if message else 0)
        contains(result.stderr, message or "")


def who_is_killed_ends_and_does_no_further_step():
    tasks = ("[mapping big]\nkind = anonymous\nsize = 3600KiB\ntask = hog\n"
             "[task hog]\nprogram = dirty big 0..899, sleep 1s, alloc never 4KiB pages\n"
             "[task T]\nstart = 500ms\nprogram = repeat 54 { alloc p 4KiB pages }\n")
    metrics = measure(HEAD + "[memory]\nreclaim = yes\n" + tasks)
    equal((metrics["oom.kills"], metrics["alloc.count"], metrics["alloc.failed"], metrics["stall.count"]), (1, 54, 0, 0), "requests")
    [kill] = run_json("run", "m.ini")["runs"][0]["oom_kills"]
    equal((kill["victim"], kill["pages"], kill["freed"], kill["task"], kill["size"], kill["gfp"], kill["source"], kill["site"]),
          ("hog", 900, 900, "T", 4096, "GFP_KERNEL", "alloc p 4KiB pages (m.ini:15)", "direct reclaim"), "who was killed, for whom")
    check(500000000 <= kill["t_ns"] < 501000000, "when")
    equal(query("m.db", "SELECT victim, freed, task FROM oom_kills " + LAST), [("hog", 900, "T")], "the table")
    contains(run("run", "m.ini").stdout, ": hog is killed, 900 of its 900 pages are free; T on CPU 0 wants 4096 bytes of pages, GFP_KERNEL: "
             "alloc p 4KiB pages (m.ini:15); in direct reclaim\n")
    equal(query("m.db", "SELECT count (*) FROM deadlocks"), [(0,)], "that is no deadlock")


def who_has_no_need_to_succeed_fails_and_who_must_waits():
    for flags, failed in (("__GFP_NORETRY", 1), ("__GFP_RETRY_MAYFAIL", 1), ("__GFP_NOFAIL", 0)):
        metrics = measure(HEAD + "[memory]\nreclaim = yes\n[task T]\nstart = 1ms\nprogram = repeat 952 { alloc p 4KiB pages }, "
                          f"alloc q 4KiB pages GFP_KERNEL|{flags}\n[task F]\nprogram = alloc f 4KiB pages, sleep 1s, free f\n")
        equal((metrics["alloc.failed"], metrics["oom.kills"]), (failed, 0), flags)


ALONE = "__GFP_DIRECT_RECLAIM|__GFP_IO|__GFP_FS"  # without kswapd
HOG = "[mapping heap]\nkind = anonymous\nsize = 64KiB\ntask = hog\n[task hog]\npriority = 1\nprogram = dirty heap 0..15, sleep 1s\n"


def nobody_is_killed_as_long_as_there_is_something_to_reclaim():
    """Atomic requests have had the whole reserve, 1024 frames: that is 33 rounds of 32 pages."""
    metrics = measure("[machine]\nram = 16MiB\n[memory]\nreclaim = yes\nmin-free = 4MiB\n[mapping cache]\nsize = 8MiB\n" + HOG + "[task T]\nprogram = "
                      f"touch cache 0..1999, memalloc-noreclaim {{ repeat 3000 {{ alloc p 4KiB pages __GFP_HIGH }} }}, alloc q 4KiB pages {ALONE}, sleep 2s\n")
    equal((metrics["oom.kills"], metrics["reclaim.direct"], metrics["reclaim.pages"]), (0, 1, 1056), "one request reclaims until it is above the watermark")
    equal(query("m.db", f"SELECT count (*) FROM failures {LAST} AND gfp LIKE '%DIRECT_RECLAIM%'"), [(0,)], "and gets its page")


def nobody_is_killed_for_a_lower_zone():
    for ask, kills in (("alloc q 4KiB pages", 1), ("alloc q 4KiB pages GFP_KERNEL|GFP_DMA", 0), ("alloc q 4KiB pages GFP_NOFS|GFP_DMA32", 0), ("alloc q 4KiB pages below 1MiB", 0)):
        metrics = measure(HEAD + f"[memory]\nreclaim = yes\nzones = 1MiB,2MiB\n{HOG}[task T]\nprogram = repeat 1100 {{ {ask} }}, sleep 2s\n")
        equal((metrics["oom.kills"], metrics["stall.count"], metrics["alloc.failed"] > 0), (kills, 0, True), ask)


def many_pages_in_a_row_are_worth_one_try():
    scattered = ("repeat 100 { alloc s 4KiB pages, alloc p 4KiB pages }, repeat 300 { touch log next, alloc p 4KiB pages }, "
                 f"memalloc-noreclaim {{ repeat 300 {{ alloc p 4KiB pages __GFP_HIGH }} }}, repeat 100 {{ free s }}, alloc q 64KiB pages {ALONE}")
    for flags, pages in (("", 32), ("|__GFP_RETRY_MAYFAIL", 300)):
        metrics = measure(SHORT + f"[task T]\nprogram = {scattered}{flags}\n")
        equal((metrics["reclaim.direct"], metrics["reclaim.pages"]), (1, pages), flags)
        equal(query("m.db", f"SELECT count (*) FROM failures {LAST} AND size = 65536"), [(1,)], flags)


MUST = "GFP_KERNEL|__GFP_NOFAIL"
HOLDER = "[task F]\nprogram = alloc f 4KiB pages, sleep 1s, free f\n"


def who_must_not_fail_waits_without_reclaim_too():
    for zones in ("", "[memory]\nzones = 1MiB,2MiB\n"):
        for asks in (f"alloc q 4KiB pages {MUST}", f"alloc q 5000 {MUST}", f"repeat 100 {{ alloc q 64 {MUST} }}"):
            fill = "memalloc-noreclaim { repeat 1200 { alloc p 4KiB pages } }"
            text = HEAD + zones + f"[task T]\nstart = 1ms\nprogram = {fill}, call f {{ {asks} }}\n"
            wait = measure(text + HOLDER.replace("4KiB", "64KiB"))
            equal(query("m.db", f"SELECT count (*) FROM failures {LAST} AND gfp LIKE '%NOFAIL%'"), [(0,)], asks)
            check(9.9e8 < wait["worst.alloc.process.memory_ns"] < 1.1e9, f"it waits for F: {asks}")
            run("verify", "m.db")
            stall = measure(text, status=1)
            equal((stall["stall.count"], stall["deadlock.count"]), (1, 0), f"nobody is left: {asks}")
            contains(run("run", "m.ini", status=1).stdout, "waits for memory; in f")
    storm = "[task irq]\ncontext = hardirq\ncpus = 1\nevery = 1ms\nprogram = "
    task = f"[task T]\nprogram = repeat 1100 {{ alloc p 4KiB pages }}, lock L, alloc q 4KiB pages {MUST}, free q, unlock L\n"
    head = HEAD + "[lock L]\nkind = mutex\n"
    for others, expected in ((storm + "work 1us\n", (1, 0, 0)),
                             (storm + "work 1us, if-failed { alloc x 64 GFP_ATOMIC, free x }\n[scenario]\nuntil = 1s\n", (0, 0, 0)),
                             ("[task U]\nstart = 1ms\ncpus = 1\nprogram = lock L, if-failed { alloc x 64 }, free x, unlock L\n", (0, 1, 0)),
                             ("[task U]\ncpus = 1\nprogram = alloc x 4KiB pages, sleep 1ms, free x, lock L, unlock L\n", (0, 0, 2))):
        metrics = measure(head + task + others, status=1 if expected[0] + expected[1] else 0)
        equal((metrics["stall.count"], metrics["deadlock.count"], metrics["free.count"]), expected, others)
        story = run("run", "m.ini", status=None).stdout
        contains(story, {(1, 0): "T waits for memory; in", (0, 1): "T waits for memory, which only U can bring about", (0, 0): ""}[expected[:2]].replace("; in", ""))
    for where in ("irq-off, {}, irq-on", "lock L, {}, unlock L"):
        program = where.format(f"alloc q 4KiB pages {MUST}")
        metrics = measure(HEAD + f"[lock L]\n[task T]\nprogram = repeat 1200 {{ alloc p 4KiB pages }}, {program}\n" + HOLDER, status=1)
        equal((metrics["stall.count"], metrics["bug.sleep_in_atomic"]), (0, 1), "where one may not sleep it fails")
    workload = ("[schedule]\nreplay = cpus\n[workload w]\nkind = synthetic\ntarget = pages\ncpus = 0\noperations = 2000\n"
                f"arrivals = poisson(1000/s)\nlifetimes = fixed(1500ms)\norders = fixed(0)\nflags = {MUST}\n")
    metrics = measure(HEAD + workload)
    equal((metrics["stall.count"], metrics["alloc.failed"] > 0), (0, True), "in replays, where frees come behind it")


def a_failed_request_says_why():
    fill = "repeat 508 { alloc a 4KiB pages, alloc b 4KiB pages }"
    zones = "[memory]\nzones = 1MiB,2MiB\n"
    inject = "[schedule]\ninject = alloc\ninject-share = 1.0\ninject-most = 0\n"
    for head, program, reasons in (
            ("", fill + ", alloc c 4KiB pages", [("out of memory", 1)]),
            ("", fill + ", alloc c 64", [("out of memory", 1)]),
            ("", fill + ", repeat 508 { free a }, alloc c 8KiB pages, alloc c 5000, alloc c 64", [("fragmentation", 2)]),
            ("", "alloc c 8MiB pages, alloc c 8MiB, alloc c 5MiB", [("too large", 3)]),
            ("[pages]\nallocator = page-first-fit\n", "alloc c 3MiB pages, alloc c 3MiB pages, alloc c 8MiB pages",
             [("out of memory", 1), ("too large", 1)]),
            ("[device eng]\nkind = dma\nlimit = 8KiB\n", "repeat 3 { alloc c 4KiB pages for eng }, alloc c 64 for eng", [("constraint", 2)]),
            (zones, "repeat 600 { alloc a 4KiB pages }, repeat 600 { alloc a 4KiB pages GFP_NOWAIT }", [("watermark", None)]),
            (zones, "repeat 400 { alloc a 4KiB pages GFP_DMA }", [("zone", None)]),
            (zones, "repeat 1200 { alloc a 4KiB pages GFP_KERNEL|__GFP_MEMALLOC }", [("out of memory", 184)]),
            ("[memory]\nreclaim = yes\n", "repeat 1000 { alloc a 4KiB pages GFP_NOWAIT }, repeat 1000 { alloc a 64 GFP_ATOMIC }",
             [("watermark", None)]),
            (inject, "alloc a 4KiB pages, alloc b 64, alloc c 8MiB", [("injected", 3)])):
        metrics = measure(HEAD + head + f"[task T]\nprogram = {program}\n")
        found = query("m.db", f"SELECT reason, count (*) FROM failures {LAST} GROUP BY reason ORDER BY 1")
        equal(found, [(name, metrics["alloc.failed"] if n is None else n) for name, n in reasons], program)
        equal(query("m.db", f"SELECT DISTINCT task, source LIKE 'alloc %(m.ini:%)' FROM failures {LAST}"), [("T", 1)], "who")
        run("verify", "m.db")
    text = run("run", "m.ini").stdout
    contains(text, ": 3 requests failed: 3 injected\n    the first: T on CPU 0 at ")
    contains(text, " 4096 bytes of pages, GFP_KERNEL: alloc a 4KiB pages (m.ini:10): injected; 3.97 MiB free, 2 MiB in the largest block")
    equal(run_json("run", "m.ini")["runs"][0]["failures"], [{"reason": "injected", "count": 3}], "JSON")
    write("m.ini", HEAD + "[workload w]\nkind = synthetic\ntarget = objects\ncpus = 0\noperations = 30000\narrivals = closed\n"
          "live = 30000\nsizes = fixed(512)\n")
    contains(run("run", "m.ini").stdout, " requests failed; causes of the first 10000: all out of memory\n    the first: CPU 0 at ")
    equal(query("m.db", f"SELECT DISTINCT task, source FROM failures {LAST}"), [(None, None)], "nobody's")


def scopes_hold_for_all_requests_in_them():
    last = "alloc q 4KiB pages GFP_KERNEL|__GFP_NORETRY"
    for scope, failed in (("call", 0), ("memalloc-nofs", 1), ("memalloc-noio", 1), ("memalloc-noreclaim", 0)):
        block = f"call f {{ {last} }}" if scope == "call" else f"{scope} {{ {last} }}"
        metrics = measure(SHORT + f"[task T]\nprogram = {FILL}, irq-off, irq-on, {block}\n")
        equal(metrics["alloc.failed"], failed, scope)
        equal(metrics["reclaim.direct"], 0 if scope == "memalloc-noreclaim" else 1, scope)


def who_waits_for_the_flusher_says_so():
    text = SHORT.replace("disk = sda\n", "disk = sda\nflusher = yes\nflusher-cpu = 1\n")
    fill = FILL.replace("dirty log 0..899", "dirty log 0..899 nowait")
    metrics = measure(text + f"[task T]\nprogram = {fill}, call f {{ alloc x 4KiB pages __GFP_DIRECT_RECLAIM|__GFP_IO|__GFP_FS }}\n")
    check(metrics["worst.alloc.process.throttle_ns"] > 0, "in its longest request")
    equal((metrics["reclaim.written"], metrics["throttle.pauses"], metrics["worst.alloc.process.io_ns"]), (0, 0, 0), "it writes nothing itself")
    contains(run("run", "m.ini").stdout, "us at a stretch for write-back")
    metrics = measure(text.replace("kind = file\n", "kind = file\nempty = yes\n") + "[task T]\nprogram = dirty log 0..899\n")
    check(metrics["throttle.pauses"] > 0 and metrics["throttle.time_ns"] > 1e6, "a writer is throttled")
    check(metrics["dirty.peak"] < 200, "below a fifth of memory")


def a_card_s_requests_are_among_all_others():
    metrics = measure(HEAD + "[device eth]\nkind = nic\npackets = 100\n[task T]\nprogram = sleep 10ms\n")
    check(metrics["latency.alloc.softirq.max_ns"] > 0, "in softirq context")
    equal(metrics["alloc.count"], 256 + 100, "buffers of the ring and of packets")


def a_step_moves_all_pages_together():
    text = (HEAD + "[pages]\nmax-order = 4\n[memory]\nreclaim = yes\ncompaction = direct\n" +
            "".join(f"[mapping {name}]\nkind = anonymous\nsize = 1600KiB\n" for name in ("kept", "dropped")) +
            "[task T]\nprogram = repeat 400 { dirty kept next, dirty dropped next }, drop dropped, %s repeat 30 { alloc x 64KiB pages GFP_NOWAIT }\n")
    before, after = measure(text % ""), measure(text % "compact,")
    check(before["alloc.failed"] > 0 and before["migrate.pages"] == 0, "fragmented")
    equal((after["alloc.failed"], after["compact_stall"]), (0, 0), "compacted")
    check(after["migrate.pages"] >= 160 and after["compact_isolated"] >= 2 * after["migrate.pages"], "pages have moved")


def what_would_have_no_effect_is_refused():
    task = "[task T]\nprogram = yield\n"
    write("reclaims.ini", HEAD + "[memory]\nreclaim = yes\nkswapd-cpu = 1\n" + task)
    for text, arguments, message in (
            ("[memory]\nkswapd-cpu = 9\n" + task, (), "6:14: error: kswapd-cpu has no effect without reclaim = yes"),
            (task + "[schedule]\ndepth = 4\n", (), "depth has no effect without policy = pct"),
            ("[memory]\nreclaim = yes\ndisk =\n" + task, (), "7:7: error: disk: expected the name of a [device] that is a disk, not nothing"),
            ("[memory]\nreclaim = yes\n[mapping f]\nsize = 64KiB\nlock =\n" + task, (), "9:7: error: lock: expected the name of a [lock], not nothing"),
            ("[memory]\nreclaim = yes\n[mapping f]\nsize = 64KiB\ntask =\n" + task, (), "9:7: error: task: expected the name of a task, not nothing"),
            ("[memory]\nreclaim = yes\n[mapping f]\nsize = 64KiB\n" + task, ("-s", "mapping.f.write-gfp="), "mapping.f.write-gfp: expected GFP_NOFS|__GFP_MEMALLOC, not nothing"),
            ("[device n]\nkind = nic\nflags =\n" + task, (), "7:8: error: flags: expected flags such as GFP_KERNEL, not nothing"),
            ("[memory]\nreclaim = yes\nflusher-cpu = 9\n" + task, (), "flusher-cpu has no effect without flusher = yes"),
            ("[memory]\ncompaction = direct\n" + task, (), "6:14: error: compaction has no effect without reclaim = yes"),
            ("[memory]\nreclaim = yes\nextfrag-threshold = 300\n" + task, (), "extfrag-threshold has no effect without compaction = direct or yes"),
            (task, ("-s", "memory.flusher=yes"), "memory.flusher has no effect without reclaim = yes")):
        write("idle.ini", HEAD + text)
        contains(run("run", "idle.ini", *arguments, status=2).stderr, message)
    run("run", "reclaims.ini", "-s", "memory.reclaim=no")
    run("run", "reclaims.ini", "-s", "memory.reclaim=no | yes")
    write("idle.ini", HEAD + "[memory]\nkswapd-cpu = 0\nflusher = no\n" + task)
    run("run", "idle.ini")
    web = "[workload w]\nkind = synthetic\noperations = 10\n"
    for text, arguments, message in (
            (web + "arrivals = poisson(1000/s)\nlive = 50\n", (), "9:8: error: live has no effect without arrivals = closed"),
            (web, ("-s", "workload.w.arrivals=poisson(1000/s)", "-s", "workload.w.live=50"), ""),
            (web + "live = 50\n", ("-s", "workload.w.arrivals=poisson(1000/s)"), "")):
        write("web.ini", HEAD + text)
        contains(run("run", "web.ini", *arguments, status=2 if message else 0).stderr, message)


def a_run_begins_with_a_kernel_s_free_memory():
    orders = [3, 2, 1, 0, 1, 0, 1]
    n_free = sum(n << order for order, n in enumerate(orders))
    write("buddyinfo", "Node 0, zone DMA " + " ".join(map(str, orders)) + "\n")
    is_free = [0] * 1016
    for order, at in ((0, 7), (0, 9), (0, 70), (1, 2), (1, 132), (2, 508), (4, 512), (6, 640)):
        for pfn in range(at, at + (1 << order)):
            is_free[pfn] = 1
    write("kpageflags.gz", gzip.compress(struct.pack("<1016Q", *[1 << 10 if free else 1 << 7 for free in is_free])))
    for file in ("buddyinfo", "kpageflags.gz"):
        for pages in ("", "list = linux\ngrouping = mobility\n"):
            for memory in ("", "zones = 1MiB,2MiB\nmin-free = 4KiB\n" if file == "kpageflags.gz" else "min-free = 4KiB\n"):
                metrics = measure(HEAD + f"[memory]\nstart = {file}\n{memory}[pages]\nallocator = buddy\n{pages}"
                                  f"[task T]\nprogram = sleep 1ms, repeat {n_free + 9} {{ alloc p 4KiB pages __GFP_MEMALLOC }}\n")
                rows = query("m.db", f'SELECT "order", sum (count) FROM free_blocks {LAST} AND t_ns = (SELECT min (t_ns) FROM free_blocks {LAST}) GROUP BY 1 ORDER BY 1')
                equal([n for _, n in rows][:len(orders)], orders, (file, pages, memory))
                equal((metrics["alloc.failed"], metrics["buddy.splits"]), (9, n_free - sum(orders)), (file, pages, memory))
                run("verify", "m.db")
    for start, message in (("buddyinfo\n[pages]\nallocator = bump", "bump hands out"), (".", "it is a folder"), ("none", "No such file"),
                           ("wrong.ini", "expected /proc/kpageflags, /proc/buddyinfo or /proc/pagetypeinfo")):
        write("wrong.ini", HEAD + f"[memory]\nstart = {start}\n[task T]\nprogram = yield\n")
        contains(run("run", "wrong.ini", status=2).stderr, message)


def what_was_in_use_is_given_back_as_the_recording_has_it():
    write("kpageflags", struct.pack("<1016Q", *[1 << 7 if pfn < 500 else 1 << 10 for pfn in range(1016)]))
    write("buddyinfo", "Node 0, zone DMA 4 0 1 0 0 0 0 1\n")
    frees = [(100, 2), (100, 0), (96, 3), (499, 0), (499, 0), (600, 0), (1016, 0), (5000, 3), (0xfffffff8, 3)]  # 9 frames are given back
    lines = [f"mm_page_free: page=0 pfn={pfn} order={order}" for pfn, order in frees]
    lines[2:2] = ["mm_page_alloc: page=0 pfn=700 order=0 migratetype=0 gfp_flags=GFP_KERNEL", "mm_page_free: page=0 pfn=700 order=0"]
    lines += ["mm_page_alloc_zone_locked: page=0 pfn=900 order=0 migratetype=0", "mm_page_pcpu_drain: page=0 pfn=300 order=1 migratetype=0",  # on lists: 3
              "mm_page_alloc: page=0 pfn=302 order=0 migratetype=0 gfp_flags=GFP_KERNEL",
              "mm_compaction_begin: zone_start=0x1 migrate_pfn=0x1 free_pfn=0xe00 zone_end=0x1000, mode=sync",
              *(f"mm_page_free: page=0 pfn={pfn} order=0" for pfn in (201, 710, 200)), "sched_switch: prev_comm=a", "mm_page_free: page=0 pfn=302 order=0",
              # a softirq gives back a page, a free frame was not needed, two pages have moved …
              "mm_compaction_end: zone_start=0x1 migrate_pfn=0x1 free_pfn=0xe00 zone_end=0x1000, mode=sync status=success",
              "mm_page_free: page=0 pfn=950 order=0"]  # … and of the two one is given back
    write("t.txt", "".join(f"  task-7 [00{i % 2}] ..{'.s'[i % 3 == 0]}1. 5.{100 * i:06}: {line}\n" for i, line in enumerate(lines)))
    run("trace", "convert", "t.txt", "-o", "t.kmt")
    known = 11, sum(1 << order for _, order in frees) - 9 + 1
    for more in ("", "[layer l]\nallocator = per-cpu-pages\naround = pages\n", "[schedule]\nreplay = cpus\n", "[record]\norigins = yes\npopulation = yes\nevents = all\n"):
        for level in ("pages", "both"):
            prints = []
            for file in ("t.txt", "t.kmt"):
                metrics = measure(HEAD + f"[memory]\nstart = kpageflags\n[pages]\nallocator = buddy\n{more}"
                                  f"[workload w]\nkind = trace\nfile = {file}\nlevel = {level}\n")
                equal((metrics["start.in_use"], metrics["start.given_back"], metrics["start.unknown"], metrics["start.on_lists"]), (500, *known, 3), (more, level))
                equal((metrics["start.moved"], metrics["start.moved_back"]), (2, 1), (more, level))
                equal(metrics["trace.page_free_unknown"], len(frees) + 4, more)
                equal((metrics["free.count"], metrics["latency.free.mean_ns"] > 0), (2, True), more)
                kept = metrics["memory.reserved.end_bytes"] / 4096 - (500 - 9 - 3 - 1)
                equal(kept > 0, "per-cpu" in more, (more, level, kept))  # on lists of CPUs
                run("verify", "m.db")
                prints.append(query("m.db", f"SELECT fingerprint FROM runs {LAST}"))
            equal(prints[0], prints[1], more)
    table = run("export", "m.db", "samples", "--run", str(query("m.db", "SELECT max (run_id) FROM runs")[0][0])).stdout.splitlines()
    equal([line.split(",")[1:6] for line in table if "old" in line], [["free-old", "pages", context, cpu, size] for context, cpu, size in
          (("softirq", "0", "16384"), ("process", "0", "16384"), ("process", "1", "4096"), ("softirq", "0", "8192"), ("process", "1", "4096"),
           ("softirq", "1", "4096"), ("process", "1", "4096"), ("softirq", "1", "4096"))], "samples")
    metrics = measure(HEAD + "[memory]\nstart = buddyinfo\n[pages]\nallocator = buddy\n[workload w]\nkind = trace\nfile = t.kmt\nlevel = pages\n")
    in_use = 1016 - 4 - 4 - 128
    equal((metrics["start.in_use"], metrics["start.given_back"], metrics["start.unknown"]), (in_use, 4 + 4 + 1 + 1 + 4, 33 - 10), "numbers alone")  # 600 as well
    equal((metrics["start.on_lists"], metrics["memory.reserved.end_bytes"] / 4096), (4, in_use - 10 - 4 + 1 - 2), "numbers alone")  # 700 as well


def what_makes_no_sense_is_refused():
    task = "[task T]\nprogram = "
    for text, message in (
            ("[memory]\nreclaim = yes\n[workload w]\nkind = synthetic\n", "who reclaims sleeps"),
            ("[memory]\nreclaim = yes\ndisk = sdb\n" + task + "yield\n", "disk: there is no [device] “sdb”: [device sdb] would make it one"),
            ("[memory]\nreclaim = yes\nkswapd-cpu = 7\n" + task + "yield\n", "the machine has CPUs 0 to 1"),
            ("[memory]\nreclaim = yes\ncompaction = direct\n[pages]\nallocator = page-first-fit\n" + task + "yield\n", "page-first-fit cannot take a free block of another’s choice, as buddy can"),
            ("[memory]\nreclaim = yes\nflusher = yes\n" + task + "yield\n", "there is nowhere to write to"),
            ("[memory]\nreclaim = yes\nflusher = yes\nflusher-cpu = 2\n" + task + "yield\n", "flusher-cpu: the machine has CPUs 0 to 1"),
            ("[memory]\nreclaim = yes\n" + task + "compact\n", "compact (wrong.ini:8): expected [memory] compaction = direct or yes"),
            ("[mapping m]\n" + task + "touch m\n", "expected [memory] reclaim = yes"),
            (SHORT[len(HEAD):] + task + "dirty log 1 later\n", "later"),
            (SHORT[len(HEAD):] + task + "alloc x 64, throttle x\n", "there is no [mapping] “x”"),
            (SHORT[len(HEAD):] + task + "dirty log 900\n", "there is no page 900, it has pages 0 to 899"),
            (SHORT[len(HEAD):] + task + "dirty log 9..3\n", "the first page of 9..3 is behind the last"),
            (SHORT[len(HEAD):] + task + "dirty lgo\n", "did you mean “log”?"),
            (SHORT[len(HEAD):] + "[mapping m]\ntask = nobody\n" + task + "touch m\n", "there is no [task] “nobody”"),
            (SHORT[len(HEAD):] + "[mapping m]\nlock = none\n" + task + "touch m\n", "there is no [lock] “none”"),
            (SHORT[len(HEAD):] + "[mapping m]\nsize = 2TiB\n" + task + "touch m\n", "expected a size from 1B to 1TiB"),
            (SHORT[len(HEAD):].replace("fixed(1ms)", "fixed(1ms)\nsize = 1MiB") + task + "yield\n", "need a disk of at least"),
            (task + "alloc x 64, dma eng x\n", "there is no [device] “eng”"),
            ("[device eng]\nkind = dma\n" + task + "dma eng x\n", "there is no block or [mapping] “x”"),
            ("[device eng]\nkind = dma\n" + task + "alloc x 64, dma eng x sideways\n", "expected dma DEVICE NAME"),
            (task + "alloc x 64 for eng\n", "there is no [device] “eng”"),
            (task + "memalloc-nofs, yield\n", "expected memalloc-nofs { … }")):
        write("wrong.ini", HEAD + text)
        contains(run("run", "wrong.ini", status=2).stderr, message)


main(what_was_in_use_is_given_back_as_the_recording_has_it, objects_wait_for_pages_without_their_allocator_s_lock, frames_are_checked_and_cleared_without_the_lock, who_finds_nothing_on_its_cpu_s_list_may_sleep_as_without_lists, reclaim_gets_what_lies_in_magazines, reclaim_gets_what_cpus_keep, pages_of_a_region_are_written_when_they_are_dirty, one_zone_has_watermarks_where_it_is_said, zones_have_locks_of_their_own,
     a_request_that_may_sleep_in_atomic_context_is_a_bug_though_it_would_not_have_slept,
     an_allocator_says_from_where_it_may_be_called, who_ends_with_something_off_is_a_bug_and_others_go_on,
     freeing_from_the_wrong_context_is_a_bug_where_the_allocator_forbids_it,
     a_block_that_a_device_works_on_is_not_given_back, a_refused_buffer_has_a_reason, frames_are_checked_that_were_asked_for_whatever_a_handler_asks_for_then, a_limit_chooses_the_zone, what_mappings_take_and_give_back_is_in_peaks_and_pictures, every_page_that_a_device_has_moves_while_it_is_paused, a_page_that_moves_interrupts_the_other_cpus, small_blocks_are_one_scattered_buffer,
     a_block_for_a_device_may_cross_the_boundary_where_it_is_cut_there, a_block_that_could_never_suit_its_device_is_refused, who_is_killed_ends_and_does_no_further_step,
     who_has_no_need_to_succeed_fails_and_who_must_waits, nobody_is_killed_as_long_as_there_is_something_to_reclaim, nobody_is_killed_for_a_lower_zone, many_pages_in_a_row_are_worth_one_try,
     who_must_not_fail_waits_without_reclaim_too, a_failed_request_says_why, scopes_hold_for_all_requests_in_them,
     who_waits_for_the_flusher_says_so, a_card_s_requests_are_among_all_others, a_step_moves_all_pages_together, what_would_have_no_effect_is_refused, a_run_begins_with_a_kernel_s_free_memory, what_makes_no_sense_is_refused)
