//! A layout in a directory: a stick, a network file system, what a web server serves.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::layout::files::{self, Files, INDEX_FILE, TAG};
use crate::layout::folder::Folder;
use crate::manifest::{Descriptor, Index, RawManifest};
use crate::shelf::Shelf;
use crate::transport::Content;

const MARK: &str = "oci-layout";
const VERSION: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";
const BLOBS: &str = "blobs";
/// Held by who changes `index.json`.
const LOCK: &str = ".lock";

/// A layout that is a directory, which others may write to.
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// A layout that is there.
    ///
    /// # Errors
    /// `NotALayout`, `File`.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = match Folder::open(path) {
            Err(Error::File { error, .. }) if error.kind() == ErrorKind::NotFound => {
                return Err(not_a_layout(path, "it is not there"));
            }
            folder => folder?,
        };
        match folder.file(MARK)? {
            Some(_) => Ok(Self { path: path.to_path_buf() }),
            None => Err(not_a_layout(path, "it has no file oci-layout")),
        }
    }

    /// A layout that is there, or a new one in an empty or new directory.
    ///
    /// # Errors
    /// The errors of [`Directory::open`]: a directory that is no layout is not changed.
    pub fn open_or_make(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| Error::File {
            doing: "make",
            path: path.to_path_buf(),
            error,
        })?;
        let folder = Folder::open(path)?;
        if folder.file(MARK)?.is_none() {
            // Another program may be about to begin it.
            if !folder.has_only(&[MARK, INDEX_FILE, LOCK, BLOBS])? {
                return Err(not_a_layout(path, "it has other files"));
            }
            folder.put(MARK, &VERSION)?;
        }
        Ok(Self { path: path.to_path_buf() })
    }

    fn top(&self) -> Result<Folder> {
        Folder::open(&self.path)
    }

    /// Whether a blob is there, intact.
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        let mut nothing = std::io::sink();
        match files::blob(self, descriptor, descriptor.size, &mut nothing) {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() || error.is_about_content() => Ok(false),
            Err(Error::Truncated { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a manifest into the index, in the place of one with the same tag.
    fn list(&self, tag: &str, raw: &RawManifest) -> Result<()> {
        let top = self.top()?;
        let _lock = top.lock(LOCK)?;
        let mut index = files::index(self)?;
        index.manifests.retain(|listed| listed.annotations.get(TAG).is_none_or(|own| own != tag));
        index.manifests.push(raw.descriptor().annotated(TAG, tag));
        let raw = Index::new(index.manifests).to_raw();
        top.put(INDEX_FILE, &raw.bytes.as_slice())
    }
}

impl Files for Directory {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn copy(&self, path: &str, limit: u64, sink: &mut dyn Write) -> Result<()> {
        let (host, what) = (self.place(), path.to_owned());
        let missing = || Error::NotFound { host: host.clone(), what: what.clone() };
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder = match self.top() {
            Err(Error::File { error, .. }) if error.kind() == ErrorKind::NotFound => return Err(missing()),
            top => top?,
        };
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = folder.below(part)?.ok_or_else(missing)?;
        }
        let file = folder.file(name)?.ok_or_else(missing)?;
        match folder.copy(name, file, limit, sink)? {
            true => Ok(()),
            false => Err(Error::TooLarge { host, what, limit }),
        }
    }
}

impl Shelf for Directory {
    fn name(&self) -> String {
        self.place()
    }

    fn tagged(&self, tag: &str) -> Result<RawManifest> {
        files::tagged(self, &files::index(self)?, tag)
    }

    fn tags(&self) -> Result<Vec<String>> {
        Ok(files::tags(&files::index(self)?))
    }

    fn by_digest(&self, digest: &Digest) -> Result<RawManifest> {
        files::by_digest(self, digest)
    }

    fn blob(&self, descriptor: &Descriptor, limit: u64, sink: &mut dyn Write) -> Result<()> {
        files::blob(self, descriptor, limit, sink)
    }

    fn put_blob(&self, descriptor: &Descriptor, content: &dyn Content) -> Result<()> {
        if self.has(descriptor)? {
            return Ok(());
        }
        self.top()?.make(BLOBS)?.make("sha256")?.put(descriptor.digest.hex(), content)
    }

    fn put_manifest(&self, tag: Option<&str>, raw: &RawManifest) -> Result<()> {
        self.put_blob(&raw.descriptor(), &raw.bytes.as_slice())?;
        tag.map_or(Ok(()), |tag| self.list(tag, raw))
    }
}

fn not_a_layout(path: &Path, reason: &str) -> Error {
    Error::NotALayout { path: path.to_path_buf(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{EMPTY, EMPTY_CONTENT, MANIFEST, Manifest};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn layout() -> (tempfile::TempDir, Directory) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Directory::open_or_make(&dir.path().join("store")).unwrap();
        (dir, layout)
    }

    fn put(layout: &Directory, tag: &str, content: &[u8]) -> RawManifest {
        let (config, layer) = (Descriptor::of(EMPTY, EMPTY_CONTENT), Descriptor::of("text/plain", content));
        layout.put_blob(&config, &EMPTY_CONTENT).unwrap();
        layout.put_blob(&layer, &content).unwrap();
        let raw = Manifest::new(config, vec![layer]).to_raw();
        layout.put_manifest(Some(tag), &raw).unwrap();
        raw
    }

    #[test]
    fn what_is_put_is_found_by_tag_and_digest_and_a_tag_moves() {
        let (_dir, layout) = layout();
        let (one, other) = (put(&layout, "a", b"one"), put(&layout, "b", b"other"));
        assert_eq!(layout.tagged("a").unwrap(), one);
        assert_eq!(layout.by_digest(&other.digest).unwrap(), other);
        assert_eq!(layout.small_blob(&one.manifest().unwrap().layers[0], 3).unwrap(), b"one");
        put(&layout, "a", b"new");
        assert_ne!(layout.tagged("a").unwrap(), one);
        assert_eq!(files::index(&layout).unwrap().manifests.len(), 2);
        assert!(layout.tagged("c").unwrap_err().is_not_found());
        assert_eq!(layout.tagged("b").unwrap().media_type, MANIFEST);
    }

    #[test]
    fn changed_blobs_are_not_believed_and_written_again() {
        let (dir, layout) = layout();
        let raw = put(&layout, "a", b"one");
        let layer = raw.manifest().unwrap().layers[0].clone();
        let file = dir.path().join("store").join(files::blob_path(&layer.digest));
        for (contents, what) in [(&b"two"[..], "other bytes"), (b"on", "after 2 of 3"), (b"onee", "longer than 3")] {
            std::fs::write(&file, contents).unwrap();
            let error = layout.small_blob(&layer, 100).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
            layout.put_blob(&layer, &&b"one"[..]).unwrap();
            assert_eq!(layout.small_blob(&layer, 100).unwrap(), b"one");
        }
        std::fs::remove_file(&file).unwrap();
        symlink("/etc/hostname", &file).unwrap();
        assert!(matches!(layout.small_blob(&layer, 100), Err(Error::File { .. })));
    }

    #[test]
    fn links_in_a_layout_lead_nowhere() {
        let (dir, layout) = layout();
        let elsewhere = dir.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, dir.path().join("store/blobs")).unwrap();
        let layer = Descriptor::of("text/plain", b"x");
        assert!(layout.put_blob(&layer, &&b"x"[..]).is_err());
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("letter"), "").unwrap();
        assert!(matches!(Directory::open_or_make(dir.path()), Err(Error::NotALayout { .. })));
        assert!(matches!(Directory::open(dir.path()), Err(Error::NotALayout { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_layout_that_another_program_is_about_to_begin_is_one() {
        for name in [".new-machine-7-0", ".lock", "blobs"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join(name)).unwrap();
            Directory::open_or_make(dir.path()).unwrap();
        }
    }

    #[test]
    fn a_lock_that_others_hold_because_they_could_open_it_keeps_nobody_from_writing() {
        let (dir, layout) = layout();
        let lock = dir.path().join("store").join(LOCK);
        std::fs::write(&lock, "").unwrap();
        std::fs::set_permissions(&lock, PermissionsExt::from_mode(0o644)).unwrap();
        let held = std::fs::File::open(&lock).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        put(&layout, "a", b"one");
        assert!(layout.tagged("a").is_ok() && !lock.exists());
    }

    #[test]
    fn several_writers_lose_no_entry() {
        let (_dir, layout) = layout();
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let layout = &layout;
                scope.spawn(move || put(layout, &format!("t{number}"), &[number]));
            }
        });
        assert_eq!(files::index(&layout).unwrap().manifests.len(), 8);
    }
}
