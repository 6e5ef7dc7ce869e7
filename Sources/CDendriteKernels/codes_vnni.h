// SPDX-License-Identifier: Apache-2.0
//
// Codes as unsigned bytes for vpdpbusd, for registers of any width. The file that includes this one defines
// part_codes and the operations on it.

// How much larger than their value the codes are.
#define CODE_UNIT(kind) ((kind) == CODES_4 ? 0.0625f : (kind) == CODES_5 ? 0.125f : (kind) == CODES_6 ? 0.25f : 1.0f)

// The two nibbles of each byte, times 16, 8 or 4.
ALWAYS_INLINE void top_nibbles(part_codes *w, const uint8_t *codes, int part, int shift) {
  const part_codes mask = spread_byte((uint8_t)(15 << shift));
  UNROLL for (int v = 0; v < 4; v++) {
    const part_codes pair = load_plane(codes, v, part);
    w[v] = both(left(pair, shift), mask);
    w[v + 4] = both(shift == 4 ? pair : right(pair, 4 - shift), mask);
  }
}

ALWAYS_INLINE void unpack_codes(const int kind, part_codes *w, const uint8_t *codes, int part) {
  switch (kind) {
    case CODES_4: top_nibbles(w, codes, part, 4); break;
    case CODES_5: {
      top_nibbles(w, codes, part, 3);
      const part_codes fifths = load_plane(codes, 4, part), top = spread_byte(0x80);
      UNROLL for (int c = 0; c < 8; c++) w[c] = either(w[c], left(fifths, 7 - c), top);
      break;
    }
    case CODES_6: {
      top_nibbles(w, codes, part, 2);
      const part_codes top = spread_byte(0xc0);
      UNROLL for (int h = 0; h < 2; h++) {
        const part_codes sixths = load_plane(codes, 4 + h, part);
        UNROLL for (int c = 0; c < 4; c++)
          w[h * 4 + c] = either(w[h * 4 + c], left(sixths, 6 - 2 * c), top);
      }
      break;
    }
    case CODES_8: {
      const part_codes sign = spread_byte(0x80);
      UNROLL for (int c = 0; c < 8; c++) w[c] = differ(load_plane(codes, c, part), sign);
      break;
    }
    default: {
      const part_codes table = load_table(kind == CODES_IQ4 ? dendrite_iq4_values : dendrite_mx4_values);
      const part_codes nibble = spread_byte(15);
      UNROLL for (int v = 0; v < 4; v++) {
        const part_codes pair = load_plane(codes, v, part);
        w[v] = look_up(table, both(pair, nibble));
        w[v + 4] = look_up(table, both(right(pair, 4), nibble));
      }
    }
  }
}

// For each row the sum over chunks [from, to) of codes times activations.
ALWAYS_INLINE void dot_codes(const int kind, const int has_offset, const int rows, part_ints *sums,
                             const part_codes *w, const int from, const int to, const int8_t *x,
                             const int32_t *offsets) {
  (void)kind;
  UNROLL for (int r = 0; r < rows; r++) sums[r] = (part_ints)spread_int(has_offset ? offsets[r] : 0);
  UNROLL for (int c = from; c < to; c++)
    UNROLL for (int r = 0; r < rows; r++)
      sums[r] = (part_ints)dot((part_codes)sums[r], w[c], spread_int(four_codes(x + r * 32, c)));
}
