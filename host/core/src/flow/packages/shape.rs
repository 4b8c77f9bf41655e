//! Checks the files that a plugin unpacked from an archive, before they are used.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::tree::{Target, check_kernel_name, is_kernel_name};
use modsmith_plan::stays_inside;

/// The parts of the tree that an archive brings, below a staging directory.
#[derive(Debug)]
pub struct Shape {
    /// Holds the dkms.conf, and the source unless `binaries_only`.
    pub source: PathBuf,
    pub binaries_only: bool,
    /// The kernels that it has modules for.
    pub built: Vec<Target>,
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
        let mut targets = Vec::new();
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
                targets.push(Target { kernel: kernel.clone(), arch });
            }
        }
        Ok(Self { source, binaries_only, built: targets })
    }
}

/// A refusal, with what is wrong as a sentence.
pub fn malformed(archive: &Path, why: &str) -> Error {
    Error::new(Kind::ArchiveMalformed, format!("{} was not loaded: {why}", archive.display()))
        .hint("Get the archive again from its source, or make it again; nothing was changed.")
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

/// What is built has no links at all.
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
