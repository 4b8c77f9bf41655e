//! A binary package as one file: deb(5).

use modsmith_plugin::packaging::{Entry, Files, ar, tar, xz};
use modsmith_plugin::prelude::*;

use crate::control::Paragraph;
use crate::sums;

/// The file. `members` are the control member's files beside `control` and those
/// that follow from `data`, which are made here; `date` is in seconds since 1970.
///
/// # Errors
/// A path that tar cannot hold.
pub fn deb(control: &Paragraph, mut members: Files, data: &Files, date: u64) -> Result<Vec<u8>> {
    members.add("control", control.to_string(), 0o644);
    members.add("md5sums", md5sums(data), 0o644);
    let conffiles = conffiles(data);
    if !conffiles.is_empty() {
        members.add("conffiles", conffiles, 0o644);
    }
    let control = xz(&tar(&members, "./", date)?);
    let data = xz(&tar(data, "./", date)?);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.xz", &control), ("data.tar.xz", &data)], date)
}

/// What it takes up, in KiB, as dpkg-gencontrol counts.
pub fn installed_size(data: &Files) -> u64 {
    let size = |entry: &Entry| match entry {
        Entry::File { contents, .. } => (contents.len() as u64).div_ceil(1024),
        _ => 1,
    };
    data.iter().map(|(_, entry)| size(entry)).sum::<u64>() + 1
}

fn md5sums(data: &Files) -> String {
    let line = |(path, entry): (&str, &Entry)| match entry {
        Entry::File { contents, .. } if !is_conffile(path) => Some(format!("{}  {path}\n", sums::md5(contents))),
        _ => None,
    };
    data.iter().filter_map(line).collect()
}

/// An administrator's changes of them are kept.
fn conffiles(data: &Files) -> String {
    let files = data.iter().filter(|(path, entry)| is_conffile(path) && matches!(entry, Entry::File { .. }));
    files.map(|(path, _)| format!("/{path}\n")).collect()
}

fn is_conffile(path: &str) -> bool {
    path.starts_with("etc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Files {
        let mut data = Files::new();
        data.add("etc/x.conf", "x\n", 0o644);
        data.add("usr/src/a", vec![b'x'; 1025], 0o644);
        data.link("usr/src/b", "a");
        data
    }

    #[test]
    fn files_in_etc_are_configuration_and_have_no_sum() {
        assert_eq!(conffiles(&data()), "/etc/x.conf\n");
        assert!(md5sums(&data()).ends_with("  usr/src/a\n") && !md5sums(&data()).contains("etc"));
    }

    #[test]
    fn files_count_in_whole_kib_and_all_else_as_one() {
        // The top, etc, usr, usr/src, the link; two files.
        assert_eq!(installed_size(&data()), 5 + 1 + 2);
    }

    #[test]
    fn the_members_are_those_that_dpkg_asks_for_in_their_order() {
        let archive = deb(&Paragraph::default(), Files::new(), &data(), 7).unwrap();
        let names: Vec<String> = ar::read(&archive).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["debian-binary", "control.tar.xz", "data.tar.xz"]);
        assert_eq!(archive, deb(&Paragraph::default(), Files::new(), &data(), 7).unwrap());
    }
}
