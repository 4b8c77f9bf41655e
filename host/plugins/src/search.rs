//! Where plugins are looked for, and which files are trusted.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a plugin was found; decides whether it needs a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundIn {
    /// `$MODSMITH_PLUGIN_PATH`, as root.
    Environment,
    /// `$MODSMITH_PLUGIN_PATH`, as another user: such a plugin can do no more
    /// than the user who named it.
    Own,
    /// Beside the program, installed with it.
    Beside,
    /// `/usr/lib/modsmith/plugins`: from the system's packages.
    System,
    /// `/etc/modsmith/plugins`: put there by hand.
    Local,
}

impl FoundIn {
    /// Whether plugins from here do nothing until the administrator has
    /// granted them.
    pub fn needs_grant(self) -> bool {
        matches!(self, FoundIn::Environment | FoundIn::Local)
    }

    /// Whether only the invoking user controls a plugin from here: its
    /// programs are not run where the user only wants to look.
    pub fn is_unvetted(self) -> bool {
        self == FoundIn::Own
    }
}

/// The directories to look in, first one first, and those of the host's own
/// configuration and caches. All are those of the running system, also when
/// another one is worked on.
#[derive(Debug, Clone)]
pub struct SearchPath {
    pub directories: Vec<(PathBuf, FoundIn)>,
    /// Holds `policy.d`, `grants` and `limits.toml`: `/etc/modsmith`.
    pub config: PathBuf,
    /// Compiled plugins are read from each of these; the first one is written.
    pub caches: Vec<PathBuf>,
}

/// The configuration directory of the host.
pub const CONFIG: &str = "/etc/modsmith";

impl SearchPath {
    /// As the environment and the program's own place say.
    pub fn from_environment() -> Self {
        let root = rustix::process::geteuid().is_root();
        let from_env = if root { FoundIn::Environment } else { FoundIn::Own };
        let named = std::env::var_os("MODSMITH_PLUGIN_PATH").unwrap_or_default();
        let mut directories: Vec<(PathBuf, FoundIn)> =
            std::env::split_paths(&named).filter(|dir| dir.is_absolute()).map(|dir| (dir, from_env)).collect();
        if let Some(bin) = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf)) {
            directories.push((bin.join("plugins"), FoundIn::Beside));
            directories.push((bin.join("../lib/modsmith/plugins"), FoundIn::Beside));
        }
        directories.push(("/usr/lib/modsmith/plugins".into(), FoundIn::System));
        directories.push((Path::new(CONFIG).join("plugins"), FoundIn::Local));
        Self { directories, config: CONFIG.into(), caches: caches(root) }
    }

    /// Those of the system below a directory: its own configuration, plugins and cache,
    /// and the plugins that come with the program.
    pub fn of_root(self, root: &Path) -> Self {
        let below = |path: &str| root.join(path.trim_start_matches('/'));
        let mut directories: Vec<_> =
            self.directories.into_iter().filter(|(_, found_in)| *found_in == FoundIn::Beside).collect();
        directories.push((below("/usr/lib/modsmith/plugins"), FoundIn::System));
        directories.push((below(CONFIG).join("plugins"), FoundIn::Local));
        Self { directories, config: below(CONFIG), caches: vec![below("/var/cache/modsmith")] }
    }

    /// One directory of trusted plugins, with its cache in `cache`, and no
    /// configuration: for tests and for `plugin test`.
    pub fn only(directory: impl Into<PathBuf>, cache: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let config = directory.join(".config");
        Self { directories: vec![(directory, FoundIn::Beside)], config, caches: vec![cache.into()] }
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self { directories: Vec::new(), config: CONFIG.into(), caches: Vec::new() }
    }
}

/// `$MODSMITH_CACHE_DIR`; else the system's for root, the user's own and then
/// the system's for others.
fn caches(root: bool) -> Vec<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let system = PathBuf::from("/var/cache/modsmith");
    if let Some(dir) = absolute("MODSMITH_CACHE_DIR") {
        return vec![dir];
    }
    if root {
        return vec![system];
    }
    let own = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    own.map(|dir| dir.join("modsmith")).into_iter().chain([system]).collect()
}

/// Whether only root or the invoking user can change a file or directory. The
/// error says why it is not trusted and what to do.
pub fn check_owner(path: &Path) -> Result<(), String> {
    let metadata = path.metadata().map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    check_metadata(path, &metadata)
}

pub(super) fn check_metadata(path: &Path, metadata: &std::fs::Metadata) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != 0 && metadata.uid() != me {
        return Err(format!(
            "{} belongs to user {}, who could change what it does: give it to root (`chown root {0}`)",
            path.display(),
            metadata.uid()
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!(
            "{} is writable by others than its owner: take that away (`chmod go-w {0}`)",
            path.display()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_that_others_can_write_is_not_trusted_and_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(check_owner(dir.path()), Ok(()));
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(check_owner(dir.path()).unwrap_err().contains("chmod go-w"));
    }

    #[test]
    fn the_plugins_of_another_system_are_below_its_root() {
        let own = SearchPath {
            directories: vec![("/p/plugins".into(), FoundIn::Beside), ("/x".into(), FoundIn::Environment)],
            ..SearchPath::none()
        };
        let there = own.of_root(Path::new("/image"));
        let directories: Vec<_> =
            there.directories.iter().map(|(directory, _)| directory.display().to_string()).collect();
        assert_eq!(directories, ["/p/plugins", "/image/usr/lib/modsmith/plugins", "/image/etc/modsmith/plugins"]);
        assert_eq!(there.config, Path::new("/image/etc/modsmith"));
        assert_eq!(there.caches, [Path::new("/image/var/cache/modsmith")]);
    }

    #[test]
    fn only_what_is_installed_with_the_program_needs_no_grant_for_root() {
        let needing: Vec<_> = [FoundIn::Environment, FoundIn::Own, FoundIn::Beside, FoundIn::System, FoundIn::Local]
            .into_iter()
            .filter(|found_in| found_in.needs_grant())
            .collect();
        assert_eq!(needing, [FoundIn::Environment, FoundIn::Local]);
    }
}
