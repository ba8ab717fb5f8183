# pagemap.gp: which memory is in use, by address and time.
#
# SPDX-License-Identifier: Apache-2.0
#
# Snapshots are where something happened, and a state holds until the next
# one, so the picture is made of equal columns that each show the last snapshot
# before their end.
#
#summary page map of one run: share of page frames in use, by address and time
#paper 280
#runs 1
#needs EXISTS (SELECT 1 FROM pagemap p WHERE p.run_id = r.run_id)
#missing recorded no page map: set [record] pagemap = yes
#query cells
#   WITH RECURSIVE x (c) AS (SELECT 0 UNION ALL SELECT c + 1 FROM x WHERE c + 1 < :columns),
#   y (r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM y WHERE r + 1 < :rows),
#   span AS (SELECT run_id, max (t_ns) AS t1, max (length (cells)) AS n FROM chosen JOIN pagemap USING (run_id)),
#   state AS MATERIALIZED (SELECT c, (SELECT cells FROM pagemap p WHERE p.run_id = span.run_id
#   AND p.t_ns <= span.t1 * (c + 1) / :columns ORDER BY p.t_ns DESC LIMIT 1) AS cells FROM x, span)
#   SELECT (c + 0.5) / :columns * t1 AS t_ns, (r + 0.5) / :rows AS place,
#   ifnull (mean_byte (cells, r * n / :rows, (r + 1) * n / :rows), 0) * 100 / 255.0 AS percent_used
#   FROM state, span, y ORDER BY c, r
#query extent
#   SELECT t_ns, sum (value) AS bytes FROM chosen JOIN series USING (run_id)
#   WHERE name IN ('memory.reserved_bytes', 'memory.free_bytes') GROUP BY t_ns ORDER BY t_ns DESC LIMIT 1

stats EXTENT using 1 name 'E' nooutput
stats EXTENT using 2 name 'B' nooutput
t_end = E_max
bytes = B_max
set xlabel sprintf ('simulated time (%s)', time_unit (t_end))
y_is = sprintf ('address (%s)', bytes_unit (bytes))
eval Y_AXIS
set xrange [0 : axis_end (t_end / time_scale (t_end))]
set yrange [0 : axis_end (bytes / bytes_scale (bytes))]
set cbrange [0:100]
set cblabel 'page frames in use (%)'
unset grid
unset key

x(t) = t / time_scale (t_end)
y(place) = place * bytes / bytes_scale (bytes)

if (ON_TERMINAL) {
  # a character for each cell: the first of a row is beside the axis, and the last row where the border would be
  shades = '.:-=+*#%@'
  shade(percent) = percent > 0 ? substr (shades, int (percent * 0.0899) + 1, int (percent * 0.0899) + 1) : ' '
  set lmargin 9; set rmargin WIDTH - COLUMNS - 10
  set tmargin 3; set bmargin HEIGHT - ROWS - 4
  set xlabel sprintf ("simulated time (%s)\npage frames in use, from blank (none) over %s to all", time_unit (t_end), shades)
  plot CELLS using (x ($1 + 0.1 * t_end / COLUMNS)):(y ($2 + 0.1 / ROWS)):(shade ($3)) with labels
} else {
  # on axes of their own unit: gnuplot takes a microsecond for each value that it has to compute, and here are 250000
  set border 15 front lw 0.8 lc rgb '#404040'
  set x2range [0 : axis_end (t_end / time_scale (t_end)) * time_scale (t_end)]
  set y2range [0 : bytes > 0 ? axis_end (bytes / bytes_scale (bytes)) * bytes_scale (bytes) / bytes : 1]
  plot CELLS using 1:2:3 axes x2y2 with image
}
