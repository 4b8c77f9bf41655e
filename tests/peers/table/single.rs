//! One package, one kernel: every action from every state.

use modsmith_tests::state;

use super::{CONFIG, Table};

pub const ABSENT: Table = Table {
    state: state::ABSENT,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status sample", &[]),
        (0, "add sample/1.0", &[]),
        (0, "add sample/1.0 -k KERNEL", &[]),
        (3, "add sample/1.0 ; add sample/1.0 --force", &[]),
        (2, "add sample/9.9", &[]),
        // As an rpm's scripts do, when the new package has the same version.
        (0, "add sample/1.0 --rpm_safe_upgrade ; remove sample/1.0 --all --rpm_safe_upgrade", &[]),
        (
            0,
            "add sample/1.0 --rpm_safe_upgrade ; remove sample/1.0 --all --rpm_safe_upgrade ; remove sample/1.0 --all --rpm_safe_upgrade",
            &[],
        ),
        (0, "build sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --force", &[]),
        (3, "uninstall sample/1.0 -k KERNEL", &[]),
        (3, "unbuild sample/1.0 -k KERNEL", &[]),
        (3, "remove sample/1.0 -k KERNEL", &[]),
        (3, "remove sample/1.0 --all", &[]),
        (3, "remove sample/1.0 --all --force", &[]),
        (3, "mktarball sample/1.0 -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL => kernel_postinst -k KERNEL", &[]),
        (0, "generate_mok -k KERNEL", &[]),
    ],
};

pub const ADDED: Table = Table {
    state: state::ADDED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status sample/1.0 -k KERNEL", &[]),
        (3, "add sample/1.0", &[]),
        (3, "add sample/1.0 --force", &[]),
        (0, "build sample/1.0 -k KERNEL", &[]),
        (0, "build sample/1.0 -k KERNEL --force", &[]),
        (0, "build sample/1.0 -k KERNEL ; build sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --force", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "unbuild sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "remove sample/1.0", &[]),
        (6, "mktarball sample/1.0 -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL", &[]),
    ],
};

pub const BUILT: Table = Table {
    state: state::BUILT,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status -k OTHER", &[]),
        (0, "status sample/1.0 -k KERNEL -a ARCH", &[]),
        (3, "add sample/1.0", &[]),
        (0, "build sample/1.0 -k KERNEL", &[]),
        (0, "build sample/1.0 -k KERNEL --force", &[]),
        (0, "build sample/1.0 -k OTHER", &[]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --no-depmod", &[]),
        (0, "install sample/1.0 -k KERNEL ; remove sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 --all", &[]),
        (0, "unbuild sample/1.0 -k KERNEL", &[]),
        (0, "unbuild sample/1.0 -k OTHER", &[]),
        (0, "unbuild sample/1.0 --all", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 -k OTHER", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "remove sample/1.0", &[]),
        (0, "autoinstall -k KERNEL", &[]),
    ],
};

pub const INSTALLED: Table = Table {
    state: state::INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (3, "add sample/1.0", &[]),
        (0, "build sample/1.0 -k KERNEL", &[]),
        (0, "build sample/1.0 -k KERNEL --force", &[]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --force", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k KERNEL --no-depmod", &[]),
        (0, "uninstall sample/1.0 -k KERNEL ; install sample/1.0 -k KERNEL", &[]),
        (0, "uninstall sample/1.0 -k OTHER", &[]),
        (0, "uninstall sample/1.0 --all", &[]),
        (0, "unbuild sample/1.0 -k KERNEL", &[]),
        (0, "unbuild sample/1.0 --all", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "remove sample/1.0 --all ; status ; install sample/1.0 -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL", &[]),
        (0, "autoinstall -k KERNEL => kernel_postinst -k KERNEL", &[]),
    ],
};

const GONE: &str = "A package without its source is broken";

pub const BROKEN: Table = Table {
    state: state::BROKEN,
    known: &[CONFIG],
    rows: &[
        (0, "status gone/1.0", &[GONE]),
        (2, "add gone/1.0", &[GONE]),
        (4, "build gone/1.0 -k KERNEL", &[GONE]),
        (4, "install gone/1.0 -k KERNEL", &[GONE]),
        (4, "uninstall gone/1.0 -k KERNEL", &[GONE]),
        (4, "unbuild gone/1.0 -k KERNEL", &[GONE]),
        (4, "remove gone/1.0 --all", &[GONE]),
        (4, "mktarball gone/1.0 -k KERNEL", &[GONE]),
    ],
};

pub const BROKEN_INSTALLED: Table = Table {
    state: state::BROKEN_INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status gone/1.0", &[GONE]),
        (4, "install gone/1.0 -k KERNEL", &[GONE]),
        (4, "uninstall gone/1.0 -k KERNEL", &[GONE]),
        (4, "remove gone/1.0 --all", &[GONE]),
    ],
};
