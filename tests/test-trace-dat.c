/* test-trace-dat.c: trace.dat, which another program reads.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The program is a script that is called trace-cmd and does what each test wants: fail, crash, hang, flood. That the real
 * one understands its part is tested end to end, where it is installed.
 */

#include "trace-compress.h"
#include "trace-fixture.h"

#include <errno.h>
#include <signal.h>

#define FILE_TEXT                                                                                  \
  "\x17\x08"                                                                                       \
  "Dtracing7\0and what else there is"

/* A folder with a trace.dat, and a trace-cmd that runs @script; PATH leads there. */
static char *
new_world (const char *script)
{
  char *folder = new_folder ();
  g_autofree char *program = in_folder (folder, "trace-cmd");
  g_autofree char *file = in_folder (folder, "trace.dat");
  g_autofree char *sample = sample_path ("report-flags.txt");
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\n%s\n", script);
  g_autofree char *path = g_strdup_printf ("%s:/usr/bin:/bin", folder);

  write_file (program, text, strlen (text));
  ck_assert_int_eq (g_chmod (program, 0700), 0);
  write_file (file, FILE_TEXT, sizeof FILE_TEXT);
  g_setenv ("PATH", path, TRUE);
  g_setenv ("SAMPLE", sample, TRUE);
  g_setenv ("FOLDER", folder, TRUE);
  return folder;
}

static Recording *
read_world (const char *folder, GError **error)
{
  g_autofree char *file = in_folder (folder, "trace.dat");

  return read_in_batches (file, 256, error);
}

static void
refuse (const char *script, const char *fragment)
{
  g_autoptr (Folder) folder = new_world (script);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_world (folder, &error));
  assert_error (error, KML_ERROR_INPUT, fragment);
}

START_TEST (what_the_program_prints_is_read)
{
  g_autoptr (Folder) folder = new_world (
      "[ \"$*\" = 'report -l -t -i /dev/fd/3' ] && cmp -s \"$5\" $FOLDER/trace.dat && cat $SAMPLE");
  g_autoptr (Recording) expected = read_sample ("report-flags.txt");
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_world (folder, &error);

  assert_no_error (error);
  ck_assert_str_eq (kml_trace_info (recording->trace)->format, "trace.dat");
  assert_same_recording (expected, recording);
}
END_TEST

START_TEST (a_compressed_file_is_unpacked_for_the_program)
{
  for (guint i = 0; i < G_N_ELEMENTS (compressors); i++) {
    g_autoptr (Folder) folder = new_world ("cmp -s \"$5\" $FOLDER/plain || exit 9; cat $SAMPLE");
    g_autofree char *plain = in_folder (folder, "plain");
    g_autofree char *file = in_folder (folder, "trace.dat");
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autoptr (GByteArray) stored = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (Recording) recording = NULL;

    for (guint j = 0; j < 100000; j++)
      g_byte_array_append (bytes, (const guint8 *)FILE_TEXT, sizeof FILE_TEXT);
    stored = compressors[i].compress (bytes);
    write_file (plain, bytes->data, bytes->len);
    write_file (file, stored->data, stored->len);
    recording = read_world (folder, &error);
    assert_no_error (error);
    ck_assert_str_eq (kml_trace_info (recording->trace)->compression, compressors[i].name);
  }
}
END_TEST

START_TEST (it_becomes_a_binary_file_and_a_workload)
{
  g_autoptr (Folder) folder = new_world ("cat $SAMPLE");
  g_autofree char *from = in_folder (folder, "trace.dat");
  g_autofree char *to = in_folder (folder, "x.kmt");
  g_autoptr (Recording) expected = read_sample ("report-flags.txt");
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (from, NULL, &error);
  const KmlTraceConvert options = { 0 };
  g_autoptr (Recording) recording = NULL;

  ck_assert (kml_trace_convert (trace, to, &options, &error));
  recording = read_file (to);
  ck_assert_str_eq (kml_trace_info (recording->trace)->source, "trace.dat");
  assert_same_recording (expected, recording);
}
END_TEST

START_TEST (a_program_that_is_not_there_is_named_with_its_package)
{
  g_autoptr (Folder) folder = new_world ("cat $SAMPLE");
  g_autofree char *program = in_folder (folder, "trace-cmd");
  g_autoptr (GError) error = NULL;

  g_unlink (program);
  g_setenv ("PATH", folder, TRUE);
  ck_assert_ptr_null (read_world (folder, &error));
  assert_error (error, KML_ERROR_WORLD, "through the program trace-cmd, which is not there");
  assert_error (error, KML_ERROR_WORLD, "the package is called trace-cmd");
}
END_TEST

START_TEST (its_own_words_are_quoted_when_it_fails)
{
  refuse ("echo >&2; echo '  trace-cmd: no such thing' >&2; exit 3",
          "the trace: trace-cmd cannot read it: “trace-cmd: no such thing”");
  refuse ("exit 3", "the trace: trace-cmd cannot read it: it does not say why");
  refuse ("cat $SAMPLE; exit 1", "the trace: trace-cmd cannot read it");
}
END_TEST

START_TEST (its_crash_is_not_ours)
{
  refuse ("echo 'bad format' >&2; kill -SEGV $$",
          "the trace: trace-cmd crashed on it (signal 11, Segmentation fault): “bad format”");
  refuse ("head -c 20000 $SAMPLE; kill -ABRT $$", "the trace: trace-cmd crashed on it (signal 6");
}
END_TEST

START_TEST (half_of_a_text_leaves_no_binary_file)
{
  g_autoptr (Folder) folder = new_world ("head -c 20000 $SAMPLE; kill -ABRT $$");
  g_autofree char *from = in_folder (folder, "trace.dat");
  g_autofree char *to = in_folder (folder, "x.kmt");
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (from, NULL, &error);
  const KmlTraceConvert options = { 0 };

  assert_no_error (error);
  ck_assert (!kml_trace_convert (trace, to, &options, &error));
  ck_assert (!g_file_test (to, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST (a_program_that_prints_no_event_is_asked_why)
{
  refuse ("exit 0", "the trace: not a single event is in it: was it cut?");
  refuse ("echo cpus=4", "the trace: not a single event is in it: was it cut?");
}
END_TEST

START_TEST (a_flood_of_messages_holds_nothing_up)
{
  g_autoptr (Folder)
      folder = new_world ("head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; cat $SAMPLE; exit 0");
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_world (folder, &error);

  assert_no_error (error);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 421);
}
END_TEST

START_TEST (a_program_that_does_not_end_is_ended)
{
  g_autoptr (Folder) folder = new_world ("cat $SAMPLE; exec >&-; exec sleep 100");
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_world (folder, &error);

  assert_no_error (error);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 421);
}
END_TEST

/* The number of the process, which the script has written before it printed anything. */
static pid_t
pid_in (const char *folder)
{
  g_autofree char *path = in_folder (folder, "pid");
  g_autofree char *text = NULL;

  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  return (pid_t)g_ascii_strtoll (text, NULL, 10);
}

START_TEST (closing_the_trace_ends_the_program)
{
  g_autoptr (Folder) folder = new_world ("echo $$ > $FOLDER/pid; while :; do cat $SAMPLE; done");
  g_autofree char *file = in_folder (folder, "trace.dat");
  g_autoptr (GError) error = NULL;
  KmlTrace *trace = kml_trace_open (file, NULL, &error);
  KmlTraceEvent events[16];
  pid_t pid;

  assert_no_error (error);
  ck_assert_int_eq (kml_trace_next (trace, events, G_N_ELEMENTS (events), &error), 16);
  pid = pid_in (folder);
  ck_assert_int_eq (kill (pid, 0), 0);
  kml_trace_close (trace);
  ck_assert_int_eq (kill (pid, 0), -1);
  ck_assert_int_eq (errno, ESRCH);
}
END_TEST

START_TEST (text_that_is_none_is_refused_as_such)
{
  refuse ("cat $SAMPLE; yes nonsense | head -2000", "not an event: “nonsense”");
  refuse ("yes nonsense", "not a single event is in it");
}
END_TEST

static Suite *
trace_dat_suite (void)
{
  Suite *suite = suite_create ("trace-dat");
  TCase *dat = tcase_create ("dat");

  tcase_add_test (dat, what_the_program_prints_is_read);
  tcase_add_test (dat, a_compressed_file_is_unpacked_for_the_program);
  tcase_add_test (dat, it_becomes_a_binary_file_and_a_workload);
  tcase_add_test (dat, a_program_that_is_not_there_is_named_with_its_package);
  tcase_add_test (dat, its_own_words_are_quoted_when_it_fails);
  tcase_add_test (dat, its_crash_is_not_ours);
  tcase_add_test (dat, half_of_a_text_leaves_no_binary_file);
  tcase_add_test (dat, a_program_that_prints_no_event_is_asked_why);
  tcase_add_test (dat, a_flood_of_messages_holds_nothing_up);
  tcase_add_test (dat, a_program_that_does_not_end_is_ended);
  tcase_add_test (dat, closing_the_trace_ends_the_program);
  tcase_add_test (dat, text_that_is_none_is_refused_as_such);
  suite_add_tcase (suite, dat);
  return suite;
}

int
main (void)
{
  return run_suite (trace_dat_suite ());
}
