#!/bin/sh
# `modsmith plugin build` runs this file, and makes a plugin of build/plugin.wasm.
# GO: the compiler, if it is not on the program path.
set -eu
if ! command -v "${GO:=go}" >/dev/null; then
    echo "Go 1.24 or newer is not installed. To install it on Debian 13 or newer, run as root:" >&2
    echo "    apt-get install golang-go" >&2
    exit 1
fi
"${MODSMITH_PLUGIN:-modsmith-plugin}" wit --bindings go --out build/bindings >/dev/null
# No other compiler is downloaded, whatever go.mod asks for; no path is in the component.
GOTOOLCHAIN=local GOOS=wasip1 GOARCH=wasm "$GO" build -trimpath -buildvcs=false -buildmode=c-shared \
    -ldflags='-s -w' -o build/plugin.wasm ./build/bindings/main
