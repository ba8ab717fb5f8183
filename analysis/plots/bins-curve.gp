# bins-curve.gp: what the best set of k bins wastes, for each k, and where the usual sets are.
#
# SPDX-License-Identifier: Apache-2.0
#
# The line is a bound: no set of so many bins wastes less on these requests. How far above it a usual set lies is what it gives
# away by not being made for them. The knee is the point furthest below the chord from the line's beginning to its end. The
# axis of waste is logarithmic where the values span more than a decade.
#
#summary bin design: waste of the best set against its number of bins, the knee, and the usual sets
#paper 480
#about study
#query curve
#   SELECT bins, 100 * waste AS waste FROM bin_curve WHERE study_id = :study ORDER BY bins
#query sets
#   SELECT s.name AS block, s.bins, 100 * iif (t.tails, s.with_tails, s.internal) AS waste, s.seq = t.chosen AS chosen
#   FROM bin_sets s JOIN bin_studies t USING (study_id) WHERE study_id = :study ORDER BY s.seq <> t.chosen, s.seq
#query knee
#   SELECT t.knee AS bins, 100 * c.waste AS waste, t.weight AS weight, t.tails AS tails
#   FROM bin_studies t JOIN bin_curve c ON c.study_id = t.study_id AND c.bins = t.knee WHERE t.study_id = :study

stats CURVE using 2 name 'W' nooutput
stats SETS using 2 name 'S' nooutput
stats SETS using 1 name 'B' nooutput
stats CURVE using 1 name 'K' nooutput
stats KNEE using 1 name 'KX' nooutput
stats KNEE using 2 name 'KY' nooutput
stats KNEE using 4 name 'TAILS' nooutput

low = W_min < S_min ? W_min : S_min
high = W_max > S_max ? W_max : S_max
decades = low > 0 && high / low > 10
last = K_max > B_max ? K_max : B_max
set xrange [0 : last * 1.05]
if (decades) {
  set logscale y
  set yrange [low * 0.8 : high * 1.5 > 100 ? 120 : high * 1.5]
  set format y '%g'
} else {
  set yrange [0 : axis_end (high * 1.1)]
}
set xlabel 'bins'
y_is = TAILS_max > 0 ? 'waste, ends of slabs included (%)' : 'waste inside blocks (%)'
eval Y_AXIS

if (ON_TERMINAL) {
  set key below
  plot CURVE using 1:2 with lines lt 1 title 'best set', \
    NaN with points pt 'K' title sprintf ('over it: knee, %d bins', KX_max), \
    for [i = 1:SETS_N] SETS index i - 1 using 1:2 with points pt substr ('oabcdefghijklmnpqrstuvwxyz', i, i) title SETS_BLOCK[i], \
    KNEE using 1:2:('K') with labels offset 0, 1 notitle
} else {
  if (NARROW) {
    set key outside bottom center horizontal Left reverse samplen 2 width 1 font NORMAL
  } else {
    set key outside right top vertical Left reverse samplen 2.5 width 0 font NORMAL
    set rmargin 34 * CHARACTER
  }
  plot CURVE using 1:2 with lines lt 1 title 'best set of k bins', \
    KNEE using 1:2 with impulses lc rgb '#404040' lw 1.5 dt (4,4) title sprintf ('knee: %d bins, %.3g %%', KX_max, KY_max), \
    for [i = 1:SETS_N] SETS index i - 1 using 1:2 with points lt i + 1 ps (i == 1 ? 1.8 : 1.5) * POINT lw 2 title cut (SETS_BLOCK[i], 20)
}
