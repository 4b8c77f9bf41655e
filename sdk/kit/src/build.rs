//! Building plugins: crates become components, tables are copied.
//!
//! One cargo run compiles every plugin crate below a directory; plugins in other
//! languages name a command in `[build]` of their plugin.toml. Each core module then
//! becomes a component with its plugin.toml inside, so that a plugin is one file. Anybody's plugins and the first-party ones go the same way.

mod command;
mod dependencies;
mod toolchain;

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::names::{MANIFEST, POLICY};
use crate::pack::{self, ManifestText};
use modsmith_facts::inside;
use modsmith_plugins::form::Imports;
use modsmith_plugins::manifest::check_identity;
use modsmith_plugins::table::TableFile;
use toolchain::{TARGET, Toolchain};

use crate::error::Error;
pub use crate::pack::{Built, embed};

/// The options of `modsmith plugin build`.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// A plugin (a crate with a plugin.toml, or a policy.toml alone), or a
    /// directory with plugins at any depth, usually a cargo workspace.
    pub directory: PathBuf,
    /// The directory for `ID.wasm` and `ID.toml`; it is made when it is missing.
    pub out: PathBuf,
}

/// A plugin that is ready to be written.
struct Output {
    id: String,
    suffix: &'static str,
    contents: Vec<u8>,
    imports: Imports,
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
    let mut outputs: Vec<Output> = sources.tables.iter().map(|dir| table(dir)).collect::<Result<_, _>>()?;
    let folders: Vec<Folder> = sources.crates.iter().map(|dir| Folder::read(dir)).collect::<Result<_, _>>()?;
    let (crates, others): (Vec<_>, Vec<_>) = folders.iter().partition(|folder| folder.command().is_none());
    if !crates.is_empty() {
        let modules = compile(&options.directory, &crates)?;
        for plugin in crates {
            outputs.push(plugin.package(&modules)?);
        }
    }
    for plugin in others {
        outputs.extend(plugin.run()?);
    }
    outputs.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(pair) = outputs.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(Error::TwoWithOneId { id: pair[0].id.clone() });
    }
    std::fs::create_dir_all(&options.out).map_err(|e| Error::io("make the directory", &options.out, e))?;
    outputs.into_iter().map(|output| write(&options.out, output)).collect()
}

/// The directories of the plugins that a build is about.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub crates: Vec<PathBuf>,
    pub tables: Vec<PathBuf>,
}

impl Sources {
    /// The directory itself, else those below it at any depth. A plugin's own
    /// directory holds no other plugin.
    pub fn find(directory: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        if directory.is_dir() {
            found.search(directory)?;
        }
        if found.is_empty() {
            return Err(Error::NoPlugin { directory: directory.to_path_buf() });
        }
        Ok(found)
    }

    fn search(&mut self, directory: &Path) -> Result<(), Error> {
        if self.add(directory) {
            return Ok(());
        }
        let failed = |e| Error::io("read the directory", directory, e);
        let mut entries: Vec<_> =
            std::fs::read_dir(directory).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries.iter().filter(|entry| !is_skipped(&entry.file_name())) {
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                self.search(&entry.path())?;
            } else if kind.is_symlink() {
                // A link can be a plugin. What is below it is not searched: it may lead to a directory above.
                self.add(&entry.path());
            }
        }
        Ok(())
    }

    /// Whether the directory is a plugin.
    fn add(&mut self, directory: &Path) -> bool {
        let kind = match directory {
            _ if directory.join(MANIFEST).is_file() => &mut self.crates,
            _ if directory.join(POLICY).is_file() => &mut self.tables,
            _ => return false,
        };
        kind.push(directory.to_path_buf());
        true
    }

    fn is_empty(&self) -> bool {
        self.crates.is_empty() && self.tables.is_empty()
    }
}

/// Whether a directory is cargo's, or one that no project keeps plugins in: `.git` and the like.
fn is_skipped(name: &OsStr) -> bool {
    name == "target" || name.as_encoded_bytes().starts_with(b".")
}

/// A core module that cargo made.
struct Module {
    /// The directory of its Cargo.toml, links resolved.
    package: PathBuf,
    file: PathBuf,
}

/// Runs cargo in the directory: for the package there, for all of a workspace, or
/// for the crates of a directory inside a workspace.
fn compile(directory: &Path, crates: &[&Folder]) -> Result<Vec<Module>, Error> {
    let packages = match directory.join("Cargo.toml").is_file() {
        true => Vec::new(),
        false => packages(directory, crates)?,
    };
    let toolchain = Toolchain::find(directory)?;
    tracing::debug!(?toolchain, "compiling plugins");
    let mut cargo = toolchain.cargo(directory);
    cargo.args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    cargo.args(packages.iter().flat_map(|name| ["--package", name]));
    cargo.args(&toolchain.arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo.output().map_err(|e| Error::io("run", &toolchain.cargo, e))?;
    if !output.status.success() {
        return Err(Error::DoesNotCompile { directory: directory.to_path_buf(), status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(module_of).collect())
}

/// The names that cargo has for the crates of a directory inside a workspace.
fn packages(directory: &Path, crates: &[&Folder]) -> Result<Vec<String>, Error> {
    let resolved = directory.canonicalize().map_err(|e| Error::io("resolve", directory, e))?;
    if !resolved.ancestors().any(|dir| dir.join("Cargo.toml").is_file()) {
        return Err(Error::NothingToCompile { directory: directory.to_path_buf() });
    }
    crates.iter().map(|folder| package_name(&folder.directory.join("Cargo.toml"))).collect()
}

fn package_name(file: &Path) -> Result<String, Error> {
    #[derive(serde::Deserialize)]
    struct CargoToml {
        package: Package,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
    }
    let parsed: CargoToml = toml::from_str(&read_text(file)?).map_err(|e| Error::not_in_order(file, e.message()))?;
    Ok(parsed.package.name)
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

/// A plugin's folder whose manifest is in order: a crate, or with a command of its own.
struct Folder<'a> {
    directory: &'a Path,
    manifest: ManifestText,
}

impl<'a> Folder<'a> {
    fn read(directory: &'a Path) -> Result<Self, Error> {
        Ok(Self { directory, manifest: ManifestText::read(&directory.join(MANIFEST))? })
    }

    /// The plugin that cargo's module becomes.
    fn package(&self, modules: &[Module]) -> Result<Output, Error> {
        let directory = self.directory.canonicalize().map_err(|e| Error::io("resolve", self.directory, e))?;
        let module = modules
            .iter()
            .find(|module| module.package == directory)
            .ok_or_else(|| Error::NoModule { directory: self.directory.to_path_buf() })?;
        if pack::calls_browser(&pack::read(&module.file)?) {
            let way = dependencies::way_to(dependencies::OF_BROWSERS, &directory);
            return Err(Error::NeedsBrowser { id: self.manifest.manifest.id.clone(), way });
        }
        self.pack(&module.file)
    }

    fn command(&self) -> Option<&modsmith_plugins::manifest::Build> {
        self.manifest.manifest.build.as_ref()
    }

    /// The plugin that the folder's own command makes, if the folder has one.
    fn run(&self) -> Result<Option<Output>, Error> {
        self.command().map(|build| self.pack(&command::run(self.directory, build)?)).transpose()
    }

    fn pack(&self, file: &Path) -> Result<Output, Error> {
        let (contents, imports) = pack::plugin(&pack::read(file)?, &self.manifest)?;
        Ok(Output { id: self.manifest.manifest.id.clone(), suffix: "wasm", contents, imports })
    }
}

/// The keys that every plugin.toml and policy.toml has.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Identity {
    pub id: String,
    pub version: String,
    /// The id of a table's base.
    pub base: Option<String>,
}

/// The identity in a plugin's source folder, or in a table's file.
pub(super) fn identity(source: &Path) -> Result<Identity, Error> {
    let file = match [MANIFEST, POLICY].map(|name| source.join(name)).into_iter().find(|file| file.is_file()) {
        Some(file) => file,
        None => source.to_path_buf(),
    };
    let identity: Identity = toml::from_str(&read_text(&file)?).map_err(|e| Error::not_in_order(&file, e.message()))?;
    check_identity(&identity.id, &identity.version).map_err(|e| Error::not_in_order(&file, &e))?;
    Ok(identity)
}

/// A table is complete as it is; what its base makes of it shows when it is used.
fn table(directory: &Path) -> Result<Output, Error> {
    let file = directory.join(POLICY);
    let text = read_text(&file)?;
    let TableFile { id, .. } = TableFile::parse(&text).map_err(|e| Error::not_in_order(&file, &e.to_string()))?;
    Ok(Output { id, suffix: "toml", contents: text.into_bytes(), imports: Imports::new() })
}

fn read_text(file: &Path) -> Result<String, Error> {
    inside::read_configuration_text(file).map_err(|e| Error::io("read", file, e))
}

fn write(out: &Path, Output { id, suffix, contents, imports }: Output) -> Result<Built, Error> {
    let file = out.join(format!("{id}.{suffix}"));
    pack::write(&file, &contents)?;
    Ok(Built { id, size: contents.len() as u64, file, imports })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
        assert_eq!(error.kind(), modsmith_plugins::Kind::Usage);
        assert!(error.to_string().contains(&dir.path().display().to_string()), "{error:?}");
        assert!(error.hints()[0].contains("plugin.toml"), "{error:?}");
    }

    #[test]
    fn plugins_are_found_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        table(dir.path(), "distros/b", "beta");
        table(dir.path(), "a/deep/er", "alpha");
        std::fs::write(dir.path().join("distros/README.md"), "Not a directory.\n").unwrap();
        let built = build(&options(dir.path())).unwrap();
        assert_eq!(built.iter().map(|b| b.id.as_str()).collect::<Vec<_>>(), ["alpha", "beta"]);
    }

    #[test]
    fn what_cargo_and_git_keep_and_what_is_inside_a_plugin_is_not_searched() {
        let dir = tempfile::tempdir().unwrap();
        table(dir.path(), "a", "alpha");
        for elsewhere in ["a/cases/b", "target/package/b", "c/target/b", ".git/b", "c/.hidden/b"] {
            table(dir.path(), elsewhere, "beta");
        }
        let found = Sources::find(dir.path()).unwrap();
        assert_eq!((found.tables, found.crates), (vec![dir.path().join("a")], vec![]));
        let inside = Sources::find(&dir.path().join("target")).unwrap();
        assert_eq!(inside.tables, [dir.path().join("target/package/b")], "a directory that is named is searched");
    }

    #[test]
    fn a_link_to_a_plugin_is_that_plugin_and_a_link_to_a_directory_above_ends_the_search() {
        let dir = tempfile::tempdir().unwrap();
        table(dir.path(), "kept/a", "alpha");
        std::fs::create_dir(dir.path().join("search")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("kept/a"), dir.path().join("search/a")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("search/up")).unwrap();
        let found = Sources::find(&dir.path().join("search")).unwrap();
        assert_eq!(found.tables, [dir.path().join("search/a")]);
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
        assert!(build(&options(dir.path())).unwrap_err().to_string().contains("`same`"));
        assert!(!dir.path().join("out").exists());
    }

    #[test]
    fn crates_of_a_directory_inside_a_workspace_are_named_to_cargo() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("hooks/a");
        std::fs::create_dir_all(&folder).unwrap();
        let hooks = dir.path().join("hooks");
        let text = "id = \"a\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        std::fs::write(folder.join(MANIFEST), text).unwrap();
        let plugin = Folder::read(&folder).unwrap();
        let error = packages(&hooks, &[&plugin]).unwrap_err();
        assert!(error.to_string().contains("hooks") && error.hints()[0].contains("workspace"), "{error:?}");
        std::fs::write(dir.path().join("Cargo.toml"), "[workspace]\nmembers = [\"hooks/a\"]\n").unwrap();
        std::fs::write(folder.join("Cargo.toml"), "[package]\nname = \"alpha\"\n").unwrap();
        assert_eq!(packages(&hooks, &[&plugin]).unwrap(), ["alpha"]);
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
    fn a_manifest_that_is_not_in_order_is_refused_before_anything_is_compiled() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(MANIFEST), "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n").unwrap();
        let error = build(&options(dir.path())).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("plugin.toml") && message.contains("roles"), "{error}");
    }

    #[test]
    fn a_module_without_roles_is_refused_with_the_way_to_name_them() {
        let dir = tempfile::tempdir().unwrap();
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        std::fs::write(dir.path().join(MANIFEST), text).unwrap();
        let file = dir.path().join("x.wasm");
        let plugin = Folder::read(dir.path()).unwrap();
        let module = || Module { package: dir.path().canonicalize().unwrap(), file: file.clone() };

        std::fs::write(&file, b"not wasm").unwrap();
        let Err(error) = plugin.package(&[module()]) else { panic!("garbage was made a plugin") };
        assert!(error.to_string().contains("not WebAssembly"), "{error:?}");

        std::fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
        let Err(error) = plugin.package(&[module()]) else { panic!("an empty module was made a plugin") };
        let message = error.to_string();
        assert!(message.contains("`x` cannot be made a component") && message.contains("initrd"), "{error:?}");
        assert!(error.hints()[0].contains("export!"), "{error:?}");
    }

    #[test]
    fn a_crate_that_is_compiled_to_nothing_loadable_says_what_its_cargo_toml_needs() {
        let dir = tempfile::tempdir().unwrap();
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        std::fs::write(dir.path().join(MANIFEST), text).unwrap();
        let plugin = Folder::read(dir.path()).unwrap();
        let Err(error) = plugin.package(&[]) else { panic!("a plugin without a module was made") };
        assert!(error.hints()[0].contains("cdylib"), "{error:?}");
    }
}
