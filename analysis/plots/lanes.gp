# lanes.gp: what the tasks of a deadlock did before it.
#
# SPDX-License-Identifier: Apache-2.0
#
# A lane is a task: above, where its time went; below, a line for each lock that it had. Time is to scale and begins
# a little before the first of the locks was taken that are still held. What goes on for ever runs out of the frame.
#
#summary swim lanes of a run's deadlock or stall: its tasks over time, and what they held
#paper 400
#runs 1
#needs EXISTS (SELECT 1 FROM deadlocks d JOIN deadlock_spans USING (deadlock_id) WHERE d.run_id = r.run_id)
#missing has no deadlock and no stall
#query rows
#   WITH d AS (SELECT * FROM chosen JOIN deadlocks USING (run_id) ORDER BY deadlock_id LIMIT 1),
#   e AS (SELECT * FROM d JOIN deadlock_edges USING (deadlock_id)), s AS (SELECT * FROM d JOIN deadlock_spans USING (deadlock_id)),
#   o AS (SELECT task, ifnull ((SELECT min (seq) FROM e WHERE waiter = task), 1000 + min (seq)) AS place FROM s GROUP BY task
#   ORDER BY place LIMIT 8),
#   b AS (SELECT min (t) AS t FROM (SELECT t0_ns AS t FROM s WHERE what = 'hold' AND t1_ns = t_ns
#   UNION ALL SELECT since_ns FROM e WHERE since_ns < t_ns)),
#   w AS (SELECT t_ns AS t, iif (b.t < t_ns, max (0, b.t - (t_ns - b.t) / 4), max (0, t_ns - 1 - t_ns / 4)) AS a FROM d, b),
#   c AS (SELECT s.*, place, w.a, w.t, what = 'hold' AS is_hold, iif (what = 'hold', resource, '') AS lock FROM s JOIN o USING (task), w
#   WHERE t1_ns >= a AND (t1_ns = t OR t1_ns > a))
#   SELECT DISTINCT dense_rank () OVER (ORDER BY place, is_hold, lock) AS row, task, cpu, is_hold, iif (is_hold, lock, '-') AS lock, a, t
#   FROM c ORDER BY row
#query bars
#   WITH d AS (SELECT * FROM chosen JOIN deadlocks USING (run_id) ORDER BY deadlock_id LIMIT 1),
#   e AS (SELECT * FROM d JOIN deadlock_edges USING (deadlock_id)), s AS (SELECT * FROM d JOIN deadlock_spans USING (deadlock_id)),
#   o AS (SELECT task, ifnull ((SELECT min (seq) FROM e WHERE waiter = task), 1000 + min (seq)) AS place FROM s GROUP BY task
#   ORDER BY place LIMIT 8),
#   b AS (SELECT min (t) AS t FROM (SELECT t0_ns AS t FROM s WHERE what = 'hold' AND t1_ns = t_ns
#   UNION ALL SELECT since_ns FROM e WHERE since_ns < t_ns)),
#   w AS (SELECT t_ns AS t, iif (b.t < t_ns, max (0, b.t - (t_ns - b.t) / 4), max (0, t_ns - 1 - t_ns / 4)) AS a FROM d, b),
#   c AS (SELECT s.*, place, w.a, w.t, what = 'hold' AS is_hold, iif (what = 'hold', resource, '') AS lock FROM s JOIN o USING (task), w
#   WHERE t1_ns >= a AND (t1_ns = t OR t1_ns > a))
#   SELECT CASE WHEN what = 'sleep' AND resource IN ('', 'a time') THEN 'sleeps' WHEN what IN ('lock', 'io', 'memory', 'throttle', 'sleep') THEN 'waits' WHEN is_hold THEN 'holds it' WHEN what = 'cpu' THEN 'waits for its CPU'
#   WHEN what = 'interrupted' THEN 'is interrupted' WHEN what = 'reclaim' THEN 'reclaims' ELSE 'runs' END AS block,
#   dense_rank () OVER (ORDER BY place, is_hold, lock) AS row, max (t0_ns, a) AS t0, t1_ns AS t1, t1_ns = t AND what <> 'run' AS open, is_hold
#   FROM c ORDER BY block, row, t0_ns
#query ends
#   WITH d AS (SELECT * FROM chosen JOIN deadlocks USING (run_id) ORDER BY deadlock_id LIMIT 1),
#   e AS (SELECT waiter, resource, waits_for, seq FROM d JOIN deadlock_edges USING (deadlock_id) ORDER BY seq),
#   g AS (SELECT waiter, resource, min (seq) AS seq, group_concat (waits_for, ', ') AS waits_for FROM e GROUP BY waiter, resource)
#   SELECT waiter, iif (resource LIKE 'CPU %', 'cannot go on', 'waits for ' || resource) || CASE WHEN waits_for = '' THEN ''
#   WHEN resource LIKE 'CPU %' THEN ': ' || waits_for || ' runs there' WHEN waits_for = waiter THEN ', its own' ELSE ' of ' || waits_for END AS text
#   FROM g ORDER BY seq
#query story
#   SELECT kind || ' at ' || iif (t_ns < 10000, t_ns || ' ns', iif (t_ns < 10000000, (t_ns / 1e3) || ' µs',
#   iif (t_ns < 10000000000, (t_ns / 1e6) || ' ms', (t_ns / 1e9) || ' s'))) AS block
#   FROM chosen JOIN deadlocks d USING (run_id) ORDER BY deadlock_id LIMIT 1

stats ROWS using 1 nooutput name 'R'
R = int (R_max)
array TASK[R]
array CPU[R]
array HOLD[R]
array LOCK[R]
array END[R]
stats ROWS using (r = int ($1), TASK[r] = strcol (2), CPU[r] = int ($3), HOLD[r] = int ($4), LOCK[r] = strcol (5), END[r] = '', t_begin = $6, t_end = $7, r) nooutput
row_of(name) = sum [r = 1:R] (!HOLD[r] && TASK[r] eq name ? r : 0)
longest_end = 0
# a narrow terminal has a quarter of its width for names, and less than half for what comes at the end
name_chars = ON_TERMINAL && WIDTH < 80 ? WIDTH / 4 : NARROW ? 14 : 20
end_chars = ON_TERMINAL && WIDTH < 100 ? WIDTH / 2 - 6 : NARROW ? 30 : 44
# where it is narrow, a task's name and what comes at the end are over its lane
TEXT = NARROW ? 0.45 : 0
stats ENDS using (r = row_of (strcol (1)), text = cut (strcol (2), end_chars), (r > 0 ? END[r] = text : text), longest_end = strlen (text) > longest_end ? strlen (text) : longest_end, r) nooutput
longest_row = 0
name(r) = HOLD[r] ? cut (LOCK[r], name_chars) : cut (TASK[r], name_chars).(TASK[r][1:5] eq 'idle/' || (ON_TERMINAL && WIDTH < 60) ? '' : sprintf (' (CPU %d)', CPU[r]))
do for [r = 1:R] { longest_row = strlen (name (r)) > longest_row ? strlen (name (r)) : longest_row }

# From above: a lane's own row, which is high, and its locks', which are not.
array TOP[R]
array HIGH[R]
depth = 0.0
do for [r = 1:R] {
  depth = depth + (HOLD[r] ? 0.1 : TEXT + (r == 1 ? 0.1 : 0.4))
  HIGH[r] = HOLD[r] ? 0.42 : 0.75
  TOP[r] = -depth
  depth = depth + HIGH[r]
}
scale = time_scale (t_end)
u(t) = t / scale
beyond = t_end > t_begin ? (t_end - t_begin) * 0.07 : 1
until(t, open) = u (t + open * beyond)
middle(r) = TOP[r] - HIGH[r] / 2

colour(what) = what eq 'runs' ? 0x56b4e9 : what eq 'waits' ? 0xd55e00 : what eq 'holds it' ? 0x0072b2 : what eq 'is interrupted' ? 0xe69f00 : \
  what eq 'reclaims' ? 0xcc79a7 : what eq 'sleeps' ? 0xe4e4e4 : 0xaaaaaa
set xlabel sprintf ('simulated time (%s)', time_unit (t_end))
set xrange [u (t_begin) : u (t_end + beyond)]
depth = depth > 3 ? depth : 3
set yrange [-depth - 0.15 : 0.15]
unset ytics
unset grid
set border 1

if (ON_TERMINAL) {
  set title TITLE.': '.STORY_BLOCK[1]
  unset key
  left = longest_row + 3
  right = longest_end + 3 < WIDTH / 2 ? longest_end + 3 : WIDTH / 2
  set lmargin left
  set rmargin right
  set bmargin 4
  set yrange [-R - 0.5 : 0]
  set xtics autofreq
  n = WIDTH - left - right - 1
  if (n < 40 && t_end > t_begin) { set xtics u (t_begin), u (t_end - t_begin) / (n < 24 ? 1 : n / 12); set format x '%.4g' }
  do for [r = 1:R] {
    set label 100 + r ''.(HOLD[r] ? '  ' : '').name (r) at screen 0.0, first -r
    set label 200 + r ''.(END[r] eq '' ? '' : '! '.END[r]) at graph 1.0, first -r offset 1, 0
  }
  set label 900 '= runs   . waits   # holds it   - waits for its CPU   ~ is interrupted   % reclaims   _ sleeps' at screen 0.5, char 0.5 center
  sign(what) = what eq 'runs' ? '=' : what eq 'waits' ? '.' : what eq 'holds it' ? '#' : what eq 'is interrupted' ? '~' : what eq 'reclaims' ? '%' : what eq 'sleeps' ? '_' : '-'
  width(t0, t1) = int (n * (u (t1) - u (t0)) / (u (t_end + beyond) - u (t_begin)) + 0.5)
  fill(c, m) = m <= 1 ? c : m > 100 ? fill (c, 100).fill (c, m - 100) : fill (c, int (m / 2)).fill (c, m - int (m / 2))
  plot for [b = 1:BARS_N] BARS index b - 1 using (u ($2)):(-int ($1)):(fill (sign (BARS_BLOCK[b]), width ($2, $3 + int ($4) * beyond))) with labels left
} else {
  set label 997 STORY_BLOCK[1] at screen 0.5, screen (ON_PAPER ? 1 - up (14) : 0.9) center font NORMAL tc rgb '#404040'
  longest_lock = 0
  do for [r = 1:R] { longest_lock = HOLD[r] && strlen (name (r)) > longest_lock ? strlen (name (r)) : longest_lock }
  set lmargin at screen (NARROW ? across (30 + longest_lock * 7.6) : (30 + longest_row * 7.6) / ROOM)
  set rmargin at screen (NARROW ? 1 - across (16) : 1 - (20 + (longest_end + 2) * 6.9) / ROOM)
  set tmargin at screen (ON_PAPER ? 1 - up (NARROW ? 34 + 19 * BARS_N : 84) : 0.76)
  set key on notitle at screen 0.5, screen (ON_PAPER ? 1 - up (52) : 0.83) center center horizontal samplen 1.6 font NORMAL
  if (NARROW) { set key at screen 0.5, screen 1 - up (26) center top vertical Left reverse } else { set key maxrows 2 }
  set xtics font SMALL
  do for [r = 1:R] {
    if (NARROW && !HOLD[r]) {
      set label 100 + r name (r) at graph 0, first TOP[r] + 0.25 left font NORMAL
      set label 200 + r END[r] at graph 1, first TOP[r] + 0.25 right font SMALL tc rgb '#d55e00'
      continue
    }
    set label 100 + r name (r) at graph 0, first middle (r) right offset -1, 0 font (HOLD[r] ? SMALL : NORMAL) tc rgb (HOLD[r] ? '#0072b2' : '#000000')
    set label 200 + r END[r] at graph 1, first middle (r) left offset 1, 0 font SMALL tc rgb '#d55e00'
  }
  set arrow 1 from u (t_end), graph 0 to u (t_end), graph 1 nohead lw 1.5 dt (6,4) lc rgb '#000000' front
  plot for [b = 1:BARS_N] BARS index b - 1 \
    using (u ($2)):(middle (int ($1))):(u ($2)):(until ($3, int ($4))):(TOP[int ($1)] - HIGH[int ($1)]):(TOP[int ($1)]) \
    with boxxyerror fs solid 1 noborder lc rgb colour (BARS_BLOCK[b]) title BARS_BLOCK[b]
}
