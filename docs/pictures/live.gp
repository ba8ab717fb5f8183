# live.gp: what an operation takes against how many blocks are live, for the constant-time allocators.
#
# SPDX-License-Identifier: Apache-2.0
#
#   build-release/tests/bench/bench-live constant-time 10000000 > live.data
#   gnuplot docs/pictures/live.gp > docs/pictures/live.svg
#
# The data (tests/bench/bench-live.c) has a block for each allocator: live blocks, host ns, simulated ns. The last one is this host's malloc, which has no simulated time.

set terminal svg size 960, 480 font 'sans-serif,13' background '#ffffff'
set border 3 lw 0.8 lc rgb '#404040'
set tics nomirror out scale 0.6
set grid xtics ytics lt 1 lw 0.8 lc rgb '#dcdcdc'
set linetype 1 lc rgb '#0072b2' lw 2 dt 1 pt 7 ps 0.5
set linetype 2 lc rgb '#d55e00' lw 2 dt 1 pt 5 ps 0.5
set linetype 3 lc rgb '#009e73' lw 2 dt 1 pt 9 ps 0.6
set linetype 4 lc rgb '#cc79a7' lw 2 dt 1 pt 13 ps 0.6
set linetype 5 lc rgb '#56b4e9' lw 2 dt 1 pt 11 ps 0.6
set linetype 6 lc rgb '#e69f00' lw 2 dt 1 pt 6 ps 0.6
set linetype 7 lc rgb '#000000' lw 1.5 dt (4,4) pt 2 ps 0.5

stats 'live.data' using 1 nooutput
N = STATS_blocks
array NAME[N]
do for [i = 1:N] {
  stats 'live.data' index i - 1 every ::::0 using (NAME[i] = strcol (1), 0) nooutput
}

set logscale x
set xrange [1000:1e7]
set format x '10^{%T}'
set xlabel 'live blocks'
set key at graph 0.03, graph 0.98 left top Left reverse samplen 2.5
set multiplot layout 1, 2 title 'What an operation of the constant-time allocators takes'

set title 'host, its caches included'
set ylabel 'ns an operation'
set logscale y
set yrange [5:1000]
plot for [i = 1:N] 'live.data' index i - 1 using 1:2 with linespoints lt i title NAME[i]

set title 'simulated, each step at its cost'
unset logscale y
set yrange [0:80]
unset key
plot for [i = 1:N - 1] 'live.data' index i - 1 using 1:3 with linespoints lt i
unset multiplot
