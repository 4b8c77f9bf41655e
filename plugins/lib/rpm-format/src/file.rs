//! Reading what is known of a package.

use sha2::{Digest, Sha256};

use crate::header::Header;
use crate::package::hex;
use crate::{Dependency, tags};

/// Bytes of what a package begins with, for old programs.
const LEAD: usize = 96;

/// Of files that are part of a package by name only.
const GHOST: u32 = 1 << 6;

/// What a package begins with.
const MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// The headers of a package.
#[derive(Debug)]
pub struct Headers {
    /// Digests and sizes of what follows.
    pub signatures: Header,
    /// The header with the package's facts.
    pub main: Header,
    /// Where the main header begins and ends; the payload follows.
    pub range: (usize, usize),
}

/// Why bytes are no package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRpm {
    /// They begin with something else.
    OtherStart,
    /// A header is damaged or cut off.
    Damaged,
}

impl Headers {
    /// Reads both headers of a package.
    ///
    /// # Errors
    /// Why it is no package.
    pub fn read(package: &[u8]) -> Result<Self, NotRpm> {
        if !package.starts_with(&MAGIC) {
            return Err(NotRpm::OtherStart);
        }
        let parse = |at: usize| {
            let (header, size) = Header::parse(package.get(at..).unwrap_or_default()).ok_or(NotRpm::Damaged)?;
            Ok((header, at + size))
        };
        let (signatures, end) = parse(LEAD)?;
        let start = end.next_multiple_of(8);
        let (main, end) = parse(start)?;
        Ok(Self { signatures, main, range: (start, end) })
    }
}

/// A package's file.
#[derive(Debug)]
pub struct RpmFile {
    pub name: String,
    pub bytes: Vec<u8>,
    pub header: Header,
    /// Where its header begins and ends.
    pub range: (usize, usize),
    /// Bytes of its payload once that is unpacked; 0 where it does not say.
    pub unpacked: u32,
}

/// A path of a package, with the word for its kind that repositories use.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    pub path: String,
    pub kind: Option<&'static str>,
}

impl RpmFile {
    /// Reads a package.
    ///
    /// # Errors
    /// What is wrong with it, as a clause.
    pub fn read(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, &'static str> {
        let Headers { signatures, main: header, range } = Headers::read(&bytes).map_err(|why| match why {
            NotRpm::OtherStart => "it does not begin like one",
            NotRpm::Damaged => "its header is damaged",
        })?;
        if header.first_text(tags::NAME).is_empty() || header.first_text(tags::ARCH).is_empty() {
            return Err("it has no name or architecture");
        }
        let unpacked = signatures.numbers(tags::SIG_PAYLOAD_SIZE).first().copied().unwrap_or_default();
        Ok(Self { name: name.into(), bytes, header, range, unpacked })
    }

    /// As rpm calls it.
    pub fn arch(&self) -> &str {
        self.header.first_text(tags::ARCH)
    }

    /// The digest by which repositories know it.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }

    /// All paths, in their order.
    pub fn files(&self) -> Vec<Listed> {
        let header = &self.header;
        let (directories, places) = (header.texts(tags::DIR_NAMES), header.numbers(tags::DIR_INDEXES));
        let (modes, flags) = (header.numbers(tags::FILE_MODES), header.numbers(tags::FILE_FLAGS));
        let names = header.texts(tags::BASE_NAMES).into_iter().enumerate();
        names
            .map(|(index, name)| {
                let place = places.get(index).map_or(0, |place| *place as usize);
                let kind = match (modes.get(index).map(|mode| mode & 0o170_000), flags.get(index)) {
                    (Some(0o40_000), _) => Some("dir"),
                    (_, Some(flags)) if flags & GHOST != 0 => Some("ghost"),
                    _ => None,
                };
                Listed { path: format!("{}{name}", directories.get(place).copied().unwrap_or("/")), kind }
            })
            .collect()
    }

    /// Dependencies of one kind: the numbers of their names, flags and versions.
    pub fn dependencies(&self, [names, flags, versions]: [u32; 3]) -> Vec<Dependency> {
        let (flags, versions) = (self.header.numbers(flags), self.header.texts(versions));
        let names = self.header.texts(names).into_iter().enumerate();
        names
            .map(|(index, name)| {
                let flags = flags.get(index).copied().unwrap_or_default();
                Dependency::new(name, flags, versions.get(index).copied().unwrap_or_default())
            })
            .collect()
    }

    /// Whether it holds modules for a kernel.
    pub fn is_for(&self, release: &str) -> bool {
        let below = ["", "/usr"].map(|usr| format!("{usr}/lib/modules/{release}/"));
        let is_module = |path: &str| path.contains(".ko") && below.iter().any(|below| path.starts_with(below));
        self.files().iter().any(|file| is_module(&file.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::sample;

    #[test]
    fn files_and_dependencies_are_read() {
        let file = RpmFile::read("x.rpm", sample().bytes()).unwrap();
        let listed = |path: &str, kind| Listed { path: format!("/lib/modules/6.1.0/extra/{path}"), kind };
        assert_eq!(file.files(), [listed("demo", Some("dir")), listed("demo/demo.ko", None)]);
        let provided = file.dependencies([tags::PROVIDE_NAME, tags::PROVIDE_FLAGS, tags::PROVIDE_VERSION]);
        assert_eq!(provided, sample().provides);
        assert!(file.is_for("6.1.0") && !file.is_for("6.1"));
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let bytes = sample().bytes();
        for end in [0, 4, 50, 96, 100, 300] {
            assert!(RpmFile::read("x.rpm", bytes[..end].to_vec()).is_err(), "cut at {end}");
        }
    }
}
