// SPDX-License-Identifier: Apache-2.0
//
// Thirty-two consecutive values of a GGUF block as integers and scales, before interleaving.
// Layouts: ggml's block formats; each function states its own.
#pragma once

#include <stdint.h>

// value[i] = scale * scales[i / 16] * codes[i] - minimum * minima[i / 16]
typedef struct {
  int8_t codes[32];
  float scale, minimum;
  int8_t scales[2], minima[2];
} dendrite_unpacked;

// Decodes values [32 * part, 32 * part + 32) of the block at `block`.
typedef void (*dendrite_unpacker)(dendrite_unpacked *out, const uint8_t *block, int part);

// NULL for a type that has no integer codes.
dendrite_unpacker dendrite_unpacker_for(int gguf_type);
