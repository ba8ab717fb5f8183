/* test-trace-names.c: addresses as names, texts as numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table is compared with a plain one (GLib's, and a stack of free names)
 * over random insertions and removals with addresses like a kernel's.
 */

#include "tests/testutils.h"

#include "simcore/base/rng.h"
#include "workloads/traces/trace-names.h"
#include "workloads/traces/trace-strings.h"
#include "workloads/traces/trace-walk.h"

/* The plain table. */
typedef struct {
  GHashTable *names; /* address to 1 + name */
  GArray *free_names;
  guint n_names;
} Model;

static void
model_init (Model *self)
{
  self->names = g_hash_table_new (NULL, NULL);
  self->free_names = g_array_new (FALSE, FALSE, sizeof (guint));
  self->n_names = 0;
}

static void
model_clear (Model *self)
{
  g_hash_table_unref (self->names);
  g_array_unref (self->free_names);
}

static guint
model_find (const Model *self, guint64 key)
{
  const guint found = GPOINTER_TO_UINT (g_hash_table_lookup (self->names, GSIZE_TO_POINTER (key)));

  return found > 0 ? found - 1 : KML_TRACE_NO_NAME;
}

static guint
model_insert (Model *self, guint64 key)
{
  guint name = self->n_names;

  if (self->free_names->len > 0) {
    name = g_array_index (self->free_names, guint, self->free_names->len - 1);
    g_array_set_size (self->free_names, self->free_names->len - 1);
  } else {
    self->n_names++;
  }
  g_hash_table_insert (self->names, GSIZE_TO_POINTER (key), GUINT_TO_POINTER (name + 1));
  return name;
}

static void
model_remove (Model *self, guint64 key)
{
  const guint name = model_find (self, key);

  g_hash_table_remove (self->names, GSIZE_TO_POINTER (key));
  g_array_append_val (self->free_names, name);
}

/* One step with an address: it comes if it is not there, and goes if it is. */
static void
step (KmlTraceNames *names, Model *model, guint64 key)
{
  KmlTraceNamesPlace place;
  const guint32 found = kml_trace_names_find (names, key, &place);

  ck_assert_uint_eq (found, model_find (model, key));
  if (found == KML_TRACE_NO_NAME) {
    ck_assert_uint_eq (kml_trace_names_insert (names, key, place), model_insert (model, key));
  } else {
    kml_trace_names_remove (names, place);
    model_remove (model, key);
  }
  ck_assert_uint_eq (names->n_live, g_hash_table_size (model->names));
}

START_TEST (the_table_behaves_like_a_plain_one)
{
  /* How many different addresses: always almost empty, growing, and grown. */
  static const guint n_addresses[] = { 3, 5000, 60000 };
  const guint n = n_addresses[_i];
  KmlTraceNames names;
  Model model;
  KmlRng rng;

  kml_rng_init (&rng, 42, "names");
  kml_trace_names_init (&names, G_MAXUINT64);
  model_init (&model);
  for (guint i = 0; i < 50000; i++)
    step (&names, &model, G_GUINT64_CONSTANT (0xffff888000000000) + kml_rng_next (&rng) % n * 64);
  kml_trace_names_finish (&names);
  model_clear (&model);
}
END_TEST

/* Narrow keys become wide when the table is neither empty nor small, and there are free names. */
START_TEST (addresses_that_differ_in_any_bit_are_told_apart)
{
  KmlTraceNames names;
  Model model;
  KmlRng rng;

  kml_rng_init (&rng, 7, "names");
  kml_trace_names_init (&names, G_MAXUINT64);
  model_init (&model);
  for (guint i = 0; i < 30000; i++) {
    guint64 key = G_GUINT64_CONSTANT (0xffff888000000000) + kml_rng_next (&rng) % 3000 * 64;

    if (i > 10000)
      key ^= G_GUINT64_CONSTANT (1) << kml_rng_next (&rng) % 64;
    step (&names, &model, key);
    ck_assert (i <= 10000 ? names.key_bytes == 6 : i < 11000 || names.key_bytes == 8);
  }
  kml_trace_names_finish (&names);
  model_clear (&model);
}
END_TEST

/* Hashed pointers have zeros where addresses have ones. */
START_TEST (an_empty_table_takes_keys_of_another_kind_without_widening)
{
  static const guint64 keys[] = { G_GUINT64_CONSTANT (0xffff888000000040), 0x1234, G_MAXUINT64 };
  KmlTraceNamesPlace place;
  KmlTraceNames names;

  kml_trace_names_init (&names, G_MAXUINT64);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    kml_trace_names_find (&names, keys[i], &place);
    ck_assert_uint_eq (kml_trace_names_insert (&names, keys[i], place), 0);
    ck_assert_uint_eq (kml_trace_names_find (&names, keys[i], &place), 0);
    ck_assert_uint_eq (kml_trace_names_key (&names, 0), keys[i]);
    kml_trace_names_remove (&names, place);
  }
  ck_assert_uint_eq (names.key_bytes, 6);
  kml_trace_names_finish (&names);
}
END_TEST

START_TEST (names_stay_below_the_most_that_were_live)
{
  KmlTraceNames names;
  KmlTraceNamesPlace place;

  kml_trace_names_init (&names, G_MAXUINT64);
  for (guint64 key = 1; key <= 100000; key++) {
    kml_trace_names_find (&names, key, &place);
    ck_assert_uint_le (kml_trace_names_insert (&names, key, place), 100);
    if (key > 100) {
      ck_assert_uint_ne (kml_trace_names_find (&names, key - 100, &place), KML_TRACE_NO_NAME);
      kml_trace_names_remove (&names, place);
    }
  }
  kml_trace_names_finish (&names);
}
END_TEST

START_TEST (a_live_block_takes_at_most_thirteen_bytes)
{
  KmlTraceNames names;
  KmlTraceNamesPlace place;
  guint64 n_above = 0; /* an assertion each would take longer than all else */

  kml_trace_names_init (&names, G_MAXUINT64);
  for (guint64 i = 0; i < 500000; i++) {
    const guint64 key = G_GUINT64_CONSTANT (0xffff888000000000) + i * 192;

    kml_trace_names_find (&names, key, &place);
    kml_trace_names_insert (&names, key, place);
    n_above += i > 20000 && kml_trace_names_bytes (&names) > 13 * (i + 1);
  }
  ck_assert_uint_eq (n_above, 0);
  kml_trace_names_finish (&names);
}
END_TEST

/* What @number of the hash is made from: its steps backwards. */
static guint64
unhash (guint64 hash)
{
  guint64 inverse[2] = { G_GUINT64_CONSTANT (0x9e3779b97f4a7c15),
                         G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f) };
  const guint64 odd[2] = { inverse[0], inverse[1] };

  /* Newton's iteration: each step doubles the number of right low bits, of which there are 3. */
  for (guint step = 0; step < 5; step++)
    for (guint i = 0; i < 2; i++)
      inverse[i] *= 2 - odd[i] * inverse[i];
  hash *= inverse[1];
  return (hash ^ hash >> 32) * inverse[0];
}

START_TEST (keys_made_to_collide_are_given_up)
{
  KmlTraceNames names;
  KmlTraceNamesPlace place;
  guint32 name = 0;
  guint64 i;

  kml_trace_names_init (&names, G_MAXUINT64);
  ck_assert_uint_eq (kml_trace_names_home (&names, unhash (7)).home, 0);
  for (i = 0; i < 10000 && name != KML_TRACE_NO_NAME; i++) { /* the same home and the same tag */
    const guint64 key = unhash (G_GUINT64_CONSTANT (0x12345678aa000000) + i);

    ck_assert_uint_eq (kml_trace_names_find (&names, key, &place), KML_TRACE_NO_NAME);
    name = kml_trace_names_insert (&names, key, place);
    if (name != KML_TRACE_NO_NAME)
      ck_assert_uint_eq (kml_trace_names_find (&names, key, &place), name);
  }
  ck_assert_uint_gt (i, KML_TRACE_BUCKET_NAMES);
  ck_assert_uint_lt (i, 1000);
  kml_trace_names_finish (&names);
}
END_TEST

START_TEST (bits_outside_the_mask_are_a_value)
{
  KmlTraceNames names;
  KmlTraceNamesPlace place;
  guint32 name;

  kml_trace_names_init (&names, 0xffff);
  kml_trace_names_find (&names, 0x1234, &place);
  name = kml_trace_names_insert (&names, 0xab1234, place);
  ck_assert_uint_eq (kml_trace_names_find (&names, 0xcd1234, &place), name);
  ck_assert_uint_eq (kml_trace_names_key (&names, name), 0xab1234);
  kml_trace_names_finish (&names);
}
END_TEST

START_TEST (texts_are_numbered_as_they_come)
{
  KmlTraceStrings strings;

  kml_trace_strings_init (&strings, 1000);
  ck_assert_uint_eq (kml_trace_strings_add (&strings, "", 0), 0);
  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < 900; i++) {
      g_autofree char *text = g_strdup_printf ("%*u", (int)(i % 40), i);

      ck_assert_uint_eq (kml_trace_strings_add (&strings, text, strlen (text)), i + 1);
    }
  ck_assert_str_eq (kml_trace_strings_get (&strings, 8), "      7");
  ck_assert_str_eq (kml_trace_strings_get (&strings, 5000), "");
  kml_trace_strings_finish (&strings);
}
END_TEST

START_TEST (texts_beyond_the_limit_are_the_empty_one)
{
  KmlTraceStrings strings;

  kml_trace_strings_init (&strings, 2);
  ck_assert_uint_eq (kml_trace_strings_add (&strings, "a", 1), 1);
  ck_assert_uint_eq (kml_trace_strings_add (&strings, "b", 1), 2);
  ck_assert_uint_eq (kml_trace_strings_add (&strings, "c", 1), 0);
  ck_assert_uint_eq (kml_trace_strings_add (&strings, "a", 1), 1);
  kml_trace_strings_finish (&strings);
}
END_TEST

/* ---- Reading words ---- */

START_TEST (hexadecimal_numbers_are_read_like_by_glib)
{
  char text[17 + KML_TRACE_PADDING] = { 0 };
  KmlRng rng;

  kml_rng_init (&rng, 1, "hex");
  for (guint i = 0; i < 50000; i++) {
    char digits[17] = { 0 };
    guint64 value;
    guint n = 0;

    g_snprintf (text, 17, "%016" G_GINT64_MODIFIER "x", kml_rng_next (&rng));
    if (i % 2 == 0) /* any byte in any place */
      text[kml_rng_next (&rng) % 16] = (char)(kml_rng_next (&rng) >> 11);
    while (n < 16 && g_ascii_isxdigit (text[n]) && !g_ascii_isupper (text[n]))
      n++;
    memcpy (digits, text, n);
    ck_assert_uint_eq (kml_trace_read_hex (text, &value), n);
    ck_assert_uint_eq (value, g_ascii_strtoull (digits, NULL, 16));
  }
}
END_TEST

START_TEST (decimal_numbers_are_read_like_by_glib)
{
  char text[32 + KML_TRACE_PADDING] = { 0 };
  KmlRng rng;

  kml_rng_init (&rng, 1, "decimal");
  for (guint i = 0; i < 50000; i++) {
    const guint64 number = kml_rng_next (&rng) >> (1 + kml_rng_next (&rng) % 63);
    const char behind = (char)(kml_rng_next (&rng) >> 9);
    const char *end;
    guint64 value;

    g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT "%c7", number, behind);
    if (kml_trace_is_digit (behind))
      continue;
    ck_assert_int_eq (kml_trace_read_decimal (text, &end, &value), number < 10000000000000000000u);
    ck_assert_uint_eq (value, number);
    ck_assert_ptr_eq (end, text + strspn (text, "0123456789"));
  }
}
END_TEST

static Suite *
trace_names_suite (void)
{
  Suite *suite = suite_create ("trace-names");
  TCase *names = tcase_create ("names");
  TCase *texts = tcase_create ("texts");
  TCase *words = tcase_create ("words");

  tcase_add_loop_test (names, the_table_behaves_like_a_plain_one, 0, 3);
  tcase_add_test (names, addresses_that_differ_in_any_bit_are_told_apart);
  tcase_add_test (names, an_empty_table_takes_keys_of_another_kind_without_widening);
  tcase_add_test (names, names_stay_below_the_most_that_were_live);
  tcase_add_test (names, a_live_block_takes_at_most_thirteen_bytes);
  tcase_add_test (names, keys_made_to_collide_are_given_up);
  tcase_add_test (names, bits_outside_the_mask_are_a_value);
  suite_add_tcase (suite, names);

  tcase_add_test (texts, texts_are_numbered_as_they_come);
  tcase_add_test (texts, texts_beyond_the_limit_are_the_empty_one);
  suite_add_tcase (suite, texts);

  tcase_add_test (words, hexadecimal_numbers_are_read_like_by_glib);
  tcase_add_test (words, decimal_numbers_are_read_like_by_glib);
  suite_add_tcase (suite, words);
  return suite;
}

int
main (void)
{
  return run_suite (trace_names_suite ());
}
