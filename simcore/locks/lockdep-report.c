/* lockdep-report.c: a potential deadlock in lockdep's own form.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kernel people read these reports daily, so the form is lockdep's to the blank: what happened, what the task holds and wants, how
 * the order came to be in reverse, and the interleaving that would deadlock. Where a kernel has a stack trace, here are the functions of the call
 * chain, innermost first, and the task.
 */

#include "simcore/locks/lockdep-private.h"
#include "simcore/request.h"

static void
add_line (GString *text, const char *line)
{
  g_string_append_printf (text, "%s\n", line);
}

static void
add_heading (GString *text, const char *heading)
{
  g_autofree char *above = g_strnfill (strlen (heading), '=');
  g_autofree char *below = g_strnfill (strlen (heading), '-');

  g_string_append_printf (text, "%s\n%s\n%s\n", above, heading, below);
}

/* ---- Classes ---- */

/* '-': in such a handler; '+': where one may come; '?': both; '.': neither */
static char
usage_char (guint usage, guint in, guint on)
{
  if (usage & in)
    return usage & on ? '?' : '-';
  return usage & on ? '+' : '.';
}

static void
add_class (GString *text, const KmlLockClass *class)
{
  const guint shared = class->usage >> KML_USED_SHARED;

  g_string_append_printf (text, "(%s){%c%c%c%c}", class->name,
                          usage_char (class->usage, KML_USED_IN_HARDIRQ, KML_USED_HARDIRQ_ON),
                          usage_char (shared, KML_USED_IN_HARDIRQ, KML_USED_HARDIRQ_ON),
                          usage_char (class->usage, KML_USED_IN_SOFTIRQ, KML_USED_SOFTIRQ_ON),
                          usage_char (shared, KML_USED_IN_SOFTIRQ, KML_USED_SOFTIRQ_ON));
}

static void
add_class_at (GString *text, const KmlLockClass *class, const char *function)
{
  add_class (text, class);
  g_string_append_printf (text, ", at: %s\n", function);
}

static void
add_trace (GString *text, const KmlTrace *trace)
{
  if (trace->step != NULL)
    g_string_append_printf (text, "       %s\n", trace->step);
  if (trace->n > KML_MAX_CHAIN)
    add_line (text, "       …");
  for (guint i = MIN (trace->n, KML_MAX_CHAIN); i-- > 0;)
    g_string_append_printf (text, "       %s\n", trace->functions[i]);
  g_string_append_printf (text, "       %s, in %s context on CPU %u\n", trace->task->name,
                          kml_context_names[trace->task->context], trace->task->cpu);
}

/* ---- What the task has and wants ---- */

/* The function; outside of all of them the step of its program. */
static const char *
place (const KmlTask *task, const char *function, const char *step)
{
  return function != NULL ? function : step != NULL ? step : task->name;
}

static const char *
innermost (const KmlTask *task)
{
  return place (task, kml_task_function (task), task->step);
}

/* Where the task has taken the lock of that class that it holds. */
static const char *
held_at (const KmlTask *task, const KmlLockClass *class)
{
  for (guint i = task->n_held; i-- > 0;)
    if (task->held[i].lock->class == class)
      return place (task, task->held[i].function, task->held[i].step);
  return innermost (task);
}

static void
add_wanted_and_held (GString *text, const KmlLockdepCase *found)
{
  g_string_append_printf (text, "%s is trying to acquire lock:\n ", found->task->name);
  add_class_at (text, found->wanted, innermost (found->task));
  add_line (text, "\nbut task is already holding lock:");
  g_string_append_c (text, ' ');
  add_class_at (text, found->held, held_at (found->task, found->held));
}

static void
add_held_locks (GString *text, const KmlLockdep *self, const KmlTask *task)
{
  const guint n = task->n_held + task->reclaims_fs;
  guint i;

  if (n == 0) {
    g_string_append_printf (text, "\nno locks held by %s.\n", task->name);
    return;
  }
  g_string_append_printf (text, "\n%u lock%s held by %s:\n", n, n == 1 ? "" : "s", task->name);
  for (i = 0; i < task->n_held; i++) {
    g_string_append_printf (text, " #%u: ", i);
    add_class_at (text, task->held[i].lock->class, held_at (task, task->held[i].lock->class));
  }
  if (task->reclaims_fs) {
    g_string_append_printf (text, " #%u: ", i);
    add_class_at (text, self->reclaim.class, "reclaim");
  }
}

/* ---- How it would happen ---- */

static void
begin_scenario (GString *text, const char *title, guint n_cpus)
{
  g_string_append_printf (text, " %s:\n\n", title);
  add_line (text, n_cpus == 2 ? "       CPU0                    CPU1" : "       CPU0");
  add_line (text, n_cpus == 2 ? "       ----                    ----" : "       ----");
}

#define CPU0 "  "
#define CPU1 "                               "

static void
add_take (GString *text, const char *column, const KmlLockClass *class)
{
  g_string_append_printf (text, "%slock(%s);\n", column, class->name);
}

static void
end_scenario (GString *text)
{
  add_line (text, "\n *** DEADLOCK ***");
}

static void
add_chain_of_classes (GString *text, const GPtrArray *path)
{
  g_string_append (text, "Chain exists of:\n  ");
  for (guint i = 0; i < path->len; i++) {
    const KmlLockOrder *order = g_ptr_array_index (path, i);

    g_string_append_printf (text, "%s%s --> %s", i == 0 ? order->from->name : "", "",
                            order->to->name);
  }
  g_string_append (text, "\n\n");
}

/* ---- The four kinds ---- */

static void
tell_circular (GString *text, const KmlLockdepCase *found)
{
  const KmlLockOrder *last = g_ptr_array_index (found->path, found->path->len - 1);

  add_heading (text, "WARNING: possible circular locking dependency detected");
  add_wanted_and_held (text, found);
  add_line (text, "\nwhich lock already depends on the new lock.\n\n");
  add_line (text, "the existing dependency chain (in reverse order) is:");
  for (guint i = found->path->len; i-- > 0;) {
    const KmlLockOrder *order = g_ptr_array_index (found->path, i);

    g_string_append_printf (text, "\n-> #%u ", i + 1);
    add_class (text, order->to);
    add_line (text, ":");
    add_trace (text, &order->trace);
  }
  g_string_append (text, "\n-> #0 ");
  add_class (text, found->wanted);
  add_line (text, ":");
  add_trace (text, found->trace);
  add_line (text, "\nother info that might help us debug this:\n");
  if (found->path->len > 1)
    add_chain_of_classes (text, found->path);
  begin_scenario (text, "Possible unsafe locking scenario", 2);
  add_take (text, CPU0, found->held);
  add_take (text, CPU1, last->from);
  add_take (text, CPU1, found->held);
  add_take (text, CPU0, found->wanted);
  end_scenario (text);
}

static void
tell_recursive (GString *text, const KmlLockdepCase *found)
{
  add_heading (text, "WARNING: possible recursive locking detected");
  add_wanted_and_held (text, found);
  add_line (text, "\nother info that might help us debug this:");
  begin_scenario (text, "Possible unsafe locking scenario", 1);
  add_take (text, CPU0, found->held);
  add_take (text, CPU0, found->wanted);
  end_scenario (text);
  add_line (text, "\n May be due to locks of one class that are not one lock");
}

static const char *
state_of (const KmlLockClass *class)
{
  return class->used_in >= KML_LEVEL_HARDIRQ ? "HARDIRQ" : "SOFTIRQ";
}

static void
tell_inconsistent (GString *text, const KmlLockdepCase *found)
{
  const KmlLockClass *class = found->wanted;
  const char *state = state_of (class);
  const gboolean handler_comes_second = class->in.task == found->task;
  g_autofree char *in = g_strdup_printf ("{IN-%s-W}", state);
  g_autofree char *on = g_strdup_printf ("{%s-ON-W}", state);

  add_heading (text, "WARNING: inconsistent lock state");
  g_string_append_printf (text, "inconsistent %s -> %s usage.\n%s takes:\n ",
                          handler_comes_second ? on : in, handler_comes_second ? in : on,
                          found->task->name);
  add_class_at (text, class, innermost (found->task));
  g_string_append_printf (text, "%s state was registered at:\n", handler_comes_second ? on : in);
  add_trace (text, handler_comes_second ? &class->open : &class->in);
  add_line (text, "\nother info that might help us debug this:");
  begin_scenario (text, "Possible unsafe locking scenario", 1);
  add_take (text, CPU0, class);
  add_line (text, "  <Interrupt>");
  add_take (text, CPU0 "  ", class);
  end_scenario (text);
}

static void
tell_irq_order (GString *text, const KmlLockdepCase *found)
{
  const KmlLockOrder *first = g_ptr_array_index (found->path, 0);
  const KmlLockOrder *last = g_ptr_array_index (found->path, found->path->len - 1);
  const KmlLockClass *safe = first->from, *unsafe = last->to;
  const char *state = state_of (safe);
  g_autofree char *heading = g_strdup_printf ("WARNING: %s-safe -> %s-unsafe lock order detected",
                                              state, state);

  add_heading (text, heading);
  g_string_append_printf (text, "%s takes:\n ", found->task->name);
  add_class_at (text, found->wanted, innermost (found->task));
  g_string_append_printf (text, "\nwhich connects a %s-irq-safe lock:\n ", state);
  add_class (text, safe);
  g_string_append_printf (text, "\n... which became %s-irq-safe at:\n", state);
  add_trace (text, &safe->in);
  g_string_append_printf (text, "\nto a %s-irq-unsafe lock:\n ", state);
  add_class (text, unsafe);
  g_string_append_printf (text, "\n... which became %s-irq-unsafe at:\n", state);
  add_trace (text, &unsafe->open);
  add_line (text, "\nthe dependencies between them (in reverse order) are:");
  for (guint i = found->path->len; i-- > 0;) {
    const KmlLockOrder *order = g_ptr_array_index (found->path, i);

    g_string_append_printf (text, "\n-> #%u ", i);
    add_class (text, order->to);
    add_line (text, ":");
    add_trace (text, &order->trace);
  }
  add_line (text, "\nother info that might help us debug this:\n");
  if (found->path->len > 1)
    add_chain_of_classes (text, found->path);
  begin_scenario (text, "Possible interrupt unsafe locking scenario", 2);
  add_take (text, CPU0, unsafe);
  add_line (text, CPU1 "local_irq_disable();");
  add_take (text, CPU1, safe);
  add_take (text, CPU1, first->to);
  add_line (text, "  <Interrupt>");
  add_take (text, CPU0 "  ", safe);
  end_scenario (text);
}

char *
kml_lockdep_tell (const KmlLockdep *self, KmlLockdepKind kind, const KmlLockdepCase *found)
{
  GString *text = g_string_new (NULL);

  switch (kind) {
  case KML_LOCKDEP_CIRCULAR:
    tell_circular (text, found);
    break;
  case KML_LOCKDEP_RECURSIVE:
    tell_recursive (text, found);
    break;
  case KML_LOCKDEP_INCONSISTENT:
    tell_inconsistent (text, found);
    break;
  case KML_LOCKDEP_IRQ_ORDER:
    tell_irq_order (text, found);
    break;
  case KML_N_LOCKDEP_KINDS:
    g_assert_not_reached ();
  }
  add_held_locks (text, self, found->task);
  return g_string_free (text, FALSE);
}

char *
kml_lockdep_report_classes (const KmlLockdepReport *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->classes->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " -> " : "",
                            (const char *)g_ptr_array_index (self->classes, i));
  if (self->kind == KML_LOCKDEP_CIRCULAR || self->kind == KML_LOCKDEP_RECURSIVE)
    g_string_append_printf (text, " -> %s", (const char *)g_ptr_array_index (self->classes, 0));
  return g_string_free (text, FALSE);
}
