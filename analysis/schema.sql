-- schema.sql: the result database of kmemlab, table by table.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- This file is the description of the format: the program makes new databases
-- by executing it, and SQLite keeps the comments, so `.schema` shows them.
--
-- A run is written in one transaction: it is there whole or not at all. Rows
-- depend on the runs alone, so the same campaign gives the same bytes whatever the
-- number of workers; there is no AUTOINCREMENT and no ANALYZE for that reason.
--
-- Times are simulated time since the run began, in whole nanoseconds (the
-- simulator counts picoseconds; a database drops the fraction). Integers are
-- counts or bytes. Numbers of 64 bits without a sign (seeds) are decimal text, because
-- SQLite's integers end at 2^63 - 1.
--
-- Tables may get more columns in a later version, never other meanings. The
-- views at the end are for people: one line a run, units in the names.
--
-- Any SQLite client can read the file. The last eight bytes of each page are a checksum, that of SQLite's extension
-- cksumvfs: a client that does not know it and writes leaves pages that kmemlab takes for damaged. Attach the database to
-- one of your own instead.
--
-- Nothing here says where on the host anything was: runs.base_dir is what the command said, inputs has contents.
--
-- History of user_version
--   1  the first; it knew the files that a run read by their names alone, and is not read any more
--   2  inputs; a checksum in every page; in samples a latency is the difference from that of the last operation of its kind
--   3  studies of bin sizes: bin_studies, bin_…
--   4  site_waste, lifetime_waste
--   5  bugs; deadlock_edges.held and since_ns for holder
--   6  potential_deadlocks, deadlock_spans; deadlock_edges.seq
--   7  longest, longest_parts
--   8  in failures reasons, tasks, and what was free; oom_kills
--   9  in bugs count: each is there once
--  10  zone_free_blocks

PRAGMA application_id = 0x6b6d6c62; -- "kmlb"
PRAGMA user_version = 10;

-- ---- What was asked for ----

-- One command that filled the database, and how far it came.
CREATE TABLE campaigns (
  campaign_id INTEGER PRIMARY KEY, -- 1, 2, …
  scenario    TEXT NOT NULL,       -- file name of the scenario
  n_runs      INTEGER NOT NULL,    -- runs it was to make, those that were there already included
  status      TEXT NOT NULL        -- running: at it now; complete; stopped: on request; interrupted: killed
              CHECK (status IN ('running', 'complete', 'stopped', 'interrupted'))
) STRICT;

-- One execution of a scenario with one seed.
CREATE TABLE runs (
  run_id        INTEGER PRIMARY KEY, -- 1, 2, … in the order of the scenario's sweep
  run_key       TEXT NOT NULL UNIQUE, -- hash of settings, inputs, seed and version, hexadecimal: the same run has the same key
  scenario      TEXT NOT NULL,       -- file name of the scenario
  title         TEXT NOT NULL,       -- [scenario] title
  scenario_text TEXT NOT NULL,       -- the scenario file, whole
  overrides     TEXT NOT NULL,       -- -s settings, one group.key=value a line
  base_dir      TEXT NOT NULL,       -- folder of the scenario, as the command named it from the folder it was given in; empty: that says nothing elsewhere
  seed          TEXT NOT NULL,       -- seed of this run, decimal
  status        TEXT NOT NULL        -- done; failed: the world's fault (message says why); crashed: ours
                CHECK (status IN ('done', 'failed', 'crashed')),
  message       TEXT,                -- why it failed or crashed; NULL when done
  fingerprint   TEXT,                -- of everything that happened, 32 hexadecimal digits; NULL unless done
  version       TEXT NOT NULL,       -- of kmemlab
  started_at    INTEGER,             -- when, by the host's clock, seconds since 1970; NULL: not asked for
  wall_ns       INTEGER,             -- host time it took, ns; NULL: not asked for
  sim_ns        INTEGER NOT NULL,    -- simulated time at the end of the run, ns
  operations    INTEGER NOT NULL     -- requests and frees that were executed
) STRICT;

-- Every effective setting of a run, defaults included.
CREATE TABLE params (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  key    TEXT NOT NULL, -- group.key, or group.NAME.key: "objects.bins"
  value  TEXT NOT NULL, -- as one would write it in a scenario: "64KiB"
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- The files that a run read: what is in them decides its result as its settings do.
CREATE TABLE inputs (
  run_id     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  key        TEXT NOT NULL,    -- the setting that names it: "workload.kernel.file"
  file       TEXT NOT NULL,    -- its path as the setting names it, from the scenario's folder
  digest     TEXT NOT NULL,    -- XXH3-128 of its content, 32 hexadecimal digits; empty: it could not be read
  size_bytes INTEGER NOT NULL, -- length of its content, bytes
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- What [expect] claims, and what was measured.
CREATE TABLE expectations (
  run_id   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq      INTEGER NOT NULL, -- 0, 1, … in the order of the scenario
  metric   TEXT NOT NULL,    -- name of the metric
  text     TEXT NOT NULL,    -- as written: ">= 1", "0.18 +- 0.01"
  measured REAL,             -- value of the metric, in its unit; NULL: the run has no such metric
  held     INTEGER NOT NULL CHECK (held IN (0, 1)), -- 1: the claim held
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- ---- What was measured ----

-- The scalar results; `kmemlab list metrics` has the formula of each.
CREATE TABLE metrics (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  name   TEXT NOT NULL, -- "frag.internal.mean"
  value  REAL,          -- in unit; NULL: not a number (nothing to divide by)
  unit   TEXT NOT NULL, -- "bytes", "ns", "1": a share or a pure number
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

-- What changes over time, at the recording interval.
CREATE TABLE series (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  t_ns   INTEGER NOT NULL, -- when, ns
  name   TEXT NOT NULL,    -- see series_info
  value  REAL NOT NULL,    -- in the unit that series_info says
  PRIMARY KEY (run_id, name, t_ns)
) STRICT, WITHOUT ROWID;

-- The units of series, the same in every database of this version.
CREATE TABLE series_info (
  name TEXT PRIMARY KEY, -- "frag.internal"
  unit TEXT NOT NULL     -- of series.value
) STRICT, WITHOUT ROWID;

-- Raw per-operation samples, 8192 to a row. `kmemlab export DB samples` has a line for each.
CREATE TABLE samples (
  sample_id INTEGER PRIMARY KEY, -- of the block
  run_id    INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq       INTEGER NOT NULL, -- 0, 1, … within the run
  name      TEXT NOT NULL,    -- what is sampled: "operations"
  t0_ns     INTEGER NOT NULL, -- start of the first operation in the block, ns
  t1_ns     INTEGER NOT NULL, -- start of the last one, ns
  n         INTEGER NOT NULL, -- operations in the block
  data      BLOB NOT NULL     -- five columns, one after the other: time (ps); operation (0 alloc, 1 free) | level (0 pages, 1 objects) << 2 |
                              -- context (0 process, 1 softirq, 2 hardirq) << 4 | cpu << 8; size (bytes); address (-1: none); latency (ps).
                              -- Each is 32 bits, little-endian, its length in bytes and in the upper 8 how many bits are left out, which are 0 in
                              -- all of its differences; then the differences of neighbours, zigzag-coded, as LEB128 varints. What is next to
                              -- a latency is that of the last operation of its kind (allocations and frees)
) STRICT;
CREATE UNIQUE INDEX samples_by_run ON samples (run_id, seq);

-- The distribution of latency; only buckets that were hit.
CREATE TABLE latency (
  run_id       INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  operation    TEXT NOT NULL,    -- alloc, free
  context      TEXT NOT NULL,    -- process, softirq, hardirq: where the operation ran
  bucket_lo_ns REAL NOT NULL,    -- latencies of at least this, ns (whole picoseconds)
  bucket_hi_ns REAL NOT NULL,    -- … and less than this, ns
  count        INTEGER NOT NULL, -- operations
  PRIMARY KEY (run_id, operation, context, bucket_lo_ns)
) STRICT, WITHOUT ROWID;

-- Requests by the size they asked for, and what they were given.
CREATE TABLE waste (
  run_id          INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  size_lo         INTEGER NOT NULL, -- requested sizes from this, bytes
  size_hi         INTEGER NOT NULL, -- … to this, bytes; the same for small sizes, which are counted one by one
  count           INTEGER NOT NULL, -- requests that were answered
  requested_bytes INTEGER NOT NULL, -- sum of the sizes asked for, bytes
  held_bytes      INTEGER NOT NULL, -- sum of the sizes of the blocks given, bytes
  PRIMARY KEY (run_id, size_lo)
) STRICT, WITHOUT ROWID;

-- The same requests by who asked; only with [record] origins = yes, as is lifetime_waste.
CREATE TABLE site_waste (
  run_id               INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  workload             TEXT NOT NULL,    -- NAME of [workload NAME]; empty: it has none
  site                 TEXT NOT NULL,    -- call site, as the workload names it; empty: unknown
  count                INTEGER NOT NULL, -- requests that were answered
  requested_bytes      INTEGER NOT NULL, -- sum of the sizes asked for, bytes
  held_bytes           INTEGER NOT NULL, -- sum of the sizes of the blocks given, bytes
  freed_elsewhere      INTEGER NOT NULL, -- blocks given back on another CPU than the one that asked
  live_blocks          INTEGER NOT NULL, -- blocks not given back at the end
  live_requested_bytes INTEGER NOT NULL, -- … the sizes asked for, bytes
  live_held_bytes      INTEGER NOT NULL, -- … the sizes of the blocks, bytes
  mean_wasted_bytes    REAL NOT NULL,    -- held - requested of its live blocks, mean over the time after the warm-up, bytes
  PRIMARY KEY (run_id, workload, site)
) STRICT, WITHOUT ROWID;

-- Blocks by how long they lived, from request to giving back. A block that was split counts as its pieces.
CREATE TABLE lifetime_waste (
  run_id            INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  band              INTEGER NOT NULL, -- 0, 1, … from short to long; the last: alive at the end of the run
  lifetime          TEXT NOT NULL,    -- the band in words: "1–10 µs"
  lo_ns             INTEGER,          -- lifetimes of at least this, ns; NULL: alive at the end
  hi_ns             INTEGER,          -- … and less than this, ns; NULL: there is no end
  count             INTEGER NOT NULL, -- blocks
  requested_bytes   INTEGER NOT NULL, -- sum of the sizes asked for, bytes
  held_bytes        INTEGER NOT NULL, -- sum of the sizes of the blocks, bytes
  mean_wasted_bytes REAL NOT NULL,    -- held - requested of these blocks while they live, mean over the time after the warm-up, bytes
  PRIMARY KEY (run_id, band)
) STRICT, WITHOUT ROWID;

-- The free lists at each snapshot, as /proc/buddyinfo would show them.
CREATE TABLE free_blocks (
  run_id   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  t_ns     INTEGER NOT NULL, -- when, ns
  zone     TEXT NOT NULL,    -- name of the memory zone
  mobility TEXT NOT NULL,    -- unmovable, movable, reclaimable: only those the run ever had free blocks of
  "order"  INTEGER NOT NULL, -- blocks of 2^order page frames; up to the largest the run ever had
  count    INTEGER NOT NULL, -- free blocks, 0 included
  PRIMARY KEY (run_id, t_ns, zone, mobility, "order")
) STRICT, WITHOUT ROWID;

-- The free lists of each zone at the end of the run, where [memory] divides RAM into zones; free_blocks takes them together, as “Normal”.
CREATE TABLE zone_free_blocks (
  run_id   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq      INTEGER NOT NULL, -- of the zone, 0, 1, … from below
  zone     TEXT NOT NULL,    -- its name
  mobility TEXT NOT NULL,    -- those of free_blocks
  "order"  INTEGER NOT NULL, -- likewise
  count    INTEGER NOT NULL, -- free blocks, 0 included
  PRIMARY KEY (run_id, seq, mobility, "order")
) STRICT, WITHOUT ROWID;

-- The caches of the object allocator at each snapshot, as /proc/slabinfo would show them.
CREATE TABLE slabs (
  run_id         INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  t_ns           INTEGER NOT NULL, -- when, ns
  cache          TEXT NOT NULL,    -- name of the cache
  object_size    INTEGER NOT NULL, -- bytes an object occupies
  objects        INTEGER NOT NULL, -- objects that the slabs have room for
  active_objects INTEGER NOT NULL, -- objects in use
  slabs          INTEGER NOT NULL, -- slabs
  pages          INTEGER NOT NULL, -- page frames of the slabs
  PRIMARY KEY (run_id, t_ns, cache)
) STRICT, WITHOUT ROWID;

-- How full the RAM was at each snapshot, by address.
CREATE TABLE pagemap (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  t_ns   INTEGER NOT NULL, -- when, ns
  cells  BLOB NOT NULL,    -- a byte for each of equal parts of the RAM, lowest address first: share of frames in use, 0 .. 255
  PRIMARY KEY (run_id, t_ns)
) STRICT, WITHOUT ROWID;

-- The longest operation of each kind and context after the warm-up: whose it was, and what it was in the middle of.
CREATE TABLE longest (
  run_id     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  operation  TEXT NOT NULL,    -- alloc, free
  context    TEXT NOT NULL,    -- process, softirq, hardirq
  latency_ns REAL NOT NULL,    -- how long it took, to the picosecond, ns
  t_ns       INTEGER NOT NULL, -- when it began, ns
  cpu        INTEGER NOT NULL, -- where
  task       TEXT NOT NULL,    -- name of the task or handler; empty: of none
  level      TEXT NOT NULL,    -- pages, objects: which allocator was asked
  size       INTEGER NOT NULL, -- bytes asked for
  gfp        TEXT NOT NULL,    -- flags of a request, by name; empty: of a free
  source     TEXT NOT NULL,    -- the step of a program with file and line, or the call site in a trace; empty: not known
  site       TEXT NOT NULL,    -- call chain where it lost most time at a stretch
  waited_for TEXT NOT NULL,    -- what it lost that time to: a lock, a device, a handler; empty: nothing stopped it
  waited_ns  REAL NOT NULL,    -- how long that was, ns
  PRIMARY KEY (run_id, operation, context)
) STRICT, WITHOUT ROWID;

-- Where its time went: the parts add up to latency_ns. One that is not there is 0.
CREATE TABLE longest_parts (
  run_id    INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  operation TEXT NOT NULL, -- as in longest
  context   TEXT NOT NULL, -- as in longest
  part      TEXT NOT NULL, -- run, split, cpu, interrupted, lock, io, memory, reclaim, ipi, sleep, cache: see docs/tasks.md
  part_ns   REAL NOT NULL, -- ns
  PRIMARY KEY (run_id, operation, context, part)
) STRICT, WITHOUT ROWID;

-- Requests that got nothing, the first ten thousand of a run; alloc.failed counts all.
CREATE TABLE failures (
  run_id  INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq     INTEGER NOT NULL, -- 0, 1, … within the run
  t_ns    INTEGER NOT NULL, -- when, ns
  cpu     INTEGER NOT NULL, -- number of the CPU that asked
  task    TEXT,             -- name of the task or handler that asked; NULL: the request is not a task's
  context TEXT NOT NULL,    -- process, softirq, hardirq
  level   TEXT NOT NULL,    -- pages, objects: which allocator was asked
  size    INTEGER NOT NULL, -- bytes asked for
  "order" INTEGER,          -- of a request for 2^order page frames; NULL: for objects
  gfp     TEXT NOT NULL,    -- flags of the request, by name
  reason  TEXT NOT NULL,    -- out of memory, fragmentation, watermark, zone, constraint, too large, injected, allocator, late: see docs/memory.md
  source  TEXT,             -- the step of a program with file and line; NULL: not a program's
  free    INTEGER NOT NULL, -- bytes that were free then, in the zones that its flags allow
  largest INTEGER NOT NULL, -- bytes of the largest free block among them, as a power of two of page frames
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- Tasks that were killed for want of memory.
CREATE TABLE oom_kills (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq    INTEGER NOT NULL, -- 0, 1, … within the run
  t_ns   INTEGER NOT NULL, -- when, ns
  victim TEXT NOT NULL,    -- name of the task that was killed
  pages  INTEGER NOT NULL, -- page frames that its memory had
  freed  INTEGER NOT NULL, -- of them, free at once; others are when a device or the disk is done with them
  task   TEXT NOT NULL,    -- name of the task that asked for memory
  cpu    INTEGER NOT NULL, -- where
  size   INTEGER NOT NULL, -- bytes of pages asked for
  gfp    TEXT NOT NULL,    -- flags of the request, by name
  source TEXT,             -- the step of a program with file and line; NULL: not a program's
  site   TEXT NOT NULL,    -- call chain of who asked
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- Deadlocks that happened: tasks that wait for each other, or for what never comes.
CREATE TABLE deadlocks (
  deadlock_id INTEGER PRIMARY KEY,
  run_id      INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  t_ns        INTEGER NOT NULL, -- when the circle closed, ns
  kind        TEXT NOT NULL,    -- deadlock: a circle; stall: nobody is left who could wake them; livelock, priority inversion
  story       TEXT NOT NULL     -- what led to it, for people, several lines
) STRICT;
CREATE INDEX deadlocks_by_run ON deadlocks (run_id);

-- Who waits for whom in a deadlock.
CREATE TABLE deadlock_edges (
  deadlock_id INTEGER NOT NULL REFERENCES deadlocks ON DELETE CASCADE,
  seq         INTEGER NOT NULL, -- 0, 1, …: of a deadlock in the order of the circle
  waiter      TEXT NOT NULL, -- name of the task that waits
  waits_for   TEXT NOT NULL, -- name of the task that must move first; empty: none is known
  resource    TEXT NOT NULL, -- name of what it waits for: a lock, an event, a CPU
  held        TEXT NOT NULL, -- names of the locks that the waiter has meanwhile
  site        TEXT NOT NULL, -- where the waiter waits: its call chain
  since_ns    INTEGER NOT NULL, -- since when, ns
  PRIMARY KEY (deadlock_id, seq)
) STRICT, WITHOUT ROWID;

-- What the tasks of a deadlock did before it, as far back as is remembered.
CREATE TABLE deadlock_spans (
  deadlock_id INTEGER NOT NULL REFERENCES deadlocks ON DELETE CASCADE,
  seq         INTEGER NOT NULL, -- 0, 1, …
  task        TEXT NOT NULL,    -- name of the task
  cpu         INTEGER NOT NULL, -- where it runs
  what        TEXT NOT NULL,    -- hold: has a lock; else where its time goes: run, cpu, interrupted, lock, io, memory, reclaim, ipi, sleep
  resource    TEXT NOT NULL,    -- what it has or waits for; empty: nothing that has a name
  t0_ns       INTEGER NOT NULL, -- from, ns
  t1_ns       INTEGER NOT NULL, -- to, ns
  PRIMARY KEY (deadlock_id, seq)
) STRICT, WITHOUT ROWID;

-- What simulated code did and must not do, of each kind, task and site once.
CREATE TABLE bugs (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq    INTEGER NOT NULL, -- 0, 1, … within the run
  t_ns   INTEGER NOT NULL, -- when first, ns
  cpu    INTEGER NOT NULL, -- on which CPU
  task   TEXT NOT NULL,    -- name of the task or handler
  kind   TEXT NOT NULL,    -- the metric that counts it: bug.sleep_in_atomic, …
  text   TEXT NOT NULL,    -- what it did, the first time
  site   TEXT NOT NULL,    -- its call chain, which ends with the step of its program, with file and line
  count  INTEGER NOT NULL, -- how often it did that
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- Which class of lock was taken while which was held: a circle is a potential deadlock.
CREATE TABLE lock_edges (
  run_id     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  from_class TEXT NOT NULL,    -- class of the lock that was held
  to_class   TEXT NOT NULL,    -- class of the lock that was taken
  context    TEXT NOT NULL,    -- process, softirq, hardirq
  site       TEXT NOT NULL,    -- where it was taken
  count      INTEGER NOT NULL, -- how often
  PRIMARY KEY (run_id, from_class, to_class, context, site)
) STRICT, WITHOUT ROWID;

-- What lock_edges and contexts show: a run in which tasks come at other times could deadlock, as far as locks are concerned.
CREATE TABLE potential_deadlocks (
  run_id  INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq     INTEGER NOT NULL, -- 0, 1, … within the run
  t_ns    INTEGER NOT NULL, -- when it was found, ns
  kind    TEXT NOT NULL,    -- circular, recursive, inconsistent, irq-order
  classes TEXT NOT NULL,    -- the classes of locks, "A -> B -> A": each is taken while the one before is held
  report  TEXT NOT NULL,    -- in the form of Linux's lockdep, many lines
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- ---- Studies of bin sizes (`kmemlab bins -o DB`) ----
--
-- The sizes that were asked for, what sets of bins waste on them, how that depends on the number of bins, and what a design on one
-- part of the requests is worth on another. The simulations of the sets are runs like any others.
--
-- Waste is a share: (bytes taken - bytes asked for) / bytes taken, of requests weighted as bin_studies.weight says.

-- One call of `kmemlab bins`.
CREATE TABLE bin_studies (
  study_id INTEGER PRIMARY KEY, -- 1, 2, …
  subject  TEXT NOT NULL,       -- file name of the trace or scenario
  title    TEXT NOT NULL,       -- of the scenario
  version  TEXT NOT NULL,       -- of kmemlab
  weight   TEXT NOT NULL        -- requests: each counts as one; time: for as long as its block lived
           CHECK (weight IN ('requests', 'time')),
  requests INTEGER NOT NULL,    -- for objects
  quantum  INTEGER NOT NULL,    -- bins are multiples of it, bytes
  tails    INTEGER NOT NULL CHECK (tails IN (0, 1)), -- 1: the ends of slabs count as waste in curve and design
  hold     INTEGER NOT NULL,    -- every size asked for up to this has a bin in the design, bytes
  max_size INTEGER NOT NULL,    -- … and none above this, bytes
  prefix   TEXT NOT NULL,       -- bins that were given, "8,16"; "": none
  knee     INTEGER NOT NULL,    -- bins at the knee of the curve
  chosen   INTEGER NOT NULL     -- bin_sets.seq of the set that was chosen
) STRICT;

-- The sizes that were asked for.
CREATE TABLE bin_sizes (
  study_id INTEGER NOT NULL REFERENCES bin_studies ON DELETE CASCADE,
  size     INTEGER NOT NULL, -- bytes
  weight   INTEGER NOT NULL, -- requests, or their lifetimes in a unit of the study's own
  PRIMARY KEY (study_id, size)
) STRICT, WITHOUT ROWID;

-- The waste of the best set of so many bins.
CREATE TABLE bin_curve (
  study_id INTEGER NOT NULL REFERENCES bin_studies ON DELETE CASCADE,
  bins     INTEGER NOT NULL, -- number of bins
  waste    REAL NOT NULL,    -- share
  PRIMARY KEY (study_id, bins)
) STRICT, WITHOUT ROWID;

-- Sets that were compared: the chosen one and the usual ones.
CREATE TABLE bin_sets (
  study_id      INTEGER NOT NULL REFERENCES bin_studies ON DELETE CASCADE,
  seq           INTEGER NOT NULL, -- 0, 1, …
  name          TEXT NOT NULL,    -- "optimal", or as in `bins = …`
  source        TEXT NOT NULL,    -- where the numbers are from
  bins          INTEGER NOT NULL, -- number of bins
  internal      REAL NOT NULL,    -- expected waste inside blocks, share
  with_tails    REAL NOT NULL,    -- the same with the ends of full slabs, share
  page_level    REAL NOT NULL,    -- weight of the requests that no bin holds, share
  optimum       REAL,             -- waste of the best set with as many bins, share; NULL: beyond the curve
  run_id        INTEGER REFERENCES runs ON DELETE SET NULL, -- its simulation; NULL: there is none
  slabs_peak    INTEGER,          -- of that: bytes of slabs at the snapshot when there were most
  slabs_tails   INTEGER,          -- … left over at the ends of slabs, bytes
  slabs_free    INTEGER,          -- … room for objects that were not there, bytes
  PRIMARY KEY (study_id, seq)
) STRICT, WITHOUT ROWID;

-- The bins of a set and what falls into them.
CREATE TABLE bin_classes (
  study_id     INTEGER NOT NULL,
  seq          INTEGER NOT NULL, -- of the set
  size         INTEGER NOT NULL, -- bytes of an object; 0: the page level
  slab         INTEGER NOT NULL, -- bytes of a slab; 0: page level
  objects      INTEGER NOT NULL, -- that a slab has room for
  weight       REAL NOT NULL,    -- of the requests
  asked_bytes  REAL NOT NULL,    -- by weight
  given_bytes  REAL NOT NULL,    -- by weight
  tail_bytes   REAL NOT NULL,    -- their share of the ends of full slabs, by weight
  PRIMARY KEY (study_id, seq, size),
  FOREIGN KEY (study_id, seq) REFERENCES bin_sets ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Cross-validation: designs of as many bins as were chosen, made for some pieces of time and measured on others.
CREATE TABLE bin_validations (
  study_id   INTEGER NOT NULL REFERENCES bin_studies ON DELETE CASCADE,
  split      TEXT NOT NULL,    -- halves: made for one half; folds: made for all pieces but one
  part       INTEGER NOT NULL, -- 1, 2, …: the piece that was measured
  weight     REAL NOT NULL,    -- of its requests
  trained    REAL NOT NULL,    -- waste of the design on what it was made for, share
  measured   REAL NOT NULL,    -- waste on what it was not made for, share
  best       REAL NOT NULL,    -- waste there of the best set of as many bins that holds no more sizes, share
  linux      REAL NOT NULL,    -- waste there of kmalloc's sizes, share
  page_level REAL NOT NULL,    -- weight there of requests larger than every bin of the design, share
  PRIMARY KEY (study_id, split, part)
) STRICT, WITHOUT ROWID;

-- ---- Views for people ----

-- The runs, without the long texts.
CREATE VIEW v_runs AS
SELECT run_id, scenario, title, seed, status, message, fingerprint, operations,
       sim_ns / 1e6 AS sim_ms, wall_ns / 1e6 AS wall_ms,
       datetime (started_at, 'unixepoch') AS started_utc, version
  FROM runs;

-- Settings that differ between runs: what the experiment varied.
CREATE VIEW v_varied AS
SELECT run_id, key, value
  FROM params
 WHERE key IN (SELECT key FROM params GROUP BY key HAVING min (value) <> max (value)
               UNION
               SELECT key FROM params GROUP BY key
               HAVING count (*) < (SELECT count (DISTINCT run_id) FROM params));

-- One line a run: what was varied, and the results one looks at first.
CREATE VIEW v_summary AS
SELECT r.run_id, r.scenario, r.status,
       (SELECT group_concat (key || ' = ' || value, ', ')
          FROM (SELECT key, value FROM v_varied v WHERE v.run_id = r.run_id ORDER BY key)) AS varied,
       max (value) FILTER (WHERE name = 'alloc.count') AS allocations,
       max (value) FILTER (WHERE name = 'alloc.failed') AS failed_allocations,
       100 * max (value) FILTER (WHERE name = 'frag.internal.mean') AS internal_mean_percent,
       100 * max (value) FILTER (WHERE name = 'frag.internal.peak') AS internal_peak_percent,
       100 * max (value) FILTER (WHERE name = 'frag.external.end') AS external_end_percent,
       100 * max (value) FILTER (WHERE name = 'frag.external.peak') AS external_peak_percent,
       max (value) FILTER (WHERE name = 'memory.requested.peak_bytes') / 1048576 AS requested_peak_mib,
       max (value) FILTER (WHERE name = 'memory.reserved.peak_bytes') / 1048576 AS reserved_peak_mib,
       max (value) FILTER (WHERE name = 'memory.metadata.peak_bytes') / 1048576 AS metadata_peak_mib,
       max (value) FILTER (WHERE name = 'latency.alloc.p50_ns') AS alloc_p50_ns,
       max (value) FILTER (WHERE name = 'latency.alloc.p99_ns') AS alloc_p99_ns,
       max (value) FILTER (WHERE name = 'latency.alloc.max_ns') AS alloc_max_ns
  FROM runs r LEFT JOIN metrics m ON m.run_id = r.run_id
 GROUP BY r.run_id;

-- What [expect] said, in words.
CREATE VIEW v_expectations AS
SELECT e.run_id, r.scenario, e.metric, e.text AS expected, e.measured,
       CASE e.held WHEN 1 THEN 'held' ELSE 'did not hold' END AS outcome
  FROM expectations e JOIN runs r ON r.run_id = e.run_id
 ORDER BY e.run_id, e.seq;

-- Series with their units and a time axis in ms.
CREATE VIEW v_series AS
SELECT s.run_id, s.t_ns / 1e6 AS t_ms, s.name, s.value, i.unit
  FROM series s JOIN series_info i ON i.name = s.name;

-- Waste by requested size.
CREATE VIEW v_waste AS
SELECT run_id, size_lo, size_hi, count, requested_bytes, held_bytes,
       held_bytes - requested_bytes AS wasted_bytes,
       100.0 * (held_bytes - requested_bytes) / nullif (held_bytes, 0) AS wasted_percent
  FROM waste;

-- Waste by who asked. wasted_percent is "Frag" of perf kmem, freed_elsewhere its "Ping-pong".
CREATE VIEW v_site_waste AS
SELECT run_id, workload, iif (site = '', '(unknown)', site) AS site, count, requested_bytes, held_bytes,
       held_bytes - requested_bytes AS wasted_bytes,
       100.0 - 100.0 * requested_bytes / nullif (held_bytes, 0) AS wasted_percent,
       mean_wasted_bytes, live_blocks, live_held_bytes - live_requested_bytes AS live_wasted_bytes, freed_elsewhere
  FROM site_waste;

-- Waste by how long the blocks lived.
CREATE VIEW v_lifetime_waste AS
SELECT run_id, band, lifetime, count, requested_bytes, held_bytes, held_bytes - requested_bytes AS wasted_bytes,
       100.0 - 100.0 * requested_bytes / nullif (held_bytes, 0) AS wasted_percent, mean_wasted_bytes
  FROM lifetime_waste;

-- Free memory by block size, over all mobilities.
CREATE VIEW v_free_orders AS
SELECT run_id, t_ns / 1e6 AS t_ms, zone, "order", sum (count) AS free_blocks,
       sum (count << "order") AS free_pages
  FROM free_blocks
 GROUP BY run_id, t_ns, zone, "order";

-- One line a set, with what its simulation said.
CREATE VIEW v_bin_sets AS
SELECT s.study_id, t.subject, s.name, s.bins, 100 * s.internal AS internal_percent,
       100 * s.with_tails AS with_tails_percent, 100 * s.optimum AS optimum_percent,
       (SELECT 100 * value FROM metrics m WHERE m.run_id = s.run_id AND m.name = 'frag.internal.objects.requests') AS simulated_requests_percent,
       (SELECT 100 * value FROM metrics m WHERE m.run_id = s.run_id AND m.name = 'frag.internal.objects.mean') AS simulated_mean_percent,
       (SELECT value / 1048576 FROM metrics m WHERE m.run_id = s.run_id AND m.name = 'memory.reserved.peak_bytes') AS reserved_peak_mib,
       s.slabs_peak / 1048576.0 AS slabs_peak_mib
  FROM bin_sets s JOIN bin_studies t ON t.study_id = s.study_id
 ORDER BY s.study_id, s.seq;
