//! Kernels that are not as they should be, and the one that runs.

use modsmith_tests::state;

use super::{CONFIG, Table};

const HEADERS: &str = "Missing headers are exit code 21";
const FOUND: &str = "Headers are found without the kernel's link to them";
const WORDS: &str = "Status has the words of dkms 3.1.3";

pub const WITHOUT_HEADERS: Table = Table {
    state: state::WITHOUT_HEADERS,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "build sample/1.0 -k BARE", &[]),
        (21, "build sample/1.0 -k BARE --force", &[HEADERS, "A rebuild that fails leaves what was built"]),
        (0, "install sample/1.0 -k BARE", &[]),
        (0, "install sample/1.0 -k BARE --force", &[]),
        (0, "uninstall sample/1.0 -k BARE", &[]),
        (0, "uninstall sample/1.0 -k BARE ; install sample/1.0 -k BARE", &[]),
        (21, "unbuild sample/1.0 -k BARE ; build sample/1.0 -k BARE", &[HEADERS]),
        (0, "remove sample/1.0 -k BARE", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "autoinstall -k BARE", &[]),
    ],
};

pub const WITHOUT_LINK: Table = Table {
    state: state::WITHOUT_LINK,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[]),
        (0, "unbuild sample/1.0 -k KERNEL ; build sample/1.0 -k KERNEL", &[FOUND]),
        (0, "remove sample/1.0 --all", &[]),
    ],
};

pub const WITHOUT_KERNEL: Table = Table {
    state: state::WITHOUT_KERNEL,
    known: &[CONFIG],
    rows: &[
        (0, "status", &[WORDS]),
        (0, "install sample/1.0 -k KERNEL", &[WORDS]),
        (0, "uninstall sample/1.0 -k KERNEL", &[]),
        (6, "uninstall sample/1.0 -k KERNEL ; install sample/1.0 -k KERNEL", &[]),
        (0, "unbuild sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 -k KERNEL", &[]),
        (0, "remove sample/1.0 --all", &[]),
        (0, "unbuild sample/1.0 -k KERNEL => kernel_prerm -k KERNEL", &[]),
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
