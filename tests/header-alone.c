/* header-alone.c: a header must compile with nothing before it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include KML_TEST_HEADER

int
main (void)
{
  return 0;
}
