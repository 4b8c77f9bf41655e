//! Packing: the output of a compiler of any language becomes a plugin.
//!
//! A core module gets the component type of the interface, if it has none, and becomes a
//! component; imports of WASI preview 1 are answered inside the component. A component stays as it
//! is. Both get the manifest, and must pass the checks that the host makes.

mod adapter;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_plugins::form::{self, BadForm, Imports};
use modsmith_plugins::manifest::{Manifest, SECTION};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::error::{Error, Result};
use crate::interface;

/// The options of `modsmith plugin pack`.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// A core module or a component.
    pub file: PathBuf,
    pub manifest: PathBuf,
    /// The file of the plugin. `None`: `ID.wasm` in the working directory.
    pub out: Option<PathBuf>,
}

/// A plugin that was built.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Built {
    pub id: String,
    /// `ID.wasm`, or `ID.toml` for a table.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Imported functions by interface: all that it can ask the host for.
    /// Nothing for a table.
    pub imports: Imports,
}

/// A manifest and its text, which is embedded as it was written.
#[derive(Debug)]
pub struct ManifestText {
    pub manifest: Manifest,
    text: String,
}

impl ManifestText {
    /// Reads and checks a plugin.toml.
    ///
    /// # Errors
    /// `Plugin` for a manifest that is not in order, `System` for a file that cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let text = inside::read_configuration_text(file).map_err(|e| Error::io("read", file, e))?;
        let manifest = Manifest::parse(&text).map_err(|e| Error::not_in_order(file, &e.to_string()))?;
        Ok(Self { manifest, text })
    }

    /// A packed plugin without this manifest, which is at its end.
    pub(crate) fn without<'a>(&self, plugin: &'a [u8]) -> &'a [u8] {
        plugin.strip_suffix(self.text.as_bytes()).unwrap_or(plugin)
    }
}

/// Makes a plugin of a file and writes it.
///
/// # Errors
/// `Plugin` for everything that is wrong with the manifest or the file; nothing is written
/// then. `System` for files that cannot be read or written.
pub fn pack(options: &PackOptions) -> Result<Built> {
    let manifest = ManifestText::read(&options.manifest)?;
    let bytes = read(&options.file)?;
    let id = manifest.manifest.id.clone();
    let out = options.out.clone().unwrap_or_else(|| format!("{id}.wasm").into());
    let same = |a: &Path, b: &Path| a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if same(&out, &options.file) {
        return Err(Error::OverItself { file: out });
    }
    let (contents, imports) = plugin(&bytes, &manifest)
        .map_err(|error| Error::InFile { file: options.file.clone(), error: Box::new(error) })?;
    write(&out, &contents)?;
    Ok(Built { id, size: contents.len() as u64, file: out, imports })
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    inside::read_file(file).map_err(|e| Error::io("read", file, e))
}

/// The plugin that a core module or a component becomes, and its imports.
///
/// # Errors
/// `Plugin` for a file that the host would refuse.
pub fn plugin(bytes: &[u8], manifest: &ManifestText) -> Result<(Vec<u8>, Imports)> {
    let id = &manifest.manifest.id;
    let refused = |reason: String| Error::WouldBeRefused { id: id.clone(), reason };
    let component = if Parser::is_core_wasm(bytes) {
        let made = componentize(bytes, &manifest.manifest);
        &made.map_err(|e| Error::NoComponent { id: id.clone(), reason: format!("{e:#}") })?
    } else {
        bytes
    };
    match form::manifest(component) {
        Err(BadForm::NoManifest) => {}
        Ok(_) | Err(BadForm::Manifest(_) | BadForm::LongManifest) => return Err(Error::PackedAlready),
        Err(other) => return Err(refused(other.to_string())),
    }
    let contents = embed(component, &manifest.text);
    let imports = form::check_world(&contents, &manifest.manifest).map_err(|e| refused(e.to_string()))?;
    Ok((contents, imports))
}

/// A core module as a component. Bindings usually bring the component type along.
fn componentize(module: &[u8], manifest: &Manifest) -> anyhow::Result<Vec<u8>> {
    let about = About::read(module)?;
    let mut module = module.to_vec();
    if !about.has_type {
        let (resolve, world) = interface::world(&manifest.roles.provides)?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?;
    if about.uses_wasi {
        encoder.adapter(adapter::NAME, &adapter::adapter()?)?;
    }
    encoder.encode()
}

/// The features of a core module that decide how it becomes a component.
#[derive(Debug, Default, PartialEq, Eq)]
struct About {
    has_type: bool,
    uses_wasi: bool,
    calls_browser: bool,
}

impl About {
    fn read(module: &[u8]) -> anyhow::Result<Self> {
        let mut about = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    about.has_type = true;
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let from = import?.module;
                        about.uses_wasi |= from == adapter::NAME;
                        about.calls_browser |= from.starts_with("__wbindgen");
                    }
                }
                _ => {}
            }
        }
        Ok(about)
    }
}

/// Whether a core module calls functions that wasm-bindgen puts into modules for web browsers.
pub(crate) fn calls_browser(module: &[u8]) -> bool {
    About::read(module).is_ok_and(|about| about.calls_browser)
}

/// The component with a plugin.toml embedded in it.
pub fn embed(component: &[u8], text: &str) -> Vec<u8> {
    use wasm_encoder::ComponentSection;
    let mut out = component.to_vec();
    wasm_encoder::CustomSection { name: SECTION.into(), data: text.as_bytes().into() }.append_to_component(&mut out);
    out
}

/// Writes beside the final name and renames, so that a reader never sees half a
/// plugin.
pub(crate) fn write(file: &Path, contents: &[u8]) -> Result<()> {
    let failed = |e| Error::io("write", file, e);
    let directory = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    temporary.write_all(contents).map_err(failed)?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(file).map_err(|e| failed(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"settings-check\"]\n";

    /// A module that provides `settings-check` and imports what is given.
    fn module(imports: &str, code: &str) -> Vec<u8> {
        let text = format!(
            "(module {imports} (memory (export \"memory\") 1)
               (func (export \"modsmith:plugin/settings-check@1.0.0#validate\") (result i32) {code} (i32.const 64))
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 256)))"
        );
        wat::parse_str(text).unwrap()
    }

    fn manifest() -> ManifestText {
        ManifestText { manifest: Manifest::parse(MANIFEST).unwrap(), text: MANIFEST.to_owned() }
    }

    #[test]
    fn a_core_module_without_a_type_gets_the_world_of_its_roles() {
        let (made, imports) = plugin(&module("", ""), &manifest()).unwrap();
        assert_eq!(form::manifest(&made).unwrap().id, "x");
        assert!(imports.values().all(Vec::is_empty), "{imports:?}");
    }

    #[test]
    fn a_core_module_with_a_type_keeps_its_own() {
        let mut typed = module("", "");
        let (resolve, world) = interface::world(&manifest().manifest.roles.provides).unwrap();
        embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8).unwrap();
        assert!(About::read(&typed).unwrap().has_type);
        plugin(&typed, &manifest()).unwrap();
    }

    #[test]
    fn wasi_is_adapted_away() {
        let imports = r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
        let code = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8)))
            (drop (call $random (i32.const 16) (i32.const 4)))";
        let (made, _) = plugin(&module(imports, code), &manifest()).unwrap();
        assert_eq!(form::manifest(&made).unwrap().id, "x");
    }

    #[test]
    fn a_module_that_lacks_the_role_names_the_function() {
        let empty = wat::parse_str("(module)").unwrap();
        let error = plugin(&empty, &manifest()).unwrap_err();
        assert!(error.to_string().contains("modsmith:plugin/settings-check"), "{error}");
        assert!(error.hints()[0].contains("modsmith plugin wit"), "{error:?}");
    }

    #[test]
    fn an_import_of_another_module_is_named() {
        let foreign = module("(import \"env\" \"puts\" (func (param i32) (result i32)))", "");
        let error = plugin(&foreign, &manifest()).unwrap_err();
        assert!(error.to_string().contains("puts"), "{error}");
    }

    #[test]
    fn a_component_with_further_exports_only_gets_the_manifest() {
        let (made, _) = plugin(&module("", ""), &manifest()).unwrap();
        let again = plugin(&made, &manifest()).unwrap_err();
        assert!(again.hints()[0].contains("before"), "{again:?}");
        let foreign = wat::parse_str("(component (import \"wasi:io/poll@0.2.0\" (instance)))").unwrap();
        assert!(plugin(&foreign, &manifest()).unwrap_err().to_string().contains("wasi:io/poll"));
        let error = plugin(b"garbage", &manifest()).unwrap_err();
        assert!(error.to_string().contains("not WebAssembly"), "{error}");
    }

    #[test]
    fn the_input_is_never_overwritten_and_errors_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (toml, core) = (dir.path().join("plugin.toml"), dir.path().join("core.wasm"));
        std::fs::write(&toml, MANIFEST).unwrap();
        std::fs::write(&core, module("", "")).unwrap();
        let options =
            |out: &str| PackOptions { file: core.clone(), manifest: toml.clone(), out: Some(dir.path().join(out)) };
        assert!(pack(&options("core.wasm")).unwrap_err().to_string().contains("core.wasm"));
        let built = pack(&options("x.wasm")).unwrap();
        assert_eq!(built.size, built.file.metadata().unwrap().len());
        assert_eq!(built.file.metadata().unwrap().permissions().mode() & 0o777, 0o644);

        std::fs::write(&core, b"garbage").unwrap();
        let error = pack(&options("y.wasm")).unwrap_err();
        assert!(error.to_string().contains("core.wasm: "), "{error}");
        assert!(!dir.path().join("y.wasm").exists());
    }
}
