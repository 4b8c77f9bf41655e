//! Settings: overrides of a package's dkms.conf, framework.conf.

use modsmith_tests::state;

use crate::{CONFIG, Table};

pub const OVERRIDDEN: Table = Table {
    state: state::OVERRIDDEN,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "build sample/1.0 -k KERNEL", &[]),
        (0, "build sample/1.0 -k OTHER", &[]),
        (0, "install sample/1.0 -k KERNEL", &[]),
        (0, "install sample/1.0 -k KERNEL --directive DEST_MODULE_NAME=directed", &[]),
        (0, "install sample/1.0 -k KERNEL --directive=DEST_MODULE_NAME=directed", &[]),
        (0, "autoinstall -k KERNEL", &[]),
        (0, "kernel_postinst -k OTHER", &[]),
    ],
};

pub const OVERRIDDEN_INSTALLED: Table = Table {
    state: state::OVERRIDDEN_INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "install sample/1.0 -k OTHER", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "kernel_preinst -k KERNEL", &["Kernel actions that 3.0.10 does not know"]),
    ],
};

pub const FRAMEWORK: Table = Table {
    state: state::FRAMEWORK_INSTALLED,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "status --dkmstree /var/lib/dkms", &[]),
        (0, "install sample/1.0 -k OTHER", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (2, "add sample/1.0 --dkmstree /var/lib/dkms --sourcetree /usr/src", &[]),
        (0, "add sample/1.0 --dkmstree /var/lib/dkms", &[]),
    ],
};
