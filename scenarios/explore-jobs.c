/* explore-jobs.c: several parts of a search at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is found, and after how many schedules, is what one process finds that looks at one schedule after the other. Others look ahead: each
 * takes a part of the search that lies further on, and what it saw is added when everything before it was looked at. Nothing behind a deadlock counts.
 *
 *     schedules ──►  [ part 1 ][ part 2 ][ part 3 ][ part 4 ] ...      parts begin at the same choices (or are ranges of numbers)
 *                      added     at work   finished  at work           the first that is not finished is where the search stands
 *
 * A part of a tree is all that lies below a node of a certain depth. Which depth changes nothing but how long a part takes: it follows from how long the last
 * ones took. A process is forked for each part, so that nothing is shared, and what the search stands on survives a crash as an error.
 *
 * When the time is over, the first unfinished part says how far it came, and what others saw behind it is forgotten.
 */

#include "scenarios/explore-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK         16384 /* schedules by chance of a part */
#define TOO_FEW       4000 /* schedules of a part of a tree: a fork costs as much as some hundred … */
#define TOO_MANY      100000 /* … and what is lost when the time is over should be little */
#define HEIGHT        14     /* of the first parts of a tree: some thousand schedules */
#define POLL_INTERVAL 100    /* ms between two looks at whether to stop */

/* What comes through the pipe, with the choices, or what went wrong, behind it. */
typedef struct {
  gboolean is_good;
  gint32 code; /* of the error */
  KmlPartEnd end;
  guint64 n_schedules, n_pruned, longest, next;
  gboolean is_cut;
  guint32 n_bytes; /* that follow */
} Message;

/* What comes next in the search: a part, or what was seen on the way to parts. */
typedef struct {
  KmlExplorePart part;
  pid_t pid; /* 0: nobody is at work */
  int fd;
  GByteArray *received; /* (owned) */
  gboolean is_finished;
  gboolean
      is_schedule;   /* one schedule that ended above the depth of parts: nobody need work on it */
  gboolean is_found; /* it deadlocked */
  guint64 n_pruned_above;
} Entry;

typedef struct {
  const KmlExploreTask *task;
  KmlExploreState *state;
  GQueue entries; /* (owned) (element-type Entry): in the order of the search */
  guint n_running;
  gboolean has_all; /* there are no more entries to come */

  /* of a tree */
  KmlScheduleTree *tree; /* (owned) (nullable) */
  KmlRerun *rerun;       /* (owned) (nullable) */
  GArray *path;          /* (owned): where the first part begins, deeper than the others */
  guint depth;
  guint64 pruned_before; /* by all that was looked at, but for nodes above parts */

  guint64 next; /* by chance: the number that the next part begins at */
} Farm;

static void
entry_free (Entry *self)
{
  if (self->pid != 0) {
    kill (self->pid, SIGKILL);
    waitpid (self->pid, NULL, 0);
    close (self->fd);
  }
  g_clear_pointer (&self->part.path, g_array_unref);
  g_byte_array_unref (self->received);
  g_free (self);
}

/* ---- The other process ---- */

static void
write_all (int fd, gconstpointer data, gsize n)
{
  const guint8 *bytes = data;

  while (n > 0) {
    const gssize written = write (fd, bytes, n);

    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      _exit (1); /* nobody listens */
    bytes += written;
    n -= (gsize)written;
  }
}

G_GNUC_NORETURN static void
work (Farm *self, const KmlExplorePart *part, guint64 budget, int fd)
{
  KmlExploreConfig config = *self->task->config;
  KmlExploreTask mine = *self->task;
  KmlExploreState state;
  GError *error = NULL;
  Message message = { 0 };

  g_clear_pointer (&self->rerun, kml_rerun_free); /* one at a time in a process */
  config.budget = budget;
  config.progress = NULL;
  mine.config = &config;
  kml_explore_state_init (&state);
  message.is_good = kml_explore_part (&mine, part, &state, &message.end, &error);
  message.code = error != NULL ? error->code : 0;
  message.n_schedules = state.n_schedules;
  message.n_pruned = state.n_pruned;
  message.longest = state.longest;
  message.next = state.next;
  message.is_cut = state.is_cut;
  message.n_bytes = (guint32)(error != NULL ? strlen (error->message)
                                            : state.choices->len * sizeof (guint32));
  write_all (fd, &message, sizeof message);
  write_all (fd, error != NULL ? error->message : state.choices->data, message.n_bytes);
  _exit (0); /* nothing of the parent's is to be flushed, or undone */
}

static gboolean
start (Farm *self, Entry *entry, GError **error)
{
  const guint64 budget = self->task->config->budget;
  int fds[2];

  if (pipe (fds) != 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "no pipe to another process: %s",
                 g_strerror (errno));
    return FALSE;
  }
  entry->pid = fork ();
  if (entry->pid == 0) {
    close (fds[0]);
    work (self, &entry->part, budget == 0 ? 0 : budget - self->state->n_schedules, fds[1]);
  }
  close (fds[1]);
  if (entry->pid < 0) {
    entry->pid = 0;
    close (fds[0]);
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "no other process: %s", g_strerror (errno));
    return FALSE;
  }
  entry->fd = fds[0];
  self->n_running++;
  return TRUE;
}

/* ---- Which parts there are ---- */

static Entry *
add_entry (Farm *self)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->received = g_byte_array_new ();
  g_queue_push_tail (&self->entries, entry);
  return entry;
}

static gboolean
add_range (Farm *self)
{
  const guint64 budget = self->task->config->budget;
  const guint64 left = budget == 0
                           ? G_MAXUINT64
                           : budget - self->state->n_schedules - (self->next - self->state->next);
  Entry *entry;

  if (left == 0) {
    self->has_all = TRUE;
    return TRUE;
  }
  entry = add_entry (self);
  entry->part.first = self->next;
  entry->part.last = self->next += MIN (left, CHUNK);
  return TRUE;
}

/* The next beginning of schedules of the tree, or the next schedule that is as short. */
static gboolean
add_subtree (Farm *self, GError **error)
{
  KmlTreeEnd end;
  Entry *entry;

  kml_schedule_tree_limit_depth (self->tree, self->depth);
  kml_schedule_tree_begin (self->tree);
  if (!kml_rerun_execute (self->rerun, error))
    return FALSE;
  end = kml_schedule_tree_end (self->tree);
  if (end != KML_TREE_BLOCKED) {
    entry = add_entry (self);
    entry->n_pruned_above = kml_schedule_tree_n_pruned (self->tree);
    entry->part.path = g_array_new (FALSE, FALSE, sizeof (guint32));
    kml_schedule_tree_get_choices (self->tree, entry->part.path);
    entry->part.n_fixed = entry->part.path->len;
    entry->is_schedule = entry->is_finished = end == KML_TREE_TO_THE_END;
    entry->is_found = entry->is_schedule && kml_rerun_found (self->rerun) != NULL;
    for (guint i = entry->part.n_fixed; self->path != NULL && i < self->path->len; i++)
      g_array_append_val (entry->part.path, /* the first one begins in its middle */
                          g_array_index (self->path, guint32, i));
  }
  g_clear_pointer (&self->path, g_array_unref);
  self->has_all = !kml_schedule_tree_next (self->tree);
  return TRUE;
}

/* As many at work as there may be. */
static gboolean
fill (Farm *self, GError **error)
{
  while (self->n_running < self->task->config->n_jobs && !self->has_all &&
         g_queue_get_length (&self->entries) < 4 * self->task->config->n_jobs) {
    const Entry *last = g_queue_peek_tail (&self->entries);

    if (!(self->tree != NULL ? add_subtree (self, error) : add_range (self)))
      return FALSE;
    if (g_queue_peek_tail (&self->entries) != last) {
      Entry *entry = g_queue_peek_tail (&self->entries);

      if (!entry->is_finished && !start (self, entry, error))
        return FALSE;
    }
  }
  return TRUE;
}

/* ---- What comes back ---- */

static void
hear (Farm *self, Entry *entry)
{
  guint8 bytes[4096];
  const gssize n = read (entry->fd, bytes, sizeof bytes);

  if (n > 0)
    g_byte_array_append (entry->received, bytes, (guint)n);
  if (n > 0 || (n < 0 && errno == EINTR))
    return;
  close (entry->fd);
  waitpid (entry->pid, NULL, 0);
  entry->pid = 0;
  entry->is_finished = TRUE;
  self->n_running--;
}

static void
wait_a_little (Farm *self)
{
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, self->n_running);
  g_autofree Entry **who = g_new0 (Entry *, self->n_running);
  nfds_t n = 0;

  for (GList *link = self->entries.head; link != NULL; link = link->next) {
    Entry *entry = link->data;

    if (entry->pid == 0)
      continue;
    who[n] = entry;
    fds[n++] = (struct pollfd){ .fd = entry->fd, .events = POLLIN };
  }
  if (n == 0 || poll (fds, n, POLL_INTERVAL) <= 0)
    return;
  for (nfds_t i = 0; i < n; i++)
    if (fds[i].revents != 0)
      hear (self, who[i]);
}

static gboolean
read_message (const Entry *entry, Message *ret_message, GError **error)
{
  const guint8 *data = entry->received->data;
  const guint len = entry->received->len;

  if (len >= sizeof *ret_message)
    memcpy (ret_message, data, sizeof *ret_message);
  if (len < sizeof *ret_message || len != sizeof *ret_message + ret_message->n_bytes) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "a process that explored has died in the middle of it");
    return FALSE;
  }
  if (ret_message->is_good)
    return TRUE;
  g_set_error (error, KML_ERROR, ret_message->code, "%.*s", (int)ret_message->n_bytes,
               (const char *)data + sizeof *ret_message);
  return FALSE;
}

/* ---- Adding up ---- */

static void
count_pruned (Farm *self, const Entry *entry)
{
  self->state->n_pruned = self->pruned_before + entry->n_pruned_above;
}

static void
stand_at (Farm *self, const GArray *choices)
{
  g_array_set_size (self->state->choices, 0);
  g_array_append_vals (self->state->choices, choices->data, choices->len);
}

static KmlPartEnd
add_schedule (Farm *self, const Entry *entry)
{
  self->state->n_schedules++;
  self->state->longest = MAX (self->state->longest, entry->part.path->len);
  count_pruned (self, entry);
  if (!entry->is_found)
    return KML_PART_END_DONE;
  stand_at (self, entry->part.path);
  return KML_PART_END_FOUND;
}

/* What the process saw that was at work on it. */
static gboolean
add_part (Farm *self, const Entry *entry, KmlPartEnd *ret_end, GError **error)
{
  KmlExploreState *state = self->state;
  Message message;

  if (!read_message (entry, &message, error))
    return FALSE;
  state->n_schedules += message.n_schedules;
  self->pruned_before += message.n_pruned;
  count_pruned (self, entry);
  state->longest = MAX (state->longest, message.longest);
  state->is_cut |= message.is_cut;
  state->next = MAX (state->next, message.next);
  g_array_set_size (state->choices, 0);
  if (message.end != KML_PART_END_DONE)
    g_array_append_vals (state->choices, entry->received->data + sizeof message,
                         message.n_bytes / sizeof (guint32));
  if (self->tree != NULL && message.n_schedules > TOO_MANY)
    self->depth++;
  else if (self->tree != NULL && message.n_schedules < TOO_FEW && self->depth > 1)
    self->depth--;
  *ret_end = message.end;
  return TRUE;
}

/* A part that has more than the budget allows is looked at once more, as far as it does. */
static gboolean
add_as_much_as_is_left (Farm *self, const Entry *entry, KmlPartEnd *ret_end, GError **error)
{
  KmlExploreState *state = self->state;

  g_clear_pointer (&self->rerun,
                   kml_rerun_free); /* one at a time in a process; this is the last part */
  state->n_pruned = self->pruned_before;
  if (!kml_explore_part (self->task, &entry->part, state, ret_end, error))
    return FALSE;
  self->pruned_before = state->n_pruned;
  count_pruned (self, entry);
  return TRUE;
}

static gboolean
exceeds_budget (const Farm *self, const Entry *entry)
{
  const guint64 budget = self->task->config->budget;
  Message message;

  return budget > 0 && !entry->is_schedule && read_message (entry, &message, NULL) &&
         self->state->n_schedules + message.n_schedules > budget;
}

/* The first entry, which is finished. */
static gboolean
add_first (Farm *self, KmlPartEnd *ret_end, GError **error)
{
  Entry *entry = g_queue_pop_head (&self->entries);
  gboolean good = TRUE;

  if (entry->is_schedule)
    *ret_end = add_schedule (self, entry);
  else if (exceeds_budget (self, entry))
    good = add_as_much_as_is_left (self, entry, ret_end, error);
  else
    good = add_part (self, entry, ret_end, error);
  entry_free (entry);
  return good;
}

/* ---- The whole ---- */

static gboolean
is_over (const Farm *self)
{
  const KmlExploreConfig *config = self->task->config;

  if (config->progress != NULL)
    config->progress (self->state, config->data);
  return config->stop != NULL && config->stop (config->data);
}

/* Where to go on: at the first entry, if there is one, of which nothing was added. */
static void
stand_at_first (Farm *self)
{
  const Entry *entry = g_queue_peek_head (&self->entries);

  if (self->tree != NULL && entry != NULL) {
    stand_at (self, entry->part.path);
    count_pruned (self, entry);
  }
}

static gboolean
tend (Farm *self, KmlPartEnd *ret_end, GError **error)
{
  const guint64 budget = self->task->config->budget;

  for (;;) {
    const Entry *first;

    if (!fill (self, error))
      return FALSE;
    first = g_queue_peek_head (&self->entries);
    if (first == NULL) {
      *ret_end = self->tree != NULL ? KML_PART_END_DONE : KML_PART_END_OVER;
      if (self->tree != NULL)
        self->state->n_pruned = self->pruned_before + kml_schedule_tree_n_pruned (self->tree);
      return TRUE;
    }
    if (budget > 0 && self->state->n_schedules >= budget) {
      stand_at_first (self);
      *ret_end = KML_PART_END_OVER;
      return TRUE;
    }
    if (first->is_finished) {
      if (!add_first (self, ret_end, error))
        return FALSE;
      if (*ret_end != KML_PART_END_DONE)
        return TRUE;
      continue;
    }
    wait_a_little (self);
    if (is_over (self) && !first->is_finished) {
      stand_at_first (self);
      *ret_end = KML_PART_END_OVER;
      return TRUE;
    }
  }
}

static gboolean
plant (Farm *self, GError **error)
{
  const KmlExploreState *state = self->state;

  if (self->task->config->search.kind != KML_SEARCH_EXHAUSTIVE)
    return TRUE;
  self->depth = (guint)MAX (state->longest, HEIGHT + 2) - HEIGHT;
  self->path = g_array_copy (state->choices);
  self->tree = kml_schedule_tree_new (self->task->config->search.preemptions);
  self->rerun = kml_rerun_new (self->task->scenario, self->task->spec, kml_schedule_tree_choose,
                               self->tree, error);
  if (self->rerun == NULL)
    return FALSE;
  kml_schedule_tree_start_at (self->tree, self->path, 0);
  return TRUE;
}

gboolean
kml_explore_jobs (const KmlExploreTask *task, KmlExploreState *state, KmlPartEnd *ret_end,
                  GError **error)
{
  Farm farm = {
    .task = task, .state = state, .next = state->next, .pruned_before = state->n_pruned
  };
  gboolean good;

  g_queue_init (&farm.entries);
  good = plant (&farm, error) && tend (&farm, ret_end, error);
  if (farm.tree != NULL)
    state->is_cut |= kml_schedule_tree_is_cut (farm.tree);
  g_queue_clear_full (&farm.entries, (GDestroyNotify)entry_free);
  g_clear_pointer (&farm.rerun, kml_rerun_free);
  g_clear_pointer (&farm.tree, kml_schedule_tree_free);
  g_clear_pointer (&farm.path, g_array_unref);
  return good;
}
