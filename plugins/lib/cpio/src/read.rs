//! Reading archives that others made.

use std::collections::BTreeMap;
use std::io::Read;

use modsmith_plugin::name;
use modsmith_plugin::packaging::Files;
use modsmith_plugin::prelude::*;

const HEADER: usize = 110;
/// Without checksums, and with.
const MAGICS: [&[u8]; 2] = [b"070701", b"070702"];
const TRAILER: &str = "TRAILER!!!";
const LONGEST_NAME: usize = 4096;
/// Bytes that are kept of an archive.
const MOST: u64 = 400 << 20;

/// Bits of a mode that say what an entry is, as in stat(2).
const KIND: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// The entries that `keep` wants, by their paths. Modes become 0755 or 0644.
///
/// # Errors
/// `invalid` for an archive that is damaged, for any path that leads out of it, and
/// for more than can be kept.
pub fn files(archive: &mut dyn Read, keep: impl Fn(&str) -> bool) -> Result<Files> {
    let mut files = Files::new();
    // Names of one file: its contents come with the last of them.
    let mut names: BTreeMap<(u32, u32, u32), Vec<String>> = BTreeMap::new();
    let mut left = MOST;
    while let Some(entry) = Entry::read(archive)? {
        if !keep(&entry.path) {
            copy(archive, entry.size, &mut std::io::sink())?;
            skip_padding(archive, entry.size)?;
            continue;
        }
        left = left
            .checked_sub(entry.size)
            .ok_or_else(|| invalid(format!("the package holds more than {} MiB of source and modules", MOST >> 20)))?;
        let mut contents = Vec::new();
        copy(archive, entry.size, &mut contents)?;
        skip_padding(archive, entry.size)?;
        let mode = if entry.mode & 0o111 == 0 { 0o644 } else { 0o755 };
        match entry.mode & KIND {
            DIRECTORY => files.directory(entry.path),
            LINK => {
                files.link(entry.path, name::from_bytes(&contents));
            }
            FILE => {
                let others = names.entry(entry.inode).or_default();
                if entry.links > 1 && entry.size > 0 {
                    for other in others.drain(..) {
                        files.add(other, contents.clone(), mode);
                    }
                } else if entry.links > 1 {
                    others.push(entry.path.clone());
                }
                files.add(entry.path, contents, mode);
            }
            _ => {
                return Err(invalid(format!(
                    "{} in the package is neither a file nor a directory nor a link",
                    entry.path
                )));
            }
        }
    }
    Ok(files)
}

struct Entry {
    path: String,
    mode: u32,
    size: u64,
    links: u32,
    /// Its number, and that of its device.
    inode: (u32, u32, u32),
}

impl Entry {
    /// The next entry, up to its contents; `None` at the end.
    fn read(archive: &mut dyn Read) -> Result<Option<Self>> {
        let mut header = [0; HEADER];
        archive.read_exact(&mut header).map_err(damaged)?;
        if !MAGICS.contains(&&header[..6]) {
            return Err(invalid("the cpio archive in the package is damaged: an entry begins with something else"));
        }
        let field = |index: usize| {
            let digits = std::str::from_utf8(&header[6 + 8 * index..14 + 8 * index]).ok()?;
            u32::from_str_radix(digits, 16).ok()
        };
        let field =
            |index| field(index).ok_or_else(|| invalid("the cpio archive in the package is damaged: no number"));
        let length = field(11)? as usize;
        if length == 0 || length > LONGEST_NAME {
            return Err(invalid("the cpio archive in the package is damaged: a name is too long"));
        }
        let mut name = vec![0; length];
        archive.read_exact(&mut name).map_err(damaged)?;
        skip_padding(archive, (HEADER + length) as u64)?;
        let name = name.strip_suffix(&[0]).unwrap_or(&name);
        let name = name::from_bytes(name);
        if name == TRAILER {
            return Ok(None);
        }
        Ok(Some(Self {
            path: inside(&name)?,
            mode: field(1)?,
            size: field(6)?.into(),
            links: field(4)?,
            inode: (field(0)?, field(7)?, field(8)?),
        }))
    }
}

/// Copies that many bytes; fewer are an error.
fn copy(archive: &mut dyn Read, size: u64, to: &mut dyn std::io::Write) -> Result<()> {
    let copied = std::io::copy(&mut archive.take(size), to).map_err(damaged)?;
    match copied == size {
        true => Ok(()),
        false => Err(invalid("the cpio archive in the package is cut off")),
    }
}

/// Entries and names begin at multiples of four.
fn skip_padding(archive: &mut dyn Read, length: u64) -> Result<()> {
    copy(archive, length.next_multiple_of(4) - length, &mut std::io::sink())
}

fn damaged(e: std::io::Error) -> Error {
    match e.kind() {
        std::io::ErrorKind::UnexpectedEof => invalid("the cpio archive in the package is cut off"),
        _ => invalid(format!("its payload is damaged: {e}")),
    }
}

/// A path without `.` components. `invalid` for an absolute one and for `..`.
fn inside(path: &str) -> Result<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.contains(&"..") {
        return Err(invalid(format!("the package holds {path}, which is not below it")));
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One entry: path, mode, number and links, contents.
    fn entry(path: &str, mode: u32, inode: u32, links: u32, contents: &[u8]) -> Vec<u8> {
        let mut bytes = b"070701".to_vec();
        let name = path.len() as u32 + 1;
        for value in [inode, mode, 0, 0, links, 0, contents.len() as u32, 8, 1, 0, 0, name, 0] {
            bytes.extend(format!("{value:08x}").bytes());
        }
        bytes.extend(path.bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(contents);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = entries.concat();
        bytes.extend(entry(TRAILER, 0, 0, 1, b""));
        bytes
    }

    fn read(archive: &[u8]) -> Result<Files> {
        files(&mut &*archive, |path| path.starts_with("usr"))
    }

    #[test]
    fn files_links_and_directories_are_read_and_others_passed_over() {
        let bytes = archive(&[
            entry("./etc/other", FILE | 0o644, 1, 1, b"not wanted"),
            entry("./usr/src/demo-1.0", DIRECTORY | 0o755, 2, 2, b""),
            entry("./usr/src/demo-1.0/tool", FILE | 0o750, 3, 1, b"#!/bin/sh\n"),
            entry("usr/src/demo-1.0/a", LINK | 0o777, 4, 1, b"tool"),
        ]);
        let mut expected = Files::new();
        expected.add("usr/src/demo-1.0/tool", "#!/bin/sh\n", 0o755);
        expected.link("usr/src/demo-1.0/a", "tool");
        assert_eq!(read(&bytes).unwrap(), expected);
    }

    #[test]
    fn all_names_of_one_file_have_its_contents() {
        let bytes = archive(&[
            entry("./usr/a", FILE | 0o644, 7, 2, b""),
            entry("./usr/b", FILE | 0o644, 7, 2, b"same"),
            entry("./usr/c", FILE | 0o644, 8, 1, b""),
        ]);
        let mut expected = Files::new();
        expected.add("usr/a", "same", 0o644);
        expected.add("usr/b", "same", 0o644);
        expected.add("usr/c", "", 0o644);
        assert_eq!(read(&bytes).unwrap(), expected);
    }

    #[test]
    fn what_climbs_out_is_refused_even_where_it_is_not_wanted() {
        for path in ["/usr/x", "usr/../../x", "etc/../../x", ".."] {
            let error = read(&archive(&[entry(path, FILE | 0o644, 1, 1, b"x")])).unwrap_err();
            assert!(error.to_string().contains("not below it"), "{path}: {error}");
        }
    }

    #[test]
    fn devices_and_what_is_damaged_or_cut_off_are_errors() {
        assert!(read(&archive(&[entry("usr/x", 0o020_644, 1, 1, b"")])).is_err());
        let whole = archive(&[entry("usr/x", FILE | 0o644, 1, 1, b"contents")]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err() || length >= whole.len() - 3, "{length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] = b'z';
            let _ = read(&damaged);
        }
    }
}
