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
 * A part of a tree is all that lies below a node of a certain depth. Of a reduced tree that is the top, above which it is not reduced, so that no part depends on what another
 * has seen; where schedules are short that is the root, and one process looks alone. Of a tree with a bound on preemptions it changes nothing but how long a part takes, and follows from how
 * long the last ones took. A process is forked for each part, so that nothing is shared, and what the search stands on survives a crash as an error.
 *
 * When the time is over, the first unfinished part says how far it came, and what others saw behind it is forgotten.
 */

#include "scenarios/exploring/explore-private.h"

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
#define PATIENCE      G_USEC_PER_SEC /* for the last word of a process */

/* What comes through the pipe, with the choices, or what went wrong, behind it. */
typedef struct {
  gboolean is_good;
  gint32 code; /* of the error */
  KmlPartEnd end;
  guint64 n_schedules, n_blocked, n_pruned, longest, next;
  gboolean is_cut;
  KmlUnsought unsought;
  guint32 n_bytes; /* that follow … */
  guint32 n_marks; /* … of which so many, at the end, are marks */
} Message;

/* What comes next in the search: a part, or what was seen on the way to parts. */
typedef struct {
  KmlExplorePart part;
  pid_t pid; /* 0: nobody is at work */
  int fd;
  GByteArray *received; /* (owned) */
  gboolean is_finished;
  /* one schedule that ended above the depth of parts: nobody need work on it */
  gboolean is_schedule;
  gboolean is_found; /* it has what is sought */
  KmlUnsought unsought;
  guint64 n_pruned_above, n_blocked_above;
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
  KmlTreePlace *begin; /* (owned) (nullable): where the first part begins, deeper than the others */
  guint depth;         /* of parts … */
  gboolean has_depth;  /* … which may be another for the next ones */
  guint64 n_blocked_above;               /* beginnings above the parts that led nowhere */
  guint64 pruned_before, blocked_before; /* by all that was looked at, but for nodes above parts */

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
  kml_tree_place_clear (&self->part.place);
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
  message.n_blocked = state.n_blocked;
  message.n_pruned = state.n_pruned;
  message.longest = state.longest;
  message.next = state.next;
  message.is_cut = state.is_cut;
  message.unsought = state.unsought;
  message.n_bytes = (guint32)(error != NULL ? strlen (error->message)
                                            : state.place.choices->len * sizeof (guint32));
  message.n_marks = error != NULL ? 0 : state.place.marks->len;
  message.n_bytes += message.n_marks;
  write_all (fd, &message, sizeof message);
  write_all (fd, error != NULL ? error->message : state.place.choices->data,
             message.n_bytes - message.n_marks);
  write_all (fd, state.place.marks->data, message.n_marks);
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

  kml_tree_place_init (&entry->part.place);
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

static void
free_begin (Farm *self)
{
  if (self->begin == NULL)
    return;
  kml_tree_place_clear (self->begin);
  g_clear_pointer (&self->begin, g_free);
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
  if (end == KML_TREE_BLOCKED) {
    self->n_blocked_above++;
  } else {
    entry = add_entry (self);
    entry->n_pruned_above = kml_schedule_tree_n_pruned (self->tree);
    entry->n_blocked_above = self->n_blocked_above;
    kml_schedule_tree_get_place (self->tree, &entry->part.place);
    entry->part.n_fixed = entry->part.place.choices->len;
    entry->is_schedule = entry->is_finished = end == KML_TREE_TO_THE_END;
    entry->is_found = entry->is_schedule && kml_rerun_found (self->rerun) != NULL;
    if (entry->is_schedule)
      kml_explore_note (&entry->unsought, kml_rerun_unsought (self->rerun));
    if (self->begin != NULL && self->begin->choices->len > entry->part.n_fixed)
      /* the first one begins in its middle */
      kml_tree_place_copy (&entry->part.place, self->begin);
  }
  free_begin (self);
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

/* What lies above the parts up to @entry, besides what they saw. */
static void
count_above (Farm *self, const Entry *entry)
{
  self->state->n_pruned = self->pruned_before + entry->n_pruned_above;
  self->state->n_blocked = self->blocked_before + entry->n_blocked_above;
}

static void
add_unsought (KmlUnsought *self, const KmlUnsought *later)
{
  if (self->n_schedules == 0)
    self->kind = later->kind;
  self->n_schedules += later->n_schedules;
}

static KmlPartEnd
add_schedule (Farm *self, const Entry *entry)
{
  self->state->n_schedules++;
  self->state->longest = MAX (self->state->longest, entry->part.place.choices->len);
  add_unsought (&self->state->unsought, &entry->unsought);
  count_above (self, entry);
  if (!entry->is_found)
    return KML_PART_END_DONE;
  kml_tree_place_copy (&self->state->place, &entry->part.place);
  return KML_PART_END_FOUND;
}

/* Where it stood, when it was not done. */
static void
read_place (KmlTreePlace *place, const Message *message, const guint8 *bytes)
{
  const guint n_bytes = message->n_bytes - message->n_marks;

  g_array_set_size (place->choices, 0);
  g_byte_array_set_size (place->marks, 0);
  if (message->end == KML_PART_END_DONE)
    return;
  g_array_append_vals (place->choices, bytes, n_bytes / sizeof (guint32));
  g_byte_array_append (place->marks, bytes + n_bytes, message->n_marks);
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
  self->blocked_before += message.n_blocked;
  count_above (self, entry);
  state->longest = MAX (state->longest, message.longest);
  state->is_cut |= message.is_cut;
  add_unsought (&state->unsought, &message.unsought);
  state->next = MAX (state->next, message.next);
  read_place (&state->place, &message, entry->received->data + sizeof message);
  if (self->has_depth && message.n_schedules > TOO_MANY)
    self->depth++;
  else if (self->has_depth && message.n_schedules < TOO_FEW && self->depth > 1)
    self->depth--;
  *ret_end = message.end;
  return TRUE;
}

/* A part that has more than the budget allows is looked at once more, as far as it does. */
static gboolean
add_as_much_as_is_left (Farm *self, const Entry *entry, KmlPartEnd *ret_end, GError **error)
{
  KmlExploreState *state = self->state;

  /* one at a time in a process; this is the last part */
  g_clear_pointer (&self->rerun, kml_rerun_free);
  state->n_pruned = self->pruned_before;
  state->n_blocked = self->blocked_before;
  if (!kml_explore_part (self->task, &entry->part, state, ret_end, error))
    return FALSE;
  self->pruned_before = state->n_pruned;
  self->blocked_before = state->n_blocked;
  count_above (self, entry);
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
    kml_tree_place_copy (&self->state->place, &entry->part.place);
    count_above (self, entry);
  }
}

/* The time is over for who works on @entry, too, and it is about to say how far it came. FALSE: it does not. */
static gboolean
has_said_how_far (Farm *self, const Entry *entry)
{
  const gint64 deadline = g_get_monotonic_time () + PATIENCE;

  while (!entry->is_finished && g_get_monotonic_time () < deadline)
    wait_a_little (self);
  return entry->is_finished;
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
      if (self->tree != NULL) {
        self->state->n_pruned = self->pruned_before + kml_schedule_tree_n_pruned (self->tree);
        self->state->n_blocked = self->blocked_before + self->n_blocked_above;
      }
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
    if (is_over (self) && !has_said_how_far (self, first)) {
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
  self->has_depth = self->task->config->search.preemptions != KML_ANY_PREEMPTIONS;
  self->depth = self->has_depth ? (guint)MAX (state->longest, HEIGHT + 2) - HEIGHT
                                : state->place.top;
  self->begin = g_new (KmlTreePlace, 1);
  kml_tree_place_init (self->begin);
  kml_tree_place_copy (self->begin, &state->place);
  self->tree = kml_schedule_tree_new (self->task->config->search.preemptions);
  self->rerun = kml_rerun_new (self->task->scenario, self->task->spec, kml_schedule_tree_choose,
                               self->tree, error);
  if (self->rerun == NULL)
    return FALSE;
  kml_schedule_tree_start_at (self->tree, self->begin, 0);
  return TRUE;
}

gboolean
kml_explore_jobs (const KmlExploreTask *task, KmlExploreState *state, KmlPartEnd *ret_end,
                  GError **error)
{
  Farm farm = { .task = task,
                .state = state,
                .next = state->next,
                .pruned_before = state->n_pruned,
                .blocked_before = state->n_blocked };
  gboolean good;

  g_queue_init (&farm.entries);
  good = plant (&farm, error) && tend (&farm, ret_end, error);
  if (farm.tree != NULL)
    state->is_cut |= kml_schedule_tree_is_cut (farm.tree);
  g_queue_clear_full (&farm.entries, (GDestroyNotify)entry_free);
  g_clear_pointer (&farm.rerun, kml_rerun_free);
  g_clear_pointer (&farm.tree, kml_schedule_tree_free);
  free_begin (&farm);
  return good;
}
