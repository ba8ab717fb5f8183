/* scenario-fixture.h: scenarios out of strings, for the tests of the loader.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kind of workload of the tests' own, "toy", has a parameter of each type that
 * the rules of the loader tell apart, so the tests do not change when a real
 * workload does. It is never run.
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "simcore/workload.h"

#include "testutils.h"

typedef struct {
  KmlWorkload base;
  char *sizes, *file, *marks, *times;
  guint64 live, object;
  KmlTime gap;
  guint64 rate;
  double share;
  guint32 flags;
  gboolean fast;
} Toy;

static const KmlParam toy_params[] = {
  { .name = "file",
    .type = KML_PARAM_PATH,
    .offset = G_STRUCT_OFFSET (Toy, file),
    .summary = "what to play with" },
  { .name = "sizes",
    .type = KML_PARAM_TEXT,
    .value = "fixed(18)",
    .offset = G_STRUCT_OFFSET (Toy, sizes),
    .summary = "sizes" },
  { .name = "live",
    .type = KML_PARAM_COUNT,
    .value = "10",
    .min = 1,
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (Toy, live),
    .summary = "how many" },
  { .name = "object",
    .type = KML_PARAM_SIZE,
    .value = "18",
    .offset = G_STRUCT_OFFSET (Toy, object),
    .summary = "bytes" },
  { .name = "gap",
    .type = KML_PARAM_TIME,
    .value = "1us",
    .offset = G_STRUCT_OFFSET (Toy, gap),
    .summary = "between two" },
  { .name = "rate",
    .type = KML_PARAM_RATE,
    .value = "5/s",
    .offset = G_STRUCT_OFFSET (Toy, rate),
    .summary = "per second" },
  { .name = "share",
    .type = KML_PARAM_SHARE,
    .value = "0.5",
    .offset = G_STRUCT_OFFSET (Toy, share),
    .summary = "of all" },
  { .name = "flags",
    .type = KML_PARAM_FLAGS,
    .value = "GFP_KERNEL",
    .offset = G_STRUCT_OFFSET (Toy, flags),
    .summary = "how" },
  { .name = "marks",
    .type = KML_PARAM_TEXT,
    .value = "none",
    .grammar = "MARK|MARK… | none",
    .offset = G_STRUCT_OFFSET (Toy, marks),
    .summary = "joined by bars" },
  { .name = "times",
    .type = KML_PARAM_TEXT,
    .value = "auto",
    .grammar = "COUNT | auto",
    .offset = G_STRUCT_OFFSET (Toy, times),
    .summary = "how often" },
  { .name = "fast",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (Toy, fast),
    .summary = "whether" },
  { NULL },
};

static const KmlCounterInfo toy_counters[] = { { "lost", "events", "toys that were lost" },
                                               { NULL } };

static gboolean
toy_open (KmlWorkload *self, GError **error)
{
  return TRUE;
}

static int
toy_next (KmlWorkload *self, KmlOp *ops, guint n, GError **error)
{
  return 0;
}

static const KmlWorkloadOps toy_ops = {
  .name = "toy",
  .summary = "asks for nothing",
  .instance_size = sizeof (Toy),
  .params = toy_params,
  .counters = toy_counters,
  .open = toy_open,
  .next = toy_next,
};

KML_REGISTER_WORKLOAD (toy_ops)

/* The least that a scenario has: lines 1 to 3 of what is put behind it. */
#define TOY "[workload]\nkind = toy\nfile = bricks\n"

/* NULL when the text has problems. @problems (nullable): takes them; without it there may be none. */
static inline KmlScenario *
load_scenario (const char *text, const char *const *overrides, GPtrArray *problems)
{
  g_autoptr (GPtrArray) own = kml_problems_new ();
  GPtrArray *list = problems != NULL ? problems : own;
  KmlScenario *scenario = kml_scenario_load_text ("t.ini", ".", NULL, text, strlen (text),
                                                  overrides, list);
  g_autofree char *told = kml_problems_format (list);

  ck_assert_msg (problems != NULL || scenario != NULL, "unexpected problems:\n%s", told);
  ck_assert_msg ((scenario == NULL) == (list->len > 0), "a scenario or problems, not both: %s",
                 told);
  return scenario;
}

/* A wrong text, and the one problem it has. */
typedef struct {
  const char *text;
  const char *override; /* (nullable) */
  guint line, column;
  const char *fragment; /* of the message */
} BadText;

static inline void
assert_bad (const BadText *bad)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  const char *overrides[] = { bad->override, NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (bad->text, overrides, problems);
  g_autofree char *told = kml_problems_format (problems);
  const KmlProblem *problem;

  ck_assert_msg (scenario == NULL, "this was taken:\n%s", bad->text);
  problem = g_ptr_array_index (problems, 0);
  ck_assert_msg (problems->len == 1, "one problem was expected (“%s”), not\n%s\nfor\n%s",
                 bad->fragment, told, bad->text);
  ck_assert_msg (strstr (problem->message, bad->fragment) != NULL, "“%s” was expected, not\n%s",
                 bad->fragment, told);
  ck_assert_msg (problem->line == bad->line && problem->column == bad->column,
                 "line %u, column %u were expected:\n%s\nfor\n%s", bad->line, bad->column, told,
                 bad->text);
  ck_assert_str_eq (problem->file, bad->override != NULL ? "-s" : "t.ini");
}
