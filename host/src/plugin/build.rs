//! Building plugins: crates become components, tables are copied.
//!
//! One cargo run compiles every plugin crate below a directory; each core module
//! then becomes a component with its plugin.toml inside, so that a plugin is one
//! file. Anybody's plugins and the first-party ones go the same way.

mod toolchain;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use wit_component::ComponentEncoder;

use crate::error::{Error, Kind};
use toolchain::{TARGET, Toolchain};

/// What `modsmith plugin build` was asked for.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// A plugin (a crate with a plugin.toml, or a policy.toml alone), or a
    /// directory of plugins, usually a cargo workspace.
    pub directory: PathBuf,
    /// Where `ID.wasm` and `ID.toml` go; made when missing.
    pub out: PathBuf,
}

/// One plugin, built.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Built {
    pub id: String,
    /// `ID.wasm`, or `ID.toml` for a table.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
}

/// Builds what is in the directory, in the order of the ids. cargo's own output
/// goes to stderr.
///
/// # Errors
///
/// `Usage` for a directory without plugins, `Plugin` for everything that is wrong
/// with a plugin or the compiler; nothing is written to `out` for a plugin that
/// is not in order.
pub fn build(options: &BuildOptions) -> Result<Vec<Built>, Error> {
    let sources = Sources::find(&options.directory)?;
    let mut outputs: Vec<(String, &str, Vec<u8>)> = Vec::new();
    for table in &sources.tables {
        let text = read_text(&table.join(POLICY))?;
        outputs.push((identity(&text, &table.join(POLICY))?, "toml", text.into_bytes()));
    }
    if !sources.crates.is_empty() {
        let modules = compile(&options.directory)?;
        for plugin in &sources.crates {
            let (id, component) = package(plugin, &modules)?;
            outputs.push((id, "wasm", component));
        }
    }
    outputs.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(pair) = outputs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(Error::new(Kind::Plugin, format!("Two plugins have the id `{}`.", pair[0].0))
            .hint("Give one of them another id: it names the plugin's file and its settings."));
    }
    std::fs::create_dir_all(&options.out).map_err(|e| Error::io("make the directory", &options.out, e))?;
    outputs.into_iter().map(|(id, suffix, contents)| write(&options.out, id, suffix, &contents)).collect()
}

const MANIFEST: &str = "plugin.toml";
const POLICY: &str = "policy.toml";

/// The directories of the plugins that a build is about.
#[derive(Debug, Default)]
struct Sources {
    crates: Vec<PathBuf>,
    tables: Vec<PathBuf>,
}

impl Sources {
    /// The directory itself, else those directly in it.
    fn find(directory: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        found.add(directory);
        if found.is_empty() {
            let entries = std::fs::read_dir(directory).map_err(|e| Error::io("read the directory", directory, e))?;
            let mut names: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            names.sort();
            names.iter().for_each(|path| found.add(path));
        }
        if found.is_empty() {
            return Err(Error::new(Kind::Usage, format!("There is no plugin in {}.", directory.display())).hint(
                format!("Name a directory with a {MANIFEST} or a {POLICY}, or one that holds such directories."),
            ));
        }
        Ok(found)
    }

    fn add(&mut self, directory: &Path) {
        if directory.join(MANIFEST).is_file() {
            self.crates.push(directory.to_path_buf());
        } else if directory.join(POLICY).is_file() {
            self.tables.push(directory.to_path_buf());
        }
    }

    fn is_empty(&self) -> bool {
        self.crates.is_empty() && self.tables.is_empty()
    }
}

/// A core module that cargo made.
struct Module {
    /// The directory of its Cargo.toml, links resolved.
    package: PathBuf,
    file: PathBuf,
}

/// Runs cargo in the directory: the package there, or all of a workspace.
fn compile(directory: &Path) -> Result<Vec<Module>, Error> {
    let manifest = directory.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Error::new(Kind::Plugin, format!("There is no {}, so nothing to compile.", manifest.display()))
            .hint("A directory of several plugin crates needs a cargo workspace."));
    }
    let toolchain = Toolchain::find(directory)?;
    tracing::debug!(?toolchain, "compiling plugins");
    let mut cargo = toolchain.cargo(directory);
    cargo.args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    cargo.args(&toolchain.arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo.output().map_err(|e| Error::io("run", &toolchain.cargo, e))?;
    if !output.status.success() {
        return Err(Error::new(
            Kind::Plugin,
            format!("The plugins in {} do not compile: cargo ended with {}.", directory.display(), output.status),
        )
        .hint("cargo's messages are above; correct what they say and build again."));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(module_of).collect())
}

/// The module that a line of cargo's JSON output announces, if it does. Source:
/// the cargo book, "External tools", `compiler-artifact`.
fn module_of(line: &str) -> Option<Module> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let loadable = |kinds: &serde_json::Value| kinds.as_array().is_some_and(|k| k.iter().any(|kind| kind == "cdylib"));
    if message["reason"] != "compiler-artifact" || !loadable(&message["target"]["crate_types"]) {
        return None;
    }
    let file =
        message["filenames"].as_array()?.iter().filter_map(|name| name.as_str()).find(|n| n.ends_with(".wasm"))?;
    let package = Path::new(message["manifest_path"].as_str()?).parent()?.canonicalize().ok()?;
    Some(Module { package, file: file.into() })
}

/// The id and the finished component of a plugin crate.
fn package(plugin: &Path, modules: &[Module]) -> Result<(String, Vec<u8>), Error> {
    let manifest = plugin.join(MANIFEST);
    let text = read_text(&manifest)?;
    let id = identity(&text, &manifest)?;
    let directory = plugin.canonicalize().map_err(|e| Error::io("resolve", plugin, e))?;
    let module = modules.iter().find(|module| module.package == directory).ok_or_else(|| {
        Error::new(Kind::Plugin, format!("cargo made no WebAssembly module from {}.", plugin.display()))
            .hint("Its Cargo.toml needs `crate-type = [\"cdylib\"]` in [lib].")
            .hint("In a workspace, its directory must be among the `members`.")
    })?;
    let bytes = std::fs::read(&module.file).map_err(|e| Error::io("read", &module.file, e))?;
    let component = componentize(&bytes).map_err(|e| {
        Error::new(Kind::Plugin, format!("`{id}` cannot be made a component: {e:#}."))
            .hint("A plugin names its roles with `export!(Type: Role);` in src/lib.rs.")
            .hint("Its Cargo.toml must depend on `modsmith-plugin`, and on nothing that imports other functions.")
    })?;
    Ok((id, embed(&component, &text)))
}

/// A core module with the SDK's type sections as a component.
fn componentize(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

fn embed(component: &[u8], manifest: &str) -> Vec<u8> {
    use wasm_encoder::ComponentSection;
    let mut out = component.to_vec();
    let section = wasm_encoder::CustomSection { name: "modsmith:manifest".into(), data: manifest.as_bytes().into() };
    section.append_to_component(&mut out);
    out
}

fn identity(text: &str, file: &Path) -> Result<String, Error> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|e| Error::new(Kind::Plugin, format!("{} cannot be read: {}.", file.display(), e.message())))?;
    table
        .get("id")
        .and_then(|id| id.as_str())
        .map(str::to_owned)
        .ok_or_else(|| Error::new(Kind::Plugin, format!("{} has no `id`.", file.display())))
}

fn read_text(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|e| Error::io("read", file, e))
}

/// Writes beside the final name and renames, so that a reader never sees half a
/// plugin.
fn write(out: &Path, id: String, suffix: &str, contents: &[u8]) -> Result<Built, Error> {
    let file = out.join(format!("{id}.{suffix}"));
    let failed = |e| Error::io("write", &file, e);
    let mut temporary = tempfile::NamedTempFile::new_in(out).map_err(failed)?;
    temporary.write_all(contents).map_err(failed)?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(&file).map_err(|e| failed(e.error))?;
    Ok(Built { id, size: contents.len() as u64, file })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dir: &Path) -> BuildOptions {
        BuildOptions { directory: dir.to_path_buf(), out: dir.join("out") }
    }

    fn table(dir: &Path, name: &str, id: &str) {
        std::fs::create_dir_all(dir.join(name)).unwrap();
        let text = format!("id = \"{id}\"\nversion = \"1.0.0\"\nbase = \"table\"\n\n[policy]\n");
        std::fs::write(dir.join(name).join(POLICY), text).unwrap();
    }

    #[test]
    fn a_directory_without_plugins_says_what_a_plugin_is() {
        let dir = tempfile::tempdir().unwrap();
        let error = build(&options(dir.path())).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.hints[0].contains("plugin.toml"), "{error:?}");
    }

    #[test]
    fn tables_are_copied_under_their_ids_without_a_compiler() {
        let dir = tempfile::tempdir().unwrap();
        table(dir.path(), "b", "beta");
        table(dir.path(), "a", "alpha");
        let built = build(&options(dir.path())).unwrap();
        assert_eq!(built.iter().map(|b| b.id.as_str()).collect::<Vec<_>>(), ["alpha", "beta"]);
        let copy = std::fs::read(dir.path().join("out/alpha.toml")).unwrap();
        assert_eq!(copy, std::fs::read(dir.path().join("a/policy.toml")).unwrap());
        let mode = std::fs::metadata(&built[0].file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }

    #[test]
    fn two_plugins_with_one_id_are_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        table(dir.path(), "a", "same");
        table(dir.path(), "b", "same");
        assert!(build(&options(dir.path())).unwrap_err().message.contains("`same`"));
        assert!(!dir.path().join("out").exists());
    }

    #[test]
    fn only_loadable_modules_of_cargos_output_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let line = |kind: &str, name: &str| {
            let manifest = dir.path().join("Cargo.toml");
            serde_json::json!({"reason": "compiler-artifact", "manifest_path": manifest, "filenames": [name],
                "target": {"crate_types": [kind]}})
            .to_string()
        };
        assert_eq!(module_of(&line("cdylib", "/t/x.wasm")).unwrap().file, Path::new("/t/x.wasm"));
        assert!(module_of(&line("lib", "/t/libx.rlib")).is_none());
        assert!(module_of("not json").is_none());
    }

    #[test]
    fn a_module_that_is_no_plugin_is_refused() {
        assert!(
            componentize(b"\0asm\x01\0\0\0")
                .and_then(|c| {
                    anyhow::ensure!(c.len() > 1000);
                    Ok(c)
                })
                .is_err()
        );
        assert!(componentize(b"not wasm").is_err());
    }
}
