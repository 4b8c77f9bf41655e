//! Settings: overrides of a package's dkms.conf, framework.conf.

use modsmith_tests::state;

use super::{CONFIG, Table};

const OVERRIDES: &str = "Overrides count everywhere";
const OWN_KEY: &str = "The signing key is in the tree that is used";

pub const OVERRIDDEN: Table = Table {
    state: state::OVERRIDDEN,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "build sample/1.0 -k KERNEL", &[OVERRIDES]),
        (0, "build sample/1.0 -k OTHER", &[OVERRIDES]),
        (0, "install sample/1.0 -k KERNEL", &[OVERRIDES]),
        (0, "install sample/1.0 -k KERNEL --directive DEST_MODULE_NAME=directed", &[OVERRIDES]),
        (0, "install sample/1.0 -k KERNEL --directive=DEST_MODULE_NAME=directed", &[OVERRIDES]),
        (0, "autoinstall -k KERNEL", &[OVERRIDES]),
        (0, "status ; uninstall sample/1.0 -k OTHER => kernel_postinst -k OTHER", &[]),
    ],
};

pub const OVERRIDDEN_INSTALLED: Table = Table {
    state: state::OVERRIDDEN_INSTALLED,
    known: &[CONFIG, OVERRIDES],
    rows: &[
        (0, "status", &[]),
        (0, "install sample/1.0 -k OTHER", &[]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        // It is for packages that ask for AUTOINSTALL: the override takes that back.
        (0, "uninstall sample/1.0 -k OTHER => kernel_preinst -k KERNEL", &[]),
        (0, "unbuild sample/1.0 -k KERNEL => kernel_prerm -k KERNEL", &[]),
    ],
};

pub const FRAMEWORK: Table = Table {
    state: state::FRAMEWORK_INSTALLED,
    known: &[CONFIG, OWN_KEY],
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
