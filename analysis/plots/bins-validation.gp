# bins-validation.gp: what designs are worth on requests that they were not made for.
#
# SPDX-License-Identifier: Apache-2.0
#
# For each piece of time: what wastes the best set made for that piece itself (foresight), the set of as many bins made for the rest of the
# time, and kmalloc's. The distance of the first two is what the future costs: where it is small, a design lasts.
#
#summary bin design, cross-validated: waste on pieces of time that the bins were not made for
#paper 280
#about study
#query parts
#   SELECT iif (split = 'halves', 'half ', 'piece ') || part || iif (split = 'halves', ' of 2', (SELECT iif (count (*) = max (part),
#   ' of ' || count (*), '') FROM bin_validations WHERE study_id = :study AND split = 'folds')) AS part, 100 * best AS best, 100 * measured AS measured, 100 * linux AS linux
#   FROM bin_validations WHERE study_id = :study ORDER BY split DESC, part

stats PARTS using 4 name 'L' nooutput
stats PARTS using 3 name 'M' nooutput
high = L_max > M_max ? L_max : M_max
set yrange [0 : axis_end (high * 1.15)]
set xrange [-0.6 : L_records - 0.4]
y_is = 'waste (%)'
eval Y_AXIS
set xtics scale 0
# "piece 1 of 5", "piece 1" or "p1": what there is room for (and without the number where there are pieces in which nothing is asked for)
room = (ON_TERMINAL ? WIDTH - 12 : ON_PAPER ? (ROOM - 80) / 7.8 : 105) / L_records
name(part) = strlen (part) < room ? part : strlen (word (part, 1)) + 3 < room ? word (part, 1).' '.word (part, 2) : substr (part, 1, 1).word (part, 2)
set grid noxtics
if (ON_TERMINAL) {
  set key below
  plot PARTS using 0:2:xtic(name (strcol (1))) with points pt 'b' title 'b: best for it', '' using 0:3 with points pt 'd' title 'd: made for the rest', \
    '' using 0:4 with points pt 'l' title 'l: linux'
} else {
  set key outside top center horizontal samplen 1.5 width 1 font NORMAL
  if (!NARROW) { set key maxrows 1 }
  number(x) = room > 11 ? sprintf ('%.1f', x) : ' ' # where there is room for it
  set boxwidth 0.26
  plot PARTS using ($0 - 0.27):2 with boxes lc rgb '#56b4e9' title 'best for the piece', \
    '' using ($0):3:xtic(name (strcol (1))) with boxes lc rgb '#0072b2' title 'made for the rest', \
    '' using ($0 + 0.27):4 with boxes lc rgb '#e69f00' title 'linux', \
    '' using ($0 - 0.27):2:(number ($2)) with labels offset 0, 0.6 font SMALL notitle, \
    '' using ($0):3:(number ($3)) with labels offset 0, 0.6 font SMALL notitle, \
    '' using ($0 + 0.27):4:(number ($4)) with labels offset 0, 0.6 font SMALL notitle
}
