/* explore-report.c: one of three things is said, and the last two are never mixed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/explore-report.h"

#include <string.h>

#include "cli/experiment.h"
#include "cli/json.h"
#include "cli/output.h"
#include "scenarios/exploring/potential.h"
#include "simcore/locks/lockdep.h"

void
kml_explore_report_init (KmlExploreReport *self)
{
  *self = (KmlExploreReport){ .verdict = KML_EXPLORE_EXHAUSTED,
                              .potentials = kml_potentials_new () };
}

void
kml_explore_report_clear (KmlExploreReport *self)
{
  g_free (self->reproducer);
  g_free (self->story);
  g_free (self->endless);
  g_array_unref (self->potentials);
}

/* (transfer full) */
static char *
verdict_text (const KmlExploreReport *self)
{
  switch (self->verdict) {
  case KML_EXPLORE_FOUND:
    return g_strconcat (self->kind, " found", NULL);
  case KML_EXPLORE_EXHAUSTED:
    return g_strdup ("none: the space is exhausted");
  case KML_EXPLORE_BUDGET:
    return g_strdup (self->is_finished
                         ? "none within the budget (all schedules within the bounds were looked at)"
                         : "none within the budget");
  }
  g_assert_not_reached ();
}

/* What the order of locks in one run warns of. */
static void
say_potentials (const GArray *potentials)
{
  static const char *const words[] = {
    [KML_POTENTIAL_REFUTED] = "a false alarm: no schedule of this scenario deadlocks",
    [KML_POTENTIAL_OPEN] = "open: it was not seen to happen, and not all schedules were tried",
    [KML_POTENTIAL_CONFIRMED] = "confirmed: a schedule deadlocks there",
  };

  if (potentials->len > 0)
    kml_out ("\npotential deadlocks, by the order and context of locks:\n");
  for (guint i = 0; i < potentials->len; i++) {
    const KmlPotential *potential = &g_array_index (potentials, KmlPotential, i);
    g_autofree char *classes = kml_printable (potential->classes);

    kml_out ("  %s (%s): %s\n", classes, kml_lockdep_kind_names[potential->kind],
             words[potential->fate]);
  }
}

/* What was met on the way and passed by. */
static void
say_unsought (const KmlUnsought *unsought)
{
  const gboolean is_bug = unsought->kind > KML_INCIDENT_INVERSION;

  if (unsought->n_schedules == 0)
    return;
  kml_out ("\nnot what was looked for, but there: %" G_GUINT64_FORMAT
           " of these schedules had %s, the first: %s (%s); --find %s looks for such\n",
           unsought->n_schedules, is_bug ? "bugs" : "other failures",
           kml_incident_names[unsought->kind], kml_incident_metrics[unsought->kind],
           is_bug ? "bugs" : "deadlocks");
}

/* Where the rows and pictures of the reproducer's schedule are. */
static void
say_next (const KmlExploreReport *self)
{
  const char *reproducer = self->reproducer;
  g_autofree char *base = g_str_has_suffix (reproducer, ".reproducer")
                              ? g_strndup (reproducer, strlen (reproducer) - strlen (".reproducer"))
                              : g_strdup (reproducer);
  g_autofree char *name = g_strconcat (base, "-short.db", NULL);
  g_autofree char *database = kml_shell_word (name), *file = kml_shell_word (reproducer);

  if (self->is_bug)
    kml_note ("Next: kmemlab reproduce %s -o %s, this schedule as a run with all its rows", file,
              database);
  else
    kml_note ("Next: kmemlab reproduce %s -o %s; kmemlab plot %s waits, who waits for whom (lanes: "
              "what they did before)",
              file, database, database);
}

void
kml_explore_report_say (const KmlExploreReport *self, double wall, const char *state_path,
                        gboolean quiet)
{
  g_autofree char *verdict = verdict_text (self);

  kml_out ("%s: %" G_GUINT64_FORMAT " schedule%s, %" G_GUINT64_FORMAT
           " beginnings that led nowhere, %" G_GUINT64_FORMAT " pruned, at most %" G_GUINT64_FORMAT
           " choices, %.2f s\n",
           verdict, self->n_schedules, self->n_schedules == 1 ? "" : "s", self->n_blocked,
           self->n_pruned, self->longest, wall);
  if (self->minimised.n_choices > 0)
    kml_out ("%s: %u context switch%s, %u choices\n",
             self->minimised.is_least ? "the shortest there is" : "the shortest that was found",
             self->minimised.n_switches, self->minimised.n_switches == 1 ? "" : "es",
             self->minimised.n_choices);
  if (self->story != NULL)
    kml_out ("\n%s", self->story);
  say_potentials (self->potentials);
  say_unsought (&self->unsought);
  if (quiet)
    return;
  if (self->endless != NULL)
    kml_note ("%s is 0: that interrupt comes for ever, so there are schedules without end and the "
              "space cannot be exhausted; with -s %s=3 it could",
              self->endless, self->endless);
  if (self->reproducer != NULL)
    say_next (self);
  if (self->next_run > 0)
    kml_note ("Runs behind this one were not explored; the next: the same command with --run "
              "%" G_GUINT64_FORMAT,
              self->next_run);
  if (self->verdict == KML_EXPLORE_BUDGET && self->is_finished && self->is_bounded)
    kml_note ("Next: more --preemptions");
  else if (self->verdict == KML_EXPLORE_BUDGET && self->is_finished)
    kml_note ("Some schedules have no end, as long as a CPU is passed over: a loop that waits for "
              "nothing. They were "
              "followed for [schedule] no-progress, or 20000 choices");
  else if (self->verdict == KML_EXPLORE_BUDGET)
    kml_note ("Next: the same command, which goes on from %s", state_path);
}

static void
add_potentials_json (JsonBuilder *builder, const GArray *potentials)
{
  kml_json_begin_array (builder, "potential");
  for (guint i = 0; i < potentials->len; i++) {
    const KmlPotential *potential = &g_array_index (potentials, KmlPotential, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "kind", kml_lockdep_kind_names[potential->kind]);
    kml_json_text (builder, "classes", potential->classes);
    kml_json_text (builder, "fate", kml_potential_fates[potential->fate]);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_unsought_json (JsonBuilder *builder, const KmlUnsought *unsought)
{
  kml_json_begin_object (builder, "unsought");
  kml_json_count (builder, "schedules", unsought->n_schedules);
  kml_json_text (builder, "kind",
                 unsought->n_schedules > 0 ? kml_incident_names[unsought->kind] : NULL);
  json_builder_end_object (builder);
}

void
kml_explore_report_say_json (const KmlExploreReport *self, double wall)
{
  JsonBuilder *builder = kml_json_new ("explore/1");

  kml_json_text (builder, "verdict", self->is_bug ? "bug" : kml_explore_verdicts[self->verdict]);
  kml_json_text (builder, "kind", self->kind);
  kml_json_count (builder, "schedules", self->n_schedules);
  kml_json_count (builder, "blocked", self->n_blocked);
  kml_json_count (builder, "pruned", self->n_pruned);
  kml_json_number (builder, "wall_s", wall);
  kml_json_text (builder, "reproducer", self->reproducer);
  kml_json_text (builder, "story", self->story);
  add_potentials_json (builder, self->potentials);
  add_unsought_json (builder, &self->unsought);
  kml_json_print (builder);
}
