# free-blocks.gp: free memory by the size of the free blocks, over time.
#
# SPDX-License-Identifier: Apache-2.0
#
# What fragmentation looks like: free memory wanders from large blocks (dark,
# above) to small ones. Orders lie on each other, so the upper edge is all free memory.
#
#summary free memory of one run by order of the free blocks, over time
#paper 310
#runs 1
#needs EXISTS (SELECT 1 FROM free_blocks f WHERE f.run_id = r.run_id)
#missing recorded no free lists
#query orders
#   SELECT "order" AS block, t_ns, sum (pages) OVER (PARTITION BY t_ns ORDER BY "order") AS pages, pages AS own
#   FROM (SELECT f.t_ns, f."order", sum (f.count << f."order") AS pages FROM chosen JOIN free_blocks f USING (run_id)
#   GROUP BY f.t_ns, f."order") ORDER BY "order", t_ns
#query extent
#   SELECT value / (SELECT sum (count << "order") FROM free_blocks f WHERE f.run_id = chosen.run_id AND f.t_ns = s.t_ns) AS block
#   FROM chosen JOIN series s USING (run_id) WHERE name = 'memory.free_bytes' AND value > 0 LIMIT 1

page = EXTENT_N > 0 ? EXTENT_BLOCK[1] + 0 : 4096 # nothing was ever free: any will do
stats ORDERS using 1:2 name 'T' nooutput
scale = bytes_scale (T_max_y * page)
set xlabel sprintf ('simulated time (%s)', time_unit (T_max_x))
y_is = sprintf ('free memory (%s)', bytes_unit (T_max_y * page))
eval Y_AXIS
set yrange [0:*]
set xrange [0 : axis_end (T_max_x / time_scale (T_max_x))]
# light blue to dark blue, lowest order to highest
share(b) = ORDERS_N > 1 ? (b - 1.0) / (ORDERS_N - 1) : 1
blend(from, to, b) = int (from + (to - from) * share (b))
shade(b) = blend (0xde, 0x08, b) * 65536 + blend (0xeb, 0x30, b) * 256 + blend (0xf7, 0x6b, b)

if (ON_TERMINAL) {
  set key below
  plot for [b = 1:ORDERS_N] ORDERS index b - 1 using ($1 / time_scale (T_max_x)):($2 * page / scale) \
    with points pt substr ('0123456789abcdefghijklmnop', b, b) title 'to order '.ORDERS_BLOCK[b]
} else {
  set key on outside right center vertical maxcols 1 samplen 1.5 title "order"
  plot for [b = ORDERS_N:1:-1] ORDERS index b - 1 using ($1 / time_scale (T_max_x)):($2 * page / scale) \
    with filledcurves y1=0 lc rgb shade (b) title ORDERS_BLOCK[b]
}
