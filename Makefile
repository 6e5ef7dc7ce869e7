# Six words for fingers. What each does is a script that can be run alone.

# The scripts speak bash.
SHELL = bash

.PHONY: run test build bench docs format

# Builds the command and lets the bundled model continue a piece of Python. Needs Swift 6.2, no more.
run:
	@Scripts/run.sh

# Installs what is missing for the tests (it says what), then runs all of them.
test:
	@Scripts/setup.sh
	@Scripts/check.sh tests

# The command, optimised: .build/release/dendrite
build:
	@. Scripts/toolchain.sh && require_swift && swift_with_traits build -c release --product dendrite

# Decoding and prefill of the bundled model against the limits of this machine.
bench: build
	@. Scripts/toolchain.sh && "$$(swift_with_traits build -c release --show-bin-path)/dendrite" bench

# Reference documentation of the public rooms, in build/docs.
docs:
	@Scripts/make-docs.sh

# Formats all Swift, and the C where clang-format is installed.
format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Examples
	@if command -v clang-format >/dev/null 2>&1; then \
	  clang-format -i Sources/CDendriteKernels/*.[ch] Sources/CDendriteKernels/include/*.h Tests/Kernel*/*.[ch]; \
	else echo "format: no clang-format, the C stays as it is"; fi
