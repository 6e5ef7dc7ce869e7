// SPDX-License-Identifier: Apache-2.0
//
// Shapes of packed matrices and cache blocks, and verbatim copies between blocks.
#include "dendrite_kernels.h"

#include <string.h>

static long round_up(long value, long unit) { return (value + unit - 1) / unit * unit; }

dendrite_kv_layout dendrite_kv_layout_make(dendrite_kv_type type, long head_dim) {
  dendrite_kv_layout layout = {.type = type, .head_dim = head_dim};
  layout.quant_length = head_dim < DENDRITE_BLOCK ? head_dim : DENDRITE_BLOCK;
  layout.quants = (head_dim + layout.quant_length - 1) / layout.quant_length;
  const long element = type == DENDRITE_KV_F32 ? 4 : type == DENDRITE_KV_F16 ? 2 : 1;
  const long codes = round_up(DENDRITE_KV_POSITIONS * head_dim * element, 64);
  const long scales =
      type == DENDRITE_KV_Q8 ? round_up(DENDRITE_KV_POSITIONS * layout.quants * 4, 64) : 0;
  layout.key_scales = codes;
  layout.values = codes + scales;
  layout.value_scales = layout.values + codes;
  layout.head_bytes = layout.value_scales + scales;
  return layout;
}

long dendrite_state_floats(long head_dim) { return 32 + round_up(head_dim, DENDRITE_LANES); }

void dendrite_kv_copy(void *to_head, long to_position, const void *from_head, long from_position,
                      const dendrite_kv_layout *layout) {
  const long dim = layout->head_dim;
  const long element = layout->type == DENDRITE_KV_F32   ? 4
                       : layout->type == DENDRITE_KV_F16 ? 2
                                                         : 1;
  uint8_t *to = to_head;
  const uint8_t *from = from_head;
  const long to_key = to_position / 16 * dim * 16 + to_position % 16;
  const long from_key = from_position / 16 * dim * 16 + from_position % 16;
  for (long d = 0; d < dim; d++)
    memcpy(to + (to_key + d * 16) * element, from + (from_key + d * 16) * element, (size_t)element);
  memcpy(to + layout->values + to_position * dim * element,
         from + layout->values + from_position * dim * element, (size_t)(dim * element));
  if (layout->type != DENDRITE_KV_Q8) return;
  const long quants = layout->quants;
  for (long q = 0; q < quants; q++)
    memcpy(to + layout->key_scales + ((to_position / 16 * quants + q) * 16 + to_position % 16) * 4,
           from + layout->key_scales + ((from_position / 16 * quants + q) * 16 + from_position % 16) * 4,
           4);
  memcpy(to + layout->value_scales + to_position * quants * 4,
         from + layout->value_scales + from_position * quants * 4, (size_t)(quants * 4));
}

void dendrite_attend_history(const dendrite_kernels *kernels, float *out, const float *query,
                             long queries, const void *const *blocks, long offset,
                             const dendrite_kv_layout *layout, long begin, long end, float *scratch) {
  const long state = queries * dendrite_state_floats(layout->head_dim);
  const long first = begin / DENDRITE_KV_POSITIONS;
  const long last = (end - 1) / DENDRITE_KV_POSITIONS;
  for (long class = 0; class < DENDRITE_KV_CLASSES; class++) {
    float *states = scratch + class * state;
    memset(states, 0, (size_t)state * sizeof(float));
    for (long q = 0; q < queries; q++) states[q * (state / queries)] = -__builtin_inff();
    const long start = first + (class - first % DENDRITE_KV_CLASSES + DENDRITE_KV_CLASSES) %
                                   DENDRITE_KV_CLASSES;
    for (long block = start; block <= last; block += DENDRITE_KV_CLASSES) {
      const long origin = block * DENDRITE_KV_POSITIONS;
      const long from = begin > origin ? begin - origin : 0;
      const long to = end - origin < DENDRITE_KV_POSITIONS ? end - origin : DENDRITE_KV_POSITIONS;
      const void *head = (const uint8_t *)blocks[block] + offset;
      kernels->attend(states, query, queries, head, layout, from, to);
    }
  }
  for (long half = DENDRITE_KV_CLASSES / 2; half > 0; half /= 2)
    for (long class = 0; class < half; class++)
      kernels->merge(scratch + class * state, scratch + (class + half) * state, queries,
                     layout->head_dim);
  kernels->finish(out, scratch, queries, layout->head_dim);
}
