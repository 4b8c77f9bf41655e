#!/bin/sh
# `modsmith plugin build` runs this file, and makes a plugin of build/plugin.wasm.
set -eu
if ! command -v node >/dev/null; then
    echo "Node.js is not installed. To install it on Debian, run as root:" >&2
    echo "    apt-get install nodejs npm" >&2
    exit 1
fi
if [ ! -d node_modules/@bytecodealliance/componentize-js ]; then
    echo "componentize-js is not installed. To install it for this folder, run here:" >&2
    echo "    npm install" >&2
    exit 1
fi
"${MODSMITH_PLUGIN:-modsmith-plugin}" wit --world --out build/wit >/dev/null
node componentize.mjs
