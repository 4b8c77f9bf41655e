//! Taking over a file that a program has left.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, File, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::failure::Failure;
use crate::files::Files;
use crate::files::copy::copy_contents;
use crate::files::temporary_sibling;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;
use modsmith_sandbox::write_file;

/// The largest file that is taken over, in bytes.
const LARGEST: u64 = 4 << 30;

/// A file below a directory in which a program that is not trusted has worked, copied to a file that
/// belongs to the user who runs the plan: elsewhere, or in its place. It is a regular file with one
/// name, no larger than 4 GiB, and no link on the way to it leads out of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    pub from: Location,
    /// Below `from`.
    pub file: PathBuf,
    /// `None`: the copy takes the place of the file.
    pub to: Option<Location>,
    /// Whether nothing is copied where the program has left no such file.
    pub optional: bool,
}

impl TakeOver {
    fn source(&self) -> Location {
        self.from.join(&self.file).unwrap_or_else(|_| self.from.clone())
    }
}

impl Verb for TakeOver {
    fn name(&self) -> &'static str {
        "take-over"
    }

    fn words(&self) -> Vec<Word<'_>> {
        std::iter::once(&self.from).chain(&self.to).map(Word::from).collect()
    }

    fn view(&self, files: &Files) -> StepView {
        let to = self.to.clone().unwrap_or_else(|| self.source());
        StepView { from: Some(files.shown(&self.source())), path: Some(files.shown(&to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("taking over {}", files.shown(&self.source())))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        let changed = self.to.as_ref().unwrap_or(&self.from);
        vec![Use::Reads(&self.from, Source::Entry), Use::Replaces(changed)]
    }

    fn is_hosts_own(&self) -> bool {
        true
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        match &self.to {
            Some(to) => undo::for_file(to, files, stash),
            // It is the same file as before.
            None => Ok(Vec::new()),
        }
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let directory = files.dir(self.from.root)?.open_dir(self.from.relative())?;
        let source = match open(&directory, &self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return if self.optional { Ok(()) } else { Err(Failure::Missing(vec![files.shown(&self.source())])) };
            }
            other => other?,
        };
        match &self.to {
            Some(to) => Ok(copy(source, &*files.dir(to.root)?, to.relative())?),
            None => Ok(copy(source, &directory, &self.file)?),
        }
    }
}

/// Copies the contents to a name, in place of the entry that had it.
fn copy(source: File, to: &Dir, name: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o644);
    let hidden = temporary_sibling(name)?;
    write_file(|| {
        let mut target = to.open_with(&hidden, &options)?.into_std();
        copy_contents(&mut source.into_std(), &mut target)
    })?;
    to.rename(&hidden, to, name).inspect_err(|_| drop(to.remove_file(&hidden)))
}

/// A file that is fit to be taken over. Errors: why it is not.
fn open(directory: &Dir, file: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    let opened = directory.open_with(file, &options)?;
    let metadata = opened.metadata()?;
    let refused = |why: &str| Err(io::Error::other(format!("{} {why}", file.display())));
    if !metadata.is_file() {
        return refused("is not a regular file");
    }
    if metadata.nlink() != 1 {
        return refused("has several names (hard links): one of them may be a file of others");
    }
    if metadata.len() > LARGEST {
        return refused("is larger than 4 GiB");
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn only_a_file_of_the_directory_with_one_name_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let build = dir.path().join("build");
        std::fs::create_dir_all(build.join("src")).unwrap();
        std::fs::write(dir.path().join("key"), "secret").unwrap();
        for name in ["src/a.ko", "twice"] {
            std::fs::write(build.join(name), "made").unwrap();
        }
        std::fs::hard_link(build.join("twice"), dir.path().join("other")).unwrap();
        symlink("src/a.ko", build.join("inside")).unwrap();
        symlink("../key", build.join("outside")).unwrap();
        symlink(dir.path().join("key"), build.join("absolute")).unwrap();
        symlink("..", build.join("above")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, build.join("pipe"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        let directory = Dir::open_ambient_dir(&build, ambient_authority()).unwrap();
        let taken = |name: &str| {
            let mut text = String::new();
            open(&directory, Path::new(name)).and_then(|mut file| file.read_to_string(&mut text)).map(|_| text)
        };
        assert_eq!(taken("src/a.ko").unwrap(), "made");
        assert_eq!(taken("inside").unwrap(), "made");
        for bad in ["outside", "absolute", "above/key", "pipe", "twice", "src"] {
            assert!(taken(bad).is_err(), "{bad}");
        }
        assert_eq!(taken("none").unwrap_err().kind(), ErrorKind::NotFound);
        // If a file takes the place of a link, the link becomes a file.
        copy(open(&directory, Path::new("inside")).unwrap(), &directory, Path::new("inside")).unwrap();
        assert!(!build.join("inside").is_symlink());
        assert_eq!(std::fs::read_to_string(build.join("inside")).unwrap(), "made");
        assert_eq!(std::fs::read_dir(&build).unwrap().count(), 7, "nothing else is left");
    }
}
