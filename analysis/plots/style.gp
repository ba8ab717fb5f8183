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
#   #paper N           in a column of a paper it is N pixels high, its bars and a legend above it apart
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
#   TITLE, CAPTION, ORDER, WIDTH, HEIGHT, SCALE (of fonts), COLUMNS, ROWS, ON_TERMINAL, IN_SVG
#   ON_PAPER, ROOM, NARROW                whether it is for paper; its width in pixels of the usual size; whether a legend has no room beside the plot
#   LEGEND_ROWS, LEGEND_COLUMNS           of a legend above it, on paper
#
# On paper there is no title and no caption in the picture: they are in the text.
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
POINT = IN_SVG ? 0.65 : 1
CHARACTER = IN_SVG ? 0.8 : 1

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

# Sizes of fonts are in pixels of a picture of the usual size; some terminals count points, and SVG for paper does not scale them.
PER_PIXEL = IN_SVG ? (ON_PAPER ? SCALE : 1) : 0.75
SMALL = sprintf (',%.2f', 12.5 * PER_PIXEL)
NORMAL = sprintf (',%.2f', 14 * PER_PIXEL)
LARGE = sprintf (',%.2f', 18 * PER_PIXEL)

# A scale that keeps the numbers on an axis short, and its unit.
time_scale(ns) = ns >= 2e9 ? 1e9 : ns >= 2e6 ? 1e6 : ns >= 2e3 ? 1e3 : 1
time_unit(ns) = ns >= 2e9 ? 's' : ns >= 2e6 ? 'ms' : ns >= 2e3 ? 'µs' : 'ns'
bytes_scale(b) = b >= 2.0**31 ? 2.0**30 : b >= 2.0**21 ? 2.0**20 : b >= 2.0**11 ? 2.0**10 : 1
bytes_unit(b) = b >= 2.0**31 ? 'GiB' : b >= 2.0**21 ? 'MiB' : b >= 2.0**11 ? 'KiB' : 'bytes'

# A few steps to x.
power(x) = 10.0**floor (log10 (x))
step(x) = x / power (x) < 2 ? power (x) / 2 : x / power (x) < 5 ? power (x) : power (x) * 2

# The end of an axis that begins at 0: gnuplot does not draw one of no length.
axis_end(x) = x > 0 ? x : 1

# Points mark a line about eight times, each line elsewhere.
mark_every(n) = n > 16 ? int (n / 8) : 1

cut(text, n) = strlen (text) > n ? text[1:n - 1].'…' : text
chars = ON_TERMINAL ? WIDTH - 12 : int (ROOM / 9.5)

# Pixels of the usual size, as shares of the picture.
up(n) = n * SCALE / HEIGHT
across(n) = n * SCALE / WIDTH

# Text on lines of at most n characters.
gap_before(text, n) = n < 2 || text[n:n] eq ' ' ? n : gap_before (text, n - 1)
wrap(text, n) = strlen (text) <= n || gap_before (text, n) < 2 ? text : \
  text[1:gap_before (text, n) - 1]."\n".wrap (text[gap_before (text, n) + 1:*], n)

# What goes over and under every picture. The title is a label, so that the legend is below it.
if (ON_TERMINAL) {
  set title cut (TITLE, chars)."\n"
} else { if (!ON_PAPER) {
  set size 1, 0.93
  set bmargin 5
  set label 998 cut (TITLE, chars) at screen 0.5, screen 0.955 center font LARGE
  set label 999 cut (CAPTION, int (chars * 1.3)) at screen 0.5, char 0.9 center font SMALL tc rgb '#606060'
} }

# The name of the y axis: y_is = '…'; eval Y_AXIS. On a terminal it stands over the axis, for beside it letters have no room.
Y_AXIS = ON_TERMINAL ? "set label 997 y_is at screen 0, graph 1 offset 0, 1 left" : ON_PAPER ? "set lmargin at screen across (strlen (y_is) > 24 ? 106 : 90); set ylabel wrap (y_is, 24) offset strlen (y_is) > 24 ? -1 : 0, 0" : "set ylabel y_is"

# The legend, outside, where it covers nothing: above the plot. Lines in it are shorter where there is little room.
if (ON_TERMINAL) {
  set key below width 2
} else {
  set key outside top center horizontal height 0.3 width 1.5 samplen 3.5 spacing 1.1 font NORMAL
  if (NARROW) { set key samplen 2.5 Left reverse }
  if (VARIED ne '') { set key title cut (VARIED, int (chars * 0.9)).':' font NORMAL }
}
if (N == 1) { unset key }

# Characters in the longest of the labels.
longest = 0
do for [i = 1:N] { longest = strlen (LABEL[i]) > longest ? strlen (LABEL[i]) : longest }

# Two plots, one above the other, with one x axis and one legend to the right of both, or above them where it is narrow:
#
#   eval ABOVE; plot …; eval BELOW; plot …; eval ASIDE; plot for [i = 1:N] NaN with linespoints lt i title LABEL[i]
#
# Margins are counted in characters; chars_right is what the longest label needs. On paper they are counted in pixels, and so are
# what the legend needs above the plots, what tics and names of the axis do below, and what is between the plots.
legend_title = cut (VARIED, 30)
longest = strlen (legend_title) > longest ? strlen (legend_title) : longest
chars_right = N == 1 ? 3 : (longest * 1.1 + 10) * CHARACTER
above = NARROW ? LEGEND_ROWS * 19 + 10 : 10
below = 60
between = 16
plots_top(n) = 1 - up (above + n)
halfway(n) = (plots_top (0) + up (below)) / 2 + up (n)
SIDES = "set lmargin at screen across (94); set rmargin at screen 1 - across (NARROW ? 26 : chars_right / CHARACTER * 7.7)"
ABOVE = ON_PAPER ? "eval SIDES; set tmargin at screen plots_top (0); set bmargin at screen halfway (between / 2.0); \
  set multiplot; unset key; set format x ''" : "set lmargin 11; set rmargin chars_right; set tmargin 1; set bmargin 0; set multiplot; unset key; \
  set origin 0, 0.51; set size 1, 0.42; set format x ''"
BELOW = ON_PAPER ? "set tmargin at screen halfway (-between / 2.0); set bmargin at screen up (below)" : \
  "unset label 998; unset label 999; set origin 0, 0; set size 1, 0.48; set tmargin 0; set bmargin 5"
ASIDE = "unset label; unset border; unset tics; unset xlabel; unset ylabel; unset grid; unset logscale; \
  set xrange [0:1]; set yrange [0:1]; set size 1, ON_PAPER ? 1 : 0.93; set tmargin 1; if (ON_PAPER) { set tmargin at screen plots_top (0) }; \
  if (NARROW) { set key on at screen 0.5, screen 1 center top horizontal Left reverse maxcols LEGEND_COLUMNS samplen 2.5 width 1.5 } \
  else { set key on at graph 1.02, graph 1 left top vertical Left reverse samplen 3.5 width 0 }; \
  if (legend_title ne '') { set key title legend_title.':' left font NORMAL }"
