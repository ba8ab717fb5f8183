# style.gp: what all figures share. It goes before each of them.
#
# SPDX-License-Identifier: Apache-2.0
#
# A figure is one file, plots/KIND.gp, and one word in meson.build. Its leading
# comment has clauses that the program reads; one that is long goes on in lines that are indented by
# three spaces:
#
#   #summary TEXT      one line for `kmemlab plot DB`
#   #runs N            how many runs it shows at most; more are left out, and the caption says so
#   #repetitions TEXT  runs that differ in their seeds alone are one i of several rows in chosen; the caption says TEXT of them
#   #metric NAME       the metric that it is about, unless another is asked for
#   #bars N            each run is a bar that needs N pixels: a picture whose height nobody says grows with them
#   #needs SQL         true for a run r that recorded what the figure shows
#   #missing TEXT      said of a run that did not: "run 3 TEXT"
#   #query NAME        and the SQL in the lines after it
#   #about study       it is about a study of bin sizes, and queries may name :study; without runs, needs, missing
#
# Queries see the runs as chosen (i, run_id, label), i = 1 to N, and may name
# :order, :metric (and so may #needs), and :columns and :rows (of a picture made of cells). Where the first
# column is called block, rows with the same value are one block of the data.
# A query of that column alone gives the script a few values. The script then finds
#
#   NAME, NAME_N, NAME_BLOCK[1..NAME_N]   file, number and names of the blocks: index i - 1 is block i
#   N, LABEL[1..N], VARIED                the runs, how they are called, the settings that tell them apart
#   TITLE, CAPTION, ORDER, WIDTH, HEIGHT, SCALE (of fonts), COLUMNS, ROWS, ON_TERMINAL, PER_PIXEL
#
# Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any
# form of colour blindness tell apart, in an order in which neighbours differ in
# brightness too; yellow, which white paper swallows, is left out. Dashes and points differ as
# well, for printers without colour.

set datafile separator "\t"
set datafile missing 'NaN'
set termoption noenhanced
set border 3 lw 0.8 lc rgb '#404040'
set tics nomirror out scale 0.6
set grid xtics ytics lt 1 lw 0.8 lc rgb '#dcdcdc'
if (ON_TERMINAL) { unset grid } # its lines would be of the same characters as the data
set style fill solid 1 noborder
set format '%h'

# SVG draws points larger and counts wider characters than the terminals of cairo do.
POINT = PER_PIXEL == 1 ? 0.65 : 1
CHARACTER = PER_PIXEL == 1 ? 0.8 : 1

set linetype 1 lc rgb '#0072b2' lw 2 dt 1 pt 7 ps 0.6 * POINT
set linetype 2 lc rgb '#d55e00' lw 2 dt (12,4) pt 5 ps 0.6 * POINT
set linetype 3 lc rgb '#009e73' lw 2 dt (5,3) pt 9 ps 0.7 * POINT
set linetype 4 lc rgb '#cc79a7' lw 2 dt (12,4,3,4) pt 13 ps 0.8 * POINT
set linetype 5 lc rgb '#000000' lw 2 dt (2,3) pt 6 ps 0.7 * POINT
set linetype 6 lc rgb '#e69f00' lw 2 dt 1 pt 4 ps 0.7 * POINT
set linetype 7 lc rgb '#56b4e9' lw 2 dt (12,4) pt 11 ps 0.7 * POINT
set linetype 8 lc rgb '#0072b2' lw 2 dt (2,3) pt 8 ps 0.7 * POINT
set linetype 9 lc rgb '#d55e00' lw 2 dt 1 pt 12 ps 0.8 * POINT
set linetype 10 lc rgb '#009e73' lw 2 dt (12,4,3,4) pt 10 ps 0.7 * POINT
set linetype 11 lc rgb '#cc79a7' lw 2 dt (5,3) pt 3 ps 0.7 * POINT
set linetype 12 lc rgb '#000000' lw 2 dt (12,4) pt 2 ps 0.7 * POINT

# light to dark: free to full
set palette defined (0 '#ffffff', 0.05 '#e3eef9', 0.25 '#b7d4ea', 0.5 '#6aaed6', 0.75 '#2e7ebc', 1 '#08306b')

# Sizes of fonts are in pixels of a picture of the usual size; some terminals count points.
SMALL = sprintf (',%.2f', 12.5 * PER_PIXEL)
NORMAL = sprintf (',%.2f', 14 * PER_PIXEL)
LARGE = sprintf (',%.2f', 18 * PER_PIXEL)

# A scale that keeps the numbers on an axis short, and its unit.
time_scale(ns) = ns >= 2e9 ? 1e9 : ns >= 2e6 ? 1e6 : ns >= 2e3 ? 1e3 : 1
time_unit(ns) = ns >= 2e9 ? 's' : ns >= 2e6 ? 'ms' : ns >= 2e3 ? 'µs' : 'ns'
bytes_scale(b) = b >= 2.0**31 ? 2.0**30 : b >= 2.0**21 ? 2.0**20 : b >= 2.0**11 ? 2.0**10 : 1
bytes_unit(b) = b >= 2.0**31 ? 'GiB' : b >= 2.0**21 ? 'MiB' : b >= 2.0**11 ? 'KiB' : 'bytes'

# The end of an axis that begins at 0: gnuplot does not draw one of no length.
axis_end(x) = x > 0 ? x : 1

# Points mark a line about eight times, each line elsewhere.
mark_every(n) = n > 16 ? int (n / 8) : 1

cut(text, n) = strlen (text) > n ? text[1:n - 1].'…' : text
chars = ON_TERMINAL ? WIDTH - 12 : int (WIDTH / (WIDTH / 960.0) / 9.5)

# What goes over and under every picture. The title is a label, so that the legend is below it.
if (ON_TERMINAL) {
  set title cut (TITLE, chars)."\n"
} else {
  set size 1, 0.93
  set bmargin 5
  set label 998 cut (TITLE, chars) at screen 0.5, screen 0.955 center font LARGE
  set label 999 cut (CAPTION, int (chars * 1.3)) at screen 0.5, char 0.9 center font SMALL tc rgb '#606060'
}

# The name of the y axis: y_is = '…'; eval Y_AXIS. On a terminal it stands over the axis, for beside it letters have no room.
Y_AXIS = ON_TERMINAL ? "set label 997 y_is at screen 0, graph 1 offset 0, 1 left" : "set ylabel y_is"

# The legend, outside, where it covers nothing: above the plot.
if (ON_TERMINAL) {
  set key below width 2
} else {
  set key outside top center horizontal height 0.3 width 1.5 samplen 3.5 spacing 1.1 font NORMAL
  if (VARIED ne '') { set key title cut (VARIED, int (chars * 0.9)).':' font NORMAL }
}
if (N == 1) { unset key }

# Characters in the longest of the labels.
longest = 0
do for [i = 1:N] { longest = strlen (LABEL[i]) > longest ? strlen (LABEL[i]) : longest }

# Two plots, one above the other, with one x axis and one legend to the right of both:
#
#   eval ABOVE; plot …; eval BELOW; plot …; eval ASIDE; plot for [i = 1:N] NaN with linespoints lt i title LABEL[i]
#
# Margins are counted in characters; chars_right is what the longest label needs.
legend_title = cut (VARIED, 30)
longest = strlen (legend_title) > longest ? strlen (legend_title) : longest
chars_right = N == 1 ? 3 : (longest * 1.1 + 10) * CHARACTER
ABOVE = "set lmargin 11; set rmargin chars_right; set tmargin 1; set bmargin 0; set multiplot; unset key; \
  set origin 0, 0.51; set size 1, 0.42; set format x ''"
BELOW = "unset label 998; unset label 999; set origin 0, 0; set size 1, 0.48; set tmargin 0; set bmargin 5"
ASIDE = "unset label; unset border; unset tics; unset xlabel; unset ylabel; unset grid; unset logscale; \
  set xrange [0:1]; set yrange [0:1]; set size 1, 0.93; set tmargin 1; \
  set key on at graph 1.02, graph 1 left top vertical Left reverse samplen 3.5 width 0; \
  if (legend_title ne '') { set key title legend_title.':' left font NORMAL }"
