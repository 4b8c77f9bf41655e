//! Shims: programs that a build finds under the names of compilers and `nm`, where
//! they save time.
//!
//! Links under the others' names are first on the path of make, and lead to a
//! program of its own, which [`modsmith_shims`] describes.

use std::env::{join_paths, split_paths};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use modsmith_shims::layout::{ANSWERS, COMPILERS, PROGRAM, REAL, SYMBOLS};
use modsmith_shims::{is_compiler, is_lister, is_slow};
use rustix::fs::Access;

/// A temporary directory of links, deleted with this value. It is not in the tree, which may be
/// full.
#[derive(Debug)]
pub struct Shims {
    directory: tempfile::TempDir,
}

impl Shims {
    /// Makes the links. `None` where that is not possible, or where the program is
    /// not installed: then builds find the real programs.
    pub fn new(environment: &Environment) -> Option<Self> {
        let program = program(environment)?;
        let directory = tempfile::Builder::new().prefix("modsmith-shims-").tempdir().ok()?;
        for part in [COMPILERS, SYMBOLS, REAL, ANSWERS] {
            std::fs::create_dir(directory.path().join(part)).ok()?;
        }
        for entry in split_paths(environment.var("PATH")?).flat_map(entries) {
            let (Ok(name), Ok(real)) = (entry.file_name().into_string(), std::path::absolute(entry.path())) else {
                continue;
            };
            let part = match name.as_str() {
                name if is_compiler(name) => COMPILERS,
                name if is_lister(name) => SYMBOLS,
                _ => continue,
            };
            // A shim of another invocation is not the real program.
            let is_shim = || real.canonicalize().is_ok_and(|real| real.file_name().is_some_and(|name| name == PROGRAM));
            // The first of a name counts, as on the path.
            if can_be_run(&real) && !is_shim() && symlink(&real, directory.path().join(REAL).join(&name)).is_ok() {
                let needed = part == COMPILERS || is_slow(&real);
                if needed {
                    symlink(&program, directory.path().join(part).join(&name)).ok()?;
                }
            }
        }
        Some(Self { directory })
    }

    /// The directory of the shims.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory in which the shims keep the answers of compilers.
    pub fn answers(&self) -> PathBuf {
        self.directory.path().join(ANSWERS)
    }

    /// The variables that make needs. Compilers are replaced only if the same questions come again:
    /// for a single make, asking the compiler is quicker.
    pub fn environment(&self, questions_come_again: bool, callers: &Environment) -> Vec<(String, String)> {
        let path = callers.var("PATH").unwrap_or_default();
        let part = |name| self.directory.path().join(name);
        let compilers = questions_come_again.then(|| part(COMPILERS));
        let paths = compilers.into_iter().chain([part(SYMBOLS)]).chain(split_paths(path));
        let joined = join_paths(paths).ok().and_then(|path| path.into_string().ok());
        let (Some(joined), Some(path)) = (joined, path.to_str()) else { return Vec::new() };
        let mut variables = vec![("PATH".to_owned(), joined)];
        // ccache knows a compiler by its file, and has to see when that changes.
        if callers.var("CCACHE_PATH").is_none() {
            variables.push(("CCACHE_PATH".to_owned(), path.to_owned()));
        }
        variables
    }
}

fn entries(directory: PathBuf) -> impl Iterator<Item = std::fs::DirEntry> {
    std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok)
}

/// The program that links lead to: beside this one where both were built, and in
/// the directory of its own files where they are installed.
fn program(environment: &Environment) -> Option<PathBuf> {
    let directory = environment.program()?.parent()?;
    let candidates = [directory.join(PROGRAM), directory.join("../lib/modsmith").join(PROGRAM)];
    candidates.into_iter().find(|program| can_be_run(program))
}

fn can_be_run(program: &Path) -> bool {
    program.is_file() && rustix::fs::access(program, Access::EXEC_OK).is_ok()
}
