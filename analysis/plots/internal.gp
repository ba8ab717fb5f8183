# internal.gp: internal fragmentation over time.
#
# SPDX-License-Identifier: Apache-2.0
#
#summary internal fragmentation over time, a line per run
#runs 12
#needs EXISTS (SELECT 1 FROM series s WHERE s.run_id = r.run_id AND s.name = 'frag.internal')
#missing recorded nothing over time
#query series
#   SELECT i AS block, t_ns, value
#   FROM chosen JOIN series USING (run_id) WHERE name = 'frag.internal' ORDER BY i, t_ns

stats SERIES using 1 name 'T' nooutput
set xlabel sprintf ('simulated time (%s)', time_unit (T_max))
y_is = 'internal fragmentation (% of held bytes)'
eval Y_AXIS
set yrange [0:*]
set xrange [0 : axis_end (T_max / time_scale (T_max))]
every = mark_every (T_records / N)

plot for [i = 1:N] SERIES index i - 1 using ($1 / time_scale (T_max)):(100 * $2) \
  with linespoints lt i pi every title LABEL[i]
