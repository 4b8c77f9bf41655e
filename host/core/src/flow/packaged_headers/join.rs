//! The files of several packages, put together below one directory.

use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::union::{Extent, Union, Unpacked};
use crate::error::{Error, Kind, Result};
use modsmith_facts::inside;
use modsmith_facts::kernel::kbuild::with_trees_below;

/// Puts the packages of a kernel's headers together in `into`, which becomes `path` later: the makefiles of
/// the headers name it.
///
/// # Errors
/// Two packages that have different files under one name.
pub(super) fn join(union: &Union, extent: &Extent, into: &Path, path: &Path) -> Result<()> {
    for package in &extent.packages {
        let others = extent.packages.iter().take_while(|other| *other < package).map(|other| &union.0[*other]);
        add(&union.0[*package], &others.collect::<Vec<_>>(), into)?;
    }
    for tree in &extent.trees {
        let file = into.join(tree).join("Makefile");
        if file.is_symlink() {
            continue;
        }
        let Ok(text) = inside::read_configuration_text(&file) else { continue };
        if let Some(text) = with_trees_below(&text, path) {
            // The package's own file is another name of it.
            let replaced = std::fs::remove_file(&file)
                .and_then(|()| std::fs::write(&file, text))
                .and_then(|()| std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)));
            replaced.map_err(|error| Error::io("write", &file, error))?;
        }
    }
    Ok(())
}

/// Adds the files of a package to those of others, as further names of the same files.
fn add(package: &Unpacked, others: &[&Unpacked], into: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(&package.root).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::io("read", &package.root, error.into()))?;
        let name = entry.path().strip_prefix(&package.root).unwrap_or(Path::new(""));
        let to = into.join(name);
        let kind = entry.file_type();
        let made = if kind.is_dir() {
            std::fs::create_dir(&to).and_then(|()| std::fs::set_permissions(&to, PermissionsExt::from_mode(0o755)))
        } else if kind.is_symlink() {
            std::fs::read_link(entry.path()).and_then(|target| symlink(target, &to))
        } else {
            std::fs::hard_link(entry.path(), &to)
        };
        match made {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !is_same(entry.path(), &to).map_err(|error| Error::io("read", &to, error))? {
                    return Err(conflict(package, others, name));
                }
            }
            made => made.map_err(|error| Error::io("make", &to, error))?,
        }
    }
    Ok(())
}

/// Whether two directories, links or files say the same.
fn is_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    let kinds = (one.symlink_metadata()?.file_type(), other.symlink_metadata()?.file_type());
    if kinds.0.is_symlink() && kinds.1.is_symlink() {
        return Ok(std::fs::read_link(one)? == std::fs::read_link(other)?);
    }
    if kinds.0.is_file() && kinds.1.is_file() {
        return Ok(std::fs::read(one)? == std::fs::read(other)?);
    }
    Ok(kinds.0.is_dir() && kinds.1.is_dir())
}

fn conflict(package: &Unpacked, others: &[&Unpacked], name: &Path) -> Error {
    let other = others.iter().find(|other| other.root.join(name).symlink_metadata().is_ok());
    let other = other.map_or_else(|| "another package".into(), |other| other.file.path.display().to_string());
    let message = format!("{} and {other} have different files at /{}.", package.file.path.display(), name.display());
    Error::new(Kind::Usage, message).hint("They are packages of different versions: name one of them.")
}
