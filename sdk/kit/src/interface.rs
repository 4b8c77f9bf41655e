//! The interface for authors in any language: as text, as files, and as the world of a
//! plugin with certain roles.

use std::path::{Path, PathBuf};

use modsmith_plugins::manifest::Role;
use modsmith_wit::V1_0;
use wit_parser::{Resolve, WorldId};

use crate::error::{Error, Result};

/// The world of a plugin with several roles; the interface has one world for each role.
pub const WORLD: &str = "plugin";

/// All files of the interface as one valid text of WIT.
pub fn text() -> String {
    V1_0.text()
}

/// Writes the files of the interface to a directory, which is made if it is missing.
///
/// # Errors
/// `System` for a directory or a file that cannot be written.
pub fn write(directory: &Path) -> Result<Vec<PathBuf>> {
    write_files(directory, V1_0.files.iter().map(|(name, text)| (*name, text.as_bytes())))
}

/// Writes the files of the interface, and `plugin.wit` with the world [`WORLD`].
///
/// # Errors
/// `System` for a directory or a file that cannot be written.
pub fn write_with_world(roles: &[Role], directory: &Path) -> Result<Vec<PathBuf>> {
    let own = world_text(roles);
    let files = V1_0.files.iter().map(|(name, text)| (*name, text.as_bytes()));
    write_files(directory, files.chain([("plugin.wit", own.as_bytes())]))
}

/// Writes files to a directory, which is made if it is missing. A name may have directories.
pub(crate) fn write_files<'a>(
    directory: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Vec<PathBuf>> {
    let write = |(name, contents): (&str, &[u8])| {
        let file = directory.join(name);
        let folder = file.parent().unwrap_or(directory);
        std::fs::create_dir_all(folder).map_err(|e| Error::io("make the directory", folder, e))?;
        std::fs::write(&file, contents).map_err(|e| Error::io("write", &file, e))?;
        Ok(file)
    };
    files.map(write).collect()
}

/// The interface and, at its end, [`WORLD`]: a plugin that exports these roles.
pub fn text_for(roles: &[Role]) -> String {
    format!("{}\n{}", text(), world_text(roles))
}

fn world_text(roles: &[Role]) -> String {
    let exports: String = roles.iter().map(|role| format!("    export {role};\n")).collect();
    format!("/// The roles of one plugin.\nworld {WORLD} {{\n    include imports;\n{exports}}}\n")
}

/// The world of a plugin that exports these roles, as `wit-component` takes it.
///
/// # Errors
/// An interface that the parser does not take: a mistake in this program.
pub fn world(roles: &[Role]) -> anyhow::Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", &text_for(roles))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    Ok((resolve, world))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_one_package_for_a_parser() {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("plugin.wit", &text()).unwrap();
        assert_eq!(resolve.packages[package].name.to_string(), format!("modsmith:plugin@{}.0", V1_0.version));
        assert!(resolve.select_world(&[package], Some("initrd-plugin")).is_ok());
    }

    #[test]
    fn the_files_are_one_package_for_a_parser() {
        let dir = tempfile::tempdir().unwrap();
        let files = write(&dir.path().join("made/wit")).unwrap();
        assert_eq!(files.len(), V1_0.files.len());
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(dir.path().join("made/wit")).unwrap();
        assert!(resolve.packages[package].interfaces.contains_key("initrd"));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = write(Path::new("/dev/null/wit")).unwrap_err();
        assert!(error.to_string().contains("/dev/null/wit"), "{error}");
    }

    #[test]
    fn the_world_of_a_manifest_is_beside_the_interface() {
        let dir = tempfile::tempdir().unwrap();
        let files = write_with_world(&[Role::Initrd, Role::SettingsCheck], dir.path()).unwrap();
        assert_eq!(files.len(), V1_0.files.len() + 1);
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(dir.path()).unwrap();
        let world = resolve.select_world(&[package], Some(WORLD)).unwrap();
        assert_eq!(resolve.worlds[world].exports.len(), 2);
    }

    #[test]
    fn a_world_exports_the_roles_that_are_named() {
        let (resolve, world) = world(&[Role::Initrd, Role::SettingsCheck]).unwrap();
        let exports = resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key));
        let expected = ["initrd", "settings-check"].map(|role| format!("modsmith:plugin/{role}@1.0.0"));
        assert_eq!(exports.collect::<Vec<_>>(), expected);
    }
}
