//! From what was unpacked to the shape of the tree.

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

use crate::{BINARIES_ONLY, MAIN_TREE, SOURCE_TREE, UNPACKED, VERSION, VERSION_FILE};

/// How deep in an ordinary source tarball the dkms.conf may be.
const DEEPEST: usize = 4;

pub fn arrange(staging: &Path, plan: &mut Plan) -> Result<()> {
    let unpacked = staging.join(UNPACKED);
    if is_directory(&unpacked.join(MAIN_TREE))? || is_directory(&unpacked.join(SOURCE_TREE))? {
        return arrange_tarball(&unpacked, staging, plan);
    }
    match find_source(&unpacked)? {
        Some(source) => plan.rename(source, staging.join("source")),
        // modsmith says what is missing.
        None => Ok(()),
    }
}

/// A tarball that dkms or this plugin made.
fn arrange_tarball(unpacked: &Path, staging: &Path, plan: &mut Plan) -> Result<()> {
    let main = unpacked.join(MAIN_TREE);
    check_version(&main)?;
    if has_conf(&unpacked.join(SOURCE_TREE))? {
        plan.rename(unpacked.join(SOURCE_TREE), staging.join("source"))?;
    } else if has_conf(&unpacked.join(BINARIES_ONLY))? {
        let conf = staging.join("binaries-only");
        plan.make_directory(&conf)?;
        plan.rename(unpacked.join(BINARIES_ONLY).join("dkms.conf"), conf.join("dkms.conf"))?;
    } else {
        return Err(invalid(format!("the tarball has a dkms.conf neither in {SOURCE_TREE} nor in {BINARIES_ONLY}")));
    }
    for release in directories(&main)? {
        let kernel = main.join(&release);
        let built = staging.join("built").join(&release);
        plan.make_directory(&built)?;
        for arch in directories(&kernel)? {
            let from = kernel.join(&arch);
            if !is_directory(&from.join("module"))? {
                return Err(invalid(format!(
                    "{MAIN_TREE}/{release}/{arch} in the tarball holds no modules: it is damaged, or was made by dkms 1.x"
                )));
            }
            plan.rename(from, built.join(&arch))?;
        }
    }
    Ok(())
}

/// dkms 3.x writes no version; one that is newer than known is not understood.
fn check_version(main: &Path) -> Result<()> {
    let Some(text) = main.join(VERSION_FILE).read_text()? else { return Ok(()) };
    let major = |text: &str| text.trim().split('.').next().and_then(|number| number.parse::<u32>().ok());
    match major(&text) {
        Some(given) if Some(given) <= major(VERSION) => Ok(()),
        _ => Err(invalid(format!(
            "the tarball's layout is `{}`, and {VERSION} is the newest that is known here",
            text.trim()
        ))),
    }
}

/// The directory nearest to the top that has a dkms.conf.
fn find_source(unpacked: &Path) -> Result<Option<Path>> {
    let mut level = vec![unpacked.clone()];
    for _ in 0..DEEPEST {
        for directory in &level {
            if has_conf(directory)? {
                return Ok(Some(directory.clone()));
            }
        }
        let mut below = Vec::new();
        for directory in &level {
            below.extend(directories(directory)?.iter().map(|name| directory.join(name)));
        }
        level = below;
    }
    Ok(None)
}

fn has_conf(directory: &Path) -> Result<bool> {
    Ok(is_directory(directory)? && directory.join("dkms.conf").kind()? == Some(EntryKind::File))
}

fn is_directory(path: &Path) -> Result<bool> {
    Ok(path.kind()? == Some(EntryKind::Directory))
}

fn directories(path: &Path) -> Result<Vec<String>> {
    let entries = path.entries()?.into_iter();
    Ok(entries.filter(|entry| entry.kind == EntryKind::Directory).map(|entry| entry.name).collect())
}
