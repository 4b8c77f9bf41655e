//! Fields of a module file, read by kmod's `modinfo`.

use std::path::Path;
use std::process::Command;

use crate::tool;

/// The value of one field; several values are joined with `, `, and a field
/// that is not there is empty.
pub fn field(module: &Path, name: &str) -> String {
    let out = tool::run(Command::new(tool::path("modinfo")).arg("-F").arg(name).arg(module));
    out.lines().collect::<Vec<_>>().join(", ")
}

/// The fields that say what a module is and for which kernel it was built.
pub const IDENTITY: [&str; 7] = ["name", "version", "srcversion", "vermagic", "depends", "signer", "sig_hashalgo"];

/// All of [`IDENTITY`], one `field: value` per line.
pub fn identity(module: &Path) -> Vec<String> {
    IDENTITY.iter().map(|name| format!("{name}: {}", field(module, name))).collect()
}
