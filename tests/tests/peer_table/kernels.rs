//! Kernels that are not as they should be, and the one that runs.

use modsmith_tests::state;

use crate::{CONFIG, Table};

const HEADERS: &str = "Missing headers are exit code 21";

pub const WITHOUT_HEADERS: Table = Table {
    state: state::WITHOUT_HEADERS,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "build sample/1.0 -k KERNEL", &[]),
        (21, "build sample/1.0 -k KERNEL --force", &[HEADERS]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --force", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k KERNEL ; install sample/1.0 -k KERNEL", &[]),
        (21, "unbuild sample/1.0 -k KERNEL ; build sample/1.0 -k KERNEL", &[HEADERS]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "autoinstall -k KERNEL", &[]),
    ],
};

pub const WITHOUT_KERNEL: Table = Table {
    state: state::WITHOUT_KERNEL,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (6, "uninstall sample/1.0 -k KERNEL ; install sample/1.0 -k KERNEL", &[]),
        (0, "unbuild sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "kernel_prerm -k KERNEL", &[]),
    ],
};

pub const AT_HOME: Table = Table {
    state: state::AT_HOME,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "build sample/1.0", &[]),
        (0, "build sample/1.0 --force", &[]),
        (0, "install sample/1.0", &[]),
        (0, "uninstall sample/1.0", &[]),
        (0, "unbuild sample/1.0", &[]),
        (0, "remove sample/1.0", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "uninstall sample/1.0 -a ARCH", &[]),
        (0, "autoinstall", &[]),
        (0, "remove sample/1.0 --all ; install sample/1.0", &[]),
    ],
};
