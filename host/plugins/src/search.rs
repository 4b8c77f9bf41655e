//! The directories in which plugins are looked for.

use std::path::{Path, PathBuf};

use modsmith_facts::inside;

use crate::development::Development;
use crate::error::Error;

/// The kind of place in which a plugin was found. It decides whether the plugin needs a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundIn {
    /// `$MODSMITH_PLUGIN_PATH`, as root.
    Environment,
    /// `$MODSMITH_PLUGIN_PATH`, as another user: such a plugin can do no more
    /// than the user who named it.
    Own,
    /// A directory beside the program, installed with it.
    Beside,
    /// `/usr/lib/modsmith/plugins`: from the system's packages.
    System,
    /// `/etc/modsmith/plugins`: put there by hand.
    Local,
    /// `/run/modsmith/development`: root uses it for some time without a grant.
    Development,
}

impl FoundIn {
    /// Whether plugins from here do nothing until the administrator has
    /// granted them.
    pub(crate) fn needs_grant(self) -> bool {
        matches!(self, FoundIn::Environment | FoundIn::Local)
    }

    /// Whether a component from this place may be the base of a table from the other one: it may not if
    /// its place is trusted less than the table's.
    pub(crate) fn may_be_base_of(self, table: FoundIn) -> bool {
        self.trust() >= table.trust()
    }

    /// The trust in a place: most in places that need no grant, least in those that only the user named.
    fn trust(self) -> u8 {
        match self {
            // Root has said that plugins in development are used instead of granted ones.
            FoundIn::Beside | FoundIn::System | FoundIn::Development => 2,
            FoundIn::Local | FoundIn::Environment => 1,
            FoundIn::Own => 0,
        }
    }

    /// Whether only the invoking user controls a plugin from here: its programs are not run by an action
    /// that only shows something.
    pub(crate) fn is_unvetted(self) -> bool {
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
    /// Compiled plugins are read from each of these; the first one is written. They are this
    /// machine's, also when another system is worked on: native code of an image is not executed.
    pub caches: Vec<PathBuf>,
    /// Directories of plugins that came with the program to this machine: beside them, there may be
    /// compiled ones.
    pub shipped: Vec<PathBuf>,
    /// Plugins in development; their directories are the first ones.
    pub development: Vec<Development>,
    /// Holds the directories of plugins in development.
    pub run: PathBuf,
}

/// Plugins of the system's packages.
const PACKAGED: &str = "/usr/lib/modsmith/plugins";
/// Plugins in development: gone with a restart.
const RUN: &str = "/run/modsmith/development";
/// Compiled plugins.
const CACHE: &str = "/var/cache/modsmith";
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
        directories.push((PACKAGED.into(), FoundIn::System));
        directories.push((Path::new(CONFIG).join("plugins"), FoundIn::Local));
        let own = std::env::var_os("MODSMITH_RUN_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        let run = own.map_or_else(|| RUN.into(), |dir| dir.join("development"));
        let (config, caches) = (CONFIG.into(), caches(root));
        let is_shipped = |found_in: &FoundIn| matches!(found_in, FoundIn::Beside | FoundIn::System);
        let shipped = directories.iter().filter(|(_, found_in)| is_shipped(found_in)).map(|(dir, _)| dir.clone());
        let shipped = shipped.collect();
        Self { directories, config, caches, shipped, development: Vec::new(), run: run.clone() }.developing(run)
    }

    /// The search path of the system below a directory: its own configuration and plugins, and the plugins that
    /// come with the program. Files below the directory are read as that system would read them.
    ///
    /// # Errors
    /// `OutOfRoot`: one of them is a link that leads out of the system.
    pub fn of_root(self, root: &Path) -> Result<Self, Error> {
        let root = &std::fs::canonicalize(root).map_err(|e| Error::io("use", root, e))?;
        inside::enter(root);
        let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        let config = Path::new(CONFIG);
        let own =
            ["plugins", "plugins/plugins.lock", "grants", "policy.d", "settings", "limits.toml", "registries.toml"];
        let own = own.iter().map(|name| config.join(name));
        for path in own.chain([PathBuf::from(PACKAGED)]) {
            stays_below(root, &below(&path))?;
        }
        let mut directories: Vec<_> =
            self.directories.into_iter().filter(|(_, found_in)| *found_in == FoundIn::Beside).collect();
        directories.push((below(Path::new(PACKAGED)), FoundIn::System));
        directories.push((below(&config.join("plugins")), FoundIn::Local));
        let run = below(Path::new(RUN));
        stays_below(root, &run)?;
        let (caches, shipped) = (self.caches, self.shipped);
        let there = Self { directories, config: below(config), caches, shipped, ..Self::none() };
        Ok(there.developing(run))
    }

    /// One directory of trusted plugins, with its cache in `cache`, and no
    /// configuration: for tests and for `plugin test`.
    pub fn only(directory: impl Into<PathBuf>, cache: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let config = directory.join(".config");
        let directories = vec![(directory, FoundIn::Beside)];
        Self { directories, config, caches: vec![cache.into()], ..Self::none() }
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self {
            directories: Vec::new(),
            config: CONFIG.into(),
            caches: Vec::new(),
            shipped: Vec::new(),
            development: Vec::new(),
            run: PathBuf::new(),
        }
    }

    /// With the plugins in development that are below a directory, before all others.
    fn developing(mut self, run: PathBuf) -> Self {
        self.development = Development::all(&run);
        let first = self.development.iter().map(|known| (known.directory.clone(), FoundIn::Development));
        self.directories.splice(0..0, first);
        Self { run, ..self }
    }
}

/// Whether the deepest part of a path that exists is below the root, which has no links, as this machine
/// resolves links: what an image's links would change on this machine is not changed.
fn stays_below(root: &Path, path: &Path) -> Result<(), Error> {
    let out = || Error::OutOfRoot { path: path.to_path_buf(), root: root.to_path_buf() };
    let existing = path.ancestors().find(|part| part.symlink_metadata().is_ok()).ok_or_else(out)?;
    // A link to nothing cannot be resolved: it may lead anywhere once that is made.
    let real = std::fs::canonicalize(existing).map_err(|_| out())?;
    if real.starts_with(root) { Ok(()) } else { Err(out()) }
}

/// `$MODSMITH_CACHE_DIR`; else the system's for root, the user's own and then
/// the system's for others.
fn caches(root: bool) -> Vec<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let system = PathBuf::from(CACHE);
    if let Some(dir) = absolute("MODSMITH_CACHE_DIR") {
        return vec![dir];
    }
    if root {
        return vec![system];
    }
    let own = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    own.map(|dir| dir.join("modsmith")).into_iter().chain([system]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_of_another_system_are_below_its_root() {
        let own = SearchPath {
            directories: vec![("/p/plugins".into(), FoundIn::Beside), ("/x".into(), FoundIn::Environment)],
            caches: vec!["/c".into()],
            shipped: vec!["/p/plugins".into()],
            ..SearchPath::none()
        };
        let image = tempfile::tempdir().unwrap();
        let there = own.clone().of_root(image.path()).unwrap();
        let below = |path: &str| image.path().join(path);
        let directories: Vec<_> = there.directories.iter().map(|(directory, _)| directory.clone()).collect();
        assert_eq!(
            directories,
            ["/p/plugins".into(), below("usr/lib/modsmith/plugins"), below("etc/modsmith/plugins")]
        );
        assert_eq!(there.config, below("etc/modsmith"));
        // Native code is this machine's alone.
        assert_eq!((there.caches, there.shipped), (own.caches.clone(), own.shipped.clone()));
        // Links of an image stay in it, or are refused.
        std::fs::create_dir_all(below("etc/modsmith/real")).unwrap();
        std::os::unix::fs::symlink("real", below("etc/modsmith/grants")).unwrap();
        assert!(own.clone().of_root(image.path()).is_ok());
        for target in ["/tmp", "/nosuch/directory"] {
            std::os::unix::fs::symlink(target, below("etc/modsmith/plugins")).unwrap();
            assert!(matches!(own.clone().of_root(image.path()), Err(Error::OutOfRoot { .. })), "{target}");
            std::fs::remove_file(below("etc/modsmith/plugins")).unwrap();
        }
    }

    #[test]
    fn no_place_has_bases_for_tables_of_one_that_is_trusted_more() {
        use FoundIn::{Beside, Development, Environment, Local, Own, System};
        let packaged = [Beside, System, Development];
        for table in packaged {
            assert!(packaged.iter().all(|base| base.may_be_base_of(table)), "{table:?}");
            assert!([Environment, Local, Own].iter().all(|base| !base.may_be_base_of(table)), "{table:?}");
        }
        for table in [Environment, Local] {
            assert!(packaged.iter().chain(&[Environment, Local]).all(|base| base.may_be_base_of(table)), "{table:?}");
            assert!(!Own.may_be_base_of(table), "{table:?}");
        }
        assert!([Beside, Local, Environment, Own].iter().all(|base| base.may_be_base_of(Own)));
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
