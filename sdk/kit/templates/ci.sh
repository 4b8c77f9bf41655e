#!/bin/sh
# Everything that has to pass before a release. Any CI system can run this file.
set -eux
cd "$(dirname "$0")"
modsmith-plugin check .
modsmith-plugin test .
modsmith-plugin build . --out dist
