/* run-tasks-source.c: an interrupt that comes again and again, and the program that handles it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/running/run-tasks-private.h"

struct _KmlIrqSource {
  KmlMachine *machine;
  KmlScheduler *scheduler;
  KmlIrq irq;
  KmlTimer timer;
  KmlProgramTask *doer; /* borrowed */
  KmlTimeLaw every;     /* (owned) */
  KmlRng rng;
  guint64 times; /* 0: no end */
  guint64 n_raised, n_handled;
};

static void
wait_for_next (KmlIrqSource *self)
{
  const KmlTime every = kml_time_law_draw (&self->every, &self->rng);

  kml_timer_set (&self->timer, self->scheduler,
                 kml_time_after (self->machine->now, MAX (KML_NS, every)));
}

static void
come (gpointer data)
{
  KmlIrqSource *self = data;

  kml_irq_raise (&self->irq);
  if (++self->n_raised != self->times)
    wait_for_next (self);
}

static void
handle (KmlMachine *machine, gpointer data)
{
  KmlIrqSource *self = data;

  kml_program_run (machine, self->doer);
  if (++self->n_handled == self->times)
    kml_scheduler_release (self->scheduler);
}

static int
level_of (const KmlTaskSettings *settings)
{
  return settings->context == KML_CONTEXT_HARDIRQ ? KML_LEVEL_HARDIRQ + (int)settings->priority
                                                  : KML_LEVEL_SOFTIRQ;
}

KmlIrqSource *
kml_irq_source_new (KmlScheduler *scheduler, KmlMachine *machine, const char *name, guint cpu,
                    const KmlTaskSettings *settings, KmlProgramTask *doer, GError **error)
{
  g_autofree char *stream = g_strconcat (name, ".every", NULL);
  KmlTimeLaw every;
  KmlIrqSource *self;

  if (settings->every[0] == '\0') {
    kml_refuse (error, "context",
                "it is the handler of an interrupt: expected every = 100us, say, the time between "
                "two of them");
    return NULL;
  }
  if (!kml_time_law_parse (settings->every, &every, error))
    return NULL;
  self = g_new0 (KmlIrqSource, 1);
  self->machine = machine;
  self->scheduler = scheduler;
  self->doer = doer;
  self->times = settings->times;
  self->every = every;
  kml_rng_init (&self->rng, machine->seed, stream);
  kml_irq_init (&self->irq, scheduler, name, cpu, level_of (settings), handle, self);
  self->irq.comes = self->times > 0 ? KML_IRQ_COUNTED : KML_IRQ_ENDLESS;
  kml_timer_init (&self->timer, scheduler, come, self);
  kml_timer_may_come_any_time (&self->timer, scheduler);
  kml_timer_set (&self->timer, scheduler, settings->start);
  if (self->times > 0)
    kml_scheduler_hold (scheduler);
  return self;
}

void
kml_irq_source_free (KmlIrqSource *self)
{
  kml_irq_clear (&self->irq);
  kml_time_law_clear (&self->every);
  g_free (self);
}

gboolean
kml_irq_source_ends (const KmlIrqSource *self)
{
  return self->times > 0;
}

void
kml_irq_source_remember (KmlIrqSource *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
}
