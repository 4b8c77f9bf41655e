#!/bin/sh
# Before a kernel is unpacked: modules of an earlier kernel of the same name go.
kernel=$1
[ -n "$kernel" ] || exit 0
command -v dkms >/dev/null || exit 0
dkms kernel_preinst --kernelver "$kernel" || true
