# internal.gp: internal fragmentation over time.
#
# SPDX-License-Identifier: Apache-2.0
#
# Repetitions are one line, their mean in each 120th of the time, as long as all of them go on, and a band from the least of these to the most.
#
#summary internal fragmentation over time, a line per run; repetitions are one
#paper 260
#runs 12
#repetitions means of repetitions, bands from the least to the most
#needs EXISTS (SELECT 1 FROM series s WHERE s.run_id = r.run_id AND s.name = 'frag.internal')
#missing recorded nothing over time
#query series
#   WITH moments AS (SELECT i, run_id, t_ns, value FROM chosen JOIN series USING (run_id) WHERE name = 'frag.internal'),
#   times AS (SELECT i, count (DISTINCT run_id) AS n, max (t_ns) AS last FROM moments GROUP BY i)
#   SELECT i AS block, t_ns, value, value AS least, value AS most FROM moments JOIN times USING (i) WHERE n = 1
#   UNION ALL
#   SELECT i, avg (t), avg (v), min (v), max (v) FROM (
#   SELECT i, avg (t_ns) AS t, avg (value) AS v, n, t_ns * 120 / (last + 1) AS piece
#   FROM moments JOIN times USING (i) WHERE n > 1 GROUP BY i, run_id, piece) GROUP BY i, piece HAVING count (*) = max (n)
#   ORDER BY 1, 2

stats SERIES using 1 name 'T' nooutput
stats SERIES using ($4 - $3) name 'SPREAD' nooutput
set xlabel sprintf ('simulated time (%s)', time_unit (T_max))
y_is = 'internal fragmentation (% of held bytes)'
eval Y_AXIS
set yrange [0:*]
set xrange [0 : axis_end (T_max / time_scale (T_max))]
every = mark_every (T_records / N)

if (SPREAD_max > 0 && !ON_TERMINAL) {
  set style fill transparent solid 0.2 noborder
  plot for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $3):(100 * $4) with filledcurves lt i notitle, \
    for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $2) with linespoints lt i pi every title LABEL[i]
} else {
  plot for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $2) with linespoints lt i pi every title LABEL[i]
}
