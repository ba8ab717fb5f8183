/* testutils.h: what the test programs share: a main() that speaks TAP.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <check.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "simcore/base/blame.h"

/* Whether sanitizers watch, which makes everything take several times as long. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED TRUE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED TRUE
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED FALSE
#endif

#define assert_no_error(error)                                                                     \
  ck_assert_msg ((error) == NULL, "unexpected error: %s", (error) != NULL ? (error)->message : "")

/* "layer.lists.batch: " before the message, where it is about a setting. */
static inline void
tell_blame (GError **error)
{
  g_autofree char *what = kml_take_blame (*error);

  if (what != NULL)
    g_prefix_error (error, "%s: ", what);
}

#define assert_error(error, code_, fragment)                                                       \
  do {                                                                                             \
    ck_assert_msg ((error) != NULL, "no error, but one with “%s” was expected", fragment);         \
    tell_blame (&(error));                                                                         \
    ck_assert_msg ((error)->code == (int)(code_), "code %d: %s", (error)->code, (error)->message); \
    ck_assert_msg (strstr ((error)->message, fragment) != NULL, "“%s” does not say “%s”",          \
                   (error)->message, fragment);                                                    \
  } while (0)

/* Check writes down each assertion that holds, to say behind which one a test crashed, and reads all of it in the end: half of the
 * time where loops assert. The first time that a line is passed says as much. */
static inline void
mark_once (const char *file, int line)
{
  static gboolean is_marked[4096];
  gboolean *mark = &is_marked[(guint)line % G_N_ELEMENTS (is_marked)];

  if (!*mark)
    (_mark_point) (file, line);
  *mark = TRUE;
}

#define _mark_point(file, line) mark_once (file, line)

/* Checked fixture for tests that are meant to abort: g_assert() prints "Bail
 * out!" on stdout, which would end the run of a TAP reader. */
static inline void
hush_stdout (void)
{
  if (freopen ("/dev/null", "w", stdout) == NULL)
    abort ();
}

static inline int
run_suite (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  int n_failed;

  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  n_failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
