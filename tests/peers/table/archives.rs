//! Tarballs.

use modsmith_tests::state;

use super::{CONFIG, Table};

pub const BUILT: Table = Table {
    state: state::BUILT,
    known: &[CONFIG],
    rows: &[
        (0, "mktarball sample/1.0 -k KERNEL --archive /var/lib/dkms/a.tar.gz", &[]),
        (0, "mktarball sample/1.0 --all --archive=/var/lib/dkms/a.tar.gz", &[]),
        (0, "mktarball sample/1.0 -k KERNEL", &[]),
        (0, "mktarball sample/1.0 --source-only --archive /var/lib/dkms/a.tar.gz", &[]),
        (0, "mktarball sample/1.0 -k KERNEL --binaries-only --archive /var/lib/dkms/a.tar.gz", &[]),
        (6, "mktarball sample/1.0 --source-only --archive /boot/", &[]),
        (0, "mktarball sample/1.0 --source-only --archive", &[]),
        (2, "ldtarball /boot", &[]),
        (8, "mktarball sample/1.0 -k KERNEL --source-only --binaries-only", &[]),
        (6, "mktarball sample/1.0 -k OTHER", &[]),
        (3, "mktarball sample/2.0 -k KERNEL", &[]),
        (
            0,
            "mktarball sample/1.0 -k KERNEL --archive /boot/a.tar.gz ; remove sample/1.0 --all ; ldtarball /boot/a.tar.gz",
            &[],
        ),
        (
            0,
            "mktarball sample/1.0 -k KERNEL --archive /boot/a.tar.gz ; remove sample/1.0 --all ; ldtarball --archive /boot/a.tar.gz ; install sample/1.0 -k KERNEL",
            &[],
        ),
        (8, "mktarball sample/1.0 -k KERNEL --archive /boot/a.tar.gz ; ldtarball /boot/a.tar.gz", &[]),
        (2, "ldtarball /boot/none.tar.gz", &[]),
        (2, "ldtarball", &[]),
        (2, "ldtarball --archive=", &[]),
        (8, "mktarball sample/1.0 -k KERNEL --archive /boot/a.tar.gz ; add /boot/a.tar.gz", &[]),
        (8, "mktarball sample/1.0 -k KERNEL --archive /boot/a.tar.gz ; build /boot/a.tar.gz -k OTHER", &[]),
        (8, "mktarball sample/1.0 --source-only --archive /boot/a.tar.gz ; install /boot/a.tar.gz -k KERNEL", &[]),
    ],
};

const NO_CONF: &str = "An archive without a dkms.conf is exit code 3";

pub const DAMAGED: Table = Table {
    state: state::DAMAGED,
    known: &[CONFIG],
    rows: &[
        (7, "ldtarball /boot/damaged.tar.gz", &[]),
        (7, "add /boot/damaged.tar.gz", &[]),
        (7, "build /boot/damaged.tar.gz -k KERNEL", &[]),
        (7, "install /boot/damaged.tar.gz -k KERNEL --force", &[]),
        (3, "ldtarball /boot/empty.tar.gz", &[NO_CONF]),
    ],
};
