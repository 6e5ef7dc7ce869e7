// SPDX-License-Identifier: Apache-2.0
//
// Generates from a model on one thread, records every kernel call, and prints two hashes: of the text
// and of all kernel outputs. Both must be the same for every variant.
//
//   DendriteTrace MODEL TRACE [variant]

import CDendriteKernels
import CKernelTrace
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTokenizer

let arguments = CommandLine.arguments
guard arguments.count >= 3 else { fatalError("usage: DendriteTrace MODEL TRACE [variant]") }
let variant = arguments.count > 3 ? try KernelVariant(named: arguments[3]) : .best
guard let base = dendrite_kernels_named(variant.name),
  let recording = kernel_trace_begin(base, arguments[2])
else { fatalError("cannot write the trace \(arguments[2])") }

func hexadecimal(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

let file = try GGUFFile(path: arguments[1])
let tokenizer = try Tokenizer(file.vocabularyDescription())
let machine = try Machine(threads: 1, parts: 3, variant: KernelVariant(recording))
let model = try CPUTransformer(file: file, machine: machine)
let context = try DecodingContext(
  model: model, settings: ContextSettings(capacity: 256, cacheType: .f16))
let prompt = tokenizer.encode("def mean(values):\n    \"\"\"Return the arithmetic mean.\"\"\"\n")
var sampler = SamplerSettings()
sampler.seed = 7
var settings = GenerationSettings()
settings.sampler = sampler
settings.maximumTokens = 24
settings.ignoresEndOfGeneration = true
settings.prefillChunkSize = 5
var loop = try GenerationLoop(prompt: prompt, in: context, tokenizer: tokenizer, settings: settings)
var textHash: UInt64 = 0xcbf2_9ce4_8422_2325
var count = 0
while let step = try loop.step() {
  if case .fragment(let fragment) = step {
    count += 1
    for byte in withUnsafeBytes(of: Int32(fragment.tokenID).littleEndian, Array.init) {
      textHash = (textHash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
  }
}
let kernelHash = kernel_trace_end()
let name = variant.name + String(repeating: " ", count: max(0, 12 - variant.name.count))
print(
  "\(name) text hash \(hexadecimal(textHash)) (\(count) tokens), kernel hash \(hexadecimal(kernelHash))"
)
