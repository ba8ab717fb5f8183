# external.gp: external fragmentation over time.
#
# SPDX-License-Identifier: Apache-2.0
#
# Without an order it is the index as it was recorded; with one it is computed
# again from the free lists. Repetitions are one line, as in internal.gp.
#
#summary external fragmentation (unusable free space) over time, a line per run; repetitions are one
#paper 260
#runs 12
#repetitions means of repetitions, bands from the least to the most
#needs EXISTS (SELECT 1 FROM series s WHERE s.run_id = r.run_id AND s.name = 'frag.external')
#missing recorded nothing over time
#query series
#   WITH moments AS (SELECT i, run_id, t_ns, value
#   FROM chosen JOIN series USING (run_id) WHERE :order < 0 AND name = 'frag.external'
#   UNION ALL
#   SELECT i, run_id, t_ns, 1 - sum (iif ("order" >= :order, count << "order", 0)) * 1.0 / sum (count << "order")
#   FROM chosen JOIN free_blocks USING (run_id) WHERE :order >= 0 GROUP BY run_id, t_ns),
#   times AS (SELECT i, count (DISTINCT run_id) AS n, max (t_ns) AS last FROM moments GROUP BY i)
#   SELECT i AS block, t_ns, value, value AS least, value AS most FROM moments JOIN times USING (i) WHERE n = 1
#   UNION ALL
#   SELECT i, avg (t), avg (v), min (v), max (v) FROM (
#   SELECT i, avg (t_ns) AS t, avg (value) AS v, n, t_ns * 120 / (last + 1) AS piece
#   FROM moments JOIN times USING (i) WHERE n > 1 GROUP BY i, run_id, piece) GROUP BY i, piece HAVING count (*) = max (n)
#   ORDER BY 1, 2
#query recorded
#   SELECT DISTINCT value AS block FROM chosen JOIN params USING (run_id) WHERE key = 'record.external-order'

order = ORDER
if (ORDER < 0 && RECORDED_N == 1) { order = int (RECORDED_BLOCK[1]) }
stats SERIES using 1 name 'T' nooutput
stats SERIES using ($4 - $3) name 'SPREAD' nooutput
set xlabel sprintf ('simulated time (%s)', time_unit (T_max))
y_is = order < 0 ? 'unusable free memory (%)' : sprintf ('free memory unusable for order %d (%%)', order)
eval Y_AXIS
set yrange [0:*<100]
set xrange [0 : axis_end (T_max / time_scale (T_max))]
every = mark_every (T_records / N)

if (SPREAD_max > 0 && !ON_TERMINAL) {
  set style fill transparent solid 0.2 noborder
  plot for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $3):(100 * $4) with filledcurves lt i notitle, \
    for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $2) with linespoints lt i pi every title LABEL[i]
} else {
  plot for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $2) with linespoints lt i pi every title LABEL[i]
}
