//! The names of the modules that the call's kernel has.

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

/// Names without suffixes: those of the index, or of all files where there is
/// none.
pub fn names() -> Result<Vec<String>> {
    match Path::modules("modules.dep").read()? {
        Some(index) => {
            let index = String::from_utf8_lossy(&index).into_owned();
            Ok(index.lines().filter_map(|line| stem(line.split_once(':')?.0)).collect())
        }
        None => {
            let mut found = Vec::new();
            walk(&Path::modules(""), &mut found)?;
            Ok(found)
        }
    }
}

fn walk(directory: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in directory.entries()? {
        match entry.kind {
            // Links are not followed: `build` and `source` lead away.
            EntryKind::Directory => walk(&directory.join(&entry.name), found)?,
            _ => found.extend(stem(&entry.name)),
        }
    }
    Ok(())
}

/// `x` of `kernel/drivers/x.ko.xz`.
fn stem(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let (stem, suffix) = name.rsplit_once(".ko")?;
    ["", ".gz", ".xz", ".zst"].contains(&suffix).then(|| stem.to_owned())
}
