//! Where an archive goes: checked before anything is built for it.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::FormatRequest;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::tree::PackageId;
use modsmith_facts::{BadLocation, Location, Root};
use modsmith_plan::{Builder, verbs};

/// Links that are followed one after the other. Source: `MAXSYMLINKS` of the kernel.
const MOST_LINKS: usize = 40;

/// Where the plugin's files go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the format's directory of the tree.
    Tree,
    /// Into a directory that the user named, under the plugin's names.
    Directory(PathBuf),
    /// To a file that the user's link leads to, in place of that file.
    LinkedFile { link: PathBuf, directory: PathBuf, name: OsString },
    /// Into a device or pipe, which stays what it is.
    Device(PathBuf),
}

/// The place of an archive, and the name that the plugin gives it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub place: Place,
    /// The last part of `--archive`: its suffix may tell the plugin how to compress.
    pub name: Option<String>,
}

impl Destination {
    /// Refuses what would have to be deleted for the archive: a directory above all.
    pub(super) fn of(run: &Invocation<'_>, id: &PackageId, request: &FormatRequest) -> Result<Self> {
        let in_tree = run.env.tree.real(&id.version_dir()).join(&request.format.directory);
        let asked = Asked { what: format!("The {} of {id}", request.format.name), failed: request.format.failed };
        asked.destination(request.archive.as_deref(), request.place.as_deref(), &in_tree)
    }
}

impl Destination {
    /// The step that puts the finished files into their place, and the directory that they are
    /// said to be in. `what` is the subject of messages.
    pub(super) fn plan_put(
        &self,
        plan: &mut Builder,
        results: &Location,
        in_tree: Result<Location, BadLocation>,
        what: &str,
    ) -> Result<PathBuf> {
        let invalid = |e: BadLocation| Error::new(Kind::Plugin, e.to_string());
        let above = |path: &Path| path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let to = match &self.place {
            Place::Device(device) => return Ok(above(device)),
            Place::LinkedFile { link, directory, name } => {
                let from = results.join(self.name.as_deref().unwrap_or_default()).map_err(invalid)?;
                let to = Location::new(Root::System, name).map_err(invalid)?;
                plan.push(verbs::Copy { from, to }, "the finished file takes the place of the one that the link names")
                    .fails_as(Kind::ArchiveUnwritable, not_put(what, &directory.join(name)));
                return Ok(above(link));
            }
            Place::Tree => in_tree,
            Place::Directory(_) => Location::new(Root::System, ""),
        };
        let to = to.map_err(invalid)?;
        let shown = plan.roots().path(&to).unwrap_or_default();
        let collect = verbs::Collect { from: results.clone(), glob: "*".into(), to };
        plan.push(collect, "the finished file is moved to its directory")
            .fails_as(Kind::ArchiveUnwritable, not_put(what, &shown));
        Ok(shown)
    }

    /// Writes the finished file into a device or pipe, where that is its place: no plan takes
    /// that back. A pipe waits for its reader.
    pub(super) fn write_to_device(&self, results: &Path, what: &str) -> Result<()> {
        let (Place::Device(device), Some(name)) = (&self.place, &self.name) else { return Ok(()) };
        write_into(device, &results.join(name))
            .map_err(|error| Error::new(Kind::ArchiveUnwritable, not_put(what, device)).detail(format!("{error}.")))
    }
}

fn not_put(what: &str, place: &Path) -> String {
    format!("{what} could not be put into {}.", place.display())
}

/// What is to be made, and the exit code of a failure.
struct Asked {
    what: String,
    failed: u8,
}

impl Asked {
    /// Where an archive goes: `place` is a directory that is used instead of the tree's.
    fn destination(&self, archive: Option<&Path>, place: Option<&Path>, in_tree: &Path) -> Result<Destination> {
        let place = place.map(Path::to_path_buf);
        let Some(archive) = archive else {
            return Ok(Destination { place: place.map_or(Place::Tree, Place::Directory), name: None });
        };
        let name = archive.file_name().and_then(|name| name.to_str());
        let (Some(name), Some(parent)) = (name, archive.parent()) else {
            return match archive.is_dir() {
                true => self.refuse(archive, "is a directory"),
                false => self.refuse_as(Kind::Usage, archive, "is not a file name"),
            };
        };
        let directory = match parent.as_os_str().is_empty() {
            true => place,
            false => Some(std::path::absolute(parent).map_err(|e| Error::io("use", parent, e))?),
        };
        let mut path = directory.as_deref().unwrap_or(in_tree).join(name);
        let is_slashed = archive.as_os_str().as_bytes().ends_with(b"/");
        if is_slashed {
            // Only a directory has this path.
            path.push("");
        }
        let plain = || directory.clone().map_or(Place::Tree, Place::Directory);
        let place = match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => return self.refuse(archive, "is a directory"),
            _ if is_foreign_link(&path) => return self.refuse(archive, "is a symbolic link of another user"),
            Ok(found) if found.is_file() => linked(&path)?.unwrap_or_else(plain),
            Ok(found) if found.file_type().is_socket() => return self.refuse(archive, "is a socket"),
            Ok(_) => Place::Device(path),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return self.refuse_as(Kind::ArchiveUnwritable, archive, "is not below a directory");
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("use", &path, error)),
            Err(_) if is_slashed => return self.refuse(archive, "names a directory"),
            Err(_) => linked(&path)?.unwrap_or_else(plain),
        };
        Ok(Destination { place, name: Some(name.to_owned()) })
    }

    fn refuse<T>(&self, archive: &Path, why: &str) -> Result<T> {
        self.refuse_as(Kind::Format(self.failed), archive, why)
    }

    fn refuse_as<T>(&self, kind: Kind, archive: &Path, why: &str) -> Result<T> {
        let message = format!("{} was not made: `{}` {why}.", self.what, archive.display());
        Err(Error::new(kind, message).hint("Name a file, with or without a directory."))
    }
}

/// Whether there is a link, here or where this one leads to, that neither root nor the caller has made: it
/// would say which file of theirs is replaced.
fn is_foreign_link(path: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(found) = path.symlink_metadata() else { return false };
        if !found.is_symlink() {
            return false;
        }
        let Ok(leads_to) = std::fs::read_link(&path) else { return true };
        if found.uid() != 0 && found.uid() != me {
            return true;
        }
        path = path.parent().unwrap_or(Path::new("/")).join(leads_to);
    }
    // A circle is an error of its own.
    false
}

/// The file that a link leads to, or would make; `None` for what is no link.
fn linked(path: &Path) -> Result<Option<Place>> {
    let leads_to = match std::fs::read_link(path) {
        Ok(leads_to) => path.parent().unwrap_or(Path::new("/")).join(leads_to),
        Err(_) => return Ok(None),
    };
    let unusable = |error| Error::io("use the symbolic link", path, error);
    let real = match std::fs::canonicalize(path) {
        // The file is made where its directory is, as any program would that writes to the link.
        Err(error) if error.kind() == ErrorKind::NotFound && !leads_to.is_symlink() => {
            let parent = leads_to.parent().unwrap_or(Path::new("/"));
            let name = leads_to.file_name().ok_or_else(|| unusable(error))?;
            std::fs::canonicalize(parent).map_err(unusable)?.join(name)
        }
        other => other.map_err(unusable)?,
    };
    let name = real.file_name().unwrap_or_default().to_owned();
    let directory = real.parent().unwrap_or(Path::new("/")).to_path_buf();
    Ok(Some(Place::LinkedFile { link: path.to_path_buf(), directory, name }))
}

fn write_into(device: &Path, file: &Path) -> io::Result<()> {
    let mut target = std::fs::File::options().write(true).open(device)?;
    io::copy(&mut std::fs::File::open(file)?, &mut target).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn of(archive: &Path) -> Result<Destination> {
        let asked = Asked { what: "The tarball of hello/1.0".into(), failed: 6 };
        asked.destination(Some(archive), None, Path::new("/nowhere"))
    }

    #[test]
    fn no_directory_is_replaced_by_an_archive() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir(path("empty")).unwrap();
        symlink("empty", path("link")).unwrap();
        for (archive, why) in [
            (path("empty"), "is a directory"),
            (path("empty/"), "is a directory"),
            (path("link"), "is a directory"),
            (path("new/"), "names a directory"),
            ("/".into(), "is a directory"),
        ] {
            let error = of(&archive).unwrap_err();
            assert_eq!(error.kind, Kind::Format(6), "{error}");
            let expected = format!("The tarball of hello/1.0 was not made: `{}` {why}.", archive.display());
            assert_eq!(error.message, expected);
        }
        assert_eq!(of(Path::new("")).unwrap_err().kind, Kind::Usage);
        std::fs::write(path("file"), "").unwrap();
        for below in ["file/", "file/x"] {
            assert_eq!(of(&path(below)).unwrap_err().kind, Kind::ArchiveUnwritable);
        }
    }

    #[test]
    fn a_file_is_replaced_a_link_followed_and_a_device_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::write(top.join("file"), "").unwrap();
        std::fs::create_dir(top.join("sub")).unwrap();
        symlink("../file", top.join("sub/link")).unwrap();
        symlink("../new", top.join("sub/dangling")).unwrap();
        let linked = |link: &str, name: &str| Place::LinkedFile {
            link: top.join(link),
            directory: top.clone(),
            name: name.into(),
        };
        for (archive, place) in [
            ("file", Place::Directory(top.clone())),
            ("other", Place::Directory(top.clone())),
            ("none/other", Place::Directory(top.join("none"))),
            ("sub/link", linked("sub/link", "file")),
            ("sub/dangling", linked("sub/dangling", "new")),
        ] {
            let name = Path::new(archive).file_name().unwrap().to_str().map(str::to_owned);
            assert_eq!(of(&top.join(archive)).unwrap(), Destination { place, name }, "{archive}");
        }
        assert_eq!(of(Path::new("/dev/null")).unwrap().place, Place::Device("/dev/null".into()));
        assert_eq!(of(Path::new("bare.tar")).unwrap().place, Place::Tree);
        write_into(Path::new("/dev/null"), &top.join("file")).unwrap();
    }

    #[test]
    fn a_link_of_another_user_does_not_say_which_file_is_replaced() {
        assert!(rustix::process::geteuid().is_root(), "run this test as root: it makes links of another user");
        let dir = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::write(top.join("file"), "").unwrap();
        symlink("file", top.join("foreign")).unwrap();
        symlink("missing", top.join("foreign-dangling")).unwrap();
        symlink("foreign", top.join("through")).unwrap();
        symlink("circle", top.join("circle")).unwrap();
        for name in ["foreign", "foreign-dangling"] {
            std::os::unix::fs::lchown(top.join(name), Some(65534), Some(65534)).unwrap();
        }
        for name in ["foreign", "foreign-dangling", "through"] {
            let error = of(&top.join(name)).unwrap_err();
            assert!(error.message.contains("is a symbolic link of another user"), "{name}: {error}");
        }
        assert!(!of(&top.join("circle")).unwrap_err().message.contains("another user"));
    }
}
