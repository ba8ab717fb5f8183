# waits.gp: who waits for what, and who has it, in a deadlock.
#
# SPDX-License-Identifier: Apache-2.0
#
# Holt's graph (ACM Computing Surveys 4(3), 1972): boxes are tasks, ellipses are
# what they wait for. They lie on a ring in the order of the cycle, clockwise
# from the task that closed it, so that a cycle is a ring of arrows. Coordinates are
# pixels of a picture of the usual width, or characters, and so are sizes of boxes.
#
#summary the wait-for graph of a run's deadlock or stall
#paper 330
#runs 1
#needs EXISTS (SELECT 1 FROM deadlocks d WHERE d.run_id = r.run_id)
#missing has no deadlock and no stall
#query nodes
#   WITH e AS (SELECT * FROM deadlock_edges WHERE seq < 7 AND deadlock_id =
#   (SELECT min (deadlock_id) FROM chosen JOIN deadlocks USING (run_id))),
#   n AS (SELECT 1 AS is_task, waiter AS name, 2 * seq AS place FROM e UNION ALL SELECT 0, resource, 2 * seq + 1 FROM e
#   UNION ALL SELECT 1, waits_for, 1000 + seq FROM e WHERE waits_for <> '')
#   SELECT row_number () OVER (ORDER BY min (place)) AS k, name, is_task, ifnull ('since ' || (SELECT
#   iif (since_ns < 10000, since_ns || ' ns', iif (since_ns < 10000000, (since_ns / 1e3) || ' µs', iif (since_ns < 10000000000, (since_ns / 1e6) || ' ms',
#   (since_ns / 1e9) || ' s'))) FROM e WHERE is_task AND waiter = name ORDER BY seq LIMIT 1), '-') AS since
#   FROM n GROUP BY is_task, name ORDER BY k
#query arrows
#   WITH e AS (SELECT * FROM deadlock_edges WHERE seq < 7 AND deadlock_id =
#   (SELECT min (deadlock_id) FROM chosen JOIN deadlocks USING (run_id))),
#   n AS (SELECT 1 AS is_task, waiter AS name, 2 * seq AS place FROM e UNION ALL SELECT 0, resource, 2 * seq + 1 FROM e
#   UNION ALL SELECT 1, waits_for, 1000 + seq FROM e WHERE waits_for <> ''),
#   m AS (SELECT is_task, name, row_number () OVER (ORDER BY min (place)) AS k FROM n GROUP BY is_task, name),
#   a AS (SELECT 0 AS held, t.k AS i, r.k AS j FROM e JOIN m t ON t.is_task AND t.name = waiter
#   JOIN m r ON NOT r.is_task AND r.name = resource UNION SELECT 1, r.k, t.k FROM e JOIN m t ON t.is_task AND t.name = waits_for
#   JOIN m r ON NOT r.is_task AND r.name = resource)
#   SELECT i, j, held, EXISTS (SELECT 1 FROM a b WHERE b.i = a.j AND b.j = a.i) AS both FROM a ORDER BY held, i, j
#query story
#   SELECT kind || ' at ' || iif (t_ns < 10000, t_ns || ' ns', iif (t_ns < 10000000, (t_ns / 1e3) || ' µs',
#   iif (t_ns < 10000000000, (t_ns / 1e6) || ' ms', (t_ns / 1e9) || ' s'))) || (SELECT iif (count (*) > 7,
#   ': the first 7 of ' || count (*) || ' waits', '') FROM deadlock_edges e WHERE e.deadlock_id = d.deadlock_id) AS block
#   FROM chosen JOIN deadlocks d USING (run_id) ORDER BY deadlock_id LIMIT 1

stats NODES using 1 nooutput name 'K'
K = int (K_max)
MOST = 30 # characters of a name
if (NARROW) { MOST = 15 }
if (ON_TERMINAL && MOST > WIDTH / 4) { MOST = WIDTH / 4 } # two names and an arrow are in one line
array NAME[K]
array TASK[K]
array SINCE[K]
array A[K] # half widths
array X[K]
array Y[K]
stats NODES using (k = int ($1), NAME[k] = cut (strcol (2), MOST), TASK[k] = int ($3), SINCE[k] = strcol (4) eq '-' ? '' : strcol (4), k) nooutput

unset border
unset tics
unset grid
set key off

angle(k) = pi / 2 + pi / K - 2 * pi * (k - 1) / K
if (ON_TERMINAL) {
  set title TITLE.': '.STORY_BLOCK[1]
  W = WIDTH
  H = HEIGHT - 6
  set lmargin 0; set rmargin 0
  half(k) = strlen (NAME[k]) / 2.0 + 2
  B = 1.2
} else {
  if (!ON_PAPER) { set title STORY_BLOCK[1] font NORMAL tc rgb '#404040' offset 0, 0.6 }
  W = ROOM
  H = ON_PAPER ? HEIGHT / SCALE - 90 : (HEIGHT * 960.0 / WIDTH) * 0.93 - 110
  if (ON_PAPER) { set tmargin at screen 1 - up (35); set bmargin at screen up (55)
    set label 997 cut (STORY_BLOCK[1], chars) at screen 0.5, screen 1 - up (16) center font NORMAL tc rgb '#404040' }
  set lmargin at screen 0
  set rmargin at screen 1
  if (K > 8) { do for [k = 1:K] { SINCE[k] = '' } }
  longer(k) = strlen (NAME[k]) > strlen (SINCE[k]) ? strlen (NAME[k]) : strlen (SINCE[k])
  half(k) = longer (k) * 4.4 + (TASK[k] ? 16 : 26)
  B = K > 8 ? 16 : 26
}
set xrange [-W / 2 : W / 2]
set yrange [-H / 2 : H / 2]
widest = 0
do for [k = 1:K] { A[k] = half (k); widest = A[k] > widest ? A[k] : widest }
rx = W / 2 - widest - (ON_TERMINAL ? 4 : NARROW ? 8 : 60)
ry = H / 2 - B - (ON_TERMINAL ? 1 : 12)
most = (K > 6 ? 2.2 : 1.45) * ry
rx = !ON_TERMINAL && rx > most ? most : rx
do for [k = 1:K] { X[k] = rx * cos (angle (k)) * (K == 4 ? sqrt (2) * 0.85 : 1); Y[k] = K == 2 ? 0 : ry * sin (angle (k)) * (K == 4 ? sqrt (2) * 0.85 : 1) }

# From the edge of one shape to the edge of the other; where arrows go both ways, each keeps to its side.
abs_(x) = x < 0 ? -x : x
reach(k, dx, dy) = TASK[k] || ON_TERMINAL ? \
  (abs_ (dx) * B > abs_ (dy) * A[k] ? A[k] / abs_ (dx) : B / abs_ (dy)) : 1 / sqrt ((dx / A[k]) ** 2 + (dy / B) ** 2)
GAP = ON_TERMINAL ? 0.5 : 5
distance(i, j) = sqrt ((X[j] - X[i]) ** 2 + (Y[j] - Y[i]) ** 2)
SIDE = ON_TERMINAL ? 1 : 11
side_x(i, j, both) = both * SIDE * (Y[j] - Y[i]) / distance (i, j)
side_y(i, j, both) = -both * SIDE * (X[j] - X[i]) / distance (i, j)
from(i, j) = reach (i, X[j] - X[i], Y[j] - Y[i]) + GAP / distance (i, j)
to(i, j) = 1 - reach (j, X[j] - X[i], Y[j] - Y[i]) - GAP / distance (i, j)
stats ARROWS using 1 nooutput name 'R'
R = int (R_records)
array I[R]
array J[R]
array HELD[R]
array BOTH[R]
r = 0
stats ARROWS using (r = r + 1, I[r] = int ($1), J[r] = int ($2), HELD[r] = int ($3), BOTH[r] = int ($4), r) nooutput
x(r, at) = X[I[r]] + at * (X[J[r]] - X[I[r]]) + side_x (I[r], J[r], BOTH[r])
y(r, at) = Y[I[r]] + at * (Y[J[r]] - Y[I[r]]) + side_y (I[r], J[r], BOTH[r])

if (ON_TERMINAL) {
  set label 900 '[task] ---> (what it waits for) ---> [who has it]' at screen 0.5, char 0.5 center
  do for [r = 1:R] { set arrow r from x (r, from (I[r], J[r])), y (r, from (I[r], J[r])) to x (r, to (I[r], J[r])), y (r, to (I[r], J[r])) }
  plot NODES using (X[int ($1)]):(Y[int ($1)]):(int ($3) ? '['.NAME[int ($1)].']' : '('.NAME[int ($1)].')') with labels
} else {
  # the shaft of those by which something is held is dashed, and the head is not
  set style arrow 1 head filled size screen 0.014, 18 fixed lw 2.2 dt 1 lc rgb '#d55e00'
  set style arrow 2 head filled size screen 0.014, 18 fixed lw 2.2 dt 1 lc rgb '#0072b2'
  set style arrow 3 nohead lw 2.2 dt (10,5) lc rgb '#0072b2'
  KEY = ON_PAPER ? 1.2 : 3.1
  at = NARROW ? 0.03 : 0.20
  set arrow 901 from screen at, char KEY to screen at + 0.05, char KEY as 1
  set label 901 'waits for' at screen at + 0.06, char KEY left font NORMAL
  at = NARROW ? 0.30 : 0.52
  set arrow 902 from screen at, char KEY to screen at + 0.025, char KEY as 3
  set arrow 903 from screen at + 0.025, char KEY to screen at + 0.05, char KEY as 2
  set label 902 NARROW ? 'held by, or only it brings it about' : 'held by, or brought about only by' at screen at + 0.06, char KEY left font NORMAL
  # shafts before heads: gnuplot's SVG forgets dashes in between
  do for [r = 1:R] {
    a = from (I[r], J[r])
    b = to (I[r], J[r])
    c = b - 22 / distance (I[r], J[r])
    c = c < a || !HELD[r] ? a : c
    set arrow r from x (r, a), y (r, a) to x (r, c), y (r, c) as 3
    set arrow 100 + r from x (r, c), y (r, c) to x (r, b), y (r, b) as HELD[r] + 1
  }
  plot NODES using (X[int ($1)]):(int ($3) ? Y[int ($1)] : NaN):(A[int ($1)]):(B) with boxxyerror fs solid 1 border lc rgb '#0072b2' fc rgb '#e3eef9' lw 1.5 dt 1, \
    NODES using (X[int ($1)]):(int ($3) ? NaN : Y[int ($1)]):(2 * A[int ($1)]):(2 * B):(0) with ellipses fs solid 1 border lc rgb '#d55e00' fc rgb '#fdf0e6' lw 1.5 dt 1, \
    NODES using (X[int ($1)]):(Y[int ($1)] + (SINCE[int ($1)] eq '' ? 0 : 8)):(NAME[int ($1)]) with labels font NORMAL, \
    NODES using (X[int ($1)]):(Y[int ($1)] - 10):(SINCE[int ($1)]) with labels font SMALL tc rgb '#606060'
}
