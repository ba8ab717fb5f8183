# waste.gp: where internal fragmentation comes from.
#
# SPDX-License-Identifier: Apache-2.0
#
# Above, each requested size: which share of what it was given it does not use.
# Below, the waste of all requests up to a size: a steep step is a size that is
# asked for often and fits badly.
#
#summary waste by requested size: per request, and summed up over the sizes
#runs 12
#needs EXISTS (SELECT 1 FROM waste w WHERE w.run_id = r.run_id)
#missing recorded no waste by size: set [record] waste = yes
#query sizes
#   SELECT i AS block, (size_lo + size_hi) / 2.0 AS size, (held_bytes - requested_bytes) * 100.0 / held_bytes AS percent
#   FROM chosen JOIN waste USING (run_id) ORDER BY i, size_lo
#query sums
#   SELECT i AS block, size_hi AS size, wasted_bytes FROM (
#   SELECT i, size_hi, sum (held_bytes - requested_bytes) OVER (PARTITION BY i ORDER BY size_lo) AS wasted_bytes
#   FROM chosen JOIN waste USING (run_id)
#   UNION ALL SELECT i, 0.9 * min (size_lo), 0 FROM chosen JOIN waste USING (run_id) GROUP BY i) ORDER BY i, size

stats SIZES using 1 name 'X' nooutput
stats SUMS using 2 name 'W' nooutput
set logscale x 2
set xrange [2 ** floor (log (X_min * 0.99) / log (2)) : 2 ** ceil (log (X_max * 1.01) / log (2))]

if (ON_TERMINAL) {
  set xlabel 'requested size (bytes)'
  y_is = sprintf ('waste of all requests up to a size (%s)', bytes_unit (W_max))
  eval Y_AXIS
  plot for [i = 1:N] SUMS index i - 1 using 1:($2 / bytes_scale (W_max)) with steps lt i title LABEL[i]
} else {
  eval ABOVE
  set ylabel 'waste per request (%)'
  set yrange [0:*]
  plot for [i = 1:N] SIZES index i - 1 using 1:2 with points lt i
  eval BELOW
  set format x '%.0f'
  set xlabel 'requested size (bytes)'
  set ylabel sprintf ('sum up to size (%s)', bytes_unit (W_max))
  plot for [i = 1:N] SUMS index i - 1 using 1:($2 / bytes_scale (W_max)) with steps lt i
  eval ASIDE
  if (N > 1) {
    plot for [i = 1:N] NaN with linespoints lt i title LABEL[i]
  }
  unset multiplot
}
