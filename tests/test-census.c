/* test-census.c: streams that add up to a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/workload.h"
#include "tests/testutils.h"

#include <glib/gstdio.h>
#include <string.h>

#define TABLE                                                                                      \
  "# type size in-use most requests\n"                                                             \
  "mbuf      128   6   20   3000\n"                                                                \
  "\n"                                                                                             \
  "namei    1KiB   0    5    600  # path names\n"                                                  \
  "superblk 1024  14   14     14\r\n"                                                              \
  "temp     4096   0    1     17\n"                                                                \
  "unused      8   0  1e8      0\n"

#define N_NAMES (20 + 5 + 14 + 1)

static char *path; /* of the table */

static void
write_table (const char *text, gssize length)
{
  g_autoptr (GError) error = NULL;
  const int fd = g_file_open_tmp ("census-XXXXXX", &path, &error);

  ck_assert_int_ge (fd, 0);
  ck_assert (g_close (fd, NULL));
  ck_assert (g_file_set_contents (path, text, length, &error));
}

static void
remove_table (void)
{
  g_remove (path);
  g_clear_pointer (&path, g_free);
}

static void
set (KmlWorkload *self, const char *key, const char *value)
{
  g_autoptr (GError) error = NULL;

  kml_param_parse (kml_param_find (self->ops->params, key), value, self, &error);
  assert_no_error (error);
}

/* Keys and values in turn, ended by NULL. */
static KmlWorkload *
new_census (const char *const *pairs)
{
  KmlWorkload *self = kml_workload_new (kml_workload_find ("census"), "day", ".");

  set (self, "file", path);
  for (; pairs[0] != NULL; pairs += 2)
    set (self, pairs[0], pairs[1]);
  return self;
}

#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static GArray *
collect (const char *const *pairs, guint64 seed, guint batch)
{
  g_autoptr (KmlWorkload) self = new_census (pairs);
  GArray *all = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  g_autofree KmlOp *ops = g_new0 (KmlOp, batch);
  g_autoptr (GError) error = NULL;
  int n;

  kml_workload_open (self, seed, 1, 4096, &error);
  assert_no_error (error);
  while ((n = self->ops->next (self, ops, batch, &error)) > 0)
    g_array_append_vals (all, ops, (guint)n);
  assert_no_error (error);
  ck_assert_double_eq (self->ops->progress (self), 1);
  return all;
}

static void
assert_ends (const char *const *pairs, guint n_requests, guint n_in_use)
{
  g_autoptr (GArray) ops = collect (pairs, 1, 256);
  guint n_asked = 0, n_freed = 0;

  for (guint i = 0; i < ops->len; i++)
    if (g_array_index (ops, KmlOp, i).kind == KML_OP_ALLOC)
      n_asked++;
    else
      n_freed++;
  ck_assert_uint_eq (n_asked, n_requests);
  ck_assert_uint_eq (n_asked - n_freed, n_in_use);
}

START_TEST (every_line_has_its_requests_and_leaves_what_is_in_use)
{
  assert_ends (KEYS ("type", "all"), 3631, 20);
  assert_ends (KEYS ("type", "mbuf"), 3000, 6);
  assert_ends (KEYS ("type", "namei"), 600, 0);
  assert_ends (KEYS ("type", "superblk"), 14, 14);
  assert_ends (KEYS ("type", "temp"), 17, 0);
  assert_ends (KEYS ("size", "1024"), 614, 14);
  assert_ends (KEYS ("size", "1KiB", "type", "namei"), 600, 0);
}
END_TEST

START_TEST (never_more_are_live_than_the_table_says)
{
  g_autoptr (GArray) ops = collect (KEYS ("type", "all"), 7, 3);
  guint64 live[N_NAMES] = { 0 }; /* the size of each */
  guint n_live[5000] = { 0 };    /* of each size; 1024 has two lines */
  guint most_128 = 0, most_1024 = 0;

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = &g_array_index (ops, KmlOp, i);

    ck_assert_uint_lt (op->block, N_NAMES);
    ck_assert_uint_eq (op->level, KML_LEVEL_OBJECTS);
    if (op->kind == KML_OP_ALLOC) {
      ck_assert_uint_eq (live[op->block], 0);
      live[op->block] = op->request.size;
      n_live[op->request.size]++;
    } else {
      ck_assert_uint_ne (live[op->block], 0);
      n_live[live[op->block]]--;
      live[op->block] = 0;
    }
    most_128 = MAX (most_128, n_live[128]);
    most_1024 = MAX (most_1024, n_live[1024]);
    ck_assert_uint_le (n_live[4096], 1);
  }
  ck_assert_uint_eq (most_128, 20); /* of 3000 requests some meet the limit */
  ck_assert_uint_le (most_1024, 19);
}
END_TEST

START_TEST (lines_last_until_the_end)
{
  g_autoptr (GArray) ops = collect (KEYS ("type", "all"), 1, 256);
  guint64 last_superblk = 0;

  for (guint i = 0; i < ops->len; i++)
    if (g_array_index (ops, KmlOp, i).block >= 25 && g_array_index (ops, KmlOp, i).block < 39)
      last_superblk = i;
  ck_assert_uint_gt (last_superblk, ops->len * 2 / 3); /* less with a probability of 0.4 % */
}
END_TEST

START_TEST (the_stream_depends_on_the_seed_and_not_on_how_it_is_read)
{
  g_autoptr (GArray) one = collect (KEYS ("type", "all"), 1, 256);
  g_autoptr (GArray) same = collect (KEYS ("type", "all"), 1, 7);
  g_autoptr (GArray) other = collect (KEYS ("type", "all"), 2, 256);

  ck_assert_uint_eq (one->len, same->len);
  ck_assert_mem_eq (one->data, same->data, one->len * sizeof (KmlOp));
  ck_assert_uint_eq (one->len, other->len);
  ck_assert_int_ne (memcmp (one->data, other->data, one->len * sizeof (KmlOp)), 0);
}
END_TEST

START_TEST (sizes_are_those_of_the_table)
{
  static const KmlSizeCount expected[] = { { 128, 3000 }, { 1024, 614 }, { 4096, 17 } };
  g_autoptr (KmlWorkload) self = new_census (KEYS ("type", "all"));
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (GError) error = NULL;

  kml_workload_open (self, 1, 1, 4096, &error);
  assert_no_error (error);
  ck_assert (self->ops->sizes (self, counts, &error));
  ck_assert_uint_eq (counts->len, G_N_ELEMENTS (expected));
  ck_assert_mem_eq (counts->data, expected, sizeof expected);
}
END_TEST

/* ---- Errors ---- */

static const struct {
  const char *text;
  gssize length; /* -1: to the NUL */
  const char *fragment;
} bad_tables[] = {
  { "", -1, "there is no line in it" },
  { "# nothing\n", -1, "there is no line in it" },
  { "mbuf 128 6 20\n", -1, ":1: expected type, size, in-use, most and requests, not 4 words" },
  { "\nmbuf 128 6 20 30 40\n", -1, ":2: expected type, size, in-use, most and requests, not 6" },
  { "mbuf x 6 20 30\n", -1, ":1: size: expected a size" },
  { "mbuf 0 6 20 30\n", -1, ":1: size: expected a size from 1 byte" },
  { "mbuf 3GiB 6 20 30\n", -1, ":1: size: expected a size from 1 byte to 2GiB" },
  { "mbuf 128 -6 20 30\n", -1, ":1: in-use: expected a count" },
  { "mbuf 128 6 5 30\n", -1, ":1: most: expected a count from 6" },
  { "mbuf 128 0 0 30\n", -1, ":1: most: expected a count from 1" },
  { "mbuf 128 0 1e9 30\n", -1, ":1: most: expected a count from 1" },
  { "mbuf 128 6 20 5\n", -1, ":1: in-use: 6 blocks cannot come of 5 requests" },
  { "mbuf 128 6 20 1e18\n", -1, ":1: requests: expected at most 2^40" },
  { "a 1 0 1 1\nb 1 0 1 1\na 1 0 1 1\n", -1, ":3: a of 1 bytes stands here twice" },
  { "a 1 0 2e8 1e9\nb 1 0 2e8 1e9\n", -1, "blocks could be live" },
  { "a 1 0 1 1\0b", 11, "this is no text" },
  { "\xff 1 0 1 1\n", -1, "this is no text" },
};

START_TEST (a_table_that_makes_no_sense_is_told_with_its_line)
{
  g_autoptr (KmlWorkload) self = NULL;
  g_autoptr (GError) error = NULL;

  write_table (bad_tables[_i].text, bad_tables[_i].length);
  self = new_census (KEYS ("type", "all"));
  ck_assert (!kml_workload_open (self, 1, 1, 4096, &error));
  assert_error (error, KML_ERROR_INPUT, bad_tables[_i].fragment);
  remove_table ();
}
END_TEST

START_TEST (a_type_that_is_not_there_is_told_with_the_nearest)
{
  g_autoptr (KmlWorkload) self = new_census (KEYS ("type", "mbfu"));
  g_autoptr (KmlWorkload) other = new_census (KEYS ("type", "mbuf", "size", "64"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) other_error = NULL;

  ck_assert (!kml_workload_open (self, 1, 1, 4096, &error));
  assert_error (error, KML_ERROR_INPUT, "has no line of this type; did you mean “mbuf”?");
  ck_assert (!kml_workload_open (other, 1, 1, 4096, &other_error));
  assert_error (other_error, KML_ERROR_INPUT, "has no line of this type and this size");
}
END_TEST

START_TEST (a_file_that_cannot_be_read_is_an_error)
{
  g_autoptr (KmlWorkload) missing = new_census (KEYS ("file", "nonesuch.census"));
  g_autoptr (KmlWorkload) folder = new_census (KEYS ("file", g_get_tmp_dir ()));
  g_autofree char *large = g_strnfill ((1 << 20) + 1, ' ');
  g_autoptr (KmlWorkload) endless = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (!kml_workload_open (missing, 1, 1, 4096, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "nonesuch.census"));
  g_clear_error (&error);
  ck_assert (!kml_workload_open (folder, 1, 1, 4096, &error));
  ck_assert_ptr_nonnull (error);
  g_clear_error (&error);

  remove_table ();
  write_table (large, -1);
  endless = new_census (KEYS ("type", "all"));
  ck_assert (!kml_workload_open (endless, 1, 1, 4096, &error));
  assert_error (error, KML_ERROR_INPUT, "more than a megabyte");
}
END_TEST

static void
write_good_table (void)
{
  write_table (TABLE, -1);
}

int
main (void)
{
  Suite *suite = suite_create ("census");
  TCase *stream = tcase_create ("stream");
  TCase *errors = tcase_create ("errors");

  tcase_add_checked_fixture (stream, write_good_table, remove_table);
  tcase_add_test (stream, every_line_has_its_requests_and_leaves_what_is_in_use);
  tcase_add_test (stream, never_more_are_live_than_the_table_says);
  tcase_add_test (stream, lines_last_until_the_end);
  tcase_add_test (stream, the_stream_depends_on_the_seed_and_not_on_how_it_is_read);
  tcase_add_test (stream, sizes_are_those_of_the_table);
  tcase_add_test (stream, a_type_that_is_not_there_is_told_with_the_nearest);
  tcase_add_test (stream, a_file_that_cannot_be_read_is_an_error);
  suite_add_tcase (suite, stream);
  tcase_add_loop_test (errors, a_table_that_makes_no_sense_is_told_with_its_line, 0,
                       (int)G_N_ELEMENTS (bad_tables));
  suite_add_tcase (suite, errors);

  return run_suite (suite);
}
