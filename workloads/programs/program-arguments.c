/* program-arguments.c: reading the words of a step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/programs/program-reader.h"

#include <string.h>

#include "simcore/base/units.h"

#define MAX_BLOCK    (G_GUINT64_CONSTANT (1) << 44) /* bytes: no machine has more RAM */
#define MAX_TRANSFER (G_GUINT64_CONSTANT (1) << 30) /* bytes, of one request to a disk */

/* @error: (transfer full): what whoever has read the @i-th word says of it. FALSE. */
static gboolean
wrong_value (KmlStepReader *self, guint i, GError *error)
{
  kml_step_wrong (self, i, "%s", error->message);
  g_error_free (error);
  return FALSE;
}

/* These read one word each. FALSE after a fault. */

static gboolean
read_size (KmlStepReader *self, guint i, guint64 *ret_size)
{
  GError *error = NULL;

  return kml_parse_size (kml_step_word (self, i), ret_size, &error) || wrong_value (self, i, error);
}

static gboolean
read_count (KmlStepReader *self, guint i, guint64 *ret_count)
{
  GError *error = NULL;

  return kml_parse_count (kml_step_word (self, i), ret_count, &error) ||
         wrong_value (self, i, error);
}

static gboolean
read_time (KmlStepReader *self, guint i, KmlTimeLaw *ret_time)
{
  GError *error = NULL;

  return kml_time_law_parse (kml_step_word (self, i), ret_time, &error) ||
         wrong_value (self, i, error);
}

/* The size behind the option @i of alloc, which is align or below. */
static gboolean
read_bound (KmlStepReader *self, guint i, guint64 *ret_bytes, gboolean is_align)
{
  if (i + 1 == self->words->len)
    return kml_step_wrong (self, i, "expected a size after “%s”", kml_step_word (self, i));
  if (!read_size (self, i + 1, ret_bytes))
    return FALSE;
  if (is_align && (*ret_bytes == 0 || (*ret_bytes & (*ret_bytes - 1)) != 0))
    return kml_step_wrong (self, i + 1, "an alignment is a power of two, not %s",
                           kml_step_word (self, i + 1));
  return TRUE;
}

/* What is no option of alloc is GFP flags. */
static gboolean
read_flags (KmlStepReader *self, guint i, KmlGfp *ret_gfp)
{
  static const char *const options[] = { "pages", "align", "below", "for", NULL };
  const char *text = kml_step_word (self, i);
  const char *nearest = kml_nearest_name (text, options);
  GError *error = NULL;

  if (kml_gfp_parse (text, strlen (text), ret_gfp, &error)) {
    if ((~*ret_gfp & (KML_GFP_DMA | KML_GFP_DMA32)) == 0)
      return kml_step_wrong (self, i, "GFP_DMA and GFP_DMA32 exclude each other");
    return TRUE;
  }
  if (strstr (text, "GFP") == NULL) {
    g_clear_error (&error);
    return kml_step_wrong (self, i, "expected %s, not “%s”%s%s%s",
                           kml_step_forms[KML_STEP_ALLOC].shape, text,
                           nearest != NULL ? "; did you mean “" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "”?" : "");
  }
  return wrong_value (self, i, error);
}

static gboolean
read_alloc (KmlStepReader *self, KmlStep *step)
{
  gboolean good = read_size (self, 2, &step->request.size);

  step->level = KML_LEVEL_OBJECTS;
  step->request.gfp = KML_GFP_KERNEL;
  if (good && step->request.size == 0)
    good = kml_step_wrong (self, 2, "a block of no bytes");
  else if (good && step->request.size > MAX_BLOCK)
    good = kml_step_wrong (self, 2, "expected at most 16TiB, as much RAM as there can be");
  for (guint i = 3; i < self->words->len; i++) {
    const char *option = kml_step_word (self, i);

    if (g_str_equal (option, "pages")) {
      step->level = KML_LEVEL_PAGES;
    } else if (g_str_equal (option, "for")) {
      if (++i == self->words->len)
        return kml_step_wrong (self, i - 1, "expected the name of a [device] after “for”");
      g_free (step->other);
      step->other = g_strdup (kml_step_word (self, i));
      step->other_at = g_array_index (self->words, KmlStepWord, i).at;
    } else if (g_str_equal (option, "align")) {
      good &= read_bound (self, i++, &step->constraints.alignment, TRUE);
    } else if (g_str_equal (option, "below")) {
      good &= read_bound (self, i++, &step->constraints.limit, FALSE);
    } else {
      good &= read_flags (self, i, &step->request.gfp);
    }
  }
  step->request.mobility = (guint8)kml_gfp_mobility (step->request.gfp);
  return good;
}

static gboolean
read_wait (KmlStepReader *self, KmlStep *step)
{
  if (self->words->len == 2)
    return TRUE;
  if (self->words->len != 4 || !g_str_equal (kml_step_word (self, 2), "for"))
    return kml_step_wrong (self, 2, "expected %s", kml_step_forms[step->kind].shape);
  step->other = g_strdup (kml_step_word (self, 3));
  step->other_at = g_array_index (self->words, KmlStepWord, 3).at;
  return TRUE;
}

/* PAGE, FIRST..LAST, next or random; @flag_word (nullable) is what else the word might have been. */
static gboolean
read_pages (KmlStepReader *self, KmlStep *step, guint i, const char *flag_word)
{
  const char *const words[] = { "next", "random", flag_word, NULL };
  const char *text = kml_step_word (self, i);
  const char *dots = strstr (text, "..");
  const char *nearest = kml_nearest_name (text, words);
  g_autofree char *first = dots != NULL ? g_strndup (text, (gsize)(dots - text)) : g_strdup (text);

  if (g_str_equal (text, "next")) {
    step->pages.kind = KML_PAGES_NEXT;
    return TRUE;
  }
  if (g_str_equal (text, "random")) {
    step->pages.kind = KML_PAGES_RANDOM;
    return TRUE;
  }
  if (!kml_parse_count (first, &step->pages.first, NULL) ||
      (dots != NULL && !kml_parse_count (dots + 2, &step->pages.last, NULL)))
    return kml_step_wrong (self, i, "expected %s, not “%s”%s%s%s", kml_step_forms[step->kind].shape,
                           text, nearest != NULL ? "; did you mean “" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "”?" : "");
  if (dots == NULL)
    step->pages.last = step->pages.first;
  return step->pages.first <= step->pages.last ||
         kml_step_wrong (self, i, "the first page of %s is behind the last", text);
}

static gboolean
read_ipi (KmlStepReader *self, KmlStep *step)
{
  if (self->words->len > 2 && !g_str_equal (kml_step_word (self, 2), "nowait"))
    return kml_step_wrong (self, 2, "expected %s", kml_step_forms[step->kind].shape);
  step->flags |= self->words->len > 2 ? KML_STEP_FLAG_NOWAIT : 0;
  if (!g_str_equal (kml_step_word (self, 1), "all"))
    return read_count (self, 1, &step->count);
  step->flags |= KML_STEP_FLAG_ALL;
  return TRUE;
}

/* Pages, and @flag if there is the word @flag_word. */
static gboolean
read_pages_and (KmlStepReader *self, KmlStep *step, const char *flag_word, guint8 flag)
{
  gboolean good = TRUE;

  for (guint i = 2; i < self->words->len; i++) {
    if (g_str_equal (kml_step_word (self, i), flag_word))
      step->flags |= flag;
    else
      good &= read_pages (self, step, i, flag_word);
  }
  return good;
}

static gboolean
read_dma (KmlStepReader *self, KmlStep *step)
{
  static const struct {
    const char *word;
    guint8 flag;
  } flags[] = { { "all", KML_STEP_FLAG_ALL },
                { "from-device", KML_STEP_FLAG_FROM_DEVICE },
                { "to-device", 0 },
                { "nowait", KML_STEP_FLAG_NOWAIT } };
  gboolean good = TRUE;

  step->other = g_strdup (kml_step_word (self, 2));
  step->other_at = g_array_index (self->words, KmlStepWord, 2).at;
  for (guint i = 3; i < self->words->len; i++) {
    const char *option = kml_step_word (self, i);
    guint j = 0;

    while (j < G_N_ELEMENTS (flags) && !g_str_equal (option, flags[j].word))
      j++;
    if (j < G_N_ELEMENTS (flags))
      step->flags |= flags[j].flag;
    else if (strstr (option, "..") == NULL)
      good = kml_step_wrong (self, i, "expected %s, not “%s”", kml_step_forms[KML_STEP_DMA].shape,
                             option);
    else
      good &= read_pages (self, step, i, NULL);
  }
  return good;
}

static gboolean
read_transfer (KmlStepReader *self, KmlStep *step)
{
  if (!read_size (self, 2, &step->count))
    return FALSE;
  if (step->count == 0 || step->count > MAX_TRANSFER)
    return kml_step_wrong (self, 2, "expected a size from 1 to 1 GiB");
  return TRUE;
}

gboolean
kml_step_read_arguments (KmlStepReader *self, KmlStep *step)
{
  switch ((KmlStepKind)step->kind) {
  case KML_STEP_ALLOC:
    return read_alloc (self, step);
  case KML_STEP_WAIT:
    return read_wait (self, step);
  case KML_STEP_TOUCH:
    return self->words->len < 3 || read_pages (self, step, 2, NULL);
  case KML_STEP_DIRTY:
    return read_pages_and (self, step, "nowait", KML_STEP_FLAG_NOWAIT);
  case KML_STEP_MIGRATE:
    return read_pages_and (self, step, "pausing", KML_STEP_FLAG_PAUSING);
  case KML_STEP_DMA:
    return read_dma (self, step);
  case KML_STEP_READ:
  case KML_STEP_WRITE:
    return read_transfer (self, step);
  case KML_STEP_IPI:
    return read_ipi (self, step);
  case KML_STEP_REPEAT:
    return read_count (self, 1, &step->count);
  case KML_STEP_WORK:
  case KML_STEP_SLEEP:
  case KML_STEP_IO:
    return read_time (self, 1, &step->time);
  case KML_STEP_FREE:
  case KML_STEP_LOCK:
  case KML_STEP_LOCK_SHARED:
  case KML_STEP_TRY_LOCK:
  case KML_STEP_UNLOCK:
  case KML_STEP_WAKE:
  case KML_STEP_CALL:
  case KML_STEP_YIELD:
  case KML_STEP_PROGRESS:
  case KML_STEP_IRQ_OFF:
  case KML_STEP_IRQ_ON:
  case KML_STEP_SOFTIRQ_OFF:
  case KML_STEP_SOFTIRQ_ON:
  case KML_STEP_PREEMPT_OFF:
  case KML_STEP_PREEMPT_ON:
  case KML_STEP_RETRY:
  case KML_STEP_IF_FAILED:
  case KML_STEP_RECLAIM:
  case KML_STEP_SYNC:
  case KML_STEP_THROTTLE:
  case KML_STEP_DROP:
  case KML_STEP_COMPACT:
  case KML_STEP_DMA_WAIT:
  case KML_STEP_NOFS:
  case KML_STEP_NOIO:
  case KML_STEP_NORECLAIM:
    return TRUE;
  case KML_STEP_END:
  case KML_N_STEPS:
    break;
  }
  g_assert_not_reached ();
}
