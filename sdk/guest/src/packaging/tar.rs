use std::io::{Read, Write};

use ::tar::{Archive, Builder, EntryType, Header};

use super::{Content, Entry, Files};
use crate::system::source_date;
use crate::{Error, Path, Plan, Result, invalid, name};

/// A tar archive (GNU's form) of the files, owned by root, all of one date in
/// seconds since 1970. `prefix` is put before each path: `./`, or nothing.
///
/// # Errors
/// A path that tar cannot hold.
pub fn tar(files: &Files<impl Content>, prefix: &str, date: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_tar(files, prefix, date, &mut bytes)?;
    Ok(bytes)
}

/// As [`tar`], but the archive is written as it is made: [`Contents`](super::Contents) of any size
/// need no memory.
///
/// # Errors
/// As [`tar`], reading and writing have them.
pub fn write_tar(files: &Files<impl Content>, prefix: &str, date: u64, to: impl Write) -> Result<()> {
    let mut archive = Builder::new(to);
    if !prefix.is_empty() {
        append(&mut archive, prefix, &Entry::<Vec<u8>>::Directory, date)?;
    }
    for (path, entry) in files.iter() {
        append(&mut archive, &format!("{prefix}{path}"), entry, date)?;
    }
    archive.finish().map_err(|e| invalid(format!("no tar archive can be made: {e}")))
}

fn append(archive: &mut Builder<impl Write>, path: &str, entry: &Entry<impl Content>, date: u64) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(date);
    header.set_uid(0);
    header.set_gid(0);
    let name = match entry {
        Entry::Directory => format!("{}/", path.trim_end_matches('/')),
        _ => path.to_owned(),
    };
    let nothing: Box<dyn Read + '_> = Box::new(std::io::empty());
    let (kind, mode, size, contents, target) = match entry {
        Entry::Directory => (EntryType::Directory, 0o755, 0, nothing, None),
        Entry::File { contents, mode } => (EntryType::Regular, *mode, contents.size(), contents.open()?, None),
        Entry::Link(target) => (EntryType::Symlink, 0o777, 0, nothing, Some(target)),
    };
    let name = name::to_bytes(&name);
    let target = target.map(|target| name::to_bytes(target));
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    let old = header.as_old_mut();
    let mut long = cut(&name, &mut old.name).then_some((EntryType::GNULongName, &name)).into_iter().collect::<Vec<_>>();
    if let Some(target) = &target {
        long.extend(cut(target, &mut old.linkname).then_some((EntryType::GNULongLink, target)));
    }
    let appended = header.set_username("root").and_then(|()| header.set_groupname("root")).and_then(|()| {
        for (kind, text) in long {
            append_long(archive, kind, text)?;
        }
        header.set_cksum();
        archive.append(&header, contents)
    });
    appended.map_err(|e| invalid(format!("{path} does not fit into a tar archive: {e}")))
}

/// Puts a name into a header's field as it is, with the `./` that it may begin
/// with. Whether it did not fit.
fn cut(name: &[u8], field: &mut [u8; 100]) -> bool {
    let length = name.len().min(field.len());
    field[..length].copy_from_slice(&name[..length]);
    name.len() > field.len()
}

/// A name that is too long for a header: an entry of its own, as GNU tar has it.
fn append_long(archive: &mut Builder<impl Write>, kind: EntryType, text: &[u8]) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(text.len() as u64 + 1);
    header.set_cksum();
    archive.append(&header, [text, b"\0"].concat().as_slice())
}

/// Adds the steps that answer a request which [wants files](crate::LoadRequest::wants_files).
///
/// # Errors
/// As [`tar`] and the plan have them.
pub fn unpack_files(files: Files, staging: &Path, plan: &mut Plan) -> Result<()> {
    // One step for all files, which the host checks as it checks any archive.
    let packed = staging.join("files.tar");
    plan.write_file(&packed, tar(&files.with_relative_links(), "", source_date())?, 0o644)?;
    plan.unpack(packed, staging.join("files"))
}

/// The files of a tar archive that is not compressed; modes become 0755 or 0644.
///
/// # Errors
/// `invalid` for an archive that is damaged, for a path or link that leads out of
/// it, and for what is neither file, directory nor link.
pub fn untar(archive: &[u8]) -> Result<Files> {
    let damaged = |e: std::io::Error| invalid(format!("the tar archive is damaged: {e}"));
    let mut files = Files::new();
    for entry in Archive::new(archive).entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = inside(&name::from_bytes(&entry.path_bytes()))?;
        if path.is_empty() {
            continue;
        }
        match entry.header().entry_type() {
            EntryType::Directory => files.directory(path),
            EntryType::Regular | EntryType::Continuous => {
                let mode = if entry.header().mode().unwrap_or(0) & 0o111 == 0 { 0o644 } else { 0o755 };
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).map_err(damaged)?;
                files.add(path, contents, mode);
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                files.link(path, name::from_bytes(&target));
            }
            // Another name of a file that came before.
            EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                let first = files.get(&inside(&name::from_bytes(&target))?).cloned();
                let first = first.ok_or_else(|| invalid(format!("{path} in the tar archive is a link to nothing")))?;
                files.insert(path, first);
            }
            EntryType::XGlobalHeader => {}
            other => return Err(invalid(format!("{path} in the tar archive is no file, but of type {other:?}"))),
        }
    }
    Ok(files)
}

/// A path without `.` components. `invalid` for an absolute one and for `..`.
fn inside(path: &str) -> Result<String, Error> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.contains(&"..") {
        return Err(invalid(format!("the archive holds {path}, which is not below it")));
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Files {
        let mut files = Files::new();
        files.add("usr/src/demo-1.0/Makefile", "all:\n", 0o644);
        files.add(format!("usr/{}/script", "d".repeat(150)), "#!/bin/sh\n", 0o755);
        files.link("usr/link", "src");
        files.link("usr/long", "t".repeat(120));
        files
    }

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        for prefix in ["", "./"] {
            let bytes = tar(&demo(), prefix, 7).unwrap();
            assert_eq!(untar(&bytes).unwrap(), demo());
            for entry in Archive::new(bytes.as_slice()).entries().unwrap() {
                assert!(entry.unwrap().path_bytes().starts_with(prefix.as_bytes()));
            }
        }
    }

    #[test]
    fn all_entries_are_roots_and_of_the_date() {
        let bytes = tar(&demo(), "./", 946_684_800).unwrap();
        for entry in Archive::new(bytes.as_slice()).entries().unwrap() {
            let header = entry.unwrap().header().clone();
            assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, 946_684_800));
            assert_eq!(header.username().unwrap(), Some("root"));
        }
    }

    #[test]
    fn another_name_of_a_file_is_another_file() {
        let archive = |target: &str| {
            // Without its end.
            let begun = tar(&demo(), "./", 0).unwrap();
            let mut archive = Builder::new(begun[..begun.len() - 1024].to_vec());
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Link);
            header.set_size(0);
            archive.append_link(&mut header, "again", target).unwrap();
            untar(&archive.into_inner().unwrap())
        };
        let files = archive("usr/src/demo-1.0/Makefile").unwrap();
        assert_eq!(files.get("again"), files.get("usr/src/demo-1.0/Makefile"));
        assert!(archive("nothing").is_err());
    }

    #[test]
    fn what_climbs_out_is_refused() {
        for path in ["/etc/passwd", "a/../../b", ".."] {
            assert!(inside(path).is_err(), "{path}");
        }
        assert_eq!(inside("./a//b/.").unwrap(), "a/b");
    }

    #[test]
    fn a_damaged_archive_is_an_error() {
        let bytes = tar(&demo(), "", 0).unwrap();
        assert!(untar(&bytes[..700]).is_err());
        assert!(untar(&[b'x'; 1024]).is_err());
    }
}
