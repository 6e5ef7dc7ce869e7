// SPDX-License-Identifier: Apache-2.0
//
// The C cellar: everything that needs SIMD, and nothing else. No allocation, no globals that change,
// no threads, no errno. Outputs come first. Every function exists in every variant, and every
// variant gives the same bits: the order of each sum belongs to the number format. `generic.c` is
// the specification, in plain loops; the others differ from it in instructions only.
//
// LANES. A lane is one of sixteen. In matrices a lane is an output row, in q.k a key, in p.v a
// channel, in reductions an index modulo sixteen; a sum over sixteen lanes is always folded
// (i, i+8), (i, i+4), (i, i+2), (i, i+1).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
  DENDRITE_LANES = 16,
  DENDRITE_BLOCK = 32,       // values that share a scale
  DENDRITE_KV_POSITIONS = 64, // positions of a cache block
  DENDRITE_KV_CLASSES = 16,   // block b belongs to class b mod 16
};

// MARK: Matrices

// How sixteen output rows are interleaved. k counts input features; "chunk c" is k = 4c ... 4c+3. The
// integer packings hold 32 values of k per block. A `plane` is 64 bytes, [16 lanes][4 bytes of k].
//   nibbles    4 planes: plane v has chunk v in its low nibbles and chunk v + 4 in its high ones
//   fifths     1 plane: bit c of a byte is the fifth bit of chunk c
//   sixths     2 planes: bits 2c, 2c+1 of plane h are the upper two bits of chunk 4h + c
//   bytes      8 planes: chunk by chunk, signed
// A group is the codes of all its blocks, then their scales:
//   half       half [16] a block
//   bfloat     bfloat [16] a block
//   K          per eight blocks: half d [16], half dmin [16], then for each block uint8 sc [16], uint8 mn [16]
//   K6         per eight blocks: half d [16], then for each block int8 sc [2][16] for its halves
//   general    a dendrite_qx_scales a block
// isum is the exact integer product of a block, msum the sum of its activations; blocks in order.
typedef enum {
  DENDRITE_PACK_F32 = 0,  // float   [k][16]: acc = fma(w, x, acc), k ascending
  DENDRITE_PACK_F16 = 1,  // half    [k][16]
  DENDRITE_PACK_BF16 = 2, // bfloat  [k][16]
  DENDRITE_PACK_Q4 = 3,   // nibbles - 8, half:           acc = fma(isum, d * dx, acc)
  DENDRITE_PACK_Q5 = 4,   // nibbles | fifths - 16, half: the same
  DENDRITE_PACK_Q8 = 5,   // bytes, half:                 the same
  DENDRITE_PACK_IQ4 = 6,  // nibbles into the IQ4_NL table, half: the same
  DENDRITE_PACK_MX4 = 7,  // nibbles into twice the E2M1 values, bfloat: the same
  // acc = fma(isum, (d * sc) * dx, acc), then acc = fma(-(msum * dx), dmin * mn, acc)
  DENDRITE_PACK_Q4K = 8, // nibbles, K
  DENDRITE_PACK_Q5K = 9, // nibbles | fifths, K
  // isum = sc0 * isum0 + sc1 * isum1 over the halves, exact; acc = fma(isum, d * dx, acc)
  DENDRITE_PACK_Q6K = 10, // nibbles | sixths - 32, K6
  // As Q6K; with minima then msum = m0 * msum0 + m1 * msum1 and acc = fma(-msum, m * dx, acc)
  DENDRITE_PACK_QX = 11, // bytes, general: every other integer format
} dendrite_packing;

// The values of the two table formats, by nibble.
extern const int8_t dendrite_iq4_values[16], dendrite_mx4_values[16];

typedef struct {
  float scale[16];
  float minimum[16];
  int8_t scales[2][16];
  int8_t minima[2][16];
} dendrite_qx_scales;
_Static_assert(sizeof(dendrite_qx_scales) == 192, "the scales of 16 rows must not be padded");

// A packed matrix: `groups` = ceil(rows / 16) groups, each its codes followed by its scales.
typedef struct {
  dendrite_packing packing;
  int32_t has_minima;   // QX only
  long rows;            // output features
  long columns;         // input features
  long blocks;          // columns / 32 rounded up
  long code_bytes;      // of one group
  long scale_bytes;     // of one group; groups are code_bytes + scale_bytes apart
  const uint8_t *data;  // 64-byte aligned
} dendrite_matrix;

// Activations of a pass. Rows come in tiles of sixteen, the last one smaller; a tile is one stretch of
// memory, block by block, because a stride of a whole row maps every row to the same cache sets. With R
// the rows of a tile, a block of it is
//   for integer weights  int8 code [R][32], float dx [R], int32 offset [R], int32 offset0 [R],
//                        int32 offset1 [R], float share [R]
//   for float weights    float [R][32]
// offset = -128 * (sum of the codes), offset0 and offset1 the same of its halves: where weights are
// stored as unsigned bytes, 128 too high, the sum starts there. share = -(sum of the codes * dx).
typedef struct {
  long rows;
  float *values;   // columns rounded up to 32, times rows; 64-byte aligned
  uint8_t *codes;  // blocks * rows * DENDRITE_CELL; 64-byte aligned
} dendrite_activations;

enum {
  DENDRITE_TILE = 16,  // rows
  DENDRITE_CELL = 52,  // bytes of one row in one block
};

// Where a tile begins, in cells: `row` is any of its rows.
static inline long dendrite_tile_cells(long blocks, long row) {
  return row / DENDRITE_TILE * DENDRITE_TILE * blocks;
}
// Rows of the tile that holds `row`.
static inline long dendrite_tile_rows(long rows, long row) {
  const long left = rows - row / DENDRITE_TILE * DENDRITE_TILE;
  return left < DENDRITE_TILE ? left : DENDRITE_TILE;
}

// One row in one block of integer activations.
typedef struct {
  int8_t *codes;      // [32]
  float *dx;          // each array is [R] and this row's element the first
  int32_t *offset, *offset0, *offset1;
  float *share;
} dendrite_cell;

static inline dendrite_cell dendrite_cell_at(const dendrite_activations *x, long blocks, long block,
                                             long row) {
  const long r = dendrite_tile_rows(x->rows, row), in_tile = row % DENDRITE_TILE;
  uint8_t *base = x->codes + (dendrite_tile_cells(blocks, row) + block * r) * DENDRITE_CELL;
  float *dx = (float *)(void *)(base + r * 32) + in_tile;
  int32_t *offset = (int32_t *)(void *)(dx + r);
  return (dendrite_cell){(int8_t *)base + in_tile * 32, dx, offset, offset + r, offset + 2 * r,
                         (float *)(void *)(offset + 3 * r)};
}

// One row in one block of float activations: 32 floats.
static inline float *dendrite_values_at(const dendrite_activations *x, long blocks, long block, long row) {
  const long r = dendrite_tile_rows(x->rows, row);
  return x->values + (dendrite_tile_cells(blocks, row) + block * r + row % DENDRITE_TILE) * 32;
}

// MARK: Caches

// The numbers stand in saved contexts.
typedef enum { DENDRITE_KV_F32 = 0, DENDRITE_KV_F16 = 1, DENDRITE_KV_Q8 = 2, DENDRITE_KV_BF16 = 3 } dendrite_kv_type;

// Where keys and values of one KV head lie in a block, in bytes from the head's base.
//   keys    [4][head_dim][16 keys], for Q8 followed by scales float [4][quants][16]
//   values  [64][head_dim],         for Q8 followed by scales float [64][quants]
// Q8 quantises along head_dim in blocks of quant_length = min(32, head_dim); quants is their number.
typedef struct {
  dendrite_kv_type type;
  long head_dim;
  long quant_length;
  long quants;
  long key_scales;
  long values;
  long value_scales;
  long head_bytes;
} dendrite_kv_layout;

dendrite_kv_layout dendrite_kv_layout_make(dendrite_kv_type type, long head_dim);

// The partial state of attention of one query over some keys: floats [m, 15 unused][l: 16][n: head_dim
// rounded up to 16]. m is an integer bound of the base-2 scores (-infinity: no key yet), l the sums of
// the weights by key lane, n the weighted sum of the values.
long dendrite_state_floats(long head_dim);

// MARK: The table

typedef struct {
  const char *name; // "generic", "avx2", "avxvnni", "avx512vnni", "neon", "neoni8mm"

  // y[row][output feature] of groups [group_begin, group_end) for rows [row_begin, row_end).
  // y_stride: floats between rows of y.
  void (*matmul)(float *y, long y_stride, const dendrite_matrix *w, const dendrite_activations *x,
                 long group_begin, long group_end, long row_begin, long row_end);

  // Writes one row of activations as codes. dx = max|x| / 127, codes round to nearest even; a maximum
  // below 2^-80 counts as zero (no product of scales is then subnormal, and a variant may shift powers of
  // two between codes and scales); NaN or infinity makes the scale NaN.
  void (*quantize)(dendrite_activations *out, long row, const float *x, long columns);
  // Writes one row of activations as floats, the last block padded with zeros.
  void (*arrange)(dendrite_activations *out, long row, const float *x, long columns);

  // y = (x * (1 / sqrt(mean(x^2) + epsilon))) * weight. Returns mean(x^2).
  float (*rms_norm)(float *y, const float *x, const float *weight, long count, float epsilon);
  // y = silu(gate) * up; y may be gate.
  void (*swiglu)(float *y, const float *gate, const float *up, long count);
  // y += x
  void (*add)(float *y, const float *x, long count);
  // x = (x rotated in pairs) * factor, for `heads` vectors of head_dim of which the first 2 * pairs
  // values turn. interleaved: pairs are (2i, 2i+1), otherwise (i, i + pairs).
  void (*rope)(float *x, const float *cosine, const float *sine, long heads, long head_dim, long pairs,
               int interleaved, float factor);

  // Stores the key and value of one KV head at a position (0 ... 63) of a block.
  void (*store)(void *head, const dendrite_kv_layout *layout, long position, const float *key,
                const float *value);
  // Folds positions [begin, end) of one block into the states of `queries` query vectors, which are
  // scaled by log2(e) / sqrt(head_dim) already. cap: 0, or a score s becomes cap * tanh(s), and queries are
  // scaled for that. next: the head in the block that follows, to be fetched from memory meanwhile, or NULL.
  void (*attend)(float *states, const float *query, long queries, const void *head,
                 const dendrite_kv_layout *layout, long begin, long end, float cap, const void *next);
  // a = a merged with b, for `queries` states; commutes bit for bit.
  void (*merge)(float *a, const float *b, long queries, long head_dim);
  // out[query][head_dim] = n / sum of l; a state without keys gives zeros.
  void (*finish)(float *out, const float *states, long queries, long head_dim);

  // Index of the largest value, the lowest on ties; -1 if any value is NaN or infinite.
  long (*argmax)(const float *x, long count);
  // The largest value, -infinity if there is none, and the lowest index that holds it, or -1; NaN is passed
  // over, 0 and -0 are equal.
  float (*maximum)(const float *x, long count, long *index);
  // Sum of the weights 2^((x - maximum) * log2(e)), each as float, over eight lanes of double, lane = index
  // modulo 8, added as ((0+4)+(2+6)) + ((1+5)+(3+7)).
  double (*softmax_sum)(const float *x, long count, float maximum);

  // y = gelu(gate) * up by the tanh form, gelu(x) = x / (1 + 2^(x * (x^2 * a + b))) with b = -2 log2(e)
  // sqrt(2/pi) and a = 0.044715 b; y may be gate.
  void (*geglu)(float *y, const float *gate, const float *up, long count);
  // y = (g / (1 + 2^(g * -1.702 log2(e)))) * (u + 1) with gate above and up on both sides cut off at 7.
  void (*swiglu_clamped)(float *y, const float *gate, const float *up, long count);
  // x = cap * tanh(x / cap); what is not finite becomes NaN, so that it shows.
  void (*soft_cap)(float *x, long count, float cap);
} dendrite_kernels;

// Variants that this CPU can run, best first; `generic` is always the last.
long dendrite_kernels_count(void);
const dendrite_kernels *dendrite_kernels_at(long index);
// NULL if there is no such variant or this CPU cannot run it.
const dendrite_kernels *dendrite_kernels_named(const char *name);

// Sets round-to-nearest and switches flush-to-zero off for the calling thread.
void dendrite_float_environment_set(void);

// Binds the calling thread to these cores, unless it was bound to the set with this tag last; tag 0 is every core
// of the process, where threads begin. 0 if the system cannot or will not.
int dendrite_thread_bind(const int32_t *cores, long count, uint64_t tag);
// Writes the first `capacity` cores that the calling thread may use; returns their number, or -1 if the system
// does not say.
long dendrite_thread_cores(int32_t *cores, long capacity);
// The core that the calling thread is on, or -1.
int dendrite_thread_core(void);

// MARK: Attention over a list of blocks

// One KV head of a history: blocks[b] + offset is the head's base in logical block b; blocks that are not
// attended are not read.
typedef struct {
  const dendrite_kernels *kernels;
  const dendrite_kv_layout *layout;
  const void *const *blocks;
  long offset;
  float cap; // of the scores, as `attend` takes it; 0 for none
} dendrite_history;

// Blocks that are NULL are another rank's and left out. Attention folds blocks into sixteen states a query, one for each class; states are [class][query]
// [dendrite_state_floats(head_dim)]. Queries that see the same blocks fold them together, so that a block is
// read once for all of them; then each folds what it sees alone. Blocks of a class must come in their order.
void dendrite_attend_begin(float *states, long queries, long head_dim);
// Folds positions [begin, end) into `some` of the `queries` queries, of which `first` is the first.
void dendrite_attend_fold(const dendrite_history *history, float *states, long queries, long first, long some,
                          const float *query, long begin, long end);
// Merges the classes into the first: its states come to lie at the front.
void dendrite_attend_merge(const dendrite_kernels *kernels, float *states, long queries, long head_dim);
// Merges the classes; out is [queries][head_dim].
void dendrite_attend_end(const dendrite_kernels *kernels, float *out, float *states, long queries, long head_dim);

// A state as it travels between ranks: floats [m][l: 16][n: head_dim]; head_dim is at most 1,024.
long dendrite_state_wire_floats(long head_dim);
void dendrite_state_pack(float *wire, const float *states, long count, long head_dim);
// states = states merged with those of another rank.
void dendrite_state_merge_packed(const dendrite_kernels *kernels, float *states, const float *wire, long count,
                                 long head_dim);

// A moment's rest in a loop that waits for another core.
static inline void dendrite_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Bytes of one stored value; Q8 has scales beside them.
static inline long dendrite_kv_element_bytes(dendrite_kv_type type) {
  return type == DENDRITE_KV_F32 ? 4 : type == DENDRITE_KV_Q8 ? 1 : 2;
}

// Copies a stored position verbatim between blocks (one KV head).
void dendrite_kv_copy(void *to_head, long to_position, const void *from_head, long from_position,
                      const dendrite_kv_layout *layout);

// MARK: Packing

// GGUF tensor types, by their number in the file.
enum {
  DENDRITE_GGUF_F32 = 0, DENDRITE_GGUF_F16 = 1, DENDRITE_GGUF_Q4_0 = 2, DENDRITE_GGUF_Q4_1 = 3,
  DENDRITE_GGUF_Q5_0 = 6, DENDRITE_GGUF_Q5_1 = 7, DENDRITE_GGUF_Q8_0 = 8, DENDRITE_GGUF_Q2_K = 10,
  DENDRITE_GGUF_Q3_K = 11, DENDRITE_GGUF_Q4_K = 12, DENDRITE_GGUF_Q5_K = 13, DENDRITE_GGUF_Q6_K = 14,
  DENDRITE_GGUF_IQ4_NL = 20, DENDRITE_GGUF_IQ4_XS = 23, DENDRITE_GGUF_BF16 = 30,
  DENDRITE_GGUF_MXFP4 = 39,
  // Floats of eight bits, from safetensors; no GGUF file has them. Packed as halves, which hold their values.
  DENDRITE_F8_E4M3 = 0x10000, DENDRITE_F8_E5M2 = 0x10001,
};

// The packed shape of a tensor type; data is NULL. packing is -1 for a type that is not a matrix.
dendrite_matrix dendrite_matrix_make(int gguf_type, long rows, long columns);

// Packs groups [group_begin, group_end) from rows of GGUF blocks (`row_bytes` apart, any alignment).
// Returns the first row that holds a scale that is NaN or infinite (float types: a value), or -1.
long dendrite_matrix_pack(uint8_t *data, const dendrite_matrix *shape, int gguf_type, const void *source,
                          long row_bytes, long group_begin, long group_end);

// MARK: Limits of the machine

// Reads `bytes` (a multiple of 4,096) once in `streams` streams (1, 2, 4, 8) and returns a value that depends on them.
uint64_t dendrite_probe_read(const void *memory, size_t bytes, long streams);
// Runs int8 dot products in registers with the variant's instructions; returns multiply-adds done.
double dendrite_probe_int8(const dendrite_kernels *kernels, long repetitions);
