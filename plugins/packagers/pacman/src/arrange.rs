//! From an unpacked package to the shape of the tree.

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

use crate::UNPACKED;

/// Where packages have sources.
const SOURCES: &str = "usr/src";

pub fn arrange(staging: &Path, plan: &mut Plan) -> Result<()> {
    let sources = staging.join(UNPACKED).join(SOURCES);
    let mut found = Vec::new();
    for entry in sources.entries()? {
        let source = sources.join(&entry.name);
        if entry.kind == EntryKind::Directory && source.join("dkms.conf").kind()? == Some(EntryKind::File) {
            found.push(source);
        }
    }
    match found.as_slice() {
        [source] => plan.rename(source, staging.join("source")),
        [] => Err(invalid(format!("no directory of {SOURCES} in the package has a dkms.conf"))),
        several => {
            let names: Vec<&str> = several.iter().map(Path::file_name).collect();
            Err(invalid(format!("the package has several module packages, and one is expected: {}", names.join(", "))))
        }
    }
}
