/* claim-report.h: what came of claims, for people and for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "cli/claim.h"

G_BEGIN_DECLS

/* @claims: (element-type KmlClaim) */
void kml_claims_print_text (const GPtrArray *claims);
void kml_claims_print_json (const GPtrArray *claims);
void kml_claims_print_ktap (const GPtrArray *claims);

G_END_DECLS
