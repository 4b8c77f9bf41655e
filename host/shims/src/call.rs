//! The program that was called, and where the real one is.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::become_program::Real;
use crate::layout::{COMPILERS, REAL, SYMBOLS};

/// The directories of programs if there is no PATH.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How many links may lead from a name to one of ours: a recipe may make its own.
const LINKS: usize = 8;

/// A call of this program by another's name.
#[derive(Debug)]
pub struct Call {
    /// The other's name.
    pub name: OsString,
    /// The directory that [`crate::layout`] describes, if the call came through it.
    pub directory: Option<PathBuf>,
    /// The program in the words of the caller: a name, or a path.
    called_as: OsString,
    /// This program's file.
    own_file: Option<Metadata>,
}

/// The path that the kernel was given to execute. Unlike the first word, which
/// callers are free to choose, and `/proc/self/exe`, which is where links lead to,
/// it names the link. Source: getauxval(3).
pub fn executed_path() -> Option<PathBuf> {
    // SAFETY: getauxval reads what the kernel gave the process at its start.
    let address = unsafe { libc::getauxval(libc::AT_EXECFN) };
    if address == 0 {
        return None;
    }
    // SAFETY: the entry is the address of a string that lives as long as the process.
    let path = unsafe { CStr::from_ptr(address as *const libc::c_char) };
    Some(PathBuf::from(OsStr::from_bytes(path.to_bytes())))
}

impl Call {
    pub fn new(called_as: &OsStr, executed: Option<PathBuf>) -> Self {
        let executed = executed.unwrap_or_else(|| called_as.into());
        let found = directory_of(&executed);
        let name = found.as_ref().map_or(executed.as_path(), |(_, link)| link.as_path()).file_name();
        Self {
            name: name.unwrap_or(called_as).to_owned(),
            directory: found.map(|(directory, _)| directory),
            called_as: called_as.to_owned(),
            own_file: fs::metadata("/proc/self/exe").ok(),
        }
    }

    /// The real program. Called by its name, it is the next on the path; called by
    /// a path, it is what was there when the links were made. `None` where there is
    /// neither.
    pub fn real(&self) -> Option<Real> {
        let environment = std::env::var_os("PATH");
        let path = environment.as_deref().map(|path| self.path_without_shims(path));
        let on_path = || self.find(path.as_deref().unwrap_or(OsStr::new(USUAL_PATH)));
        let by_path = self.called_as.as_bytes().contains(&b'/');
        let program = if by_path { self.recorded().or_else(on_path) } else { on_path().or_else(|| self.recorded()) }?;
        let called_as = if by_path { program.clone().into_os_string() } else { self.called_as.clone() };
        Some(Real { program, called_as, path })
    }

    fn recorded(&self) -> Option<PathBuf> {
        let link = self.directory.as_ref()?.join(REAL).join(&self.name);
        fs::read_link(link).ok().filter(|program| self.is_other_program(program))
    }

    fn find(&self, path: &OsStr) -> Option<PathBuf> {
        std::env::split_paths(path).map(|directory| directory.join(&self.name)).find(|file| self.is_other_program(file))
    }

    fn is_other_program(&self, file: &Path) -> bool {
        let executable = |metadata: &Metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
        file.metadata().is_ok_and(|metadata| executable(&metadata) && !self.is_own(&metadata))
    }

    fn is_own(&self, file: &Metadata) -> bool {
        self.own_file.as_ref().is_some_and(|own| (own.dev(), own.ino()) == (file.dev(), file.ino()))
    }

    /// The path as it would be without this program: programs that look for one of
    /// the same name, as ccache does, find the real one. No path is as long as the
    /// one before, so that programs cannot call each other without end.
    fn path_without_shims(&self, path: &OsStr) -> OsString {
        let ours = self.directory.as_ref().map(|directory| [COMPILERS, SYMBOLS].map(|part| directory.join(part)));
        let is_ours = |entry: &[u8]| {
            let entry = Path::new(OsStr::from_bytes(entry));
            ours.iter().flatten().any(|own| own == entry)
                || entry.join(&self.name).metadata().is_ok_and(|metadata| self.is_own(&metadata))
        };
        let kept: Vec<&[u8]> = path.as_bytes().split(|byte| *byte == b':').filter(|entry| !is_ours(entry)).collect();
        OsStr::from_bytes(&kept.join(&b':')).to_owned()
    }
}

/// The directory that a call came through, and its link there.
fn directory_of(executed: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut link = std::path::absolute(executed).ok()?;
    for _ in 0..LINKS {
        let directory = link.parent()?.parent()?;
        if directory.join(REAL).join(link.file_name()?).is_symlink() {
            return Some((directory.to_owned(), link));
        }
        let target = fs::read_link(&link).ok()?;
        link = link.parent()?.join(target);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A directory of links to a program, `bin/gcc` as the real one, and
    /// `other/gcc`.
    fn linked() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["shim", "bin/gcc", "other/gcc"] {
            program(&dir.path().join(name));
        }
        for part in [COMPILERS, REAL] {
            fs::create_dir_all(dir.path().join("links").join(part)).unwrap();
        }
        symlink(dir.path().join("shim"), dir.path().join("links/compilers/gcc")).unwrap();
        symlink(dir.path().join("bin/gcc"), dir.path().join("links/real/gcc")).unwrap();
        dir
    }

    fn call(dir: &Path, called_as: &OsStr, executed: &str) -> Call {
        let own_file = fs::metadata(dir.join("shim")).ok();
        Call { own_file, ..Call::new(called_as, Some(dir.join(executed))) }
    }

    #[test]
    fn the_directory_is_found_from_the_link_and_from_links_to_it() {
        let dir = linked();
        symlink("links/compilers/gcc", dir.path().join("mine")).unwrap();
        for (called_as, executed) in [("gcc", "links/compilers/gcc"), ("./mine", "mine")] {
            let call = call(dir.path(), OsStr::new(called_as), executed);
            assert_eq!(call.directory.as_deref(), Some(dir.path().join("links").as_path()), "{executed}");
            assert_eq!(call.name, "gcc");
        }
        let call = call(dir.path(), OsStr::new("gcc"), "bin/gcc");
        assert_eq!(call.directory, None);
    }

    #[test]
    fn what_was_called_by_a_path_is_what_was_there_when_the_links_were_made() {
        let dir = linked();
        let link = dir.path().join("links/compilers/gcc");
        let real = call(dir.path(), link.as_os_str(), "links/compilers/gcc").real().unwrap();
        assert_eq!(real.program, dir.path().join("bin/gcc"));
        assert_eq!(real.called_as, real.program);
    }

    #[test]
    fn what_was_called_by_name_is_the_next_on_the_path_and_no_link_of_ours() {
        let dir = linked();
        let call = call(dir.path(), OsStr::new("gcc"), "links/compilers/gcc");
        let at = |part: &str| dir.path().join(part).display().to_string();
        symlink(dir.path().join("shim"), dir.path().join("links/gcc")).unwrap();
        let path = [at("links/compilers"), at("links/symbols"), at("none"), at("links"), at("other"), at("bin")];
        let path = call.path_without_shims(OsStr::new(&path.join(":")));
        assert_eq!(path, OsStr::new(&[at("none"), at("other"), at("bin")].join(":")));
        assert_eq!(call.find(&path), Some(dir.path().join("other/gcc")));
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        let dir = linked();
        let call = call(dir.path(), OsStr::new("gcc"), "links/compilers/gcc");
        for path in ["", ":", "/none:", ".:/none", ":/none:/none//:"] {
            assert_eq!(call.path_without_shims(OsStr::new(path)), OsStr::new(path));
        }
    }
}
