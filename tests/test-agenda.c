/* test-agenda.c: the agenda against the plainest one there is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Goal: whatever is scheduled, it comes out by time and, at one time, in the
 * order in which it went in. Method: the same operations on the agenda and on a
 * binary heap of (time, sequence number), which has no lists, ends or spills to
 * get wrong; every event taken is compared. The increments are of several laws,
 * each made to hurt another part; kml_agenda_check() runs every so often.
 */

#include <string.h>

#include "simcore/tasks/agenda.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

/* The model */

typedef struct {
  KmlTime time;
  guint64 seq;
} Key;

typedef struct {
  KmlAgenda *agenda;
  GArray *heap; /* (element-type Key) */
  guint64 n_scheduled;
  KmlTime now;
  KmlRng rng;
  guint64 n_operations;
} Fixture;

static gboolean
is_before (Key a, Key b)
{
  return a.time < b.time || (a.time == b.time && a.seq < b.seq);
}

static Key *
heap_at (Fixture *self, guint i)
{
  return &g_array_index (self->heap, Key, i);
}

static void
heap_swap (Fixture *self, guint i, guint j)
{
  const Key key = *heap_at (self, i);

  *heap_at (self, i) = *heap_at (self, j);
  *heap_at (self, j) = key;
}

static void
heap_push (Fixture *self, Key key)
{
  g_array_append_val (self->heap, key);
  for (guint i = self->heap->len - 1;
       i > 0 && is_before (*heap_at (self, i), *heap_at (self, (i - 1) / 2)); i = (i - 1) / 2)
    heap_swap (self, i, (i - 1) / 2);
}

static Key
heap_pop (Fixture *self)
{
  const Key key = *heap_at (self, 0);
  guint i = 0;

  heap_swap (self, 0, self->heap->len - 1);
  g_array_set_size (self->heap, self->heap->len - 1);
  while (TRUE) {
    guint least = i;

    for (guint child = 2 * i + 1; child <= 2 * i + 2 && child < self->heap->len; child++)
      if (is_before (*heap_at (self, child), *heap_at (self, least)))
        least = child;
    if (least == i)
      return key;
    heap_swap (self, i, least);
    i = least;
  }
}

/* Both at once */

static void
fixture_init (Fixture *self, guint64 seed)
{
  memset (self, 0, sizeof *self);
  self->agenda = kml_agenda_new ();
  self->heap = g_array_new (FALSE, FALSE, sizeof (Key));
  kml_rng_init (&self->rng, seed, "agenda");
}

static void
fixture_finish (Fixture *self)
{
  kml_agenda_free (self->agenda);
  g_array_unref (self->heap);
}

/* Check's own assertions write to a file each time, which would take longer than all the rest. */
static void
assert_equal (guint64 actual, guint64 expected)
{
  if (G_UNLIKELY (actual != expected))
    ck_assert_uint_eq (actual, expected);
}

static void
assert_valid (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  if (!kml_agenda_check (self->agenda, &error))
    ck_abort_msg ("%s", error->message);
  assert_equal (kml_agenda_length (self->agenda), self->heap->len);
}

/* Walking everything costs as much as there is: often while there is little, then seldom. */
static void
maybe_assert_valid (Fixture *self)
{
  const guint n = self->heap->len;

  self->n_operations++;
  if (self->n_operations % (n < 50 ? 7 : n < 500 ? 61 : n < 5000 ? 5003 : 50021) == 0)
    assert_valid (self);
}

static void
schedule (Fixture *self, KmlTime time)
{
  const Key key = { .time = time, .seq = self->n_scheduled++ };

  heap_push (self, key);
  kml_agenda_schedule (self->agenda, time, key.seq);
  maybe_assert_valid (self);
}

static void
take (Fixture *self)
{
  KmlEvent event;
  Key key;

  if (self->heap->len == 0) {
    assert_equal (kml_agenda_take (self->agenda, &event), FALSE);
    return;
  }
  key = heap_pop (self);
  assert_equal (kml_agenda_take (self->agenda, &event), TRUE);
  assert_equal (event.time, key.time);
  assert_equal (event.what, key.seq);
  self->now = event.time;
  maybe_assert_valid (self);
}

static void
peek (Fixture *self)
{
  assert_equal (kml_agenda_next_time (self->agenda),
                self->heap->len > 0 ? heap_at (self, 0)->time : KML_TIME_MAX);
  maybe_assert_valid (self);
}

static void
drain (Fixture *self)
{
  while (self->heap->len > 0)
    take (self);
  take (self);
  assert_valid (self);
}

/* Laws of increments */

static guint64
always_now (KmlRng *rng)
{
  (void)rng;
  return 0;
}

static guint64
few_values (KmlRng *rng)
{
  return 1000 * kml_rng_below (rng, 4);
}

static guint64
uniform (KmlRng *rng)
{
  return kml_rng_below (rng, 1000000);
}

static guint64
like_a_kernel (KmlRng *rng)
{
  return kml_rng_below (rng, 100) < 95 ? 30 + kml_rng_below (rng, 20)
                                       : 1000000 - 100 + kml_rng_below (rng, 200);
}

/* Any number of bits is as likely as any other: as many scales as there are. */
static guint64
any_scale (KmlRng *rng)
{
  return kml_rng_next (rng) >> kml_rng_below (rng, 64) >> 12;
}

static guint64
huge (KmlRng *rng)
{
  return kml_rng_next (rng) >> 1;
}

static guint64
two_instants (KmlRng *rng)
{
  return kml_rng_below (rng, 2) == 0 ? 0 : G_GUINT64_CONSTANT (1) << 40;
}

typedef guint64 (*Law) (KmlRng *rng);

static const Law laws[] = {
  always_now, few_values, uniform, like_a_kernel, any_scale, huge, two_instants,
};

#define N_LAWS   ((int)G_N_ELEMENTS (laws))
#define N_SEEDS  (IS_SANITIZED ? 1 : 3)
#define N_CROWDS (IS_SANITIZED ? 2 : N_LAWS) /* of the first laws */

/* 2^64 - 1 is where time ends; what would be later is then. */
static KmlTime
later (KmlTime time, guint64 increment)
{
  return increment > KML_TIME_MAX - time ? KML_TIME_MAX : time + increment;
}

/* Stays about as full as it is when @share, of 100, is 50. */
static void
churn (Fixture *self, Law law, guint n_operations, guint share)
{
  for (guint i = 0; i < n_operations; i++) {
    const guint64 die = kml_rng_below (&self->rng, 100);

    if (die < share)
      schedule (self, later (self->now, law (&self->rng)));
    else
      take (self);
    if (die % 8 == 0)
      peek (self);
  }
}

static void
hold (Fixture *self, Law law, guint n_pending, guint n_events)
{
  for (guint i = 0; i < n_pending; i++)
    schedule (self, later (self->now, law (&self->rng)));
  for (guint i = 0; i < n_events; i++) {
    take (self);
    schedule (self, later (self->now, law (&self->rng)));
  }
  drain (self);
}

/* The tests */

START_TEST (nothing_is_pending_at_first)
{
  g_autoptr (KmlAgenda) agenda = kml_agenda_new ();
  KmlEvent event;

  ck_assert_uint_eq (kml_agenda_length (agenda), 0);
  ck_assert_uint_eq (kml_agenda_next_time (agenda), KML_TIME_MAX);
  ck_assert (!kml_agenda_take (agenda, &event));
  kml_agenda_free (NULL);
}
END_TEST

START_TEST (events_come_out_by_time)
{
  static const KmlTime times[] = { 30, 10, 20, 0, 25 };
  static const guint64 order[] = { 3, 1, 2, 4, 0 };
  g_autoptr (KmlAgenda) agenda = kml_agenda_new ();
  KmlEvent event;

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    kml_agenda_schedule (agenda, times[i], i);
  ck_assert_uint_eq (kml_agenda_length (agenda), G_N_ELEMENTS (times));
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    ck_assert_uint_eq (kml_agenda_next_time (agenda), times[order[i]]);
    ck_assert (kml_agenda_take (agenda, &event));
    ck_assert_uint_eq (event.what, order[i]);
    ck_assert_uint_eq (event.time, times[order[i]]);
  }
  ck_assert (!kml_agenda_take (agenda, &event));
}
END_TEST

/* From fewer than the bottom takes to many rungs, everything at one of three times. */
START_TEST (ties_come_out_in_the_order_they_went_in)
{
  for (guint n = 1; n <= 20000; n = 3 * n + 1) {
    g_autoptr (KmlAgenda) agenda = kml_agenda_new ();
    KmlEvent event;

    for (guint i = 0; i < 3 * n; i++)
      kml_agenda_schedule (agenda, 1000 * (i % 3), i);
    for (guint i = 0; i < 3 * n; i++) {
      ck_assert (kml_agenda_take (agenda, &event));
      ck_assert_uint_eq (event.time, 1000 * (i / n));
      ck_assert_uint_eq (event.what, 3 * (i % n) + i / n);
    }
  }
}
END_TEST

/* All orders of four increments, two of them equal, twice, and all ways to take one in between: the
 * bottom alone, whose free slots hold what was taken, or time 0 when they were never used. */
START_TEST (every_order_of_a_few_events_agrees_with_a_heap)
{
  static const KmlTime increments[] = { 0, 1, 1, 2 };

  for (guint code = 0; code < 1u << 12; code++) {
    Fixture self;

    fixture_init (&self, 0);
    for (guint i = 0; i < 8; i++) {
      if ((code >> i / 2 & i & 1) != 0)
        take (&self);
      schedule (&self, self.now + increments[code >> (i % 4 * 2 + 4) & 3]);
    }
    drain (&self);
    fixture_finish (&self);
  }
}
END_TEST

/* Ranks from the first to the last in a bottom that is one short of full, whose slots are in use in
 * every rotation, the free one included. */
START_TEST (a_full_bottom_takes_an_event_at_any_rank)
{
  for (guint n_before = 0; n_before < 40; n_before++) {
    for (guint rank = 0; rank <= 15; rank++) {
      Fixture self;

      fixture_init (&self, 0);
      for (guint i = 0; i < n_before; i++) {
        schedule (&self, 1 + i);
        take (&self);
      }
      for (guint i = 0; i < 15; i++)
        schedule (&self, 100 + 10 * i);
      schedule (&self, 95 + 10 * rank);
      schedule (&self, 95 + 10 * rank); /* does not go in any more */
      schedule (&self, self.now);
      drain (&self);
      fixture_finish (&self);
    }
  }
}
END_TEST

/* A rung is some words of bits; the sizes are around those at which it takes one more. Events in the
 * first and the last bucket of each word, at the end of the rung, and later ones in between. */
START_TEST (rungs_of_any_number_of_words_agree_with_a_heap)
{
  static const guint sizes[] = { 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 500 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (guint64 width = 1; width <= 4096; width *= 16) {
      Fixture self;

      fixture_init (&self, i);
      for (guint j = 0; j < sizes[i]; j++)
        schedule (&self, width * (j % 64 == 0 || j % 64 == 63 || j + 1 == sizes[i]
                                      ? j
                                      : kml_rng_below (&self.rng, sizes[i])));
      peek (&self);
      for (guint j = 0; j < sizes[i]; j++) {
        take (&self);
        schedule (&self, self.now + width * kml_rng_below (&self.rng, sizes[i]));
        schedule (&self, MAX (self.now, width * (sizes[i] - 1)));
      }
      drain (&self);
      fixture_finish (&self);
    }
  }
}
END_TEST

START_TEST (random_operations_agree_with_a_heap)
{
  Fixture self;

  fixture_init (&self, (guint64)(_i / N_LAWS));
  for (guint share = 50; share <= 60; share += 5) {
    churn (&self, laws[_i % N_LAWS], 3000, share);
    churn (&self, laws[_i % N_LAWS], 3000, 50);
    drain (&self);
  }
  fixture_finish (&self);
}
END_TEST

START_TEST (steady_numbers_agree_with_a_heap)
{
  static const guint numbers[] = { 1, 4, 15, 16, 17, 31, 32, 33, 48, 64, 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    Fixture self;

    fixture_init (&self, i);
    hold (&self, laws[_i], numbers[i], 5000);
    fixture_finish (&self);
  }
}
END_TEST

START_TEST (a_hundred_thousand_pending_come_and_go)
{
  Fixture self;

  fixture_init (&self, 1);
  for (guint i = 0; i < 2; i++) {
    while (self.heap->len < 100000)
      churn (&self, laws[_i], 1000, 75);
    churn (&self, laws[_i], 20000, 50);
    while (self.heap->len > 1000)
      churn (&self, laws[_i], 1000, 25);
    drain (&self);
  }
  fixture_finish (&self);
}
END_TEST

START_TEST (increasing_and_decreasing_times_agree_with_a_heap)
{
  Fixture self;

  fixture_init (&self, 1);
  for (guint i = 0; i < 30000; i++)
    schedule (&self, 1000 + i);
  drain (&self);
  for (guint i = 0; i < 30000; i++)
    schedule (&self, 1000000 - i);
  drain (&self);
  fixture_finish (&self);
}
END_TEST

/* Looking at the next event moves it to the bottom; what is scheduled before it then has to be put
 * in front of it. Decreasing, this makes a rung of every sixteen events. */
START_TEST (events_before_one_that_was_looked_at_agree_with_a_heap)
{
  Fixture self;

  fixture_init (&self, 1);
  for (guint i = 0; i < 1000; i++)
    schedule (&self, 1000000 + i / 10);
  for (guint i = 0; i < 20000; i++) {
    peek (&self);
    schedule (&self, 1000000 - i);
  }
  for (guint i = 0; i < 10000; i++) {
    take (&self);
    schedule (&self, self.now + kml_rng_below (&self.rng, 30000));
  }
  drain (&self);
  fixture_finish (&self);
}
END_TEST

/* Bursts, each of another scale of time, overflow the bottom while rungs of other scales, full and
 * empty ones, are above it. */
START_TEST (bursts_of_any_scale_agree_with_a_heap)
{
  Fixture self;

  fixture_init (&self, (guint64)_i);
  for (guint i = 0; i < 400; i++) {
    const guint shift = (guint)kml_rng_below (&self.rng, 40);
    const guint64 n_scheduled = kml_rng_below (&self.rng, 120);
    const guint64 n_taken = kml_rng_below (&self.rng, 120);

    for (guint64 j = 0; j < n_scheduled; j++)
      schedule (&self, self.now + (kml_rng_next (&self.rng) >> 24 >> shift));
    for (guint64 j = 0; j < n_taken; j++)
      take (&self);
    if (n_taken % 2 == 0)
      peek (&self);
  }
  drain (&self);
  fixture_finish (&self);
}
END_TEST

/* A barrier that many wait for, and one that ticks towards it. */
START_TEST (a_crowd_at_one_instant_is_not_in_the_way)
{
  const KmlTime barrier = 1000000;
  Fixture self;

  fixture_init (&self, 1);
  for (guint i = 0; i < 50000; i++)
    schedule (&self, barrier);
  for (guint i = 0; i < 50000; i++) {
    peek (&self);
    schedule (&self, 10 * (i + 1));
    take (&self);
  }
  for (guint i = 0; i < 200; i++)
    schedule (&self, barrier);
  drain (&self);
  fixture_finish (&self);
}
END_TEST

START_TEST (the_ends_of_time_can_be_scheduled)
{
  Fixture self;

  fixture_init (&self, 1);
  for (guint i = 0; i < 3000; i++) {
    schedule (&self, KML_TIME_MAX);
    schedule (&self, 0);
    schedule (&self, KML_TIME_MAX - kml_rng_below (&self.rng, 3));
    schedule (&self, kml_rng_next (&self.rng));
    if (i % 3 == 0)
      peek (&self);
  }
  for (guint i = 0; i < 6000; i++)
    take (&self);
  for (guint i = 0; i < 3000; i++)
    schedule (&self, later (self.now, any_scale (&self.rng)));
  while (self.now < KML_TIME_MAX)
    take (&self);
  for (guint i = 0; i < 1000; i++)
    schedule (&self, KML_TIME_MAX);
  drain (&self);
  fixture_finish (&self);
}
END_TEST

START_TEST (the_past_cannot_be_changed)
{
  g_autoptr (KmlAgenda) agenda = kml_agenda_new ();
  KmlEvent event;

  kml_agenda_schedule (agenda, 10, 0);
  kml_agenda_take (agenda, &event);
  kml_agenda_schedule (agenda, 10, 1); /* now is not the past */
  kml_agenda_schedule (agenda, 9, 2);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("agenda");
  TCase *order = tcase_create ("order");
  TCase *model = tcase_create ("model");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (order, nothing_is_pending_at_first);
  tcase_add_test (order, events_come_out_by_time);
  tcase_add_test (order, ties_come_out_in_the_order_they_went_in);
  suite_add_tcase (suite, order);

  tcase_set_timeout (model, 60);
  tcase_add_test (model, every_order_of_a_few_events_agrees_with_a_heap);
  tcase_add_test (model, a_full_bottom_takes_an_event_at_any_rank);
  tcase_add_test (model, rungs_of_any_number_of_words_agree_with_a_heap);
  tcase_add_loop_test (model, random_operations_agree_with_a_heap, 0, N_SEEDS * N_LAWS);
  tcase_add_loop_test (model, steady_numbers_agree_with_a_heap, 0, N_LAWS);
  tcase_add_loop_test (model, a_hundred_thousand_pending_come_and_go, 0, N_CROWDS);
  tcase_add_test (model, increasing_and_decreasing_times_agree_with_a_heap);
  tcase_add_test (model, events_before_one_that_was_looked_at_agree_with_a_heap);
  tcase_add_loop_test (model, bursts_of_any_scale_agree_with_a_heap, 0, 20);
  tcase_add_test (model, a_crowd_at_one_instant_is_not_in_the_way);
  tcase_add_test (model, the_ends_of_time_can_be_scheduled);
  suite_add_tcase (suite, model);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, the_past_cannot_be_changed, SIGABRT);
  suite_add_tcase (suite, misuse);

  return run_suite (suite);
}
