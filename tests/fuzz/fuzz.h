/* fuzz.h: what the fuzz targets share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A target is a file with LLVMFuzzerTestOneInput(). With -Dfuzzing=enabled and clang it is a libFuzzer program; in every
 * other build replay.c gives it the corpus, one file after the other.
 */

#pragma once

#include <glib.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A file that holds @data, in memory; good until the next call. (transfer none) */
const char *fuzz_file (const uint8_t *data, size_t size);

/* @data with a 0 behind it; of nothing it may be nowhere. (transfer full) */
char *fuzz_text (const uint8_t *data, size_t size);
