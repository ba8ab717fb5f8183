# latency.gp: how long operations take.
#
# SPDX-License-Identifier: Apache-2.0
#
# The share of operations that take longer than x, both axes logarithmic: medians
# can be read off as well as the slowest one in a million. Every operation was
# counted, in buckets of 3 % width, so there is no band of sampling error; a
# line falls to the axis at the slowest operation. One run has a line per context, several runs have a line each,
# over all contexts. A block that has no such operation has one row without a place, so both
# plots number the blocks, and colour them, alike.
#
#summary latency distribution of alloc and free: share of operations slower than x
#runs 12
#needs EXISTS (SELECT 1 FROM latency l WHERE l.run_id = r.run_id)
#missing recorded no latencies: set [record] latency = yes
#query allocs
#   WITH buckets AS (SELECT iif ((SELECT count (*) FROM chosen) = 1, context, label) AS block, i, operation,
#   bucket_lo_ns AS lo, bucket_hi_ns AS hi, sum (count) AS count FROM chosen JOIN latency USING (run_id)
#   GROUP BY i, block, operation, bucket_lo_ns)
#   SELECT block, ns, slower FROM (
#   SELECT i, block, min (iif (operation = 'alloc', lo, NULL)) AS ns, 1 AS slower FROM buckets GROUP BY i, block
#   UNION ALL
#   SELECT i, block, hi, max (1 - sum (count) OVER w * 1.0 / sum (count) OVER (PARTITION BY block), 0)
#   FROM buckets WHERE operation = 'alloc' WINDOW w AS (PARTITION BY block ORDER BY hi)) ORDER BY i, block, ns
#query frees
#   WITH buckets AS (SELECT iif ((SELECT count (*) FROM chosen) = 1, context, label) AS block, i, operation,
#   bucket_lo_ns AS lo, bucket_hi_ns AS hi, sum (count) AS count FROM chosen JOIN latency USING (run_id)
#   GROUP BY i, block, operation, bucket_lo_ns)
#   SELECT block, ns, slower FROM (
#   SELECT i, block, min (iif (operation = 'free', lo, NULL)) AS ns, 1 AS slower FROM buckets GROUP BY i, block
#   UNION ALL
#   SELECT i, block, hi, max (1 - sum (count) OVER w * 1.0 / sum (count) OVER (PARTITION BY block), 0)
#   FROM buckets WHERE operation = 'free' WINDOW w AS (PARTITION BY block ORDER BY hi)) ORDER BY i, block, ns
#query extent
#   SELECT min (lo) AS lo_ns, max (hi) AS hi_ns, 1.0 / max (n) AS least FROM (
#   SELECT min (bucket_lo_ns) AS lo, max (bucket_hi_ns) AS hi, sum (count) AS n
#   FROM chosen JOIN latency USING (run_id) GROUP BY i, operation)

if (N == 1) {
  legend_title = 'context'
  chars_right = 19 * CHARACTER
}
stats EXTENT using 1 name 'LO' nooutput
stats EXTENT using 2 name 'HI' nooutput
stats EXTENT using 3 name 'LEAST' nooutput
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
y_is = 'share that takes longer'
eval Y_AXIS
# a share of 0 has no place on a logarithmic axis: a line falls to its bottom
shown(share) = share > 0 ? share : bottom

if (ON_TERMINAL) {
  set key below
  set xlabel 'latency of alloc (ns)'
  plot for [b = 1:ALLOCS_N] ALLOCS index b - 1 using 1:(shown ($2)) with steps lt b title ALLOCS_BLOCK[b]
} else {
  eval ABOVE
  set label 1 'alloc' at graph 0.98, graph 0.9 right font NORMAL
  plot for [b = 1:ALLOCS_N] ALLOCS index b - 1 using 1:(shown ($2)) with steps lt b
  eval BELOW
  set format x '%g'
  set xlabel 'latency (ns)'
  set label 1 'free'
  plot for [b = 1:FREES_N] FREES index b - 1 using 1:(shown ($2)) with steps lt b
  eval ASIDE
  plot for [b = 1:ALLOCS_N] NaN with lines lt b title ALLOCS_BLOCK[b]
  unset multiplot
}
