# bins-classes.gp: the sizes that were asked for, and the bins of the chosen set over them.
#
# SPDX-License-Identifier: Apache-2.0
#
# Above, how much each size weighs in bytes, and the bins as vertical lines: requests are rounded up to the next line on their
# right. Below, what is wasted in each bin, as a share of all that is taken, and at last what requests for more than the largest bin waste in
# whole pages: the bars add up to the waste of the set. Sizes are on a logarithmic axis, as bins are.
#
#summary bin design: the histogram of sizes with the chosen bins over it, and what each bin wastes
#paper 460
#about study
#query sizes
#   SELECT size, 100.0 * size * weight / (SELECT sum (1.0 * size * weight) FROM bin_sizes WHERE study_id = :study) AS share
#   FROM bin_sizes WHERE study_id = :study ORDER BY size
#query bins
#   SELECT iif (size > 0, size, (SELECT max (size) FROM bin_sizes WHERE study_id = :study)) AS size, 100 * (given_bytes - asked_bytes) / total AS
#   inside, 100 * tail_bytes / total AS ends, lag (size, 1, 0) OVER (ORDER BY size = 0, size) AS previous, size = 0 AS pages
#   FROM (SELECT c.*, (SELECT sum (given_bytes + tail_bytes) FROM bin_classes
#   WHERE study_id = :study AND seq = t.chosen) AS total FROM bin_classes c JOIN bin_studies t ON t.study_id = c.study_id AND
#   t.chosen = c.seq WHERE c.study_id = :study AND (c.size > 0 OR c.given_bytes > 0)) ORDER BY pages, size
#query extent
#   SELECT min (s.size) AS lo, max (max (s.size), (SELECT max (c.size) FROM bin_classes c JOIN bin_studies t ON t.study_id =
#   c.study_id AND t.chosen = c.seq WHERE c.study_id = :study)) AS hi FROM bin_sizes s WHERE s.study_id = :study

stats EXTENT using 1 name 'LO' nooutput
stats EXTENT using 2 name 'HI' nooutput
stats SIZES using 2 name 'SHARE' nooutput
stats BINS using ($2 + $3) name 'WASTE' nooutput
set logscale x 2
set xrange [LO_min / 1.2 : HI_max * 1.3]
size_name(s) = s >= 2.0**20 ? sprintf ('%gM', s / 2.0**20) : s >= 1024 ? sprintf ('%gk', s / 1024) : sprintf ('%g', s)
set xtics ()
first = floor (log (LO_min) / log (2))
last = ceil (log (HI_max) / log (2))
# every power has a tic, and as many have a label as fit
apart = ceil ((last - first + 1) / (ON_TERMINAL ? WIDTH / 7.0 : ON_PAPER ? ROOM / 50.0 : 16.0))
name(k) = (k - first) % apart == 0 ? size_name (2.0**k) : ''
do for [k = first:last] { set xtics add ((ON_TERMINAL ? name (k) : '') 2.0**k) }
# sizes that lie between two of them are told themselves
no_power = 2.0**ceil (log (LO_min / 1.2) / log (2)) > HI_max * 1.3
if (no_power && ON_TERMINAL) { set xtics add (size_name (HI_max) HI_max) }
left(previous) = previous > 0 ? previous : LO_min / 1.2
middle(previous, size) = sqrt (left (previous) * size)
# a place for whole pages, even if all that is asked of them is hardly larger than the largest bin
right(size, previous, pages) = pages > 0 ? (size > left (previous) * 1.15 ? size : left (previous) * 1.15) : size
stats BINS using 5 name 'PAGES' nooutput
bin(size, pages) = pages > 0 ? NaN : size

if (ON_TERMINAL) {
  set key below
  set yrange [0 : axis_end (SHARE_max * 1.1)]
  set xlabel 'size (bytes)'
  y_is = 'share of the bytes asked for (%)'
  eval Y_AXIS
  plot SIZES using 1:2 with impulses lt 1 title 'sizes asked for', \
    BINS using (bin ($1, $5)):(SHARE_max) with points pt '|' title 'bins'
} else {
  above = NARROW ? 48 : 28
  between = NARROW ? (PAGES_max > 0 ? 74 : 56) : 36
  eval ABOVE
  if (ON_PAPER) { set rmargin at screen 1 - across (18) } else { set rmargin 3; set tmargin 2.8 }
  set key at graph 0.99, screen (ON_PAPER ? 1 : 0.924) right top horizontal samplen 2 font NORMAL
  set yrange [0 : axis_end (SHARE_max * 1.05)]
  set ylabel 'bytes asked for (%)'
  plot BINS using (bin ($1, $5)):(axis_end (SHARE_max * 1.05)) with impulses lt 2 lw 1 title 'bins', \
    SIZES using 1:2 with impulses lt 1 lw 3 title 'sizes asked for'
  eval BELOW
  if (!ON_PAPER) { set size 1, 0.48; set tmargin 2 }
  set key at graph 0.99, screen (ON_PAPER ? halfway (between / 2.0 - 6) : 0.472) right top
  set format x '%g'
  do for [k = first:last] { set xtics add (name (k) 2.0**k) }
  if (no_power) { set xtics add (size_name (HI_max) HI_max) }
  set xlabel 'size (bytes)'
  set ylabel 'wasted (% of all)'
  set yrange [0 : axis_end (WASTE_max * 1.05)]
  plot BINS using (middle ($4, $1)):(bin ($2 * 0.5, $5)):(left ($4)):1:(0):2 with boxxyerror lc rgb '#0072b2' title 'inside blocks', \
    '' using (middle ($4, $1)):(bin ($2 + $3 * 0.5, $5)):(left ($4)):1:2:($2 + $3) with boxxyerror lc rgb '#56b4e9' title 'ends of slabs', \
    '' using (middle ($4, $1)):($5 > 0 ? $2 * 0.5 : NaN):(left ($4)):(right ($1, $4, $5)):(0):2 with boxxyerror lc rgb '#e69f00' \
    title (PAGES_max > 0 ? 'whole pages' : ''), \
    '' using 1:($2 + $3) with impulses lt -1 lc rgb '#ffffff' lw 1 notitle
  unset multiplot
}
