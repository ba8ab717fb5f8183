# worst-case.gp: the longest operations, and what their bound costs.
#
# SPDX-License-Identifier: Apache-2.0
#
# A place for each run, in their order. Above, the longest request and the longest free, both in one context: of those in which every run
# had both, the one that can wait least, hard interrupts before soft ones; whoever must meet a deadline asks for them and not for the
# mean. Below, what one pays: requests that got nothing, and memory that is held and that nobody asked for. Repetitions are one place: the mean of
# what each of them has, with a line from the least to the most, so the longest of all is where a line ends.
#
#summary longest alloc and free of each run, and what they cost (failed requests, memory held in vain); repetitions are one
#paper 430
#runs 12
#repetitions means of repetitions, lines from the least to the most
#needs EXISTS (SELECT 1 FROM metrics m WHERE m.run_id = r.run_id AND m.name = 'latency.alloc.max_ns')
#missing recorded no latencies: set [record] latency = yes
#query runs
#   WITH contexts (rank, infix, called) AS (VALUES (1, 'hardirq.', 'hardirq'), (2, 'softirq.', 'softirq'), (3, 'process.', 'process'), (4, '', 'any context')),
#   shared AS (SELECT infix, called FROM contexts WHERE rank = 4 OR 2 * (SELECT count (*) FROM chosen) = (SELECT count (*) FROM chosen JOIN metrics USING (run_id)
#   WHERE name IN ('latency.alloc.' || infix || 'max_ns', 'latency.free.' || infix || 'max_ns')) ORDER BY rank LIMIT 1)
#   SELECT called AS block, i, avg (alloc_ns), avg (free_ns), avg (failed_percent), avg (in_vain_percent), min (alloc_ns), max (alloc_ns),
#   min (free_ns), max (free_ns), min (failed_percent), max (failed_percent), min (in_vain_percent), max (in_vain_percent) FROM (SELECT called, i,
#   coalesce (max (iif (name = 'latency.alloc.' || infix || 'max_ns', value, NULL)), 0) AS alloc_ns,
#   coalesce (max (iif (name = 'latency.free.' || infix || 'max_ns', value, NULL)), 0) AS free_ns,
#   100.0 * sum (iif (name = 'alloc.failed', value, 0)) / max (sum (iif (name IN ('alloc.count', 'alloc.failed'), value, 0)), 1) AS failed_percent,
#   100.0 * max (iif (name = 'frag.internal.mean', value, 0)) AS in_vain_percent
#   FROM chosen JOIN metrics USING (run_id) JOIN shared GROUP BY run_id) GROUP BY i ORDER BY i

stats RUNS using 7 name 'A' nooutput
stats RUNS using 9 name 'F' nooutput
stats RUNS using 11 name 'L' nooutput
stats RUNS using 13 name 'W' nooutput
stats RUNS using ($7 - $6 + $9 - $8 + $11 - $10 + $13 - $12) name 'SPREAD' nooutput
worst = A_max > F_max ? A_max : F_max
cost = L_max > W_max ? L_max : W_max
scale = time_scale (worst)
set xrange [0.4 : N + 0.6]
set grid noxtics
# Names that are longer than their places are turned, where a terminal can, or else numbers stand for them.
longest_name = 0
do for [k = 1:N] { longest_name = strlen (LABEL[k]) > longest_name ? strlen (LABEL[k]) : longest_name }
fits = longest_name < (ON_TERMINAL ? WIDTH - 14 : ON_PAPER ? (ROOM - (NARROW ? 96 : 280)) / 7.6 : 88) / (N + 0.2)
NAME_LENGTH = NARROW ? 14 : 20
TURN = NARROW ? 45 : 30
name(k) = fits ? LABEL[k] : ON_TERMINAL ? sprintf ('%d', k) : cut (LABEL[k], NAME_LENGTH)
TICS = "set xtics scale 0 ('' 0); do for [k = 1:N] { set xtics add (name (k) k) }"
bar(i, j) = i - 0.36 + 0.36 * j
middle(i, j) = SPREAD_max > 0 ? i - 0.18 + 0.36 * j : NaN # of what has a line
set style arrow 1 heads size screen 0.005, 90 fixed dt 1 lw 1.2 lc rgb '#000000'

if (ON_TERMINAL) {
  set key below
  eval TICS
  unset grid
  set xlabel VARIED
  set yrange [0 : axis_end (worst / scale * 1.05)]
  y_is = sprintf ('longest in %s (%s)', RUNS_BLOCK[1], time_unit (worst))
  eval Y_AXIS
  plot RUNS using 1:($2 / scale):(bar ($1, 0)):(bar ($1, 1)):(0):($2 / scale) with boxxyerror lt 1 title 'alloc', \
    RUNS using 1:($3 / scale):(bar ($1, 1)):(bar ($1, 2)):(0):($3 / scale) with boxxyerror lt 2 title 'free', \
    for [k = 1:fits ? 0 : N] NaN with points pt ' ' title sprintf ('%d: %s', k, LABEL[k])
} else {
  chars_right = 23 * CHARACTER
  # on paper a legend is above its plot where there is no room beside it, and names that are turned need some below
  LEGEND = ON_PAPER && NARROW ? "set key on at graph 1, screen legend_top right top horizontal samplen 2 width 1 notitle" : \
    "set key on at graph 1.02, graph 1 left top vertical Left reverse samplen 2 width 0 notitle"
  if (NARROW) { above = 28; between = 56 }
  if (!fits) { below = 58 + (NARROW ? 5.3 : 3.7) * (longest_name < NAME_LENGTH ? longest_name : NAME_LENGTH) }
  eval ABOVE
  set xtics scale 0
  set yrange [0 : axis_end (worst / scale * 1.05)]
  set ylabel sprintf ('longest in %s (%s)', RUNS_BLOCK[1], time_unit (worst))
  legend_top = 1
  eval LEGEND
  plot RUNS using 1:($2 / scale):(bar ($1, 0)):(bar ($1, 1)):(0):($2 / scale) with boxxyerror lt 1 title 'alloc', \
    RUNS using 1:($3 / scale):(bar ($1, 1)):(bar ($1, 2)):(0):($3 / scale) with boxxyerror lt 2 title 'free', \
    RUNS using (middle ($1, 0)):($6 / scale):(0):(($7 - $6) / scale) with vectors as 1 notitle, \
    RUNS using (middle ($1, 1)):($8 / scale):(0):(($9 - $8) / scale) with vectors as 1 notitle
  eval BELOW
  legend_top = halfway (between / 2.0 - 6)
  eval LEGEND
  set format x '%h'
  eval TICS
  set xtics font SMALL
  if (!fits) {
    set xtics rotate by TURN right
    set ytics step (axis_end (cost)) # there is less room for them
    if (!ON_PAPER) { set bmargin 5 + (longest_name < NAME_LENGTH ? longest_name : NAME_LENGTH) * 0.17 }
  }
  set xlabel cut (VARIED, ON_PAPER ? chars : 80) offset 0, fits ? 0 : 0.9
  set yrange [0 : axis_end (cost * 1.05)]
  set ylabel 'cost (%)'
  plot RUNS using 1:4:(bar ($1, 0)):(bar ($1, 1)):(0):4 with boxxyerror lt 3 title 'requests failed', \
    RUNS using 1:5:(bar ($1, 1)):(bar ($1, 2)):(0):5 with boxxyerror lt 4 title 'memory in vain', \
    RUNS using (middle ($1, 0)):10:(0):($11 - $10) with vectors as 1 notitle, RUNS using (middle ($1, 1)):12:(0):($13 - $12) with vectors as 1 notitle
  unset multiplot
}
