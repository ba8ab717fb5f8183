/* coroutine-check.c: stacks are switched as the calling convention wants, on whatever processor this is compiled for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A program of its own, compiled with simcore/base/coroutine.c and nothing else (tests/cross.py). Each coroutine holds as many
 * integers and floating-point numbers across a switch as there are registers that a function must keep, of values that no other has, and
 * looks at them afterwards; frames are aligned as code expects that moves vectors; arguments and heap arrive. Stacks do not all have the same place in what is chosen by
 * some bits of an address.
 */

#include "simcore/base/coroutine.h"

#include <string.h>

#define N_COROUTINES 600 /* more than a chunk of stacks */
#define N_ROUNDS     40
#define N_WORDS      12 /* of 16 that there is room for */

typedef struct {
  KmlCoroutine coroutine;
  guint64 number;
  guint n_rounds;
  gsize page; /* of its frame */
} Walker;

static Walker walkers[N_COROUTINES];
static KmlCoroutine host;
static guint n_ended;

/* A number that the compiler cannot work out again afterwards. */
static guint64 __attribute__ ((noinline)) draw (guint64 *state)
{
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return *state >> 11;
}

static void __attribute__ ((noinline)) leave (Walker *self)
{
  kml_coroutine_switch (&self->coroutine, &host);
}

/* What is live across the switch fills the registers that a function must keep: 10 and 8 on aarch64. */
static guint64 __attribute__ ((noinline)) hold_across (Walker *self, guint64 seed)
{
  guint64 state = seed;
  guint64 a = draw (&state), b = draw (&state), c = draw (&state), d = draw (&state),
          e = draw (&state), f = draw (&state), g = draw (&state), h = draw (&state);
  double p = (double)draw (&state), q = (double)draw (&state), r = (double)draw (&state),
         s = (double)draw (&state), t = (double)draw (&state), u = (double)draw (&state),
         v = (double)draw (&state), w = (double)draw (&state);

  leave (self);
  return (a ^ b << 1 ^ c << 2 ^ d << 3 ^ e << 4 ^ f << 5 ^ g << 6 ^ h << 7) +
         (guint64)(p + q * 2 + r * 3 + s * 5 + t * 7 + u * 11 + v * 13 + w * 17);
}

/* The same without a switch. */
static guint64 __attribute__ ((noinline)) hold (guint64 seed)
{
  guint64 state = seed, all[8], sum = 0;
  static const double factors[8] = { 1, 2, 3, 5, 7, 11, 13, 17 };
  double total = 0;

  for (guint i = 0; i < 8; i++)
    all[i] = draw (&state);
  for (guint i = 0; i < 8; i++)
    total += (double)draw (&state) * factors[i];
  for (guint i = 0; i < 8; i++)
    sum ^= all[i] << i;
  return sum + (guint64)total;
}

/* As if it called nobody, so a compiler may keep it below the stack pointer, where x86-64's convention leaves room. */
static gboolean __attribute__ ((noinline)) hold_below (Walker *self, guint64 seed)
{
  volatile guint64 words[N_WORDS];
  gboolean same = TRUE;

  for (guint i = 0; i < N_WORDS; i++)
    words[i] = seed + i;
  kml_coroutine_switch (&self->coroutine, &host);
  for (guint i = 0; i < N_WORDS; i++)
    same &= words[i] == seed + i;
  return same;
}

static void
walk (gpointer data)
{
  Walker *self = data;
  guint8 frame[64] __attribute__ ((aligned (16)));

  self->page = (gsize)frame >> 12;
  memset (frame, (int)(self->number & 0xff), sizeof frame);
  g_assert (((gsize)__builtin_frame_address (0) & 15) == 0);
  g_assert (((gsize)frame & 15) == 0);
  for (guint i = 0; i < N_ROUNDS; i++) {
    const guint64 seed = self->number * 1000 + i;
    char text[64];

    g_assert (hold_across (self, seed) == hold (seed));
    g_assert (hold_below (self, seed));
    snprintf (text, sizeof text, "%.3f", (double)self->number / 8); /* calls that use vectors */
    g_assert (strtod (text, NULL) == (double)self->number / 8);
    self->n_rounds++;
  }
  for (guint i = 0; i < sizeof frame; i++)
    g_assert (frame[i] == (guint8)self->number);
  n_ended++;
  leave (self);
  g_assert_not_reached ();
}

/* Of so many sets of translations of addresses as a processor may have. */
#define N_SETS 64

static void
check_pages (void)
{
  guint n_used = 0;
  gboolean is_used[N_SETS] = { 0 };

  for (guint i = 0; i < N_COROUTINES; i++) {
    n_used += !is_used[walkers[i].page % N_SETS];
    is_used[walkers[i].page % N_SETS] = TRUE;
  }
  g_assert (n_used == N_SETS);
}

int
main (void)
{
  KmlStackPool *pool = kml_stack_pool_new ();

  for (guint i = 0; i < N_COROUTINES; i++) {
    walkers[i].number = i;
    kml_coroutine_start (&walkers[i].coroutine, pool, walk, &walkers[i]);
  }
  for (guint round = 0; round <= 2 * N_ROUNDS; round++)
    for (guint i = 0; i < N_COROUTINES; i++)
      kml_coroutine_switch (&host, &walkers[(i * 7) % N_COROUTINES].coroutine);
  g_assert (n_ended == N_COROUTINES);
  check_pages ();
  for (guint i = 0; i < N_COROUTINES; i++) {
    g_assert (walkers[i].n_rounds == N_ROUNDS);
    kml_coroutine_drop (&walkers[i].coroutine, pool);
  }
  kml_coroutine_start (&walkers[0].coroutine, pool, walk, &walkers[0]); /* a stack used again */
  kml_coroutine_switch (&host, &walkers[0].coroutine);
  kml_stack_pool_free (pool);
  puts ("ok");
  return 0;
}
