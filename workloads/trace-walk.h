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

#define KML_TRACE_PADDING 32

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

/* "83.794970", "83.794970123" or, from clocks that count, "83794970": a second has 10^9 units. */
static inline gboolean
kml_trace_read_time (const char *at, const char **ret_at, guint64 *ret_time_ns)
{
  static const guint32 scale[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
                                   10000,      1000,      100,      10,      1 };
  guint64 seconds, fraction;
  const char *point;

  if (!kml_trace_read_decimal (at, &point, &seconds))
    return FALSE;
  if (G_UNLIKELY (*point != '.')) {
    *ret_at = point;
    *ret_time_ns = seconds;
    return TRUE;
  }
  if (!kml_trace_read_decimal (point + 1, ret_at, &fraction))
    return FALSE;
  if (*ret_at - point - 1 > 9 || seconds > G_MAXUINT64 / 1000000000 - 1)
    return FALSE;
  *ret_time_ns = seconds * 1000000000 + fraction * scale[*ret_at - point - 1];
  return TRUE;
}

/* The value of eight hexadecimal digits. FALSE: they are not all such, or not lower case. */
static inline gboolean
kml_trace_read_hex8 (const char *at, guint64 *ret_value)
{
  const guint64 word = kml_trace_load_word (at);
  const guint64 letters = (word >> 6) & KML_EACH_BYTE (0x01); /* 'a' is 0x61, '9' is 0x39 */
  guint64 digits = (word & KML_EACH_BYTE (0x0f)) + letters * 9;
  const guint64 above_9 = ((digits + KML_EACH_BYTE (0x06)) >> 4) & KML_EACH_BYTE (0x01);

  /* Written back they must be what was read; letters beyond f are digits above 15 and would be
   * written back as well. */
  if (digits + KML_EACH_BYTE (0x30) + above_9 * 0x27 != word ||
      (digits & KML_EACH_BYTE (0xf0)) != 0)
    return FALSE;
  digits = (digits * 16 + (digits >> 8)) & 0x00ff00ff00ff00ff;
  digits = (digits * 256 + (digits >> 16)) & 0x0000ffff0000ffff;
  *ret_value = (digits * 65536 + (digits >> 32)) & 0xffffffff;
  return TRUE;
}

G_END_DECLS
