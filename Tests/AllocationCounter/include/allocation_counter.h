// SPDX-License-Identifier: Apache-2.0
//
// Counts allocations of the whole process by standing in for malloc (Linux with glibc only).
#pragma once

#include <stdint.h>

// Allocations so far; -1 where they cannot be counted.
int64_t allocation_count(void);

