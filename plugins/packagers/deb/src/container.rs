//! A binary package as one file: deb(5).

use modsmith_plugin::name;
use modsmith_plugin::packaging::{Content, Contents, Entry, Files, ar_of_pieces, write_tar, xz_to};
use modsmith_plugin::prelude::*;

use crate::control::Paragraph;
use crate::sums::md5;

/// The file. `members` are the control member's files beside `control` and those
/// that follow from `data`, which are made here; `date` is in seconds since 1970.
///
/// # Errors
/// A path that tar cannot hold; and as reading has them.
pub fn deb(control: &Paragraph, mut members: Files, data: &Files<Contents>, date: u64) -> Result<Pieces> {
    members.add("control", control.to_string(), 0o644);
    members.add("md5sums", md5sums(data)?, 0o644);
    let conffiles = conffiles(data);
    if !conffiles.is_empty() {
        members.add("conffiles", conffiles, 0o644);
    }
    let start = Pieces::from(b"2.0\n".as_slice());
    let (control, data) = (packed(&members, date)?, packed(data, date)?);
    ar_of_pieces(vec![("debian-binary", start), ("control.tar.xz", control), ("data.tar.xz", data)], date)
}

fn packed(files: &Files<impl Content>, date: u64) -> Result<Pieces> {
    let mut pieces = Pieces::new();
    xz_to(&mut pieces, |to| write_tar(files, "./", date, to))?;
    Ok(pieces)
}

/// What it takes up, in KiB, as dpkg-gencontrol counts.
pub fn installed_size(data: &Files<Contents>) -> u64 {
    let size = |entry: &Entry<Contents>| match entry {
        Entry::File { contents, .. } => contents.size().div_ceil(1024),
        _ => 1,
    };
    data.iter().map(|(_, entry)| size(entry)).sum::<u64>() + 1
}

fn md5sums(data: &Files<Contents>) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (path, entry) in data.iter().filter(|(path, _)| !is_conffile(path)) {
        let Entry::File { contents, .. } = entry else { continue };
        let sum = md5(&mut contents.open()?)?;
        lines.extend([format!("{sum}  ").as_bytes(), &name::to_bytes(path), b"\n"].concat());
    }
    Ok(lines)
}

/// An administrator's changes of them are kept.
fn conffiles(data: &Files<Contents>) -> String {
    let files = data.iter().filter(|(path, entry)| is_conffile(path) && matches!(entry, Entry::File { .. }));
    files.map(|(path, _)| format!("/{path}\n")).collect()
}

fn is_conffile(path: &str) -> bool {
    path.starts_with("etc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Files<Contents> {
        let mut data = Files::default();
        data.add("etc/x.conf", "x\n", 0o644);
        data.add("usr/src/a", vec![b'x'; 1025], 0o644);
        data.link("usr/src/b", "a");
        data
    }

    #[test]
    fn files_in_etc_are_configuration_and_have_no_sum() {
        assert_eq!(conffiles(&data()), "/etc/x.conf\n");
        let sums = String::from_utf8(md5sums(&data()).unwrap()).unwrap();
        assert!(sums.ends_with("  usr/src/a\n") && !sums.contains("etc"), "{sums}");
    }

    #[test]
    fn files_count_in_whole_kib_and_all_else_as_one() {
        // The top, etc, usr, usr/src, the link; two files.
        assert_eq!(installed_size(&data()), 5 + 1 + 2);
    }

    #[test]
    fn the_members_are_those_that_dpkg_asks_for_in_their_order() {
        let archive = deb(&Paragraph::default(), Files::new(), &data(), 7).unwrap();
        let names: Vec<String> = ar::read(archive.held().unwrap()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["debian-binary", "control.tar.xz", "data.tar.xz"]);
        let again = deb(&Paragraph::default(), Files::new(), &data(), 7).unwrap();
        assert_eq!(archive.held(), again.held());
    }
}
