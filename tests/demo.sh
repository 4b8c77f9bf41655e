#!/bin/sh
# A tour: two real packages from Debian are built, installed and removed again,
# all in a scratch directory.
#   tests/demo.sh PROGRAM DIRECTORY
# DIRECTORY keeps the downloads, so that the next tour is quicker.
set -eu

program=$(realpath "$1")
mkdir -p "$2"
demo=$(realpath "$2")
export MODSMITH_CACHE_DIR="$demo/cache"
tree=$demo/var/lib/dkms
sources=$demo/usr/src
modules=$demo/lib/modules

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi

say() { printf '\n%s\n' "$bold$*$plain"; }

# Shows a command as one would type it, and runs it on the scratch directory.
modsmith() {
    printf '%s\n' "${bold}\$ modsmith $*$plain"
    "$program" "$@" --dkmstree "$tree" --sourcetree "$sources" --installtree "$modules"
}

# What must not change: every name, size and time below the machine's own trees.
machine() { find /lib/modules /var/lib/dkms -printf '%p %s %T@ %l\n' 2>/dev/null | sort; }

kernel=$(for k in /lib/modules/*/build/include; do echo "$k"; done | cut -d/ -f4 | grep -v -e -cloud- -e -rt- | sort -V | tail -n 1)
if [ ! -d "/lib/modules/$kernel/build/include" ]; then
    echo "No kernel headers below /lib/modules: apt-get install linux-headers-amd64" >&2
    exit 1
fi
before=$(machine)

say "1. Two packages, as Debian ships them"
rm -rf "$tree" "$sources" "$modules"
mkdir -p "$demo/packages" "$tree" "$sources" "$modules/$kernel"
for package in v4l2loopback-dkms bbswitch-dkms; do
    if ! ls "$demo/packages/${package}_"*.deb >/dev/null 2>&1; then
        # Unpacked, not installed.
        (cd "$demo/packages" && apt-get -q -q download "$package" 2>/dev/null) || {
            echo "Could not download $package: is there a network, and has apt-get update been run?" >&2
            exit 1
        }
    fi
    dpkg -x "$demo/packages/${package}_"*.deb "$demo"
done
ln -s "$(realpath "/lib/modules/$kernel/build")" "$modules/$kernel/build"
touch "$modules/$kernel/modules.dep" "$modules/$kernel/modules.order" "$modules/$kernel/modules.builtin"
(cd "$sources" && ls -d v4l2loopback-* bbswitch-* | sed 's/^/   /')
v4l2loopback=$(cd "$sources" && ls -d v4l2loopback-* | sed 's/-/\//')
bbswitch=$(cd "$sources" && ls -d bbswitch-* | sed 's/-/\//')
echo "   for kernel $kernel, in $demo"

say "2. What would happen?"
modsmith install "$v4l2loopback" -k "$kernel" --dry-run

say "3. Do it"
modsmith install "$v4l2loopback" -k "$kernel"
modsmith install "$bbswitch" -k "$kernel"

say "4. What is there now"
modsmith status
find "$modules/$kernel" -name '*.ko*' | sort | while read -r module; do
    printf '\n%s\n' "   ${module#"$demo"}"
    for field in version vermagic signer; do
        printf '   %-9s %s\n' "$field" "$(modinfo -F "$field" "$module")"
    done
done

say "5. Take one out and keep it built, remove the other"
modsmith uninstall "$v4l2loopback" -k "$kernel"
modsmith status
modsmith remove "$v4l2loopback" --all
modsmith remove "$bbswitch" --all

say "6. What is left"
left=$(find "$modules" "$tree" -name '*.ko*')
if [ -n "$left" ]; then
    printf '%s\n' "These modules should be gone:" "$left" >&2
    exit 1
fi
echo "   No module."
if [ "$before" != "$(machine)" ]; then
    echo "The machine's /lib/modules or /var/lib/dkms changed during the tour; that must never happen." >&2
    exit 1
fi
echo "   The machine's own /lib/modules and /var/lib/dkms are as they were."
