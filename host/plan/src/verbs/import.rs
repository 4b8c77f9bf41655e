//! Taking a directory over: a copy that belongs to the user who makes it, whatever
//! the owner of the directory is. At no time can another user write to the copy.

use std::io::{self, ErrorKind};
use std::path::Path;

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt, PermissionsExt};
use rustix::fs::OFlags;

use crate::failure::Failure;
use crate::files::Files;
use crate::files::copy::{copy_contents, keep_times};
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Aside, Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;
use modsmith_sandbox::write_file;

/// The permissions that a copy keeps: no set-user-ID, set-group-ID or sticky bit,
/// and nothing that lets others than the owner write.
const KEPT: u32 = 0o755;

/// A directory of any user, merged into a copy that belongs to the user who runs
/// the plan: modes less what lets others write or gives rights away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub from: Location,
    pub to: Location,
}

impl Verb for Import {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.from).into(), (&self.to).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { from: Some(files.shown(&self.from)), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("copying {} to {}", files.shown(&self.from), files.shown(&self.to)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Reads(&self.from, Source::Entry), Use::Replaces(&self.to)]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_replacing(&self.to, files, stash)
    }

    fn puts_aside(&self, _: &Location) -> Aside {
        Aside::Merged
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let top = |location: &Location| match location.relative().as_os_str().is_empty() {
            true => Path::new(".").to_path_buf(),
            false => location.relative().to_path_buf(),
        };
        let (source, target) = (files.dir(self.from.root)?, files.dir(self.to.root)?);
        Ok(directory(&source, &top(&self.from), &target, &top(&self.to))?)
    }
}

/// Copies a directory to a place where there is none, or merges it into one that
/// is there. Links are copied as they are; times are kept, because make compares
/// them.
fn directory(from: &Dir, from_name: &Path, to: &Dir, to_name: &Path) -> io::Result<()> {
    match to.create_dir_with(to_name, DirBuilder::new().mode(0o700)) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        made => made?,
    }
    let (source, target) = (from.open_dir(from_name)?, to.open_dir(to_name)?);
    for entry in source.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let name = Path::new(&name);
        if entry.file_type()?.is_dir() {
            directory(&source, name, &target, name)?;
            continue;
        }
        match target.remove_file(name) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        if entry.file_type()?.is_symlink() {
            target.symlink_contents(source.read_link_contents(name)?, name)?;
            keep_times(&target, name, &source.symlink_metadata(name)?)?;
        } else {
            file(&source, &target, name)?;
        }
    }
    let metadata = source.dir_metadata()?;
    target.set_permissions(".", cap_std::fs::Permissions::from_mode(metadata.permissions().mode() & KEPT))?;
    keep_times(&target, Path::new("."), &metadata)
}

/// The owner of the source may be changing it meanwhile: what is opened is what
/// is looked at.
fn file(from: &Dir, to: &Dir, name: &Path) -> io::Result<()> {
    let no_file = || {
        let why = format!("{} is neither a file, a directory nor a link", name.display());
        io::Error::new(ErrorKind::Unsupported, why)
    };
    if !from.symlink_metadata(name)?.is_file() {
        return Err(no_file());
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    let source = from.open_with(name, &options)?;
    let metadata = source.metadata()?;
    if !metadata.is_file() {
        return Err(no_file());
    }
    let mut source = source.into_std();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    write_file(|| {
        let mut target = to.open_with(name, &options)?.into_std();
        if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
            copy_contents(&mut source, &mut target)?;
        }
        target.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(metadata.permissions().mode() & KEPT))
    })?;
    keep_times(to, name, &metadata)
}
