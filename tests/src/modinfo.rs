//! Fields of a module file, read by kmod's `modinfo`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use crate::tool;

/// The value of one field; several values are joined with `, `, and a field
/// that is not there is empty.
pub fn field(module: &Path, name: &str) -> String {
    let out = tool::run(Command::new(tool::path("modinfo")).arg("-F").arg(name).arg(module));
    out.lines().collect::<Vec<_>>().join(", ")
}

/// The fields that say what a module is and for which kernel it was built.
pub const IDENTITY: [&str; 7] = ["name", "version", "srcversion", "vermagic", "depends", "signer", "sig_hashalgo"];

/// All of [`IDENTITY`], one `field: value` per line. A file is asked once,
/// wherever its copies are.
pub fn identity(module: &Path) -> Vec<String> {
    static KNOWN: Mutex<BTreeMap<Vec<u8>, Vec<String>>> = Mutex::new(BTreeMap::new());
    let content = std::fs::read(module).unwrap_or_else(|e| panic!("cannot read {}: {e}", module.display()));
    let mut known = KNOWN.lock().expect("nobody panics while holding it");
    // The name is read from the file's name when the module has none inside.
    let key = [module.file_name().expect("a file").as_encoded_bytes(), &content].concat();
    known.entry(key).or_insert_with(|| ask(module)).clone()
}

fn ask(module: &Path) -> Vec<String> {
    let out = tool::run(Command::new(tool::path("modinfo")).arg("-0").arg(module));
    let values = |name: &str| {
        let values = out.split('\0').filter_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(String::from));
        values.collect::<Vec<_>>().join(", ")
    };
    IDENTITY.iter().map(|name| format!("{name}: {}", values(name))).collect()
}
