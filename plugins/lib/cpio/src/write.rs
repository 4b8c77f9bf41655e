//! Writing archives: the same files give the same bytes.

use modsmith_plugin::name;
use modsmith_plugin::packaging::{Entry, Files};

/// Whether each file is followed by the sum of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Magic number 070701.
    NewAscii,
    /// Magic number 070702.
    Crc,
}

/// One file of an archive.
struct Member<'m> {
    name: &'m [u8],
    /// With the bits for its type.
    mode: u32,
    inode: u32,
    links: u32,
    contents: &'m [u8],
}

/// An archive of the files, owned by root; `prefix` is put before each path.
/// Directories are members only if `directories`.
pub fn archive(files: &Files, form: Form, prefix: &str, directories: bool, date: u32) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut inode = 0;
    for (path, entry) in files.iter() {
        let link;
        let (mode, links, contents) = match entry {
            Entry::Directory if !directories => continue,
            Entry::Directory => (0o40_755, 2, &[] as &[u8]),
            Entry::File { contents, mode } => (0o100_000 | mode, 1, contents.as_slice()),
            Entry::Link(target) => {
                link = name::to_bytes(target);
                (0o120_777, 1, &*link)
            }
        };
        inode += 1;
        let name = format!("{prefix}{path}");
        append(&mut archive, &Member { name: &name::to_bytes(&name), mode, inode, links, contents }, form, date);
    }
    append(&mut archive, &Member { name: b"TRAILER!!!", mode: 0, inode: 0, links: 1, contents: &[] }, form, 0);
    archive
}

fn append(archive: &mut Vec<u8>, member: &Member<'_>, form: Form, date: u32) {
    let (magic, sum) = match form {
        Form::NewAscii => ("070701", 0),
        Form::Crc => ("070702", member.contents.iter().fold(0u32, |sum, byte| sum.wrapping_add(u32::from(*byte)))),
    };
    archive.extend(magic.bytes());
    let size = member.contents.len() as u32;
    let name = member.name.len() as u32 + 1;
    for field in [member.inode, member.mode, 0, 0, member.links, date, size, 0, 0, 0, 0, name, sum] {
        archive.extend(format!("{field:08x}").bytes());
    }
    archive.extend(member.name);
    archive.push(0);
    pad(archive);
    archive.extend(member.contents);
    pad(archive);
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_of_the_form_and_all_parts_begin_at_multiples_of_four() {
        let mut files = Files::new();
        files.add("6.1/a.ko", vec![0x7f, 2], 0o644);
        let text = |form| String::from_utf8_lossy(&archive(&files, form, "", false, 0x10)).into_owned();
        let crc = text(Form::Crc);
        let header = "07070200000001000081a40000000000000000000000010000001000000002";
        assert!(crc.starts_with(header), "{crc}");
        // The device numbers, then the name's length and the sum 129.
        assert!(crc.contains(&format!("{}0000000900000081", "0".repeat(32))), "{crc}");
        assert_eq!(crc.len() % 4, 0);
        assert!(text(Form::NewAscii).contains(&format!("{}0000000900000000", "0".repeat(32))));
        assert!(text(Form::NewAscii).ends_with("TRAILER!!!\0\0\0\0"));
    }

    #[test]
    fn directories_are_members_where_they_are_asked_for() {
        let mut files = Files::new();
        files.add("6.1/a.ko", "x", 0o644);
        let has = |directories| {
            let archive = archive(&files, Form::NewAscii, "./", directories, 0);
            String::from_utf8_lossy(&archive).contains("./6.1\0")
        };
        assert!(has(true) && !has(false));
    }
}
