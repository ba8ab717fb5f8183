/* cost.c: the names of the cost items.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/cost.h"

const KmlCostItem kml_cost_items[KML_N_COSTS] = {
  [KML_COST_INSTRUCTION] = { "instruction", "one instruction of a straight path" },
  [KML_COST_BRANCH_MISS] = { "branch-miss", "a mispredicted branch" },
  [KML_COST_HOT] = { "hot", "a reference that hits the first-level cache" },
  [KML_COST_WARM] = { "warm", "a reference that hits the second-level cache" },
  [KML_COST_COLD] = { "cold", "a reference that goes to the last-level cache or to memory" },
  [KML_COST_ATOMIC] = { "atomic", "an atomic operation on a line that the CPU owns" },
  [KML_COST_LOCK] = { "lock", "taking and releasing an uncontended lock" },
  [KML_COST_ZERO_PAGE] = { "zero-page", "clearing one page frame" },
  [KML_COST_HANDOVER] = { "handover", "a contended lock's line moves to the CPU of the next" },
  [KML_COST_BYSTANDER] = { "bystander", "that hand-over, more for each other CPU that waits" },
  [KML_COST_SWITCH] = { "switch", "a CPU changes from one task to another" },
  [KML_COST_INTERRUPT] = { "interrupt", "entering and leaving the handler of an interrupt" },
  [KML_COST_WAKE] = { "wake", "making a sleeping task ready" },
  [KML_COST_IPI] = { "ipi", "an interrupt sent by another CPU arrives" },
};
