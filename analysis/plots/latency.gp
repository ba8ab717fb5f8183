# latency.gp: how long operations take.
#
# SPDX-License-Identifier: Apache-2.0
#
# The share of operations that take longer than x, both axes logarithmic: medians
# can be read off as well as the slowest one in a million. Every operation was
# counted, in buckets of 3 % width, so there is no band of sampling error; a
# line ends at the slowest operation. One run has a line per context, several runs have a line each,
# over all contexts.
#
#summary latency distribution of alloc and free: share of operations slower than x
#runs 12
#needs EXISTS (SELECT 1 FROM latency l WHERE l.run_id = r.run_id)
#missing recorded no latencies: set [record] latency = yes
#query allocs
#   SELECT block, bucket_hi_ns AS ns, max (1 - sum (count) OVER w * 1.0 / sum (count) OVER (PARTITION BY block), 0) AS slower
#   FROM (SELECT iif ((SELECT count (*) FROM chosen) = 1, context, label) AS block, i, bucket_hi_ns, sum (count) AS count
#   FROM chosen JOIN latency USING (run_id) WHERE operation = 'alloc' GROUP BY i, block, bucket_hi_ns)
#   WINDOW w AS (PARTITION BY block ORDER BY bucket_hi_ns) ORDER BY i, block, ns
#query frees
#   SELECT block, bucket_hi_ns AS ns, max (1 - sum (count) OVER w * 1.0 / sum (count) OVER (PARTITION BY block), 0) AS slower
#   FROM (SELECT iif ((SELECT count (*) FROM chosen) = 1, context, label) AS block, i, bucket_hi_ns, sum (count) AS count
#   FROM chosen JOIN latency USING (run_id) WHERE operation = 'free' GROUP BY i, block, bucket_hi_ns)
#   WINDOW w AS (PARTITION BY block ORDER BY bucket_hi_ns) ORDER BY i, block, ns

if (N == 1) {
  legend_title = 'context'
  chars_right = 19
}
stats ALLOCS using 1 name 'A' nooutput
stats ALLOCS using ($2 > 0 ? $2 : 1) name 'P' nooutput
lo = A_min
hi = A_max
least = P_min
if (FREES_N > 0) {
  stats FREES using 1 name 'F' nooutput
  stats FREES using ($2 > 0 ? $2 : 1) name 'Q' nooutput
  lo = F_min < lo ? F_min : lo
  hi = F_max > hi ? F_max : hi
  least = Q_min < least ? Q_min : least
}
set logscale xy
set xrange [lo * 0.8 : hi * 1.3]
set yrange [10 ** floor (log10 (least)) : 1]
set format y '%g'
set ylabel 'share that takes longer'
# a share of 0 cannot be drawn on a logarithmic axis
shown(share) = share > 0 ? share : NaN

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
  if (FREES_N > 0) {
    plot for [b = 1:FREES_N] FREES index b - 1 using 1:(shown ($2)) with steps lt b
  }
  eval ASIDE
  plot for [b = 1:ALLOCS_N] NaN with lines lt b title ALLOCS_BLOCK[b]
  unset multiplot
}
