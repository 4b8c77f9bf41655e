//! Packing a directory into an archive.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::fs::MetadataExt;
use lzma_rust2::{XzOptions, XzWriter};
use serde::{Deserialize, Serialize};
use tar::EntryType;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::{Compression, Location, source_date};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveFormat {
    Tar,
}

/// The contents of a directory, entries in name order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    pub tree: Location,
    pub to: Location,
    pub format: ArchiveFormat,
    pub compress: Option<Compression>,
}

impl Verb for Pack {
    fn name(&self) -> &'static str {
        "pack"
    }

    fn words(&self) -> Vec<Word<'_>> {
        let how = format!("{:?} {:?}", self.format, self.compress).to_lowercase();
        vec![(&self.tree).into(), (&self.to).into(), how.into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { from: Some(files.shown(&self.tree)), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("writing the archive {}", files.shown(&self.to)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Reads(&self.tree, Source::Contents), Use::Replaces(&self.to)]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_file(&self.to, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let bytes = match self.format {
            ArchiveFormat::Tar => {
                let date = std::env::var("SOURCE_DATE_EPOCH").ok().as_deref().and_then(source_date);
                tar_of(files, &self.tree, date.map(u64::cast_signed))?
            }
        };
        Ok(files.write(&self.to, &compressed(bytes, self.compress)?, 0o644)?)
    }
}

fn compressed(bytes: Vec<u8>, compress: Option<Compression>) -> io::Result<Vec<u8>> {
    Ok(match compress {
        None => bytes,
        Some(Compression::Gzip) => {
            let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
            encoder.write_all(&bytes)?;
            encoder.finish()?
        }
        Some(Compression::Xz) => {
            let mut encoder = XzWriter::new(Vec::new(), XzOptions::default())?;
            encoder.write_all(&bytes)?;
            encoder.finish()?
        }
        Some(Compression::Zstd) => {
            ruzstd::encoding::compress_to_vec(bytes.as_slice(), ruzstd::encoding::CompressionLevel::Fastest)
        }
    })
}

/// Files keep their times, since make compares them. Directories are as old as
/// the newest file in them: their own times say when they were copied.
fn tar_of(files: &Files, tree: &Location, source_date: Option<i64>) -> io::Result<Vec<u8>> {
    let (directory, location) = files.open_source(tree)?;
    let mut entries = Vec::new();
    files.walk(&directory, &location, Path::new(""), &mut entries)?;
    let mut newest: BTreeMap<PathBuf, i64> = BTreeMap::new();
    for (name, metadata) in &entries {
        if !metadata.is_dir() {
            for parent in name.ancestors().skip(1) {
                let time = newest.entry(parent.to_path_buf()).or_default();
                *time = (*time).max(metadata.mtime());
            }
        }
    }
    let mut archive = tar::Builder::new(Vec::new());
    for (name, metadata) in entries {
        let time = if metadata.is_dir() { newest.get(&name).copied().unwrap_or(0) } else { metadata.mtime() };
        let time = source_date.map_or(time, |limit| time.min(limit));
        let mut header = tar::Header::new_gnu();
        header.set_mtime(u64::try_from(time).unwrap_or(0));
        header.set_mode(metadata.mode() & 0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_size(0);
        if metadata.is_dir() {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, &name, io::empty())?;
        } else if metadata.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, &name, directory.read_link_contents(&name)?)?;
        } else if metadata.is_file() {
            header.set_entry_type(EntryType::Regular);
            header.set_size(metadata.len());
            let file = files.open_found(&directory, &name, &location)?;
            archive.append_data(&mut header, &name, file.take(metadata.len()))?;
        } else {
            let path = files.path(&location).join(name);
            return Err(io::Error::other(format!("{} is neither a file, a directory nor a link", path.display())));
        }
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::{Root, Roots};

    #[test]
    fn the_same_files_give_the_same_archive_whenever_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let tree = |name: &str| {
            let top = dir.path().join(name);
            std::fs::create_dir_all(top.join("sub")).unwrap();
            let file = std::fs::File::create(top.join("sub/file")).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000)).unwrap();
            Files::new(Roots::default().with(Root::Source, top))
        };
        let (first, second) = (tree("a"), tree("b"));
        let location = Location::new(Root::Source, "").unwrap();
        std::fs::File::open(dir.path().join("b/sub")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(tar_of(&first, &location, None).unwrap(), tar_of(&second, &location, None).unwrap());

        let times = |limit| {
            let bytes = tar_of(&first, &location, limit).unwrap();
            let mut archive = tar::Archive::new(bytes.as_slice());
            archive.entries().unwrap().map(|e| e.unwrap().header().mtime().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(times(None), [1_000_000, 1_000_000]);
        assert_eq!(times(Some(5)), [5, 5]);
    }
}
