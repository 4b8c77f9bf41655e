//! FAT file systems without a partition table, as floppies have them.

use std::io::{Cursor, Error, ErrorKind, Write};

use fatfs::{Date as Day, DateTime, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider, format_volume};
use modsmith_plugin::packaging::{Entry, Files};

use super::date::Date;
use super::{Unfit, Volume};

const SECTOR: usize = 512;

/// A file system of so many KiB with the files in it. Modes are lost.
///
/// # Errors
/// `Full`; `Never` for a link, and for a name that FAT cannot hold.
pub fn fat(files: &Files, volume: &Volume, kilobytes: u32) -> Result<Vec<u8>, Unfit> {
    let mut disk = Cursor::new(vec![0; kilobytes as usize * 1024]);
    format_volume(&mut disk, options(volume, kilobytes)).map_err(|_| Unfit::Full)?;
    disk.set_position(0);
    let date = Date::of(volume.date);
    // Lives as long as the plugin's call, as the library wants it.
    let clock: &'static Clock = Box::leak(Box::new(Clock(date)));
    fill(&mut disk, files, FsOptions::new().time_provider(clock).update_accessed_date(false))?;
    Ok(disk.into_inner())
}

fn fill(disk: &mut Cursor<Vec<u8>>, files: &Files, options: FsOptions) -> Result<(), Unfit> {
    let system = FileSystem::new(disk, options).map_err(|e| unfit("", &e))?;
    let root = system.root_dir();
    for (path, entry) in files.iter() {
        match entry {
            Entry::Directory => root.create_dir(path).map(|_| ()),
            Entry::File { contents, .. } => root.create_file(path).and_then(|mut file| {
                file.write_all(contents)?;
                file.flush()
            }),
            Entry::Link(_) => return Err(Unfit::Never(format!("{path} is a link, which FAT cannot hold"))),
        }
        .map_err(|e| unfit(path, &e))?;
    }
    drop(root);
    system.unmount().map_err(|e| unfit("", &e))
}

fn unfit(path: &str, error: &Error) -> Unfit {
    match error.kind() {
        ErrorKind::InvalidInput => Unfit::Never(format!("FAT cannot hold a file of the name {path}")),
        // The library tells of a full disk and a full root directory in words only.
        _ => Unfit::Full,
    }
}

/// The geometry of a floppy: sectors are a whole number of tracks, which
/// programs that read images insist on.
fn options(volume: &Volume, kilobytes: u32) -> FormatVolumeOptions {
    let sectors = kilobytes * (1024 / SECTOR as u32);
    let tracks = [36, 18, 32, 16, 15, 9, 8, 4, 2];
    let per_track = tracks.into_iter().find(|track| sectors.is_multiple_of(u32::from(*track))).unwrap_or(1);
    let (entries, media) = if kilobytes <= 2880 { (224, 0xf0) } else { (512, 0xf8) };
    let [a, b, c, d, ..] = volume.id;
    FormatVolumeOptions::new()
        .total_sectors(sectors)
        .sectors_per_track(per_track)
        .heads(2)
        .max_root_dir_entries(entries)
        .media(media)
        .volume_id(u32::from_le_bytes([a, b, c, d]))
        .volume_label(label(&volume.label))
}

/// Eleven bytes in upper case, filled up with blanks.
fn label(text: &str) -> [u8; 11] {
    let mut label = [b' '; 11];
    for (place, byte) in label.iter_mut().zip(text.bytes()) {
        *place = if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) { byte.to_ascii_uppercase() } else { b'_' };
    }
    label
}

/// All that the file system learns about time.
#[derive(Debug)]
struct Clock(Date);

impl TimeProvider for Clock {
    fn get_current_date(&self) -> Day {
        // FAT begins with 1980 and ends with 2107.
        match self.0.year {
            ..1980 => Day { year: 1980, month: 1, day: 1 },
            year => Day { year, month: self.0.month.into(), day: self.0.day.into() },
        }
    }

    fn get_current_date_time(&self) -> DateTime {
        let Date { hour, minute, second, .. } = self.0;
        let time = Time { hour: hour.into(), min: minute.into(), sec: second.into(), millis: 0 };
        DateTime { date: self.get_current_date(), time }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::image::samples::{files, volume};

    fn read(image: Vec<u8>, path: &str) -> Vec<u8> {
        let system = FileSystem::new(Cursor::new(image), FsOptions::new()).unwrap();
        let mut contents = Vec::new();
        system.root_dir().open_file(path).unwrap().read_to_end(&mut contents).unwrap();
        contents
    }

    #[test]
    fn files_are_read_back_by_their_long_names_from_images_of_any_size() {
        for kilobytes in [720, 1440, 2880, 5000, 16_385, 40_000] {
            let image = fat(&files(), &volume(), kilobytes).unwrap();
            assert_eq!(image.len(), kilobytes as usize * 1024);
            for (path, entry) in files().iter() {
                if let Entry::File { contents, .. } = entry {
                    assert!(read(image.clone(), path) == *contents, "{path} on {kilobytes} KB");
                }
            }
        }
    }

    #[test]
    fn the_same_files_give_the_same_image_with_the_label_and_the_id() {
        let image = fat(&files(), &volume(), 1440).unwrap();
        assert!(image == fat(&files(), &volume(), 1440).unwrap());
        let system = FileSystem::new(Cursor::new(image), FsOptions::new()).unwrap();
        assert_eq!(system.volume_label(), "DEMO");
        assert_eq!(system.volume_id(), u32::from_le_bytes(*b"0123"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(fat(&files(), &volume(), 200).unwrap_err(), Unfit::Full);
        assert_eq!(fat(&files(), &volume(), 1).unwrap_err(), Unfit::Full);
        let mut links = Files::new();
        links.link("x", "y");
        assert!(matches!(fat(&links, &volume(), 1440), Err(Unfit::Never(why)) if why.contains("x is a link")));
        let mut odd = Files::new();
        odd.add("a?b", "", 0o644);
        assert!(matches!(fat(&odd, &volume(), 1440), Err(Unfit::Never(why)) if why.contains("a?b")));
    }
}
