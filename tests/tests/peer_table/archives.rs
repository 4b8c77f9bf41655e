//! Tarballs.

use modsmith_tests::state;

use crate::{CONFIG, Table};

pub const BUILT: Table = Table {
    state: state::BUILT,
    known: &[CONFIG],
    rows: &[
        (0, "mktarball sample/1.0 -k KERNEL --archive /var/lib/dkms/a.tar.gz", &[]),
        (0, "mktarball sample/1.0 --all --archive=/var/lib/dkms/a.tar.gz", &[]),
        (0, "mktarball sample/1.0 -k KERNEL", &[]),
        (0, "mktarball sample/1.0 --source-only --archive /var/lib/dkms/a.tar.gz", &[]),
        (0, "mktarball sample/1.0 -k KERNEL --binaries-only --archive /var/lib/dkms/a.tar.gz", &[]),
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
    ],
};
