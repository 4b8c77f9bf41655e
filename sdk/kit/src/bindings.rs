//! Bindings that this program generates for authors: for C, which Zig uses as well, and for Go.
//!
//! The generators have their own version of the parser, so each of them reads the text
//! of the interface again.

use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_plugins::manifest::Role;
use wit_bindgen_core::{Files, WorldGenerator};

use crate::error::{Error, Result};
use crate::interface::{WORLD, text_for, write_files};

/// The path from which generated Go code imports its library.
const GO_LIBRARY: &str = "go.bytecodealliance.org/pkg/wit/";

/// The library that generated Go code needs: name and text. It is written beside the
/// bindings, so that a build downloads nothing.
const GO_FILES: [(&str, &str); 3] = [
    ("runtime/runtime.go", include_str!("../go/runtime.go")),
    ("types/types.go", include_str!("../go/types.go")),
    ("main/main.go", include_str!("../go/main.go")),
];

/// Writes bindings for C to a directory: `plugin.h` and `plugin.c`, with the functions that
/// these roles export and those that they may call, and `plugin_component_type.o`, which is
/// linked with them.
///
/// # Errors
/// `System` for a directory or a file that cannot be written.
pub fn write_c(roles: &[Role], directory: &Path) -> Result<Vec<PathBuf>> {
    let options = wit_bindgen_c::Opts {
        // A plugin gives resources of the host back after each call; otherwise the call is a crash.
        autodrop_borrows: wit_bindgen_c::Enabled::Yes,
        ..wit_bindgen_c::Opts::default()
    };
    let files = generate(roles, options.build()).map_err(|e| no_bindings("c", &e))?;
    write_files(directory, files.iter())
}

/// Writes bindings for Go to a directory below the folder of a `go.mod`: a package for each
/// interface, `types`, and `main`, which calls the author's packages: one for each role,
/// named after the role and at the top of the module.
///
/// # Errors
/// `Usage` for a directory that is outside of the module; `System` for a module file or a
/// directory that cannot be read or written.
pub fn write_go(roles: &[Role], module: &Path, directory: &Path) -> Result<Vec<PathBuf>> {
    let text = inside::read_configuration_text(module).map_err(|e| Error::io("read", module, e))?;
    let name = module_name(&text).ok_or_else(|| Error::NoGoModule { file: module.to_path_buf() })?;
    std::fs::create_dir_all(directory).map_err(|e| Error::io("make the directory", directory, e))?;
    let package = import_path(&name, module, directory)?;
    let files = go_files(roles, &name, &package).map_err(|e| no_bindings("go", &e))?;
    write_files(directory, files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())))
}

/// The module's name. Source: the Go modules reference, "go.mod files".
fn module_name(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.trim_start().strip_prefix("module "))?;
    let name = name.split("//").next()?.trim().trim_matches(['"', '`']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// The path under which code of the module imports packages of the directory.
fn import_path(name: &str, module: &Path, directory: &Path) -> Result<String> {
    let resolve = |path: &Path| path.canonicalize().map_err(|e| Error::io("resolve", path, e));
    let folder = module.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (folder, resolved) = (resolve(folder)?, resolve(directory)?);
    let below = resolved.strip_prefix(&folder).ok().and_then(Path::to_str);
    let below = below.ok_or_else(|| Error::OutsideModule { directory: directory.to_path_buf(), folder })?;
    Ok(format!("{name}/{below}").trim_end_matches('/').to_owned())
}

/// Name and text of each file. The generator's imports of its library and of the author's
/// packages become those of this module.
fn go_files(roles: &[Role], module: &str, package: &str) -> anyhow::Result<Vec<(String, String)>> {
    let options = wit_bindgen_go::Opts {
        // The author's machine may have no gofmt, and the files are not edited.
        format: wit_bindgen_go::Format::False,
        pkg_name: Some(package.to_owned()),
        ..wit_bindgen_go::Opts::default()
    };
    let generated = generate(roles, options.build())?;
    let mut files = Vec::new();
    for (name, contents) in generated.iter() {
        let mut text = std::str::from_utf8(contents)?.replace(GO_LIBRARY, &format!("{package}/"));
        for role in roles {
            let role = role.name().replace('-', "_");
            let generic = format!("export_modsmith_plugin_{role}");
            text = text.replace(&format!("\"{package}/{generic}\""), &format!("{generic} \"{module}/{role}\""));
        }
        files.push((name.to_owned(), text));
    }
    files.extend(GO_FILES.map(|(name, text)| (name.to_owned(), text.replace("{{package}}", package))));
    Ok(files)
}

fn generate(roles: &[Role], mut generator: Box<dyn WorldGenerator>) -> anyhow::Result<Files> {
    let mut resolve = wit_bindgen_core::wit_parser::Resolve::default();
    let package = resolve.push_str("plugin.wit", &text_for(roles))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    Ok(files)
}

fn no_bindings(generator: &'static str, error: &anyhow::Error) -> Error {
    Error::NoBindings { generator, reason: format!("{error:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn bindings_for_go_are_a_part_of_the_module() {
        let dir = tempfile::tempdir().unwrap();
        let module = dir.path().join("go.mod");
        std::fs::write(&module, "// A plugin.\nmodule example.org/mine // ours\n\ngo 1.24\n").unwrap();
        let files = write_go(&[Role::Initrd, Role::KernelHooks], &module, &dir.path().join("build/bindings")).unwrap();
        let all: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect();
        assert!(!all.contains("bytecodealliance") && !all.contains("{{"), "a build downloads nothing");
        for line in [
            "witTypes \"example.org/mine/build/bindings/types\"",
            "witRuntime \"example.org/mine/build/bindings/runtime\"",
            "export_modsmith_plugin_initrd \"example.org/mine/initrd\"",
            "export_modsmith_plugin_kernel_hooks \"example.org/mine/kernel_hooks\"",
            "import _ \"example.org/mine/build/bindings/wit_exports\"",
            "//go:wasmexport modsmith:plugin/initrd@1.0.0#refresh",
        ] {
            assert!(all.contains(line), "{line}");
        }
    }

    /// The library has no more types than the interface needs.
    #[test]
    fn the_library_for_go_has_what_the_bindings_of_all_roles_use() {
        let roles: Vec<Role> = serde_json::from_value(serde_json::json!([
            "distro",
            "install-policy",
            "kernel-layout",
            "kernel-prepare",
            "initrd",
            "signer",
            "modprobe-config",
            "weak-modules",
            "packager",
            "kernel-hooks",
            "settings-check"
        ]))
        .unwrap();
        let files = go_files(&roles, "mine", "mine/bindings").unwrap();
        let library: String =
            files.iter().filter(|(name, _)| GO_FILES.iter().any(|(own, _)| own == name)).map(|(_, t)| &**t).collect();
        let bindings: String = files.iter().map(|(_, text)| &**text).collect();
        for used in ["witTypes.", "witRuntime."] {
            for (location, _) in bindings.match_indices(used) {
                let name: String =
                    bindings[location + used.len()..].chars().take_while(|c| c.is_alphanumeric()).collect();
                let forms = ["func ", "type ", "\t"].map(|form| format!("{form}{name}"));
                assert!(forms.iter().any(|form| library.contains(form)), "{used}{name}");
            }
        }
    }

    #[test]
    fn a_module_that_is_missing_or_elsewhere_is_named() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let module = dir.path().join("go.mod");
        let error = write_go(&[Role::Initrd], &module, dir.path()).unwrap_err();
        assert!(error.to_string().contains("go.mod"), "{error}");
        std::fs::write(&module, "go 1.24\n").unwrap();
        let error = write_go(&[Role::Initrd], &module, dir.path()).unwrap_err();
        assert!(error.to_string().contains("module") && !error.hints().is_empty(), "{error}");
        std::fs::write(&module, "module mine\n").unwrap();
        let error = write_go(&[Role::Initrd], &module, other.path()).unwrap_err();
        assert!(error.to_string().contains(&other.path().display().to_string()), "{error}");
        assert!(error.hints()[0].contains("--out"), "{error:?}");
    }
}
