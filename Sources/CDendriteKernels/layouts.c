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
  const long element = dendrite_kv_element_bytes(type);
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
  const long element = dendrite_kv_element_bytes(layout->type);
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

void dendrite_attend_begin(float *states, long queries, long head_dim) {
  const long floats = dendrite_state_floats(head_dim), count = DENDRITE_KV_CLASSES * queries;
  memset(states, 0, (size_t)(count * floats) * sizeof(float));
  for (long i = 0; i < count; i++) states[i * floats] = -__builtin_inff();
}

void dendrite_attend_fold(const dendrite_history *history, float *states, long queries, long first, long some,
                          const float *query, long begin, long end) {
  const long floats = dendrite_state_floats(history->layout->head_dim);
  const long from = begin / DENDRITE_KV_POSITIONS, to = (end + DENDRITE_KV_POSITIONS - 1) / DENDRITE_KV_POSITIONS;
  /* Class by class, so that its states stay in the nearest cache. */
  for (long start = from; start < to && start < from + DENDRITE_KV_CLASSES; start++) {
    float *own = states + (start % DENDRITE_KV_CLASSES * queries + first) * floats;
    for (long block = start; block < to; block += DENDRITE_KV_CLASSES) {
      const long origin = block * DENDRITE_KV_POSITIONS, following = block + DENDRITE_KV_CLASSES;
      if (!history->blocks[block]) continue; /* another rank's */
      const uint8_t *head = (const uint8_t *)history->blocks[block] + history->offset;
      const uint8_t *next = following < to && history->blocks[following] ? (const uint8_t *)history->blocks[following] + history->offset : NULL;
      history->kernels->attend(own, query, some, head, history->layout, begin > origin ? begin - origin : 0,
                               end - origin < DENDRITE_KV_POSITIONS ? end - origin : DENDRITE_KV_POSITIONS,
                               history->cap, next);
    }
  }
}

void dendrite_attend_merge(const dendrite_kernels *kernels, float *states, long queries, long head_dim) {
  const long class_floats = queries * dendrite_state_floats(head_dim);
  for (long half = DENDRITE_KV_CLASSES / 2; half > 0; half /= 2)
    for (long class = 0; class < half; class++)
      kernels->merge(states + class * class_floats, states + (class + half) * class_floats, queries, head_dim);
}

void dendrite_attend_end(const dendrite_kernels *kernels, float *out, float *states, long queries, long head_dim) {
  dendrite_attend_merge(kernels, states, queries, head_dim);
  kernels->finish(out, states, queries, head_dim);
}

long dendrite_state_wire_floats(long head_dim) { return 1 + DENDRITE_LANES + head_dim; }

void dendrite_state_pack(float *wire, const float *states, long count, long head_dim) {
  const long floats = dendrite_state_floats(head_dim), wire_floats = dendrite_state_wire_floats(head_dim);
  for (long i = 0; i < count; i++, wire += wire_floats, states += floats) {
    wire[0] = states[0];
    memcpy(wire + 1, states + 16, (size_t)DENDRITE_LANES * sizeof(float));
    memcpy(wire + 1 + DENDRITE_LANES, states + 32, (size_t)head_dim * sizeof(float));
  }
}

void dendrite_state_merge_packed(const dendrite_kernels *kernels, float *states, const float *wire, long count,
                                 long head_dim) {
  const long floats = dendrite_state_floats(head_dim), wire_floats = dendrite_state_wire_floats(head_dim);
  enum { MOST = 32 + 1024 };
  float state[MOST] __attribute__((aligned(64)));
  memset(state, 0, sizeof state); /* the lanes behind head_dim */
  for (long i = 0; i < count; i++, wire += wire_floats, states += floats) {
    state[0] = wire[0];
    memcpy(state + 16, wire + 1, (size_t)DENDRITE_LANES * sizeof(float));
    memcpy(state + 32, wire + 1 + DENDRITE_LANES, (size_t)head_dim * sizeof(float));
    kernels->merge(states, state, 1, head_dim);
  }
}
