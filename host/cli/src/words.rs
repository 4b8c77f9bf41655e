//! The words of the command line: which action, on which package.

use std::path::{Path, PathBuf};

use super::arguments::{Arguments, PackageArg};
use super::output;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::PackageSource;
use modsmith_core::tree::PackageId;

/// dkms's actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Add,
    Build,
    Install,
    Uninstall,
    Unbuild,
    Remove,
    Status,
    Match,
    Autoinstall,
    KernelPreinst,
    KernelPostinst,
    KernelPrerm,
    GenerateMok,
}

impl Action {
    const ALL: [(&str, Action); 13] = [
        ("add", Action::Add),
        ("build", Action::Build),
        ("install", Action::Install),
        ("uninstall", Action::Uninstall),
        ("unbuild", Action::Unbuild),
        ("remove", Action::Remove),
        ("status", Action::Status),
        ("match", Action::Match),
        ("autoinstall", Action::Autoinstall),
        ("kernel_preinst", Action::KernelPreinst),
        ("kernel_postinst", Action::KernelPostinst),
        ("kernel_prerm", Action::KernelPrerm),
        ("generate_mok", Action::GenerateMok),
    ];

    /// The action of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, action)| *action)
    }

    /// Whether a transaction ends with it, for `post_transaction`.
    pub fn changes_kernels(self) -> bool {
        !matches!(self, Action::Add | Action::Build | Action::Status | Action::GenerateMok)
    }

    /// Whether a file can stand in for its package.
    pub fn takes_archives(self) -> bool {
        matches!(self, Action::Add | Action::Build | Action::Install)
    }

    /// Whether `--all` means something to it.
    pub fn takes_all(self) -> bool {
        matches!(self, Action::Uninstall | Action::Unbuild | Action::Remove)
    }
}

/// The actions' names, in their usual order.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    Action::ALL.iter().map(|(name, _)| *name)
}

/// The words of the command line, understood.
#[derive(Debug, Default)]
pub struct CommandLine {
    /// The actions, in the order of the command line.
    pub actions: Vec<Action>,
    pub module: Option<String>,
    pub version: Option<String>,
    /// A source directory, instead of a name.
    pub directory: Option<PathBuf>,
    /// An existing file that is something to be loaded.
    pub archive: Option<PathBuf>,
    /// A word that was taken for a name and has the form of a path.
    path: Option<PathBuf>,
    /// Words without a meaning for the actions.
    unused: Vec<String>,
}

impl CommandLine {
    /// Classifies each word as an action, a file or a name, from left to right.
    pub fn classify(arguments: &Arguments) -> Result<CommandLine> {
        let mut words = CommandLine::default();
        for naming in &arguments.naming {
            let word = match naming {
                PackageArg::Module(module) => {
                    words.take_module(module);
                    continue;
                }
                PackageArg::Version(version) => {
                    words.version = Some(version.trim().to_owned());
                    continue;
                }
                PackageArg::Word(word) => word,
            };
            let path = Path::new(word);
            if let Some(action) = Action::of(word) {
                words.actions.push(action);
            } else if word.ends_with("dkms.conf") && path.is_file() {
                let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                words.directory = Some(absolute(parent)?);
            } else if path.join("dkms.conf").is_file() {
                words.directory = Some(absolute(path)?);
            } else if path.is_file() {
                words.archive = Some(absolute(path)?);
            } else if words.module.is_none() {
                words.path = is_path(word).then(|| path.to_path_buf());
                words.take_module(word);
            } else {
                words.unused.push(word.clone());
            }
        }
        Ok(words)
    }

    /// Warns about words that are ignored.
    pub fn warn(&self) {
        for word in &self.unused {
            output::warning(&format!("`{word}` is not understood and is ignored."));
        }
    }

    fn take_module(&mut self, text: &str) {
        match text.trim().split_once('/') {
            Some((module, version)) => {
                self.module = Some(module.to_owned());
                self.version = Some(version.to_owned());
            }
            None => self.module = Some(text.trim().to_owned()),
        }
    }

    /// The package, by directory or by name.
    pub fn source(&self) -> Result<PackageSource> {
        match (&self.directory, &self.path) {
            (Some(directory), _) => Ok(PackageSource::Directory(directory.clone())),
            // dkms's codes: what begins with a slash has no name, the rest no source.
            (None, Some(path)) if path.is_absolute() => Err(no_package(path, Kind::Usage)),
            (None, Some(path)) => Err(no_package(path, Kind::SourceMissing)),
            (None, None) => self.named().map(PackageSource::Named),
        }
    }

    /// The package by name and version, both of them.
    pub fn named(&self) -> Result<PackageId> {
        match (&self.module, &self.version) {
            (Some(module), Some(version)) => PackageId::new(module, version),
            (module, _) => {
                let message = match module {
                    Some(module) if module.is_empty() => "The name of the module is empty.".to_owned(),
                    Some(module) => format!("The version of {module} is missing."),
                    None => "The module and its version are missing.".to_owned(),
                };
                Err(Error::new(Kind::Usage, message).hint("Name both, as in `bbswitch/0.8` or `-m bbswitch -v 0.8`."))
            }
        }
    }
}

/// Whether a word can only be meant as a path, not as `module/version`.
fn is_path(word: &str) -> bool {
    word.starts_with(['/', '.']) || word.matches('/').count() > 1
}

fn no_package(path: &Path, kind: Kind) -> Error {
    let message = match path.is_dir() {
        true => format!("The directory {} has no dkms.conf.", path.display()),
        false => format!("{} does not exist.", path.display()),
    };
    Error::new(kind, message).hint("Name a package as `module/version`, or by its directory, dkms.conf or archive.")
}

/// The real path of something that may be missing.
pub fn from_here(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).map_err(|e| Error::io("use", path, e))
}

/// The real path of something that has to be there.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path).map_err(|e| Error::io("use", path, e))
}

/// A time as programs read it: RFC 3339, in whole seconds of UTC.
pub fn rfc3339(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
