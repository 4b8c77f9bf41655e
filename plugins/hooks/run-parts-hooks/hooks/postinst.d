#!/bin/sh
# A kernel, or its headers, has been installed: modules are built for it.
kernel=$1
[ -n "$kernel" ] || exit 0
[ -x @LIBDIR@/dkms/dkms_autoinstaller ] || exit 0
exec @LIBDIR@/dkms/dkms_autoinstaller start "$kernel"
