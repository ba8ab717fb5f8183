/* two-tasks-one-lock.pml: lock A, unlock A; twice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define TASKS 2
#include "lock.pml"

active [TASKS] proctype task ()
{
  byte me = _pid + 1;
  bool goes_on;

  take (A);
  give (A);
  END
}
