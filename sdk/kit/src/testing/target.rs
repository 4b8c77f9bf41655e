//! The small system that a case describes, laid out in a temporary directory.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::{Facts, PackageTable};
use crate::error::{Error, Result};
use modsmith_facts::kernel::{Kernel, KernelInput, Lookup, machine};
use modsmith_facts::{OsRelease, Root, Roots, System, resolve_in_root};
use modsmith_plugins::PackageFacts;

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
            let to = dir.join(tree);
            std::fs::create_dir(&to).map_err(|e| Error::io("make the directory", &to, e))?;
            if let Some(case) = case {
                copy_tree(&case.join(tree), &to)?;
            }
        }
        let root = dir.join("root");
        files(facts, &root, plugin)?;

        let config_file = dir.join("config");
        let symbols = facts.kernel.config.iter().map(|(name, value)| format!("CONFIG_{name}=\"{value}\"\n"));
        write(&config_file, &symbols.collect::<String>(), 0o644)?;
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

/// The files that the facts name.
fn files(facts: &Facts, root: &Path, plugin: &str) -> Result<()> {
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    for file in &facts.files {
        if file.ends_with('/') {
            let dir = below(file);
            std::fs::create_dir_all(&dir).map_err(|e| Error::io("make the directory", &dir, e))?;
        } else {
            write(&below(file), "", 0o644)?;
        }
    }
    for program in &facts.programs {
        let path = if program.starts_with('/') { program.clone() } else { format!("/usr/sbin/{program}") };
        write(&below(&path), FAILING, 0o755)?;
    }
    if !facts.os.is_empty() {
        let file = below("etc/os-release");
        if file.exists() {
            return Err(Error::TwoOsReleases);
        }
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
        let fields = facts.os.iter().map(|(name, value)| format!("{name}=\"{}\"\n", quoted(value)));
        write(&file, &fields.collect::<String>(), 0o644)?;
    }
    if !facts.settings.is_empty() {
        write(&below(&format!("etc/modsmith/settings/{plugin}.toml")), &facts.settings.to_string(), 0o644)?;
    }
    Ok(())
}

fn write(path: &Path, contents: &str, mode: u32) -> Result<()> {
    let written = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, contents)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    };
    written().map_err(|e| Error::io("write", path, e))
}

/// Copies files with their modes, and links as they are. A case without files
/// of a kind has no such directory.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(from).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::io("read", from, e.into()))?;
        let place = to.join(entry.path().strip_prefix(from).expect("an entry is below where the walk began"));
        let copied = if entry.file_type().is_dir() {
            std::fs::create_dir(&place)
        } else if entry.file_type().is_symlink() {
            std::fs::read_link(entry.path()).and_then(|target| std::os::unix::fs::symlink(target, &place))
        } else {
            std::fs::copy(entry.path(), &place).map(|_| ())
        };
        copied.map_err(|e| Error::io("copy", entry.path(), e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call::Call;

    fn facts() -> Facts {
        Facts::about(Call::Refresh, "6.1")
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
        write(&case.path().join("root/usr/sbin/tool"), "#!/bin/sh\n", 0o755).unwrap();
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
        write(&case.path().join("root/etc/os-release"), "ID=a\n", 0o644).unwrap();
        let facts = Facts { os: [("ID".to_owned(), "b".to_owned())].into(), ..facts() };
        assert!(Target::lay_out(&facts, Some(case.path()), "p").is_err_and(|e| e.to_string().contains("[os]")));
    }
}
