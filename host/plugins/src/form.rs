//! What a plugin file is, read from its bytes: nothing is compiled or started.
//!
//! The checks come in this order, each with its own message: it is a component;
//! it holds a manifest; its imports are within the interface; its exports are
//! the roles that the manifest names.

use std::collections::BTreeMap;

use wasmparser::component_types::ComponentEntityType;
use wasmparser::{Encoding, Parser, Payload};

use super::limits::LARGEST_MANIFEST;
use super::manifest::{BadManifest, Manifest, Role, SECTION, TRACK};

pub(crate) mod wasm;
mod world;

/// Why a file is not a usable plugin. The text of each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BadForm {
    #[error("it is not WebAssembly; build plugins with `modsmith plugin build`")]
    NotWasm,
    #[error("it is a compiled plugin (.cwasm), which is only for the cache; install the component it was made from")]
    Precompiled,
    #[error("it is a core module, not a component; `modsmith plugin build` makes components")]
    CoreModule,
    #[error(
        "it uses the feature `{0}` of WebAssembly, which plugins do not have; build it for wasm32-unknown-unknown \
         without further target features (`modsmith plugin build` does)"
    )]
    Feature(String),
    #[error("its manifest is longer than {} KiB; correct it and build the plugin again", LARGEST_MANIFEST >> 10)]
    LongManifest,
    #[error("it is truncated or damaged ({0}); install it again")]
    Damaged(String),
    #[error("it has no custom section `{SECTION}`: its plugin.toml is missing; build it with `modsmith plugin build`")]
    NoManifest,
    #[error("{0}; correct it and build the plugin again")]
    Manifest(#[from] BadManifest),
    #[error(
        "it imports `{0}`, and plugins get no WASI: build it for wasm32-unknown-unknown, with no call that needs \
         files, clocks, environment or random numbers (`modsmith plugin build` does)"
    )]
    Wasi(String),
    #[error("it imports `{0}`, which is not part of the plugin interface; this host has {PACKAGE}, track {TRACK}")]
    Foreign(String),
    #[error(
        "it imports `{import}` of another track: this host has {PACKAGE}, track {TRACK}; rebuild it for that track"
    )]
    OtherTrack { import: String },
    #[error("it imports `{function}` of `{interface}`, which this host does not have; it needs a newer modsmith")]
    NewerFunction { interface: String, function: String },
    #[error(
        "its manifest provides `{0}`, but it does not export `modsmith:plugin/{0}`; implement it or take it out of `[roles] provides`"
    )]
    MissingRole(Role),
    #[error("it exports `{0}`, but its manifest does not provide that role; name it under `[roles] provides`")]
    UnnamedRole(String),
}

/// The package of the interface.
const PACKAGE: &str = "modsmith:plugin";

/// Imported functions by interface, as inspect shows them.
pub type Imports = BTreeMap<String, Vec<String>>;

/// Checks the form and reads the manifest.
pub fn manifest(bytes: &[u8]) -> Result<Manifest, BadForm> {
    check_header(bytes)?;
    let text = section(bytes)?.ok_or(BadForm::NoManifest)?;
    let text = String::from_utf8(text).map_err(|_| BadForm::Damaged("the manifest is not UTF-8".into()))?;
    Ok(Manifest::parse(&text)?)
}

fn check_header(bytes: &[u8]) -> Result<(), BadForm> {
    if bytes.starts_with(b"\x7fELF") {
        return Err(BadForm::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(if bytes.is_empty() { BadForm::Damaged("it is empty".into()) } else { BadForm::NotWasm });
    }
    if Parser::is_core_wasm(bytes) {
        return Err(BadForm::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(BadForm::Damaged("its header is of no known version".into()));
    }
    Ok(())
}

/// The manifest's section: only one of the outermost component counts.
fn section(bytes: &[u8]) -> Result<Option<Vec<u8>>, BadForm> {
    let mut depth = 0_usize;
    let mut found = None;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(custom) if depth == 0 && custom.name() == SECTION => {
                if custom.data().len() > LARGEST_MANIFEST {
                    return Err(BadForm::LongManifest);
                }
                found = Some(custom.data().to_vec());
            }
            _ => {}
        }
    }
    Ok(found)
}

fn damaged(error: wasmparser::BinaryReaderError) -> BadForm {
    BadForm::Damaged(error.message().to_owned())
}

/// Checks imports and exports against the interface and the manifest; returns
/// the imports.
pub fn check_world(bytes: &[u8], manifest: &Manifest) -> Result<Imports, BadForm> {
    let validated = wasmparser::Validator::new_with_features(wasm::for_validation()).validate_all(bytes);
    let types = validated.map_err(|error| wasm::lacking(bytes).map_or_else(|| damaged(error), BadForm::Feature))?;
    let types = types.as_ref();
    let (import_names, export_names) = outer_names(bytes)?;

    let mut imports = Imports::new();
    for name in import_names {
        let interface = check_import(&name)?;
        let known = world::imports().get(&interface).ok_or_else(|| BadForm::Foreign(name.clone()))?;
        let mut functions = Vec::new();
        if let Some(ComponentEntityType::Instance(id)) = types.component_item_for_import(&name).map(|item| item.ty) {
            for (function, item) in &types[id].exports {
                if !matches!(item.ty, ComponentEntityType::Func(_)) {
                    continue;
                }
                if !known.contains(function) {
                    return Err(BadForm::NewerFunction { interface: name.clone(), function: function.clone() });
                }
                functions.push(plain(function));
            }
        } else {
            return Err(BadForm::Foreign(name));
        }
        imports.insert(interface, functions);
    }
    check_exports(&export_names, manifest)?;
    Ok(imports)
}

/// The interface's name, if it is one of this host's package and track.
fn check_import(name: &str) -> Result<String, BadForm> {
    if name.starts_with("wasi:") {
        return Err(BadForm::Wasi(name.to_owned()));
    }
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let interface = path
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or_else(|| BadForm::Foreign(name.to_owned()))?;
    if !is_of_track(version) {
        return Err(BadForm::OtherTrack { import: name.to_owned() });
    }
    Ok(interface.to_owned())
}

fn is_of_track(version: &str) -> bool {
    semver::Version::parse(version).is_ok_and(|v| format!("{}.{}", v.major, v.minor) == TRACK)
}

fn check_exports(names: &[String], manifest: &Manifest) -> Result<(), BadForm> {
    let role_of = |name: &str| {
        let (path, version) = name.split_once('@')?;
        let interface = path.strip_prefix(PACKAGE)?.strip_prefix('/')?;
        let named = manifest.roles.provides.iter().copied().find(|role| role.name() == interface)?;
        is_of_track(version).then_some(named)
    };
    let mut exported = Vec::new();
    // Compilers of some languages add exports of their own. The host calls none of them.
    for name in names.iter().filter(|name| name.starts_with("modsmith:plugin/")) {
        exported.push(role_of(name).ok_or_else(|| BadForm::UnnamedRole(name.clone()))?);
    }
    match manifest.roles.provides.iter().find(|role| !exported.contains(role)) {
        Some(role) => Err(BadForm::MissingRole(*role)),
        None => Ok(()),
    }
}

/// Names imported and exported by the outermost component.
///
/// # Errors
/// `Damaged`, `CoreModule`: it is not a component.
pub(crate) fn outer_names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), BadForm> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(BadForm::CoreModule),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// `[method]builder.back-up` → `builder.back-up`.
fn plain(function: &str) -> String {
    function.rsplit(']').next().unwrap_or(function).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_wrong_file_has_its_own_message() {
        let call_outcome = |bytes: &[u8]| manifest(bytes).unwrap_err().to_string();
        assert!(call_outcome(b"hello").contains("not WebAssembly"));
        assert!(call_outcome(b"").contains("empty"));
        assert!(call_outcome(b"\x7fELF").contains(".cwasm"));
        assert!(call_outcome(b"\0asm\x01\0\0\0").contains("core module"));
        assert!(call_outcome(b"\0asm\x0d\0\x01\0").contains(SECTION));
        assert!(call_outcome(b"\0asm\x0d\0\x01\0\x00\xff").contains("damaged"));
    }

    #[test]
    fn an_import_of_another_package_track_or_of_wasi_is_distinguished() {
        let call_outcome = |name: &str| check_import(name).unwrap_err().to_string();
        assert!(call_outcome("wasi:io/poll@0.2.0").contains("no WASI"));
        assert!(call_outcome("other:thing/x@0.1.0").contains("not part of the plugin interface"));
        assert!(call_outcome("modsmith:plugin/log@2.0.0").contains("track 1.0"));
        assert_eq!(check_import("modsmith:plugin/log@1.0.7").unwrap(), "log");
    }
}
