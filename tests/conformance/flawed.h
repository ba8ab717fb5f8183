/* flawed.h: an allocator that breaks each promise of the ledger on request.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A suite that cannot fail proves nothing. This page allocator is buddy, seen
 * through a layer that does one thing wrong: what is the choice of its one parameter,
 * and its name is that of the promise (ledger.h) that it breaks. It is not registered.
 */

#pragma once

#include "simcore/allocator.h"

extern const KmlAllocatorOps flawed_ops;
extern const char *const flawed_choices[]; /* NULL-terminated */
