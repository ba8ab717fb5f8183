/* trace-walk.h: walking a pointer along a line of text, eight bytes at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A loop over the digits of a number ends after a different count each time, and
 * the processor pays some fifteen cycles for each such end that it did not
 * foresee: that, not the work, is what reading text costs. So numbers are read as
 * whole words, without a loop, and only unusually long ones digit by digit.
 *
 * All of these may look at KML_TRACE_PADDING bytes beyond the end of the line.
 * What stands there is not a digit, so they do not take it for one: lines end at a newline,
 * and the last one at zeros.
 */

#pragma once

#include <glib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

G_BEGIN_DECLS

#define KML_TRACE_PADDING 192 /* what is compared with a known text, and a number */

#define KML_EACH_BYTE(byte) (G_GUINT64_CONSTANT (0x0101010101010101) * (byte))

/* Whether the text at @at begins with the literal @text. */
#define KML_TRACE_STARTS(at, text) (memcmp (at, text, sizeof (text) - 1) == 0)

/* The byte at the lowest address is the lowest of the word. */
static inline guint64
kml_trace_load_word (const char *at)
{
  guint64 word;

  memcpy (&word, at, sizeof word);
  return GUINT64_FROM_LE (word);
}

/* A text that lines are compared with. */
#define KML_TRACE_MASKED 128
extern const char kml_trace_masks[2 * KML_TRACE_MASKED];

/* What is masked with this is a text of @length bytes and zeros. */
static inline const char *
kml_trace_mask (gsize length)
{
  return kml_trace_masks + KML_TRACE_MASKED - length;
}

/* Whether @text stands at @at, which is behind @mask. @room bytes are looked at, a multiple of 16,
 * and there is no loop that ends early: how long texts are cannot be foreseen. */
static inline gboolean
kml_trace_stands_at (const char *text, const char *mask, const char *at, gsize room)
{
#ifdef __SSE2__
  __m128i equal = _mm_set1_epi8 (-1);

  for (gsize i = 0; i < room; i += 16) {
    const __m128i wanted = _mm_loadu_si128 ((const __m128i *)(text + i));
    const __m128i there = _mm_loadu_si128 ((const __m128i *)(at + i));
    const __m128i kept = _mm_loadu_si128 ((const __m128i *)(mask + i));

    equal = _mm_and_si128 (equal, _mm_cmpeq_epi8 (_mm_and_si128 (there, kept), wanted));
  }
  return _mm_movemask_epi8 (equal) == 0xffff;
#else
  guint64 differences = 0;

  for (gsize i = 0; i < room; i += 8)
    differences |= (kml_trace_load_word (at + i) & kml_trace_load_word (mask + i)) ^
                   kml_trace_load_word (text + i);
  return differences == 0;
#endif
}

/* The highest bit of the lowest byte that is @c; those of higher bytes may be set wrongly. 0: none
 * is. */
static inline guint64
kml_trace_match_byte (guint64 word, char c)
{
  word ^= KML_EACH_BYTE ((guint8)c);
  return (word - KML_EACH_BYTE (0x01)) & ~word & KML_EACH_BYTE (0x80);
}

/* The first @c from @at on, or @end: 32 bytes at a time where the processor can; most texts are
 * shorter. */
static inline const char *
kml_trace_find (const char *at, const char *end, char c)
{
#ifdef __SSE2__
  const __m128i wanted = _mm_set1_epi8 (c);

  for (; at < end; at += 32) {
    const __m128i *const words = (const __m128i *)at;
    const guint lower = (guint)_mm_movemask_epi8 (_mm_cmpeq_epi8 (_mm_loadu_si128 (words), wanted));
    const guint upper = (guint)_mm_movemask_epi8 (
        _mm_cmpeq_epi8 (_mm_loadu_si128 (words + 1), wanted));
    const guint matches = lower | upper << 16;

    if (matches != 0)
      return MIN (at + __builtin_ctz (matches), end);
  }
#else
  for (; at < end; at += 8) {
    const guint64 matches = kml_trace_match_byte (kml_trace_load_word (at), c);

    if (matches != 0)
      return MIN (at + __builtin_ctzll (matches) / 8, end);
  }
#endif
  return end;
}

/* The first character that is no space. */
static inline const char *
kml_trace_skip_spaces (const char *at, const char *end)
{
  for (; at < end; at += 8) {
    const guint64 others = kml_trace_load_word (at) ^ KML_EACH_BYTE (' ');

    if (G_LIKELY (others != 0))
      return MIN (at + __builtin_ctzll (others) / 8, end);
  }
  return end;
}

static inline gboolean
kml_trace_is_digit (char c)
{
  return (guint8)(c - '0') < 10;
}

/* The value of eight digits, one a byte, the first in the lowest: pairs, then fours, then all. */
static inline guint64
kml_trace_join_digits (guint64 digits)
{
  digits = (digits * 10 + (digits >> 8)) & 0x00ff00ff00ff00ff;
  digits = (digits * 100 + (digits >> 16)) & 0x0000ffff0000ffff;
  return (digits * 10000 + (digits >> 32)) & 0xffffffff;
}

/* Digits up to the first character that is none; *@ret_at is behind them. FALSE: there are none, or
 * more than 19. */
static inline gboolean
kml_trace_read_decimal (const char *at, const char **ret_at, guint64 *ret_value)
{
  const guint64 digits = kml_trace_load_word (at) ^ KML_EACH_BYTE (0x30);
  /* A byte above 9 gets its highest bit. It may carry into the next byte, but only the first one
   * counts. */
  const guint64 others = ((digits + KML_EACH_BYTE (0x76)) | digits) & KML_EACH_BYTE (0x80);
  const char *const begin = at;
  guint64 value = 0;

  if (G_LIKELY (others != 0)) {
    const guint n = (guint)__builtin_ctzll (others) / 8;

    if (n == 0)
      return FALSE;
    *ret_at = at + n;
    *ret_value = kml_trace_join_digits (digits << (64 - 8 * n)); /* zeros in front */
    return TRUE;
  }
  while (kml_trace_is_digit (*at) && at - begin < 20)
    value = value * 10 + (guint64)(*at++ - '0');
  *ret_at = at;
  *ret_value = value;
  return at - begin <= 19;
}

/* Up to nine digits behind the point of a time. */
static inline gboolean
kml_trace_read_fraction (const char *at, const char **ret_at, guint64 *ret_ns)
{
  static const guint32 scale[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
                                   10000,      1000,      100,      10,      1 };
  guint64 fraction;

  if (!kml_trace_read_decimal (at, ret_at, &fraction) || *ret_at - at > 9)
    return FALSE;
  *ret_ns = fraction * scale[*ret_at - at];
  return TRUE;
}

/* Six digits, and no more. */
static inline gboolean
kml_trace_read_micros (const char *at, guint64 *ret_ns)
{
  const guint64 digits = kml_trace_load_word (at) ^ KML_EACH_BYTE (0x30);
  const guint64 others = ((digits + KML_EACH_BYTE (0x76)) | digits) & KML_EACH_BYTE (0x80);

  *ret_ns = kml_trace_join_digits (digits << 16) * 1000;
  return others << 8 == G_GUINT64_CONSTANT (1) << 63;
}

/* "83.794970" or "83.794970123". */
static inline gboolean
kml_trace_read_seconds (const char *at, const char **ret_at, guint64 *ret_time_ns)
{
  guint64 seconds, fraction_ns;
  const char *point;

  if (!kml_trace_read_decimal (at, &point, &seconds) || *point != '.' ||
      !kml_trace_read_fraction (point + 1, ret_at, &fraction_ns) ||
      seconds > G_MAXUINT64 / 1000000000 - 1)
    return FALSE;
  *ret_time_ns = seconds * 1000000000 + fraction_ns;
  return TRUE;
}

/* The same or, from clocks that count, "83794970": a second has 10^9 units. */
static inline gboolean
kml_trace_read_time (const char *at, const char **ret_at, guint64 *ret_time_ns)
{
  return kml_trace_read_seconds (at, ret_at, ret_time_ns) ||
         (kml_trace_read_decimal (at, ret_at, ret_time_ns) && **ret_at != '.');
}

/* Up to sixteen hexadecimal digits, in lower case: how many there are, and their value. */
static inline guint
kml_trace_read_hex (const char *at, guint64 *ret_value)
{
#if defined(__SSE2__) && defined(__x86_64__)
  const __m128i text = _mm_loadu_si128 ((const __m128i *)at);
  const __m128i from_0 = _mm_sub_epi8 (text, _mm_set1_epi8 ('0'));
  const __m128i from_a = _mm_sub_epi8 (text, _mm_set1_epi8 ('a'));
  const __m128i is_digit = _mm_cmpeq_epi8 (_mm_min_epu8 (from_0, _mm_set1_epi8 (9)), from_0);
  const __m128i is_letter = _mm_cmpeq_epi8 (_mm_min_epu8 (from_a, _mm_set1_epi8 (5)), from_a);
  const guint n = (guint)__builtin_ctz (
      ~(guint)_mm_movemask_epi8 (_mm_or_si128 (is_digit, is_letter)));
  const __m128i digits = _mm_and_si128 (
      _mm_sub_epi8 (from_0, _mm_and_si128 (is_letter, _mm_set1_epi8 ('a' - '0' - 10))),
      _mm_set1_epi8 (15));
  /* The first of each pair is the upper half of a byte. */
  const __m128i pairs = _mm_and_si128 (
      _mm_or_si128 (_mm_slli_epi16 (digits, 4), _mm_srli_epi16 (digits, 8)), _mm_set1_epi16 (0xff));
  const guint64 all = GUINT64_SWAP_LE_BE (
      (guint64)_mm_cvtsi128_si64 (_mm_packus_epi16 (pairs, pairs)));

  *ret_value = n > 0 ? all >> (64 - 4 * n) : 0; /* what is behind them goes */
  return n;
#else
  guint64 value = 0;
  guint n;

  for (n = 0; n < 16; n++) {
    const guint from_0 = (guint8)(at[n] - '0'), from_a = (guint8)(at[n] - 'a');

    if (from_0 > 9 && from_a > 5)
      break;
    value = value << 4 | (from_0 <= 9 ? from_0 : from_a + 10);
  }
  *ret_value = value;
  return n;
#endif
}

/* From right to left: where the word begins that ends at @end … */
static inline const char *
kml_trace_word_before (const char *line, const char *end)
{
  while (end > line && end[-1] != ' ' && end[-1] != '\t')
    end--;
  return end;
}

/* … and where the blanks begin that end there. */
static inline const char *
kml_trace_blanks_before (const char *line, const char *end)
{
  while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  return end;
}

G_END_DECLS
