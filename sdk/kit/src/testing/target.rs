//! The small system that a case describes, laid out in a temporary directory.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::{Facts, PackageTable};
use crate::error::{Error, Result};
use crate::folder::Folder;
use modsmith_facts::kernel::{Kernel, KernelInput, Lookup, machine};
use modsmith_facts::{OsRelease, Root, Roots, System, inside, resolve_in_root};
use modsmith_plugins::PackageFacts;
use rustix::fs::FileType;

/// A case's system, with what its call is about. Removed on drop.
pub struct Target {
    /// Holds `root`, the system; `staging`; `source`. Links resolved.
    dir: PathBuf,
    _removed_on_drop: tempfile::TempDir,
    pub system: Arc<System>,
    pub kernel: Arc<Kernel>,
    pub package: Arc<PackageFacts>,
}

/// The contents of a program of which only the existence matters.
pub(super) const FAILING: &str = "#!/bin/false\n";

/// Directories of a case that are copied.
const TREES: [&str; 3] = ["root", "staging", "source"];

/// The largest file of a case, in bytes.
const LARGEST: u64 = 256 << 20;

impl Target {
    /// Lays out the system of some facts; `case` is the folder of its files, if
    /// it has one, `plugin` whose settings are written.
    ///
    /// # Errors
    /// `Usage` for facts that contradict each other; `System` when files cannot
    /// be written.
    pub fn lay_out(facts: &Facts, case: Option<&Path>, plugin: &str) -> Result<Self> {
        let here = std::env::temp_dir();
        let temporary = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &here, e))?;
        let dir = temporary.path().canonicalize().map_err(|e| Error::io("resolve", temporary.path(), e))?;
        for tree in TREES {
            let to = Folder::make(&dir.join(tree))?;
            if let Some(case) = case {
                copy_tree(&case.join(tree), &to)?;
            }
        }
        let root = dir.join("root");
        files(facts, &Folder::open(&root)?, plugin)?;

        let config_file = dir.join("config");
        let symbols = facts.kernel.config.iter().map(|(name, value)| format!("CONFIG_{name}=\"{value}\"\n"));
        let symbols: String = symbols.collect();
        let written = Folder::open(&dir)?.create(Path::new("config"), symbols.as_bytes(), 0o644);
        written.map_err(|e| Error::io("write", &config_file, e))?;
        let table = &facts.kernel;
        let below = |path: &str| root.join(path.trim_start_matches('/'));
        let modules = format!("lib/modules/{}", table.release);
        let kernel = Kernel::new(KernelInput {
            release: table.release.clone(),
            arch: table.machine.clone(),
            machine: table.machine.clone(),
            // As the host has it: with the links above it resolved.
            module_dir: resolve_in_root(&root, Path::new(&modules)).unwrap_or_else(|_| below(&modules)),
            headers: table.headers.as_deref().map(below),
            config_file: Some(config_file),
            running: table.running,
            ..KernelInput::default()
        });
        let system = System { here: root.clone(), ..System::new(&root, OsRelease::of_root(&root)) };
        let package = Arc::new(PackageFacts::from(facts.package.clone()));
        Ok(Self { dir, _removed_on_drop: temporary, system: Arc::new(system), kernel: Arc::new(kernel), package })
    }

    /// A system that is there, and one of its kernels; of the package, only the facts.
    ///
    /// # Errors
    /// `System` for a directory that cannot be made or resolved.
    pub fn live(root: &Path, release: &str) -> Result<Self> {
        let here = std::env::temp_dir();
        let temporary = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &here, e))?;
        let resolve = |path: &Path| path.canonicalize().map_err(|e| Error::io("resolve", path, e));
        let (dir, root) = (resolve(temporary.path())?, resolve(root)?);
        for tree in TREES {
            let to = dir.join(tree);
            std::fs::create_dir(&to).map_err(|e| Error::io("make the directory", &to, e))?;
        }
        let system = System::new(&root, OsRelease::of_root(&root));
        let lookup = Lookup { system: &system, source_dir: None, config: None };
        let kernel = lookup.kernel(release, &machine(), |_| Vec::new());
        let package = Arc::new(PackageFacts::from(PackageTable::default()));
        Ok(Self { dir, _removed_on_drop: temporary, system: Arc::new(system), kernel: Arc::new(kernel), package })
    }

    /// The roots of a plan about the kernel and the package.
    pub fn roots(&self) -> Roots {
        let mut roots = self.system.roots.clone().with(Root::Modules, self.kernel.module_dir());
        if let Some(headers) = self.kernel.headers() {
            roots.set(Root::Headers, headers);
        }
        roots.with(Root::Source, self.path("source")).with(Root::Staging, self.path("staging"))
    }

    /// One of the directories that were laid out.
    pub fn path(&self, tree: &str) -> PathBuf {
        self.dir.join(tree)
    }
}

/// The files that the facts name. A link of the case may lead to another place inside of its root.
fn files(facts: &Facts, root: &Folder, plugin: &str) -> Result<()> {
    for file in &facts.files {
        if file.ends_with('/') {
            let made = root.directory(&root.locate(file));
            made.map_err(|e| Error::io("make the directory", Path::new(file), e))?;
        } else {
            exists(root, file, "", 0o644)?;
        }
    }
    for program in &facts.programs {
        let path = if program.starts_with('/') { program.clone() } else { format!("/usr/sbin/{program}") };
        exists(root, &path, FAILING, 0o755)?;
    }
    if !facts.os.is_empty() {
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
        let fields = facts.os.iter().map(|(name, value)| format!("{name}=\"{}\"\n", quoted(value)));
        if !new_file(root, "/etc/os-release", &fields.collect::<String>(), 0o644)? {
            return Err(Error::TwoOsReleases);
        }
    }
    if !facts.settings.is_empty() {
        let place = format!("/etc/modsmith/settings/{plugin}.toml");
        if !new_file(root, &place, &facts.settings.to_string(), 0o644)? {
            return Err(Error::PlaceTaken { entry: "[settings]".to_owned() });
        }
    }
    Ok(())
}

/// Makes a file unless it is there: one of the case says more, and another entry says the same.
fn exists(root: &Folder, place: &str, contents: &str, mode: u32) -> Result<()> {
    if new_file(root, place, contents, mode)? {
        return Ok(());
    }
    let executable = |mode: u32| mode & 0o111 != 0;
    match root.metadata(&root.locate(place)) {
        Ok(found) if found.is_file() && (executable(found.mode()) || !executable(mode)) => Ok(()),
        _ => Err(Error::PlaceTaken { entry: place.to_owned() }),
    }
}

/// Makes a file of the system; false if something is there already.
fn new_file(root: &Folder, place: &str, contents: &str, mode: u32) -> Result<bool> {
    match root.create(&root.locate(place), contents.as_bytes(), mode) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(Error::io("write", Path::new(place), e)),
    }
}

/// Copies files with their modes, and links as they are. A case without files
/// of a kind has no such directory. Anything else is refused: reading a pipe may never end.
fn copy_tree(from: &Path, to: &Folder) -> Result<()> {
    match from.symlink_metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(found) if !found.is_dir() => return Err(no_part(from, &found)),
        other => other.map_err(|e| Error::io("read", from, e))?,
    };
    for entry in walkdir::WalkDir::new(from).follow_root_links(false).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::io("read", from, e.into()))?;
        let path = entry.path();
        let found = entry.metadata().map_err(|e| Error::io("read", path, e.into()))?;
        let place = path.strip_prefix(from).expect("an entry is below where the walk began");
        let copied = if found.is_dir() {
            to.directory(place)
        } else if found.is_symlink() {
            std::fs::read_link(path).and_then(|target| to.link(place, &target))
        } else if found.is_file() {
            inside::read_within(path, LARGEST)
                .and_then(|contents| to.create(place, &contents, found.permissions().mode()))
        } else {
            return Err(no_part(path, &found));
        };
        copied.map_err(|e| Error::io("copy", path, e))?;
    }
    Ok(())
}

fn no_part(file: &Path, found: &std::fs::Metadata) -> Error {
    Error::NoPartOfCase { file: file.to_path_buf(), kind: inside::describe(FileType::from_raw_mode(found.mode())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call::Call;

    fn facts() -> Facts {
        Facts::about(Call::Refresh, "6.1")
    }

    fn write(path: &Path, contents: &str, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_os_table_is_the_systems_os_release() {
        let os = [("ID", "x \"y\" \\z"), ("ID_LIKE", "debian")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let target = Target::lay_out(&Facts { os: os.into(), ..facts() }, None, "p").unwrap();
        assert_eq!(target.system.os.get("ID"), Some("x \"y\" \\z"));
        assert_eq!(target.system.os.get("ID_LIKE"), Some("debian"));
    }

    #[test]
    fn files_below_root_keep_modes_and_links() {
        let case = tempfile::tempdir().unwrap();
        write(&case.path().join("root/usr/sbin/tool"), "#!/bin/sh\n", 0o755);
        std::os::unix::fs::symlink("/usr/sbin/tool", case.path().join("root/link")).unwrap();
        let target = Target::lay_out(&facts(), Some(case.path()), "p").unwrap();
        let root = target.path("root");
        assert_eq!(root.join("usr/sbin/tool").metadata().unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_link(root.join("link")).unwrap(), Path::new("/usr/sbin/tool"));
    }

    #[test]
    fn a_name_with_a_slash_at_its_end_is_a_directory() {
        let files = vec!["/lib/modules/6.1/weak-updates/".to_owned(), "/boot/x".to_owned()];
        let target = Target::lay_out(&Facts { files, ..facts() }, None, "p").unwrap();
        assert!(target.kernel.module_dir().join("weak-updates").is_dir());
        assert!(target.path("root").join("boot/x").is_file());
    }

    #[test]
    fn two_os_releases_contradict_each_other() {
        let case = tempfile::tempdir().unwrap();
        write(&case.path().join("root/etc/os-release"), "ID=a\n", 0o644);
        let facts = Facts { os: [("ID".to_owned(), "b".to_owned())].into(), ..facts() };
        assert!(Target::lay_out(&facts, Some(case.path()), "p").is_err_and(|e| e.to_string().contains("[os]")));
    }

    #[test]
    fn no_link_of_a_case_leads_what_is_laid_out_outside() {
        let (case, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let precious = outside.path().join("precious");
        write(&precious, "precious", 0o600);
        std::fs::create_dir_all(case.path().join("root/var")).unwrap();
        let link = |target: &Path, name: &str| {
            std::os::unix::fs::symlink(target, case.path().join("root").join(name)).unwrap();
        };
        link(outside.path(), "etc");
        link(&precious, "var/file");
        let settings = [("a".to_owned(), toml::Value::from(1))].into_iter().collect();
        let facts = Facts {
            os: [("ID".to_owned(), "b".to_owned())].into(),
            files: vec!["/etc/precious".into(), "/etc/new/".into(), "/var/file".into()],
            programs: vec!["/etc/tool".into()],
            settings,
            ..facts()
        };
        let target = Target::lay_out(&facts, Some(case.path()), "p").unwrap();
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(precious.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
        // They are where the case's system finds them.
        assert_eq!(target.system.os.get("ID"), Some("b"));
        let root = target.path("root");
        let inside = resolve_in_root(&root, Path::new("/etc/modsmith/settings/p.toml")).unwrap();
        assert!(inside.starts_with(&root) && inside.is_file(), "{}", inside.display());
    }

    #[test]
    fn a_link_inside_of_the_root_leads_to_where_files_are_laid_out() {
        let case = tempfile::tempdir().unwrap();
        write(&case.path().join("root/usr/x/file"), "text", 0o644);
        std::fs::create_dir(case.path().join("root/etc")).unwrap();
        std::os::unix::fs::symlink("../usr/x", case.path().join("root/etc/x")).unwrap();
        std::os::unix::fs::symlink("../usr/lib/os-release", case.path().join("root/etc/os-release")).unwrap();
        let files = vec!["/etc/x/new".to_owned(), "/etc/x/file".to_owned()];
        let os = [("ID".to_owned(), "b".to_owned())].into();
        let target = Target::lay_out(&Facts { files, os, ..facts() }, Some(case.path()), "p").unwrap();
        let root = target.path("root");
        assert!(root.join("usr/x/new").is_file() && root.join("usr/lib/os-release").is_file());
        assert_eq!(std::fs::read_to_string(root.join("usr/x/file")).unwrap(), "text", "it is left as it was");
    }

    #[test]
    fn a_place_that_something_else_has_is_named() {
        let case = tempfile::tempdir().unwrap();
        write(&case.path().join("root/usr/sbin/tool"), "text", 0o644);
        write(&case.path().join("root/etc/modsmith/settings/p.toml"), "a = 1\n", 0o644);
        let lay_out = |facts: Facts| Target::lay_out(&facts, Some(case.path()), "p").err().map(|e| e.to_string());
        let programs = Facts { programs: vec!["tool".into()], ..facts() };
        assert!(lay_out(programs).is_some_and(|e| e.contains("/usr/sbin/tool")));
        let files = Facts { files: vec!["/usr/sbin".into()], ..facts() };
        assert!(lay_out(files).is_some_and(|e| e.contains("/usr/sbin")));
        let settings = [("a".to_owned(), toml::Value::from(2))].into_iter().collect();
        assert!(lay_out(Facts { settings, ..facts() }).is_some_and(|e| e.contains("[settings]")));
    }

    #[test]
    fn a_case_has_directories_files_and_links_only() {
        let case = tempfile::tempdir().unwrap();
        let pipe = case.path().join("root/pipe");
        std::fs::create_dir(case.path().join("root")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
        let lay_out = || Target::lay_out(&facts(), Some(case.path()), "p").err().map(|e| e.to_string());
        assert!(lay_out().is_some_and(|e| e.contains("root/pipe") && e.contains("a named pipe")));
        std::fs::remove_file(&pipe).unwrap();
        std::fs::remove_dir(case.path().join("root")).unwrap();
        std::os::unix::fs::symlink("/usr", case.path().join("root")).unwrap();
        assert!(lay_out().is_some_and(|e| e.contains("a symbolic link")));
    }
}
