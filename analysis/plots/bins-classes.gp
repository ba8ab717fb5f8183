# bins-classes.gp: the sizes that were asked for, and the bins of the chosen set over them.
#
# SPDX-License-Identifier: Apache-2.0
#
# Above, how much each size weighs in bytes, and the bins as vertical lines: requests are rounded up to the next line on their
# right. Below, what is wasted in each bin, as a share of all that is taken: the bars add up to the waste of the set. Sizes are on a
# logarithmic axis, as bins are.
#
#summary bin design: the histogram of sizes with the chosen bins over it, and what each bin wastes
#about study
#query sizes
#   SELECT size, 100.0 * size * weight / (SELECT sum (1.0 * size * weight) FROM bin_sizes WHERE study_id = :study) AS share
#   FROM bin_sizes WHERE study_id = :study ORDER BY size
#query bins
#   SELECT size, 100 * (given_bytes - asked_bytes) / total AS inside, 100 * tail_bytes / total AS ends, lag (size, 1, 0)
#   OVER (ORDER BY size) AS previous FROM (SELECT c.*, (SELECT sum (given_bytes + tail_bytes) FROM bin_classes
#   WHERE study_id = :study AND seq = t.chosen) AS total FROM bin_classes c JOIN bin_studies t ON t.study_id = c.study_id AND
#   t.chosen = c.seq WHERE c.study_id = :study AND c.size > 0) ORDER BY size
#query extent
#   SELECT min (s.size) AS lo, max (max (s.size), (SELECT max (c.size) FROM bin_classes c JOIN bin_studies t ON t.study_id =
#   c.study_id AND t.chosen = c.seq WHERE c.study_id = :study)) AS hi FROM bin_sizes s WHERE s.study_id = :study

stats EXTENT using 1 name 'LO' nooutput
stats EXTENT using 2 name 'HI' nooutput
stats SIZES using 2 name 'SHARE' nooutput
stats BINS using ($2 + $3) name 'WASTE' nooutput
set logscale x 2
set xrange [LO_min / 1.2 : HI_max * 1.2]
size_name(s) = s >= 2.0**20 ? sprintf ('%gM', s / 2.0**20) : s >= 1024 ? sprintf ('%gk', s / 1024) : sprintf ('%g', s)
set xtics ()
first = floor (log (LO_min) / log (2))
last = ceil (log (HI_max) / log (2))
do for [k = first:last] { set xtics add ((ON_TERMINAL ? size_name (2.0**k) : '') 2.0**k) }
middle(previous, size) = sqrt ((previous > 0 ? previous : LO_min / 1.2) * size)

if (ON_TERMINAL) {
  set key below
  set yrange [0 : axis_end (SHARE_max * 1.1)]
  set xlabel 'size (bytes)'
  set ylabel '%'
  plot SIZES using 1:2 with impulses lt 1 title 'share of the bytes asked for (%)', \
    BINS using 1:(SHARE_max) with points pt '|' title 'bins'
} else {
  eval ABOVE
  set rmargin 3
  set key at graph 0.99, graph 1.14 right top horizontal samplen 2 font NORMAL
  set yrange [0 : axis_end (SHARE_max * 1.05)]
  set ylabel 'bytes asked for (%)'
  plot BINS using 1:(axis_end (SHARE_max * 1.05)) with impulses lt 2 lw 1 title 'bins', \
    SIZES using 1:2 with impulses lt 1 lw 3 title 'sizes asked for'
  eval BELOW
  set key at graph 0.99, graph (PER_PIXEL == 1 ? 1.22 : 1.14) right top
  set size 1, 0.46
  set tmargin 1
  set format x '%g'
  do for [k = first:last] { set xtics add (size_name (2.0**k) 2.0**k) }
  set xlabel 'size (bytes)'
  set ylabel 'wasted (% of all that is taken)'
  set yrange [0 : axis_end (WASTE_max * 1.05)]
  plot BINS using (middle ($4, $1)):($2 * 0.5):($4 > 0 ? $4 : LO_min / 1.2):1:(0):2 with boxxyerror lc rgb '#0072b2' title 'inside blocks', \
    '' using (middle ($4, $1)):($2 + $3 * 0.5):($4 > 0 ? $4 : LO_min / 1.2):1:2:($2 + $3) with boxxyerror lc rgb '#56b4e9' title 'ends of slabs', \
    '' using 1:($2 + $3) with impulses lt -1 lc rgb '#ffffff' lw 1 notitle
  unset multiplot
}
