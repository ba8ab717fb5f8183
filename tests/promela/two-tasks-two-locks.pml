/* two-tasks-two-locks.pml: one after the other, in both orders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define TASKS 2
#include "lock.pml"

active proctype forth ()
{
  byte me = 1;
  bool goes_on;

  take (A);
  give (A);
  take (B);
  give (B);
  END
}

active proctype back ()
{
  byte me = 2;
  bool goes_on;

  take (B);
  give (B);
  take (A);
  give (A);
  END
}
