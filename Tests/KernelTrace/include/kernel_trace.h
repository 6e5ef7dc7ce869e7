// SPDX-License-Identifier: Apache-2.0
//
// A trace holds the inputs of every kernel call of a run and a hash of each call's outputs, so that the
// calls can be repeated by another variant on another machine (kernel-replay.c), where the engine
// itself need not run.
#pragma once

#include "dendrite_kernels.h"

#include <stdint.h>

// Kernels that do what `base` does and write each call to `path`. One recording at a time, from one
// thread. NULL if the file cannot be made.
const dendrite_kernels *kernel_trace_begin(const dendrite_kernels *base, const char *path);

// Ends the recording. Returns a hash over all outputs, or 0 if a write failed.
uint64_t kernel_trace_end(void);
