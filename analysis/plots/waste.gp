# waste.gp: where internal fragmentation comes from.
#
# SPDX-License-Identifier: Apache-2.0
#
# Above, each requested size: which share of what it was given it does not use.
# Below, the waste of all requests up to a size: a steep step is a size that is
# asked for often and fits badly. Repetitions are one: above, all their requests; below, the mean of their sums, with a band from the least to
# the most. The corners of the steps are rows.
#
#summary waste by requested size: per request, and summed up over the sizes; repetitions are one
#paper 400
#runs 12
#repetitions sums are means of repetitions, bands from the least to the most
#needs EXISTS (SELECT 1 FROM waste w WHERE w.run_id = r.run_id)
#missing recorded no waste by size: set [record] waste = yes
#query sizes
#   SELECT i AS block, (size_lo + size_hi) / 2.0 AS size, sum (held_bytes - requested_bytes) * 100.0 / sum (held_bytes) AS percent
#   FROM chosen JOIN waste USING (run_id) GROUP BY i, size_lo ORDER BY i, size_lo
#query sums
#   WITH own AS (SELECT i, run_id, size_hi AS size, held_bytes - requested_bytes AS wasted FROM chosen JOIN waste USING (run_id)),
#   sums AS (SELECT i, size, sum (ifnull (wasted, 0)) OVER (PARTITION BY run_id ORDER BY size) AS wasted
#   FROM (SELECT DISTINCT i, size FROM own) JOIN (SELECT DISTINCT i, run_id FROM own) USING (i) LEFT JOIN own USING (i, run_id, size)),
#   places AS (SELECT i, 0.9 * min (size_lo) AS size, 0 AS wasted, 0 AS least, 0 AS most FROM chosen JOIN waste USING (run_id) GROUP BY i
#   UNION ALL SELECT i, size, avg (wasted), min (wasted), max (wasted) FROM sums GROUP BY i, size)
#   SELECT i AS block, size, wasted AS wasted_bytes, least, most FROM (
#   SELECT i, size, 0 AS part, lag (wasted, 1, 0) OVER w AS wasted, lag (least, 1, 0) OVER w AS least, lag (most, 1, 0) OVER w AS most
#   FROM places WINDOW w AS (PARTITION BY i ORDER BY size)
#   UNION ALL SELECT i, size, 1, wasted, least, most FROM places) ORDER BY i, size, part

stats SIZES using 1 name 'X' nooutput
stats SUMS using 4 name 'W' nooutput
stats SUMS using ($4 - $3) name 'SPREAD' nooutput
set logscale x 2
set xrange [2 ** floor (log (X_min * 0.99) / log (2)) : 2 ** ceil (log (X_max * 1.01) / log (2))]

if (ON_TERMINAL) {
  set xlabel 'requested size (bytes)'
  y_is = sprintf ('waste of all requests up to a size (%s)', bytes_unit (W_max))
  eval Y_AXIS
  plot for [i = 1:N] SUMS index i - 1 using 1:($2 / bytes_scale (W_max)) with lines lt i title LABEL[i]
} else {
  eval ABOVE
  set ylabel 'waste per request (%)'
  set yrange [0:*]
  plot for [i = 1:N] SIZES index i - 1 using 1:2 with points lt i
  eval BELOW
  set format x '%.0f'
  set xlabel 'requested size (bytes)'
  set ylabel sprintf ('sum up to size (%s)', bytes_unit (W_max))
  set style fill transparent solid 0.2 noborder
  plot for [i = 1:SPREAD_max > 0 ? N : 0] SUMS index i - 1 using 1:($3 / bytes_scale (W_max)):($4 / bytes_scale (W_max)) with filledcurves lt i, \
    for [i = 1:N] SUMS index i - 1 using 1:($2 / bytes_scale (W_max)) with lines lt i
  eval ASIDE
  if (N > 1) {
    plot for [i = 1:N] NaN with linespoints lt i title LABEL[i]
  }
  unset multiplot
}
