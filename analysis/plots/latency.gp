# latency.gp: how long operations take.
#
# SPDX-License-Identifier: Apache-2.0
#
# The share of operations that take longer than x, both axes logarithmic: medians
# can be read off as well as the slowest one in a million. Every operation was
# counted, in buckets of 3 % width, so a run has no band of sampling error; a
# line falls to the axis at the slowest operation. Repetitions are one line, the mean of their shares at each x, with a band from the least to the most of them. One
# run, or one setting, has a line per context, several have a line each, over all contexts. A block that has no such operation has
# rows without a place, so both plots number the blocks, and colour them, alike. Lines are steps, whose corners are rows.
#
#summary latency distribution of alloc and free: share of operations slower than x; repetitions are one
#paper 400
#runs 12
#repetitions means of repetitions, bands from the least to the most
#needs EXISTS (SELECT 1 FROM latency l WHERE l.run_id = r.run_id)
#missing recorded no latencies: set [record] latency = yes
#query allocs
#   WITH buckets AS (SELECT i, iif ((SELECT count (DISTINCT i) FROM chosen) = 1, context, label) AS block, run_id, operation,
#   bucket_lo_ns AS lo, bucket_hi_ns AS hi, sum (count) AS count FROM chosen JOIN latency USING (run_id)
#   GROUP BY i, block, run_id, operation, bucket_lo_ns),
#   own AS (SELECT * FROM buckets WHERE operation = 'alloc'),
#   totals AS (SELECT i, block, run_id, sum (count) AS n FROM own GROUP BY i, block, run_id),
#   shares AS (SELECT i, block, hi, max (1 - 1.0 * sum (ifnull (count, 0)) OVER (PARTITION BY i, block, run_id ORDER BY hi) / n, 0) AS slower
#   FROM (SELECT DISTINCT i, block, hi FROM own) JOIN totals USING (i, block) LEFT JOIN own USING (i, block, run_id, hi)),
#   moments AS (SELECT i, block, min (iif (operation = 'alloc', lo, NULL)) AS ns, 1 AS slower, 1 AS least, 1 AS most FROM buckets GROUP BY i, block
#   UNION ALL SELECT i, block, hi, avg (slower), min (slower), max (slower) FROM shares GROUP BY i, block, hi)
#   SELECT block, ns, slower, least, most FROM (
#   SELECT i, block, ns, 0 AS part, lag (slower, 1, 1) OVER w AS slower, lag (least, 1, 1) OVER w AS least, lag (most, 1, 1) OVER w AS most
#   FROM moments WINDOW w AS (PARTITION BY i, block ORDER BY ns)
#   UNION ALL SELECT i, block, ns, 1, slower, least, most FROM moments) ORDER BY i, block, ns, part
#query frees
#   WITH buckets AS (SELECT i, iif ((SELECT count (DISTINCT i) FROM chosen) = 1, context, label) AS block, run_id, operation,
#   bucket_lo_ns AS lo, bucket_hi_ns AS hi, sum (count) AS count FROM chosen JOIN latency USING (run_id)
#   GROUP BY i, block, run_id, operation, bucket_lo_ns),
#   own AS (SELECT * FROM buckets WHERE operation = 'free'),
#   totals AS (SELECT i, block, run_id, sum (count) AS n FROM own GROUP BY i, block, run_id),
#   shares AS (SELECT i, block, hi, max (1 - 1.0 * sum (ifnull (count, 0)) OVER (PARTITION BY i, block, run_id ORDER BY hi) / n, 0) AS slower
#   FROM (SELECT DISTINCT i, block, hi FROM own) JOIN totals USING (i, block) LEFT JOIN own USING (i, block, run_id, hi)),
#   moments AS (SELECT i, block, min (iif (operation = 'free', lo, NULL)) AS ns, 1 AS slower, 1 AS least, 1 AS most FROM buckets GROUP BY i, block
#   UNION ALL SELECT i, block, hi, avg (slower), min (slower), max (slower) FROM shares GROUP BY i, block, hi)
#   SELECT block, ns, slower, least, most FROM (
#   SELECT i, block, ns, 0 AS part, lag (slower, 1, 1) OVER w AS slower, lag (least, 1, 1) OVER w AS least, lag (most, 1, 1) OVER w AS most
#   FROM moments WINDOW w AS (PARTITION BY i, block ORDER BY ns)
#   UNION ALL SELECT i, block, ns, 1, slower, least, most FROM moments) ORDER BY i, block, ns, part
#query extent
#   SELECT min (lo) AS lo_ns, max (hi) AS hi_ns, 1.0 / max (n) AS least FROM (
#   SELECT min (bucket_lo_ns) AS lo, max (bucket_hi_ns) AS hi, sum (count) AS n
#   FROM chosen JOIN latency USING (run_id) GROUP BY i, operation)

if (N == 1) {
  legend_title = 'context'
  chars_right = 19 * CHARACTER
  if (NARROW) { LEGEND_COLUMNS = 2; above = 67 }
}
stats EXTENT using 1 name 'LO' nooutput
stats EXTENT using 2 name 'HI' nooutput
stats EXTENT using 3 name 'LEAST' nooutput
stats ALLOCS using ($4 - $3) name 'A' nooutput
stats FREES using ($4 - $3) name 'F' nooutput
# a request that costs nothing has no place on a logarithmic axis
lo = LO_min > 0 ? LO_min : 0.001
hi = HI_max
set logscale xy
set xrange [lo * 0.8 : hi * 1.3]
bottom = LEAST_min < 0.1 ? 10 ** floor (log10 (LEAST_min)) : 0.1
set yrange [bottom : 1]
set format y '%g'
# over few decades, more than their beginnings are labelled
if (hi / lo < 300) {
  set xtics (1)
  do for [d = floor (log10 (lo)) : ceil (log10 (hi))] {
    set for [m in '1 2 5'] xtics add (m * 10 ** d)
  }
}
y_is = NARROW ? 'share slower' : 'share that takes longer'
eval Y_AXIS
# a share of 0 has no place on a logarithmic axis: a line falls to its bottom
shown(share) = share > 0 ? share : bottom

if (ON_TERMINAL) {
  set key below
  set xlabel 'latency of alloc (ns)'
  plot for [b = 1:ALLOCS_N] ALLOCS index b - 1 using 1:(shown ($2)) with lines lt b title ALLOCS_BLOCK[b]
} else {
  eval ABOVE
  set label 1 'alloc' at graph 0.98, graph 0.9 right font NORMAL
  set style fill transparent solid 0.2 noborder
  plot for [b = 1:A_max > 0 ? ALLOCS_N : 0] ALLOCS index b - 1 using 1:(shown ($3)):(shown ($4)) with filledcurves lt b, \
    for [b = 1:ALLOCS_N] ALLOCS index b - 1 using 1:(shown ($2)) with lines lt b
  eval BELOW
  set format x '%g'
  set xlabel 'latency (ns)'
  set label 1 'free'
  plot for [b = 1:F_max > 0 ? FREES_N : 0] FREES index b - 1 using 1:(shown ($3)):(shown ($4)) with filledcurves lt b, \
    for [b = 1:FREES_N] FREES index b - 1 using 1:(shown ($2)) with lines lt b
  eval ASIDE
  plot for [b = 1:ALLOCS_N] NaN with lines lt b title ALLOCS_BLOCK[b]
  unset multiplot
}
