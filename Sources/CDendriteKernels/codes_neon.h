// SPDX-License-Identifier: Apache-2.0
//
// Codes as signed bytes for the instructions of Arm, which multiply signed with signed. Codes of four to six
// bits keep their offset.

typedef int8x16_t part_codes;

ALWAYS_INLINE uint8x16_t load_plane(const uint8_t *codes, int plane, int part) {
  return vld1q_u8(codes + plane * 64 + part * 16);
}

ALWAYS_INLINE uint8x16_t shifted(uint8x16_t x, int by) { return vshlq_u8(x, vdupq_n_s8((int8_t)by)); }

ALWAYS_INLINE void unpack_codes(const int kind, part_codes *w, const uint8_t *codes, int part) {
  if (kind == CODES_8) {
    UNROLL for (int c = 0; c < 8; c++) w[c] = vreinterpretq_s8_u8(load_plane(codes, c, part));
    return;
  }
  uint8x16_t u[8];
  UNROLL for (int v = 0; v < 4; v++) {
    const uint8x16_t pair = load_plane(codes, v, part);
    u[v] = vandq_u8(pair, vdupq_n_u8(15));
    u[v + 4] = vshrq_n_u8(pair, 4);
  }
  if (kind == CODES_IQ4 || kind == CODES_MX4) {
    const int8x16_t table = vld1q_s8(kind == CODES_IQ4 ? dendrite_iq4_values : dendrite_mx4_values);
    UNROLL for (int c = 0; c < 8; c++) w[c] = vqtbl1q_s8(table, u[c]);
    return;
  }
  UNROLL for (int c = 0; c < 8; c++) {
    if (kind == CODES_5)
      u[c] = vorrq_u8(u[c], vandq_u8(shifted(load_plane(codes, 4, part), 4 - c), vdupq_n_u8(0x10)));
    if (kind == CODES_6)
      u[c] = vorrq_u8(u[c], vandq_u8(shifted(load_plane(codes, 4 + c / 4, part), 4 - 2 * (c % 4)),
                                     vdupq_n_u8(0x30)));
    w[c] = vreinterpretq_s8_u8(u[c]);
  }
}
