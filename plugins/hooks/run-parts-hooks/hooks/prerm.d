#!/bin/sh
# A kernel is about to be removed: its modules go first.
kernel=$1
[ -n "$kernel" ] || exit 0
command -v dkms >/dev/null || exit 0
dkms kernel_prerm --kernelver "$kernel" || true
