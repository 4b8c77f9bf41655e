//! This program in the place of others that builds run, where it saves them time.
//!
//! Links under the others' names are first on the path of make. Called by such a
//! name, the program does what its module says, or runs the real one.

mod compiler;
mod symbols;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Tells the program that it may be called by another's name, and where what they
/// share is.
const STAND_INS: &str = "MODSMITH_STAND_INS";

/// The links, while it lives. They are with other temporary files: the tree may
/// have no room but for what it is for.
#[derive(Debug)]
pub struct StandIns {
    directory: tempfile::TempDir,
}

/// What is in the directory: links, by what they stand for, and what compilers
/// have answered.
const COMPILERS: &str = "compilers";
const SYMBOLS: &str = "symbols";
const ANSWERS: &str = "answers";

impl StandIns {
    /// Makes the links. `None` where that is not possible: then the others are run.
    pub fn new() -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("modsmith-stand-ins-").tempdir().ok()?;
        for part in [COMPILERS, SYMBOLS, ANSWERS] {
            std::fs::create_dir(directory.path().join(part)).ok()?;
        }
        let program = std::env::current_exe().ok()?;
        for entry in std::env::split_paths(&std::env::var_os("PATH")?).flat_map(entries) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let part = match name.as_str() {
                name if compiler::is_compiler(name) => COMPILERS,
                name if symbols::is_lister(name) && symbols::is_slow(&entry.path()) => SYMBOLS,
                _ => continue,
            };
            // The first of a name counts, as on the path.
            let _ = symlink(&program, directory.path().join(part).join(name));
        }
        Some(Self { directory })
    }

    /// What make has to find in its environment. Compilers are replaced where the
    /// same questions come again: for a single make, asking is quicker.
    pub fn environment(&self, questions_come_again: bool) -> Vec<(String, String)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let part = |name| self.directory.path().join(name);
        let compilers = questions_come_again.then(|| part(COMPILERS));
        let paths = compilers.into_iter().chain([part(SYMBOLS)]).chain(std::env::split_paths(&path));
        let joined = std::env::join_paths(paths).ok().and_then(|path| path.into_string().ok());
        match (joined, self.directory.path().to_str()) {
            (Some(path), Some(directory)) => vec![("PATH".into(), path), (STAND_INS.into(), directory.into())],
            _ => Vec::new(),
        }
    }
}

fn entries(directory: PathBuf) -> impl Iterator<Item = std::fs::DirEntry> {
    std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok)
}

/// Does the work of another program if it was called by its name. `None` where it
/// was not.
pub fn stand_in(words: &[OsString]) -> Option<ExitCode> {
    let directory = PathBuf::from(std::env::var_os(STAND_INS)?);
    let (name, arguments) = words.split_first()?;
    let name = Path::new(name).file_name()?;
    let is_compiler = name.to_str().is_some_and(compiler::is_compiler);
    if !is_compiler && !name.to_str().is_some_and(symbols::is_lister) {
        return None;
    }
    let Some(program) = find(name, &directory) else {
        eprintln!("{}: it is not on the path", name.display());
        return Some(ExitCode::from(127));
    };
    let error = if is_compiler {
        if let Some(code) = compiler::answer(&program, arguments, &directory.join(ANSWERS)) {
            return Some(code);
        }
        Command::new(&program).args(arguments).exec()
    } else {
        Command::new(&program).args(symbols::arguments(&program, arguments)).exec()
    };
    eprintln!("{}: {error}", program.display());
    Some(ExitCode::from(126))
}

/// The program itself: the next of its name on the path.
fn find(name: &OsStr, stand_ins: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let candidates = std::env::split_paths(&path).filter(|directory| !directory.starts_with(stand_ins));
    candidates.map(|directory| directory.join(name)).find(|path| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}
