/* keys.h: everything that a scenario can set, for those who list it: list, the manual, the completion.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* A setting. All but the two strings borrowed from tables. */
typedef struct {
  const KmlGroupInfo *group;
  KmlPlugin plugin; /* whose it is; its name is NULL: the group's own */
  const KmlParam *param;
  char *key;       /* (owned): "machine.ram", "workload.NAME.sizes" */
  char *condition; /* (owned) (nullable): what makes it a setting: "kind = synthetic" */
} KmlKey;

/* All of them, a group after the other, its own first. (element-type KmlKey) (transfer full) */
GArray *kml_keys_new (void);

/* The type and what may be written: "count: 1 to 256". (transfer full) */
char *kml_key_describe_type (const KmlParam *param);

/* The same in two parts, the second "" where the type says all. (transfer full) */
char *kml_key_describe_range (const KmlParam *param);

/* A summary as a sentence: "The virtual computer." (transfer full) */
char *kml_key_sentence (const char *summary);

/* "[machine]", "[workload NAME]" (transfer full) */
char *kml_key_group_title (const KmlGroupInfo *group);

G_END_DECLS
