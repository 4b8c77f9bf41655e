//! What is done without being asked: all packages for a kernel.

use modsmith_tests::state;

use super::{CONFIG, LATER, Table};

pub const DEPENDENT: Table = Table {
    state: state::DEPENDENT,
    known: &[CONFIG],
    rows: &[
        (0, "autoinstall -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL/ARCH", &[]),
        (0, "autoinstall --kernelver OTHER", &[]),
        (0, "autoinstall -k KERNEL ; autoinstall -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL ; remove sample/1.0 --all", &[]),
        (0, "autoinstall -k KERNEL => kernel_postinst -k KERNEL", &[]),
        (0, "autoinstall -k OTHER => kernel_postinst -k OTHER -a ARCH", &[]),
        (4, "kernel_postinst -k KERNEL -k OTHER", &[LATER]),
    ],
};

pub const DEPENDENT_INSTALLED: Table = Table {
    state: state::DEPENDENT_INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "autoinstall -k KERNEL", &[]),
        (
            0,
            "unbuild after/1.0 -k KERNEL ; unbuild manual/1.0 -k KERNEL ; unbuild sample/1.0 -k KERNEL => kernel_prerm -k KERNEL",
            &[],
        ),
        (0, "status ; uninstall sample/1.0 -k OTHER => kernel_prerm -k OTHER", &[]),
        (0, "unbuild after/1.0 -k KERNEL ; unbuild sample/1.0 -k KERNEL => kernel_preinst -k KERNEL", &[]),
        (0, "install sample/1.0 -k OTHER ; install after/1.0 -k OTHER => match --templatekernel KERNEL -k OTHER", &[]),
    ],
};

const BROKEN: &str = "A broken package does not keep `autoinstall` from the others";

pub const BESIDE_BROKEN: Table = Table {
    state: state::BESIDE_BROKEN,
    known: &[CONFIG],
    rows: &[(0, "autoinstall -k KERNEL", &[BROKEN]), (0, "autoinstall -k KERNEL ; autoinstall -k KERNEL", &[BROKEN])],
};

pub const BESIDE_UNREADABLE: Table = Table {
    state: state::BESIDE_UNREADABLE,
    known: &[CONFIG],
    rows: &[(11, "autoinstall -k KERNEL", &[BROKEN]), (11, "autoinstall -k KERNEL ; autoinstall -k KERNEL", &[BROKEN])],
};

pub const BESIDE_INVALID: Table = Table {
    state: state::BESIDE_INVALID,
    known: &[CONFIG],
    rows: &[(11, "autoinstall -k KERNEL", &[BROKEN]), (11, "autoinstall -k KERNEL ; autoinstall -k KERNEL", &[BROKEN])],
};
