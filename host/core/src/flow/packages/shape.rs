//! Checks the files that a plugin unpacked from an archive, before they are used.
//!
//! modsmith trusts its own files in the tree. So an archive brings only built files with known names into
//! the tree, and no file with a name that modsmith uses for its own files.

use std::fs::FileType;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::flow::store::builds::{LOG, SYMBOLS};
use crate::tree::{BuildRecord, Target, check_kernel_name, is_kernel_name, name_fault};
use modsmith_facts::kernel::module_stem;
use modsmith_plan::{PRIVATE_DIR, stays_inside};

/// How the names of files begin that have the version of a dependency.
const DEPENDENCY: &str = ".dep_";

/// The parts of the tree that an archive brings, below a staging directory.
#[derive(Debug)]
pub struct Shape {
    /// Holds the dkms.conf, and the source unless `binaries_only`.
    pub source: PathBuf,
    pub binaries_only: bool,
    /// With `binaries_only`: what is beside the dkms.conf, and does not get into the tree.
    pub beside_conf: Vec<PathBuf>,
    /// The built files for each kernel.
    pub built: Vec<Built>,
}

/// The files of an archive that were built for a kernel.
#[derive(Debug)]
pub struct Built {
    pub target: Target,
    /// Files and directories that do not get into the tree, by their paths below the kernel's directory.
    pub left_out: Vec<PathBuf>,
}

impl Shape {
    /// Reads and checks a staging directory. `archive` is named in messages.
    pub fn read(staging: &Path, archive: &Path) -> Result<Self> {
        let has_conf = |directory: &Path| is_file(&directory.join("dkms.conf"));
        let (source, bare) = (staging.join("source"), staging.join("binaries-only"));
        let (source, binaries_only) = match (has_conf(&source), has_conf(&bare)) {
            (true, _) => (source, false),
            (false, true) => (bare, true),
            (false, false) => {
                return Err(Error::new(
                    Kind::ArchiveWithoutConf,
                    format!("{} contains no dkms.conf.", archive.display()),
                )
                .hint("An archive to load contains a module package: its source with a dkms.conf."));
            }
        };
        check_links(&source, archive)?;
        let built = staging.join("built");
        let mut all = Vec::new();
        for kernel in directories(&built)? {
            for arch in directories(&built.join(&kernel))? {
                let directory = built.join(&kernel).join(&arch);
                check_link_free(&directory, archive)?;
                check_kernel_name("kernel", &kernel)
                    .and_then(|()| check_kernel_name("architecture", &arch))
                    .map_err(|error| malformed(archive, &error.message))?;
                if !is_kernel_name(&kernel) || !directory.join("module").is_dir() {
                    let why = format!("{kernel} ({arch}) is not a kernel that modules were built for.");
                    return Err(malformed(archive, &why));
                }
                let left_out = unknown(&directory, archive)?;
                all.push(Built { target: Target { kernel: kernel.clone(), arch }, left_out });
            }
        }
        let beside_conf = if binaries_only { beside_conf(&source)? } else { Vec::new() };
        Ok(Self { source, binaries_only, beside_conf, built: all })
    }
}

/// What to do about an archive that is refused.
pub const MAKE_AGAIN: &str = "Get the archive again from its source, or make it again; nothing was changed.";

/// A refusal, with what is wrong as a sentence.
pub fn malformed(archive: &Path, why: &str) -> Error {
    Error::new(Kind::ArchiveMalformed, format!("{} was not loaded: {why}", archive.display())).hint(MAKE_AGAIN)
}

/// What is in a kernel's directory beside modules, their symbols, the log of their build, and notes of
/// dependencies. A record is left out, because programs that pack the tree take it along; other names of
/// modsmith's own are an error.
fn unknown(directory: &Path, archive: &Path) -> Result<Vec<PathBuf>> {
    let mut unknown = Vec::new();
    let mut entries = walkdir::WalkDir::new(directory).min_depth(1).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|e| Error::io("read", directory, e.into()))?;
        let path = entry.path().strip_prefix(directory).unwrap_or(entry.path());
        let (is_record, kind) = (path == Path::new(BuildRecord::NAME), entry.file_type());
        if !is_record && entry.file_name().as_encoded_bytes().starts_with(PRIVATE_DIR.as_bytes()) {
            let why = format!("{} is a name that only modsmith itself uses in its tree.", path.display());
            return Err(malformed(archive, &why));
        }
        if is_record || !is_known(path, kind) {
            unknown.push(path.to_path_buf());
            if kind.is_dir() {
                entries.skip_current_dir();
            }
        }
    }
    Ok(unknown)
}

fn beside_conf(directory: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error| Error::io("read", directory, error);
    let names = std::fs::read_dir(directory).map_err(unreadable)?.map(|entry| Ok(entry?.file_name().into()));
    let mut names: Vec<PathBuf> = names.collect::<std::io::Result<_>>().map_err(unreadable)?;
    names.retain(|name| name != Path::new("dkms.conf"));
    names.sort();
    Ok(names)
}

/// Whether something below a kernel's directory is known by its name.
fn is_known(path: &Path, kind: FileType) -> bool {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    match parts.as_deref() {
        Some(["module" | "log"]) => kind.is_dir(),
        Some(["module", name]) => kind.is_file() && (*name == SYMBOLS || is_module(name)),
        Some(["log", name]) => kind.is_file() && *name == LOG,
        Some([name]) => kind.is_file() && name.strip_prefix(DEPENDENCY).is_some_and(|of| name_fault(of).is_none()),
        _ => false,
    }
}

fn is_module(name: &str) -> bool {
    !name.starts_with('.') && module_stem(name).is_some_and(|(stem, _)| !stem.is_empty())
}

/// Links in the source stay in the source: it is going to be elsewhere.
fn check_links(directory: &Path, archive: &Path) -> Result<()> {
    each_link(directory, |link, target| match stays_inside(link, target) {
        true => Ok(()),
        false => Err(malformed(
            archive,
            &format!("{} is a link to {}, outside of the archive.", link.display(), target.display()),
        )),
    })
}

/// Refuses links among the built files.
fn check_link_free(directory: &Path, archive: &Path) -> Result<()> {
    each_link(directory, |link, _| Err(malformed(archive, &format!("the module file {} is a link.", link.display()))))
}

fn each_link(directory: &Path, check: impl Fn(&Path, &Path) -> Result<()>) -> Result<()> {
    for entry in walkdir::WalkDir::new(directory).min_depth(1) {
        let entry = entry.map_err(|e| Error::io("read", directory, e.into()))?;
        if entry.path_is_symlink() {
            let target = std::fs::read_link(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
            check(entry.path().strip_prefix(directory).unwrap_or(entry.path()), &target)?;
        }
    }
    Ok(())
}

fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Names of directories, hidden ones too: they have to be refused.
fn directories(path: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("read", path, e))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an archive brings that has these files for a kernel.
    fn brought(files: &[&str]) -> Result<Shape> {
        let staging = tempfile::tempdir().unwrap();
        let built = staging.path().join("built/6.1/x86_64");
        for file in [staging.path().join("source/dkms.conf"), built.join("module/a.ko")]
            .into_iter()
            .chain(files.iter().map(|file| built.join(file)))
        {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        Shape::read(staging.path(), Path::new("a.tar"))
    }

    #[test]
    fn only_files_that_are_known_by_name_get_into_the_tree() {
        let known = ["module/b.ko.xz", "module/Module.symvers", "log/make.log", ".dep_other"];
        assert!(brought(&known).unwrap().built[0].left_out.is_empty());
        let unknown = [
            ".dep_.x",
            ".hidden",
            ".modsmith.json",
            "a.ko",
            "a.ko.origin",
            "log/config",
            "module/.b.ko",
            "module/.ko",
            "module/b",
            "module/b.ko.origin",
            "other/x/y",
        ];
        let left_out = brought(&unknown).unwrap().built.remove(0).left_out;
        let expected: Vec<&Path> =
            unknown.iter().map(|name| Path::new(if *name == "other/x/y" { "other" } else { *name })).collect();
        assert_eq!(left_out, expected);
        // A file in the place of a directory, and the other way round.
        let left_out = brought(&["log", "module/b.ko/x"]).unwrap().built.remove(0).left_out;
        assert_eq!(left_out, [Path::new("log"), Path::new("module/b.ko")]);
    }

    #[test]
    fn without_a_source_the_conf_alone_gets_into_the_tree() {
        let staging = tempfile::tempdir().unwrap();
        let bare = staging.path().join("binaries-only");
        std::fs::create_dir_all(bare.join("x86_64/module")).unwrap();
        std::fs::write(bare.join("dkms.conf"), "").unwrap();
        std::fs::write(bare.join(".modsmith.json"), "").unwrap();
        let shape = Shape::read(staging.path(), Path::new("a.tar")).unwrap();
        assert!(shape.binaries_only);
        assert_eq!(shape.beside_conf, [".modsmith.json", "x86_64"].map(PathBuf::from));
    }

    #[test]
    fn names_of_modsmiths_own_are_refused() {
        for name in [".modsmith/lock", "module/.modsmith-1", "module/.modsmith.json", "log/.modsmith.json"] {
            let error = brought(&[name]).unwrap_err();
            assert_eq!(error.kind, Kind::ArchiveMalformed);
            assert!(error.message.contains("only modsmith itself uses"), "{}", error.message);
        }
    }
}
