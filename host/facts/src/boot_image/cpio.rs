//! One archive of cpio, in the two forms that the kernel unpacks.
//!
//! Source: the kernel's `init/initramfs.c` and
//! `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::io::{self, Read};

use super::source::Source;

/// In bytes: the magic, and 13 numbers of eight hexadecimal digits.
const HEADER: usize = 110;

/// The longest name, with its NUL (`PATH_MAX`): entries of longer ones are skipped.
const NAME_LIMIT: u64 = 4096;

/// The name of an archive's last entry.
const TRAILER: &[u8] = b"TRAILER!!!";

/// The file type in a mode (`S_IFMT`), and a regular file's.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// One file of an archive, without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    /// Type and permissions, as in stat(2).
    pub mode: u32,
    /// In bytes. 0 for all but the last of several names of one file.
    pub size: u64,
    /// How many names the file has.
    pub links: u32,
}

impl Member {
    pub fn is_regular(&self) -> bool {
        self.mode & TYPE == REGULAR
    }
}

/// Reads the members of the archive that begins here, up to its trailer. `take` reads as
/// much of the contents as it wants.
///
/// # Errors
/// An archive that the kernel does not unpack to its end, and errors of `take`.
pub(super) fn members<R: Read>(
    source: &mut Source<R>,
    take: &mut impl FnMut(&Member, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let (member, name_size) = header(source)?;
        let name = name(source, name_size)?;
        // The name is padded so that the contents begin at a multiple of four.
        skip(source, padding(HEADER as u64 + name_size))?;
        if name.as_deref() == Some(TRAILER) {
            return Ok(());
        }
        let mut contents = source.by_ref().take(member.size);
        if let Some(name) = name {
            take(&Member { name: String::from_utf8_lossy(&name).into_owned(), ..member.clone() }, &mut contents)?;
        }
        let rest = contents.limit();
        skip(source, rest + padding(member.size))?;
    }
}

/// A member without its name, and the size of the name with its NUL.
fn header<R: Read>(source: &mut Source<R>) -> io::Result<(Member, u64)> {
    let mut bytes = [0; HEADER];
    source.read_exact(&mut bytes)?;
    match &bytes[..6] {
        b"070701" | b"070702" => {}
        b"070707" => return Err(invalid("its cpio archive is of an old form, which no kernel unpacks")),
        _ => return Err(invalid("a cpio archive has something else where a header should be")),
    }
    let field = |index: usize| {
        let digits = bytes.get(6 + index * 8..14 + index * 8).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.filter(is_hex).and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let (Some(mode), Some(links), Some(size), Some(name_size)) = (field(1), field(4), field(6), field(11)) else {
        return Err(invalid("a header of a cpio archive has something else than numbers"));
    };
    let member = Member { name: String::new(), mode, size: u64::from(size), links };
    Ok((member, u64::from(name_size)))
}

/// `None` for a name that is too long: the kernel skips its entry.
fn name<R: Read>(source: &mut Source<R>, size: u64) -> io::Result<Option<Vec<u8>>> {
    if size == 0 || size > NAME_LIMIT {
        skip(source, size)?;
        return Ok(None);
    }
    let mut name = Vec::new();
    source.by_ref().take(size).read_to_end(&mut name)?;
    if name.len() as u64 != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    name.truncate(memchr::memchr(0, &name).unwrap_or(name.len()));
    Ok(Some(name))
}

/// How many bytes are missing to a multiple of four.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() & 3
}

fn skip<R: Read>(source: &mut Source<R>, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut source.by_ref().take(count), &mut io::sink())?;
    if skipped == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

pub(super) fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
