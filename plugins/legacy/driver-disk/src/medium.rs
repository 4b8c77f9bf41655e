//! A driver disk on its medium.

use disk_images::{Unfit, Volume, ext2, fat, iso};
use modsmith_plugin::packaging::tar;
use modsmith_plugin::prelude::*;
use sha2::{Digest, Sha256};

use crate::disks::{Disk, FileSystem};
use crate::request::{LARGEST, Media};

/// The file of a disk: its name, and what is in it. `package` is the module
/// package's name.
///
/// # Errors
/// Refused, with 7, where the files do not fit on the medium.
pub fn write(disk: &Disk, media: Media, package: &str, date: u32) -> Result<(String, Vec<u8>)> {
    let volume = Volume { label: package.to_owned(), id: id(&disk.name), date };
    let (suffix, contents) = match media {
        Media::Tar => ("tar", tar(&disk.files, "", date.into())?),
        Media::Iso => ("iso", iso(&disk.files, &volume).map_err(|unfit| refuse_unfit(disk, unfit, 0, &volume))?),
        Media::Floppy(size) => {
            let volume = Volume { label: disk.label.unwrap_or(package).to_owned(), ..volume };
            let image = floppy(disk, &volume, size).map_err(|unfit| refuse_unfit(disk, unfit, size, &volume))?;
            ("img", image)
        }
    };
    Ok((format!("{}.{suffix}", disk.name), contents))
}

fn floppy(disk: &Disk, volume: &Volume, kilobytes: u32) -> Result<Vec<u8>, Unfit> {
    match disk.system {
        FileSystem::Fat => fat(&disk.files, volume, kilobytes),
        FileSystem::Ext2 => ext2(&disk.files, volume, kilobytes),
    }
}

fn refuse_unfit(disk: &Disk, unfit: Unfit, size: u32, volume: &Volume) -> Error {
    match unfit {
        Unfit::Never(why) => refuse(7, format!("The driver disk cannot be made: {why}."))
            .hint("With --media tar, the files are put into an archive."),
        Unfit::Full => {
            let refusal = refuse(7, format!("The files do not fit on a floppy of {size} KB."));
            match enough(disk, volume, size) {
                Some(enough) => {
                    refusal.hint(format!("They need {enough} KB: --size {enough}, or --media iso, or --media tar."))
                }
                None => refusal.hint("With --media iso or --media tar, there is no such limit."),
            }
        }
    }
}

/// Steps in which a larger floppy is looked for, in KiB: tracks of both sides.
const STEP: u32 = 36;

/// A size at which the files fit, if any does.
fn enough(disk: &Disk, volume: &Volume, size: u32) -> Option<u32> {
    let files = u32::try_from(disk.files.size() / 1024).ok()?;
    let mut size = files.max(size).next_multiple_of(STEP);
    while size <= LARGEST {
        match floppy(disk, volume, size) {
            Ok(_) => return Some(size),
            Err(Unfit::Never(_)) => return None,
            Err(Unfit::Full) => size = (size + size / 32 + 1).next_multiple_of(STEP),
        }
    }
    None
}

/// An identity for a file system: the same for disks of the same name.
fn id(name: &str) -> [u8; 16] {
    let digest = Sha256::digest(name);
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    // As random identities are marked, in RFC 9562.
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::Files;

    use super::*;

    /// More than 300 KB.
    fn files() -> Files {
        let mut files = Files::new();
        files.add("modules.cgz", vec![7; 300_000], 0o644);
        files.add("rpms/x86_64/kmod-demo-1.0-1.6.1.0_56_amd64.x86_64.rpm", "package", 0o644);
        files.add("rhdd-6.1", "demo-1.0 driver disk\n", 0o644);
        files.add("a/empty", "", 0o644);
        files
    }

    fn disk(system: FileSystem) -> Disk {
        Disk { name: "demo-1.0-dd".into(), files: files(), system, label: None, notes: Vec::new() }
    }

    #[test]
    fn the_suffix_tells_the_medium() {
        let name = |media| write(&disk(FileSystem::Fat), media, "demo", 0).unwrap().0;
        assert_eq!(name(Media::Floppy(1440)), "demo-1.0-dd.img");
        assert_eq!(name(Media::Iso), "demo-1.0-dd.iso");
        assert_eq!(name(Media::Tar), "demo-1.0-dd.tar");
    }

    #[test]
    fn a_floppy_that_is_too_small_is_refused_with_a_size_that_is_enough() {
        for system in [FileSystem::Fat, FileSystem::Ext2] {
            let disk = disk(system);
            let Err(refusal) = write(&disk, Media::Floppy(100), "demo", 0) else {
                panic!("300 KB fit on 100");
            };
            assert_eq!(refusal.code, Some(7));
            let digits = |c: char| !c.is_ascii_digit();
            let size: u32 = refusal.hints[0].split(digits).find(|word| !word.is_empty()).unwrap().parse().unwrap();
            assert!((300..400).contains(&size), "{:?}", refusal.hints);
            assert!(write(&disk, Media::Floppy(size), "demo", 0).is_ok());
        }
    }
}
