//! The source of a package, as the signing policy asks about it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::conf::signing_policy::SourceFacts;
use modsmith_facts::{Listing, inside};

/// A source, by its directory.
pub(crate) struct Source<'s>(pub &'s Path);

impl SourceFacts for Source<'_> {
    fn path(&self) -> io::Result<PathBuf> {
        inside::real(self.0).canonicalize()
    }

    fn changed_by_others(&self, uid: u32) -> io::Result<Option<String>> {
        let directory = self.path()?;
        for above in directory.ancestors().skip(1) {
            if let Some(why) = replaced_by_others(above, uid)? {
                return Ok(Some(why));
            }
        }
        for entry in walkdir::WalkDir::new(&directory).sort_by_file_name() {
            if let Some(why) = entry_of_others(&directory, entry?.path(), uid)? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    fn digest(&self) -> io::Result<String> {
        Listing::of(self.0).and_then(|listing| listing.digest())
    }
}

/// Why others than root and a user could put something else in the place of what is in a
/// directory. With the sticky bit, only owners can.
fn replaced_by_others(directory: &Path, uid: u32) -> io::Result<Option<String>> {
    let metadata = directory.symlink_metadata()?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != 0 && owner != uid {
        return Ok(Some(format!("{} above it belongs to the user {owner}", directory.display())));
    }
    let is_open = mode & 0o022 != 0 && mode & 0o1000 == 0;
    Ok(is_open.then(|| format!("others can put a source into {}, whose mode is {mode:04o}", directory.display())))
}

/// Why others than a user could have changed the directory, or something in it. An access
/// control list shows in the mode: what it gives to others is within the group's bits.
fn entry_of_others(directory: &Path, path: &Path, uid: u32) -> io::Result<Option<String>> {
    let metadata = path.symlink_metadata()?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != uid {
        return Ok(Some(format!("{} belongs to the user {owner}", path.display())));
    }
    if metadata.is_symlink() {
        let stays = path.canonicalize().is_ok_and(|leads_to| leads_to.starts_with(directory));
        return Ok((!stays).then(|| format!("{} is a link that leads out of the source", path.display())));
    }
    Ok((mode & 0o022 != 0).then(|| format!("others can change {}, whose mode is {mode:04o}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_source_is_its_owners_if_nobody_else_can_change_or_replace_it() {
        let dir = tempfile::tempdir().unwrap();
        let (above, source) = (dir.path().join("above"), dir.path().join("above/m-1.0"));
        fs::create_dir_all(source.join("sub")).unwrap();
        let file = source.join("sub/m.c");
        fs::write(&file, "").unwrap();
        [&above, &source, &source.join("sub")].iter().for_each(|directory| set_mode(directory, 0o755));
        set_mode(&file, 0o644);
        let me = rustix::process::geteuid().as_raw();
        let why = |uid| Source(&source).changed_by_others(uid).unwrap().unwrap_or_default();
        assert_eq!(why(me), "");
        assert!(why(me + 1).contains(&format!("belongs to the user {me}")));
        set_mode(&file, 0o664);
        assert!(why(me).contains("m.c, whose mode is 0664"), "{}", why(me));
        set_mode(&file, 0o644);
        set_mode(&above, 0o777);
        assert!(why(me).contains("put a source into"), "{}", why(me));
        set_mode(&above, 0o1777);
        assert_eq!(why(me), "");
        symlink("sub/m.c", source.join("inner")).unwrap();
        assert_eq!(why(me), "");
        symlink("/etc/passwd", source.join("outer")).unwrap();
        assert!(why(me).contains("outer is a link that leads out"), "{}", why(me));
    }
}
