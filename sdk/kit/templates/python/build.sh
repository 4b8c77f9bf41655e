#!/bin/sh
# `modsmith plugin build` runs this file, and makes a plugin of build/plugin.wasm.
# COMPONENTIZE_PY: the compiler, if it is neither in this folder's .venv nor on the program path.
set -eu
if [ -z "${COMPONENTIZE_PY:-}" ]; then
    if [ -x .venv/bin/componentize-py ]; then
        COMPONENTIZE_PY=.venv/bin/componentize-py
    elif command -v componentize-py >/dev/null; then
        COMPONENTIZE_PY=componentize-py
    else
        echo "componentize-py is not installed. To install it for this folder, run here:" >&2
        echo "    python3 -m venv .venv && .venv/bin/pip install componentize-py" >&2
        exit 1
    fi
fi
"${MODSMITH_PLUGIN:-modsmith-plugin}" wit --world --out build/wit >/dev/null
rm -rf build/bindings
"$COMPONENTIZE_PY" --quiet --wit-path build/wit --world plugin bindings build/bindings
# Without WASI, because plugins have no files, no clock and no randomness.
"$COMPONENTIZE_PY" --quiet --wit-path build/wit --world plugin componentize --stub-wasi \
    --python-path . plugin --output build/plugin.wasm
