# bins.gp: runs compared, as bars: what they waste, and what memory they need.
#
# SPDX-License-Identifier: Apache-2.0
#
# Made for sweeps over objects.bins; it compares the runs of any sweep. The
# best is on top. Repetitions are one bar, their mean, with a line from the least to the most.
#
#summary bin sets (or whatever a sweep varies) compared: mean internal fragmentation and peak memory
#paper 246
#runs 40
#repetitions means of repetitions, lines from the least to the most
#bars 21
#needs EXISTS (SELECT 1 FROM metrics m WHERE m.run_id = r.run_id AND m.name = 'frag.internal.mean')
#missing has no frag.internal.mean
#query bars
#   SELECT row_number () OVER (ORDER BY internal DESC, i DESC) AS row, label, internal, reserved, requested, least, most FROM (
#   SELECT i, label, 100 * avg (value) FILTER (WHERE name = 'frag.internal.mean') AS internal,
#   avg (value) FILTER (WHERE name = 'memory.reserved.peak_bytes') AS reserved,
#   avg (value) FILTER (WHERE name = 'memory.requested.peak_bytes') AS requested,
#   100 * min (value) FILTER (WHERE name = 'frag.internal.mean') AS least,
#   100 * max (value) FILTER (WHERE name = 'frag.internal.mean') AS most
#   FROM chosen JOIN metrics USING (run_id) GROUP BY i) ORDER BY row

stats BARS using 4 name 'M' nooutput
stats BARS using 3 name 'I' nooutput
stats BARS using 7 name 'MOST' nooutput
stats BARS using ($7 - $6) name 'SPREAD' nooutput
scale = bytes_scale (M_max)
unset key
set yrange [0.4 : N + 0.6]
set ytics scale 0
set grid noytics

if (ON_TERMINAL) {
  set xrange [0 : axis_end (I_max * 1.1)]
  set xlabel 'mean internal fragmentation (%)'
  plot BARS using ($3 * 0.5):1:($3 * 0.5):(0.3):ytic(2) with boxxyerror lt 1
} else {
  # the two plots are beside each other, or where it is narrow one above the other; there, names may have half of the width
  NAME_LENGTH = 22
  name(text) = NARROW ? cut (text, NAME_LENGTH) : text
  again(text) = NARROW ? cut (text, NAME_LENGTH) : ''
  widest = NARROW && longest > NAME_LENGTH ? NAME_LENGTH : longest
  left = ON_PAPER ? across (24 + widest * 7.8) : 0.03 + longest * 0.0088 < 0.1 ? 0.1 : 0.03 + longest * 0.0088
  middle = left + (0.98 - left) * 0.5
  above = ON_PAPER ? 34 : 96 # pixels: names and a legend, over a plot
  below = ON_PAPER ? 60 : 114
  half = (1 - up (above + below)) / 2 - up (64)
  first = NARROW ? half + up (128) : 0
  set multiplot
  set tmargin at screen 1 - up (above)
  set bmargin at screen up (below) + first
  if (!ON_PAPER) { set label 998 at screen 0.5, screen 1 - up (27) }
  set label 1 cut (VARIED, ON_PAPER ? chars : 85) at screen 0.012, screen 1 - up (above - 21) font NORMAL
  set xrange [0 : axis_end (MOST_max * 1.15)]
  set lmargin at screen left
  set rmargin at screen NARROW ? 0.96 : middle - 0.02
  set xlabel NARROW ? 'internal fragmentation (%)' : 'mean internal fragmentation (%)'
  if (NARROW) { set xtics step (axis_end (I_max)) }
  plot BARS using ($3 * 0.5):1:($3 * 0.5):(0.34):ytic(name (strcol (2))) with boxxyerror lc rgb '#0072b2', \
    '' using (SPREAD_max > 0 ? $3 : NaN):1:6:7 with xerrorbars ps 0 dt 1 lw 1.2 lc rgb '#000000', \
    '' using 7:1:(sprintf ('%.1f', $3)) with labels left offset 0.5, 0 font SMALL
  unset label
  if (NARROW) { set tmargin at screen up (below) + half; set bmargin at screen up (below) }
  set xrange [0 : axis_end (M_max / scale * 1.15)]
  if (!NARROW) { set format y ''; set lmargin at screen middle + 0.02 }
  set rmargin at screen NARROW ? 0.96 : 0.98
  if (NARROW) { set xtics step (axis_end (M_max / scale)) }
  set xlabel sprintf ('memory at its peak (%s)', bytes_unit (M_max))
  set key at graph 1, screen (NARROW ? up (below + 42) + half : 1 - up (ON_PAPER ? 4 : 60)) right top horizontal samplen 1 width 2 font NORMAL
  set key notitle
  plot BARS using ($4 / scale * 0.5):1:($4 / scale * 0.5):(0.34):ytic(again (strcol (2))) with boxxyerror lc rgb '#56b4e9' title 'reserved', \
    '' using ($5 / scale * 0.5):1:($5 / scale * 0.5):(0.34) with boxxyerror lc rgb '#0072b2' title 'asked for', \
    '' using ($4 / scale):1:(sprintf ('%.1f', $4 / scale)) with labels left offset 0.5, 0 font SMALL notitle
  unset multiplot
}
