//! Several versions, kernels and modules.

use modsmith_tests::state;

use super::{CONFIG, Table};

pub const OLDER_ACTIVE: Table = Table {
    state: state::OLDER_ACTIVE,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "install sample/2.0 -k KERNEL", &[]),
        (0, "install sample/2.0 -k KERNEL ; uninstall sample/2.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/2.0 -k KERNEL", &[]),
        (0, "unbuild sample/2.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "remove sample/2.0 --all", &[]),
        (0, "autoinstall -k KERNEL", &[]),
    ],
};

pub const NEWER_ACTIVE: Table = Table {
    state: state::NEWER_ACTIVE,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status sample/1.0", &[]),
        (6, "install sample/1.0 -k KERNEL", &["A module that is not replaced is an error"]),
        (0, "install sample/1.0 -k KERNEL --force", &[]),
        (0, "install sample/1.0 -k KERNEL --force-version-override", &[]),
        (0, "uninstall sample/2.0 -k KERNEL", &[]),
        (0, "remove sample/2.0 --all ; install sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "autoinstall -k KERNEL", &["`autoinstall` keeps to the newest version"]),
    ],
};

pub const TWO_KERNELS: Table = Table {
    state: state::TWO_KERNELS,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status -k OTHER", &[]),
        (0, "status -k KERNEL -k OTHER", &[]),
        (0, "status sample/1.0 -k 6.*", &[]),
        (0, "status -a no-arch", &[]),
        (0, "status -m sam* -v ?.0", &[]),
        (0, "match --templatekernel KERNEL -k OTHER -m sample -v 9", &[]),
        (0, "install sample/1.0 -k OTHER", &[]),
        (0, "install sample/1.0 -k KERNEL -k OTHER", &[]),
        (0, "build sample/1.0 -k KERNEL -k OTHER --force", &[]),
        (0, "uninstall sample/1.0 -k KERNEL -k OTHER", &[]),
        (0, "uninstall sample/1.0 --all", &[]),
        (0, "unbuild sample/1.0 -k OTHER", &[]),
        (0, "unbuild sample/1.0 --all", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 -k OTHER", &[]),
        (0, "remove sample/1.0 -k KERNEL -k OTHER", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "autoinstall -k OTHER", &[]),
        (0, "unbuild sample/1.0 -k KERNEL => kernel_prerm -k KERNEL", &[]),
    ],
};

pub const BOTH_INSTALLED: Table = Table {
    state: state::BOTH_INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status sample -k KERNEL/ARCH", &[]),
        (0, "uninstall sample/1.0 -k OTHER", &[]),
        (0, "uninstall sample/1.0 --all", &[]),
        (0, "unbuild sample/1.0 -k KERNEL/ARCH -k OTHER/ARCH", &[]),
        (0, "remove sample/1.0 -k OTHER ; remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
    ],
};

pub const TWO_MODULES: Table = Table {
    state: state::TWO_MODULES,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "build pair/1.0 -k OTHER", &[]),
        (0, "install pair/1.0 -k KERNEL --force", &[]),
        (0, "uninstall pair/1.0 -k KERNEL", &[]),
        (0, "remove pair/1.0 --all", &[]),
    ],
};
