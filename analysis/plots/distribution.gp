# distribution.gp: how a metric is distributed over repetitions, and how well that is known.
#
# SPDX-License-Identifier: Apache-2.0
#
# Each repetition has a seed of its own, so what a metric was in n of them are n independent draws from its distribution. A line is the share
# of them with at most x. Wherever the true distribution is, with 95 % probability it is nowhere further from the line than
# sqrt (ln (2 / 0.05) / (2 n)): Dvoretzky, Kiefer and Wolfowitz 1956, with the constant of Massart 1990. That holds for any distribution, and for
# all x at once, beside the repetitions too, where no band is drawn; 738 repetitions are needed for a band of 5 points up and down, 185 for one of 10. The band is of the repetitions of one setting: with the
# same seeds settings meet the same requests, so two bands that overlap may still differ in every pair, which `kmemlab compare` tells.
#
#summary how a metric (--metric NAME) is distributed over repetitions, with a band of 95 % confidence
#paper 260
#runs 8
#repetitions bands of 95 % confidence (Dvoretzky-Kiefer-Wolfowitz)
#metric frag.internal.mean
#needs EXISTS (SELECT 1 FROM metrics m WHERE m.run_id = r.run_id AND m.name = :metric AND m.value IS NOT NULL)
#missing has not measured that
#query steps
#   WITH draws AS (SELECT i, value, count (*) OVER (PARTITION BY i) AS n, row_number () OVER (PARTITION BY i ORDER BY value) AS k
#   FROM chosen JOIN metrics USING (run_id) WHERE name = :metric AND value IS NOT NULL),
#   ends AS (SELECT min (value) AS least, max (value) AS most, iif (max (value) > min (value), 0.03 * (max (value) - min (value)),
#   iif (max (value) = 0, 0.5, 0.03 * abs (max (value)))) AS margin FROM draws),
#   settings AS (SELECT i, n, min (value) AS own_least, max (value) AS own_most, ends.* FROM draws JOIN ends GROUP BY i)
#   SELECT i AS block, x, share, n, has_band FROM (
#   SELECT i, 0 AS place, least - 2 * margin AS x, 0.0 AS share, n, 0 AS has_band FROM settings
#   UNION ALL SELECT i, 1, own_least - margin, 0.0, n, 1 FROM settings
#   UNION ALL SELECT i, 2 * k, value, (k - 1.0) / n, n, 1 FROM draws
#   UNION ALL SELECT i, 2 * k + 1, value, 1.0 * k / n, n, 1 FROM draws
#   UNION ALL SELECT i, 2 * n + 2, own_most + margin, 1.0, n, 1 FROM settings
#   UNION ALL SELECT i, 2 * n + 3, most + 2 * margin, 1.0, n, 0 FROM settings) ORDER BY i, place
#query what
#   SELECT :metric AS block
#query unit
#   SELECT unit AS block FROM metrics WHERE name = :metric LIMIT 1

stats STEPS using 1 name 'X' nooutput
unit = UNIT_BLOCK[1]
scale = unit eq 'ratio' ? 0.01 : unit eq 'bytes' ? bytes_scale (X_max) : unit eq 'ns' ? time_scale (X_max) : 1
unit = unit eq 'ratio' ? '%' : unit eq 'bytes' ? bytes_unit (X_max) : unit eq 'ns' ? time_unit (X_max) : unit
set xlabel WHAT_BLOCK[1].' ('.unit.')'
y_is = 'share of runs with at most that'
eval Y_AXIS
array BAND[N]
array NAME[N]
do for [i = 1:N] {
  stats STEPS index i - 1 using 3 name 'D' nooutput
  BAND[i] = D_max > 1 ? sqrt (log (2 / 0.05) / (2 * D_max)) : 1 # of one run nothing is known
  NAME[i] = sprintf ('%s: n = %d, ± %.2f', LABEL[i], D_max, BAND[i])
}
set xrange [X_min / scale : X_max / scale]
set yrange [0 : 1]
low(share, i, has_band) = has_band == 0 ? NaN : share > BAND[i] ? share - BAND[i] : 0
high(share, i) = share + BAND[i] < 1 ? share + BAND[i] : 1

if (ON_TERMINAL) {
  plot for [i = 1:N] STEPS index i - 1 using ($1 / scale):2 with lines lt i title NAME[i]
} else {
  set key on
  set style fill transparent solid 0.17 noborder
  plot for [i = 1:N] STEPS index i - 1 using ($1 / scale):(low ($2, i, $4)):(high ($2, i)) with filledcurves lt i notitle, \
    for [i = 1:N] STEPS index i - 1 using ($1 / scale):2 with lines lt i title NAME[i]
}
