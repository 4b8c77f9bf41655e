#!/bin/sh
# `modsmith plugin build` runs this file, and makes a plugin of build/plugin.wasm.
# ZIG: the compiler, if it is neither in this folder's .venv nor on the program path.
set -eu
if [ -z "${ZIG:-}" ]; then
    if [ -x .venv/bin/python-zig ]; then
        ZIG=.venv/bin/python-zig
    elif command -v zig >/dev/null; then
        ZIG=zig
    else
        echo "Zig is not installed. To install it for this folder, run here:" >&2
        echo "    python3 -m venv .venv && .venv/bin/pip install ziglang" >&2
        exit 1
    fi
fi
bindings=build/bindings
"${MODSMITH_PLUGIN:-modsmith-plugin}" wit --bindings c --out $bindings >/dev/null
# shellcheck disable=SC2086  # ZIG may be several words
$ZIG translate-c -target wasm32-wasi -lc -I $bindings $bindings/plugin.h >$bindings/plugin.zig
# shellcheck disable=SC2086
$ZIG build-exe -target wasm32-wasi -mexec-model=reactor -O ReleaseSmall -fstrip -fno-entry -rdynamic -lc -I $bindings \
    --dep bindings -Mroot=plugin.zig $bindings/plugin.c $bindings/plugin_component_type.o \
    -Mbindings=$bindings/plugin.zig -femit-bin=build/plugin.wasm
