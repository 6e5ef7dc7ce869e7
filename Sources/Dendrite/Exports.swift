// SPDX-License-Identifier: Apache-2.0

// One import for a newcomer: files, tokenizers, models, decoding and the machine they run on.
@_exported public import DendriteCheckpoint
@_exported public import DendriteCompute
@_exported public import DendriteDecoding
@_exported public import DendriteDistributed
@_exported public import DendriteModel
@_exported public import DendriteTokenizer
