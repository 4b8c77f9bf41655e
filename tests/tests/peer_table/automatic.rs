//! What is done without being asked: all packages for a kernel.

use modsmith_tests::state;

use crate::{CONFIG, Table};

pub const DEPENDENT: Table = Table {
    state: state::DEPENDENT,
    known: &[CONFIG],
    rows: &[
        (0, "autoinstall -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL/ARCH", &[]),
        (0, "autoinstall --kernelver OTHER", &[]),
        (0, "autoinstall -k KERNEL ; autoinstall -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL ; remove sample/1.0 --all", &[]),
        (0, "kernel_postinst -k KERNEL", &[]),
        (0, "kernel_postinst -k OTHER -a ARCH", &[]),
        (4, "kernel_postinst -k KERNEL -k OTHER", &[]),
    ],
};

pub const DEPENDENT_INSTALLED: Table = Table {
    state: state::DEPENDENT_INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "autoinstall -k KERNEL", &[]),
        (0, "kernel_prerm -k KERNEL", &[]),
        (0, "kernel_prerm -k OTHER", &[]),
        (0, "kernel_preinst -k KERNEL", &[]),
        (0, "match --templatekernel KERNEL -k OTHER", &[]),
    ],
};
