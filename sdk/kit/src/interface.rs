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
    std::fs::create_dir_all(directory).map_err(|e| Error::io("make the directory", directory, e))?;
    let write = |(name, text): &(&str, &str)| {
        let file = directory.join(name);
        std::fs::write(&file, text).map_err(|e| Error::io("write", &file, e))?;
        Ok(file)
    };
    V1_0.files.iter().map(write).collect()
}

/// The interface and, at its end, [`WORLD`]: a plugin that exports these roles.
pub fn text_for(roles: &[Role]) -> String {
    let exports: String = roles.iter().map(|role| format!("    export {role};\n")).collect();
    format!("{}\n/// The roles of one plugin.\nworld {WORLD} {{\n    include imports;\n{exports}}}\n", text())
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

/// Writes bindings for C to a directory: `plugin.h` and `plugin.c`, with the functions that
/// these roles export and those that they may call, and `plugin_component_type.o`, which is
/// linked with them.
///
/// # Errors
/// `System` for a directory or a file that cannot be written.
pub fn write_c(roles: &[Role], directory: &Path) -> Result<Vec<PathBuf>> {
    let files = c_files(roles).map_err(|e| Error::NoBindings { reason: format!("{e:#}") })?;
    std::fs::create_dir_all(directory).map_err(|e| Error::io("make the directory", directory, e))?;
    let write = |(name, contents): (&str, &[u8])| {
        let file = directory.join(name);
        std::fs::write(&file, contents).map_err(|e| Error::io("write", &file, e))?;
        Ok(file)
    };
    files.iter().map(write).collect()
}

/// The generator has its own version of the parser, so it reads the text again.
fn c_files(roles: &[Role]) -> anyhow::Result<wit_bindgen_core::Files> {
    let mut resolve = wit_bindgen_core::wit_parser::Resolve::default();
    let package = resolve.push_str("plugin.wit", &text_for(roles))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let options = wit_bindgen_c::Opts {
        // What the host lends is given back after each call, or the call is a crash.
        autodrop_borrows: wit_bindgen_c::Enabled::Yes,
        ..wit_bindgen_c::Opts::default()
    };
    let mut files = wit_bindgen_core::Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    Ok(files)
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
    fn bindings_for_c_declare_the_functions_of_the_roles() {
        let dir = tempfile::tempdir().unwrap();
        let files = write_c(&[Role::Initrd], dir.path()).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["plugin.c", "plugin.h", "plugin_component_type.o"]);
        let header = std::fs::read_to_string(dir.path().join("plugin.h")).unwrap();
        assert!(header.contains("exports_modsmith_plugin_initrd_refresh("), "{header}");
        assert!(header.contains("modsmith_plugin_plan_method_builder_run("), "{header}");
    }

    #[test]
    fn a_world_exports_the_roles_that_are_named() {
        let (resolve, world) = world(&[Role::Initrd, Role::SettingsCheck]).unwrap();
        let exports = resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key));
        let expected = ["initrd", "settings-check"].map(|role| format!("modsmith:plugin/{role}@1.0.0"));
        assert_eq!(exports.collect::<Vec<_>>(), expected);
    }
}
