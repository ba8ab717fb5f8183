# waste-by-site.gp: whose waste it is.
#
# SPDX-License-Identifier: Apache-2.0
#
# What the live blocks of a call site waste, as the mean over the time of the run: a
# site that wastes much in each of its requests but gives them back at once costs the memory
# little. The call sites with most of it are on top, the rest is one bar. Of a
# single run, the number beside a bar says which share of what they are given its requests do not use.
#
#summary waste by call site, mean over time: who asked for the bytes that are wasted
#paper 330
#runs 4
#needs EXISTS (SELECT 1 FROM site_waste w WHERE w.run_id = r.run_id)
#missing recorded no waste by call site: set [record] origins = yes
#query bars
#   WITH ranked AS (SELECT workload, site, row_number () OVER (ORDER BY max (mean_wasted_bytes) DESC, workload, site) AS rank
#   FROM chosen JOIN site_waste USING (run_id) GROUP BY workload, site),
#   placed AS (SELECT i, min (rank, 16) AS rank, requested_bytes, held_bytes, mean_wasted_bytes
#   FROM chosen JOIN site_waste USING (run_id) JOIN ranked USING (workload, site)),
#   bars AS (SELECT i, rank, sum (mean_wasted_bytes) AS mean, 100 - 100.0 * sum (requested_bytes) / sum (held_bytes) AS percent
#   FROM placed GROUP BY i, rank),
#   places AS (SELECT DISTINCT min (rank, 16) AS rank FROM ranked)
#   SELECT i AS block, 16 - rank AS row, ifnull (mean, 0) AS mean_wasted_bytes, ifnull (percent, 0) AS percent
#   FROM chosen CROSS JOIN places LEFT JOIN bars USING (i, rank) ORDER BY i, row
#query names
#   WITH ranked AS (SELECT workload, site, row_number () OVER (ORDER BY max (mean_wasted_bytes) DESC, workload, site) AS rank
#   FROM chosen JOIN site_waste USING (run_id) GROUP BY workload, site)
#   SELECT iif (rank < 16, iif ((SELECT count (DISTINCT workload) FROM ranked) > 1, workload || ': ', '') ||
#   iif (site = '', '(unknown)', site), ((SELECT count (*) FROM ranked) - 15) || ' others') AS block
#   FROM ranked WHERE rank <= 16 ORDER BY rank

stats BARS using 2 name 'M' nooutput
scale = bytes_scale (M_max)
set yrange [16 - NAMES_N - 0.6 : 15.6]
set ytics scale 0 ('' 0) # names alone, no numbers
set grid noytics
set xrange [0 : axis_end (M_max / scale * (N == 1 ? 1.12 : 1.03))]
set xlabel sprintf (NARROW ? 'mean waste (%s)' : 'waste of live blocks, mean over time (%s)', bytes_unit (M_max))
widest = 0
do for [k = 1:NAMES_N] {
  name = cut (NAMES_BLOCK[k], NARROW ? 20 : 40)
  widest = strlen (name) > widest ? strlen (name) : widest
  set ytics add (name 16 - k)
}
# the bars of a place share 0.8 of it, the first run on top
thick = 0.8 / N
top(row, i) = row + 0.4 - (i - 1) * thick

if (ON_TERMINAL) {
  unset grid
  plot for [i = 1:N] BARS index i - 1 using ($2 / scale):1:(0):($2 / scale):(top ($1, i) - thick):(top ($1, i)) \
    with boxxyerror lt i title LABEL[i]
} else {
  if (ON_PAPER) {
    set lmargin at screen across (14 + widest * 8.4)
    if (NARROW) { set xtics step (axis_end (M_max / scale)) }
    if (NARROW && N > 1) {
      set tmargin at screen plots_top (0)
      set key at screen 0.5, screen 1 center top maxcols LEGEND_COLUMNS
    }
  } else {
    set lmargin widest * 0.95 * CHARACTER + 3
  }
  set rmargin 3
  if (N == 1) {
    set xlabel sprintf (NARROW ? "mean waste (%s)\n%%: of what was given" : 'waste of live blocks, mean over time (%s); number: of what was given', bytes_unit (M_max))
    plot BARS using ($2 / scale):1:(0):($2 / scale):(top ($1, 1) - thick):(top ($1, 1)) with boxxyerror lt 1, \
      '' using ($2 / scale):1:(sprintf ('%.0f %%', $3)) with labels left offset 0.5, 0 font SMALL
  } else {
    plot for [i = 1:N] BARS index i - 1 using ($2 / scale):1:(0):($2 / scale):(top ($1, i) - thick):(top ($1, i)) \
      with boxxyerror lt i title LABEL[i]
  }
}
