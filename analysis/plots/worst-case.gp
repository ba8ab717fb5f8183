# worst-case.gp: the longest operations, and what their bound costs.
#
# SPDX-License-Identifier: Apache-2.0
#
# A place for each run, in their order. Above, the longest request and the longest free, both in one context: of those in which every run
# had both, the one that can wait least, hard interrupts before soft ones; whoever must meet a deadline asks for them and not for the
# mean. Below, what one pays: requests that got nothing, and memory that is held and that nobody asked for.
#
#summary longest alloc and free of each run, and what they cost: failed requests, memory held in vain
#runs 12
#needs EXISTS (SELECT 1 FROM metrics m WHERE m.run_id = r.run_id AND m.name = 'latency.alloc.max_ns')
#missing recorded no latencies: set [record] latency = yes
#query runs
#   WITH contexts (rank, infix, called) AS (VALUES (1, 'hardirq.', 'hardirq'), (2, 'softirq.', 'softirq'), (3, 'process.', 'process'), (4, '', 'any context')),
#   shared AS (SELECT infix, called FROM contexts WHERE rank = 4 OR 2 * (SELECT count (*) FROM chosen) = (SELECT count (*) FROM chosen JOIN metrics USING (run_id)
#   WHERE name IN ('latency.alloc.' || infix || 'max_ns', 'latency.free.' || infix || 'max_ns')) ORDER BY rank LIMIT 1)
#   SELECT called AS block, i,
#   coalesce (max (iif (name = 'latency.alloc.' || infix || 'max_ns', value, NULL)), 0) AS alloc_ns,
#   coalesce (max (iif (name = 'latency.free.' || infix || 'max_ns', value, NULL)), 0) AS free_ns,
#   100.0 * sum (iif (name = 'alloc.failed', value, 0)) / max (sum (iif (name IN ('alloc.count', 'alloc.failed'), value, 0)), 1) AS failed_percent,
#   100.0 * max (iif (name = 'frag.internal.mean', value, 0)) AS in_vain_percent
#   FROM chosen JOIN metrics USING (run_id) JOIN shared GROUP BY i ORDER BY i

stats RUNS using 2 name 'A' nooutput
stats RUNS using 3 name 'F' nooutput
stats RUNS using 4 name 'L' nooutput
stats RUNS using 5 name 'W' nooutput
worst = A_max > F_max ? A_max : F_max
cost = L_max > W_max ? L_max : W_max
scale = time_scale (worst)
set xrange [0.4 : N + 0.6]
set grid noxtics
# Names that are longer than their places are turned, where a terminal can, or else numbers stand for them.
longest_name = 0
do for [k = 1:N] { longest_name = strlen (LABEL[k]) > longest_name ? strlen (LABEL[k]) : longest_name }
fits = longest_name < (ON_TERMINAL ? WIDTH - 14 : 88) / (N + 0.2)
NAME_LENGTH = 20
power(x) = 10.0**floor (log10 (x))
step(x) = x / power (x) < 2 ? power (x) / 2 : x / power (x) < 5 ? power (x) : power (x) * 2
name(k) = fits ? LABEL[k] : ON_TERMINAL ? sprintf ('%d', k) : cut (LABEL[k], NAME_LENGTH)
TICS = "set xtics scale 0 ('' 0); do for [k = 1:N] { set xtics add (name (k) k) }"
bar(i, j) = i - 0.36 + 0.36 * j

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
  eval ABOVE
  set xtics scale 0
  set yrange [0 : axis_end (worst / scale * 1.05)]
  set ylabel sprintf ('longest in %s (%s)', RUNS_BLOCK[1], time_unit (worst))
  set key on at graph 1.02, graph 1 left top vertical Left reverse samplen 2 width 0 notitle
  plot RUNS using 1:($2 / scale):(bar ($1, 0)):(bar ($1, 1)):(0):($2 / scale) with boxxyerror lt 1 title 'alloc', \
    RUNS using 1:($3 / scale):(bar ($1, 1)):(bar ($1, 2)):(0):($3 / scale) with boxxyerror lt 2 title 'free'
  eval BELOW
  set format x '%h'
  eval TICS
  set xtics font SMALL
  if (!fits) {
    set xtics rotate by 30 right
    set ytics step (axis_end (cost)) # there is less room for them
    set bmargin 5 + (longest_name < NAME_LENGTH ? longest_name : NAME_LENGTH) * 0.17
  }
  set xlabel cut (VARIED, 80) offset 0, fits ? 0 : 0.9
  set yrange [0 : axis_end (cost * 1.05)]
  set ylabel 'cost (%)'
  plot RUNS using 1:4:(bar ($1, 0)):(bar ($1, 1)):(0):4 with boxxyerror lt 3 title 'requests failed', \
    RUNS using 1:5:(bar ($1, 1)):(bar ($1, 2)):(0):5 with boxxyerror lt 4 title 'memory in vain'
  unset multiplot
}
