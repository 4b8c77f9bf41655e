#!/bin/sh
# `modsmith plugin build` runs this file, and makes a plugin of build/plugin.wasm.
# CC: a clang with a library for WASI, or `zig cc`.
set -eu
bindings=build/bindings
"${MODSMITH_PLUGIN:-modsmith-plugin}" wit --bindings c --out $bindings >/dev/null
# shellcheck disable=SC2086  # CC may be several words
${CC:-clang} --target=wasm32-wasi -mexec-model=reactor -Os -s -Wall -I $bindings \
    plugin.c $bindings/plugin.c $bindings/plugin_component_type.o -o build/plugin.wasm
