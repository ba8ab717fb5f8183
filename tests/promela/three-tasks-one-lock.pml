/* three-tasks-one-lock.pml: lock A, unlock A; three times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define TASKS 3
#include "lock.pml"

active [TASKS] proctype task ()
{
  byte me = _pid + 1;
  bool goes_on;

  take (A);
  give (A);
  END
}
