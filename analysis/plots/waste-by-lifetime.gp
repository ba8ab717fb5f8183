# waste-by-lifetime.gp: for how long what is wasted is kept.
#
# SPDX-License-Identifier: Apache-2.0
#
# Above, how the blocks are spread over lifetimes, a decade a place: most die
# young. Below, what the blocks of such a lifetime waste while they live, as the mean over the
# time of the run: a few that live long may be all that matters. A block of
# several pieces counts as those.
#
#summary waste by lifetime: how long blocks live, and which of them waste memory
#paper 400
#runs 6
#needs EXISTS (SELECT 1 FROM lifetime_waste w WHERE w.run_id = r.run_id)
#missing recorded no waste by lifetime: set [record] origins = yes
#query bars
#   SELECT i AS block, band, 100.0 * count / max (sum (count) OVER (PARTITION BY i), 1) AS percent, mean_wasted_bytes
#   FROM chosen JOIN lifetime_waste USING (run_id) ORDER BY i, band
#query ends
#   SELECT iif (hi_ns < 1000000, (hi_ns / 1000) || ' µs', iif (hi_ns < 1000000000, (hi_ns / 1000000) || ' ms',
#   (hi_ns / 1000000000) || ' s')) AS block
#   FROM chosen JOIN lifetime_waste USING (run_id) WHERE i = 1 AND hi_ns IS NOT NULL ORDER BY band

stats BARS using 3 name 'M' nooutput
scale = bytes_scale (M_max)
thick = 0.8 / N
left(band, i) = band - 0.4 + (i - 1) * thick
set xrange [-0.6 : ENDS_N + 1.6]
set grid noxtics
# the ends are between the bars; behind the last one are two bars, what lived longer and what still lives
# pixels or characters for each; where they are few, every second end has a label
room = (ON_TERMINAL ? WIDTH - 8.0 : NARROW ? ROOM - 100.0 : ROOM - 100.0 - 9 * chars_right / CHARACTER) / (ENDS_N + 2)
apart = room < (ON_TERMINAL ? 7 : 44) ? 2 : 1
end(k) = (k - 1) % apart == 0 ? ENDS_BLOCK[k] : ''
TICS = "set xtics ('alive' ENDS_N + 1); do for [k = 1:ENDS_N] { set xtics add (end (k) k - 0.5) }"

if (ON_TERMINAL) {
  eval TICS
  unset grid
  set yrange [0 : axis_end (M_max / scale * 1.05)]
  set xlabel 'lifetime of a block (alive: not given back in the end)'
  y_is = sprintf ('waste of live blocks, mean over time (%s)', bytes_unit (M_max))
  eval Y_AXIS
  plot for [i = 1:N] BARS index i - 1 using 1:($3 / scale):(left ($1, i)):(left ($1, i) + thick):(0):($3 / scale) \
    with boxxyerror lt i title LABEL[i]
} else {
  eval ABOVE
  set xtics ('' ENDS_N + 1)
  set for [k = 1:ENDS_N] xtics add ('' k - 0.5)
  set ylabel 'share of blocks (%)'
  set yrange [0:*]
  plot for [i = 1:N] BARS index i - 1 using 1:2:(left ($1, i)):(left ($1, i) + thick):(0):2 with boxxyerror lt i
  eval BELOW
  eval TICS
  set xtics font SMALL
  set xlabel NARROW ? 'lifetime (alive: not given back in the end)' : 'lifetime of a block (alive: not given back in the end)'
  set ylabel sprintf ('mean waste (%s)', bytes_unit (M_max))
  set yrange [0 : axis_end (M_max / scale * 1.05)]
  plot for [i = 1:N] BARS index i - 1 using 1:($3 / scale):(left ($1, i)):(left ($1, i) + thick):(0):($3 / scale) \
    with boxxyerror lt i
  eval ASIDE
  if (N > 1) {
    plot for [i = 1:N] NaN with boxes lt i title LABEL[i]
  }
  unset multiplot
}
