//! Modules of the same name: the kernel's own, and another package's.

use modsmith_tests::state;

use super::{CONFIG, Table};

const KEPT: &str = "The modules that a package replaces are kept";

pub const INSTALLED: Table = Table {
    state: state::WITH_ORIGINAL,
    known: &[CONFIG, KEPT],
    rows: &[
        (0, "status", &[KEPT]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --force", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k KERNEL ; install sample/1.0 -k KERNEL", &[]),
        (0, "unbuild sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "unbuild sample/1.0 -k KERNEL => kernel_prerm -k KERNEL", &[]),
    ],
};

pub const BUILT: Table = Table {
    state: state::BEFORE_ORIGINAL,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "install sample/1.0 -k KERNEL", &[KEPT]),
        (0, "install sample/1.0 -k KERNEL --force", &[KEPT]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
    ],
};

pub const RIVALS: Table = Table {
    state: state::RIVALS,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "install rival/2.0 -k KERNEL", &[KEPT]),
        (0, "remove sample/1.0 --all ; install rival/2.0 -k KERNEL", &[]),
        (0, "remove rival/2.0 --all", &[]),
        (0, "uninstall rival/2.0 -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL", &[KEPT]),
    ],
};
