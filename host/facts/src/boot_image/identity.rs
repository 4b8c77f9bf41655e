//! The identity of a module: two files can be the same module although one of them was stripped,
//! signed or compressed on its way into an image.

use serde::{Deserialize, Serialize};

use crate::compression::{LARGEST_MODULE, decompress_of};
use crate::kernel::{Elf, ModInfo, unsigned_digest};

/// The digest and the numbers that identify the code of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleIdentity {
    /// `sha256:…` of the unpacked file without its signature.
    pub content: String,
    /// The linker's own number of the build, in hexadecimal digits.
    pub build_id: Option<String>,
    pub srcversion: Option<String>,
}

/// The longest build id and the longest `srcversion` that are kept, in bytes: linkers and the kernel's build make
/// numbers of 20 to 32 bytes.
const LONGEST_NUMBER: usize = 128;

/// Whether two module files have the same code, with what was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    Same(&'static str),
    Different(&'static str),
    /// The files differ, and neither has a number by which that could be a mere
    /// stripping.
    Unknown,
}

impl ModuleIdentity {
    /// The identity of a module file with these contents, compressed or not; `None` for a file that
    /// cannot be unpacked.
    pub fn of(contents: Vec<u8>) -> Option<Self> {
        Self::of_one(contents, &mut { LARGEST_MODULE })
    }

    /// As [`ModuleIdentity::of`], for one of many files, which all together unpack to `room` at most.
    pub(super) fn of_one(contents: Vec<u8>, room: &mut u64) -> Option<Self> {
        let module = decompress_of(contents, room).ok()?;
        let elf = Elf::parse(&module).ok();
        let section = |name: &str| elf.as_ref().and_then(|elf| elf.section_data(name));
        Some(Self {
            content: unsigned_digest(&module),
            build_id: section(".note.gnu.build-id").and_then(build_id),
            srcversion: section(".modinfo")
                .map(ModInfo::of_section)
                .and_then(|info| info.srcversion)
                .filter(|version| version.len() <= LONGEST_NUMBER),
        })
    }

    /// Whether another file has the same code.
    pub fn compare(&self, other: &Self) -> Sameness {
        if self.content == other.content {
            return Sameness::Same("contents");
        }
        match (&self.build_id, &other.build_id) {
            (Some(one), Some(another)) if one == another => return Sameness::Same("build id"),
            (Some(_), Some(_)) => return Sameness::Different("build id"),
            _ => {}
        }
        match (&self.srcversion, &other.srcversion) {
            (Some(one), Some(another)) if one != another => Sameness::Different("srcversion"),
            _ => Sameness::Unknown,
        }
    }
}

/// The description of a note, in hexadecimal digits. Source: elf(5), `Elf64_Nhdr`; the
/// numbers of a module for a machine of the other order of bytes are not read.
fn build_id(note: &[u8]) -> Option<String> {
    let number = |at: usize| Some(u32::from_le_bytes(*note.get(at..)?.first_chunk()?) as usize);
    let (name, size) = (number(0)?, number(4)?);
    let start = 12_usize.checked_add(name.checked_next_multiple_of(4)?)?;
    let id = note.get(start..start.checked_add(size)?)?;
    (1..=LONGEST_NUMBER).contains(&id.len()).then(|| hex::encode(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(content: &str, build_id: Option<&str>, srcversion: Option<&str>) -> ModuleIdentity {
        ModuleIdentity {
            content: content.into(),
            build_id: build_id.map(Into::into),
            srcversion: srcversion.map(Into::into),
        }
    }

    #[test]
    fn a_stripped_module_is_the_same_by_its_build_id() {
        let whole = identity("a", Some("1"), Some("x"));
        assert_eq!(whole.compare(&whole.clone()), Sameness::Same("contents"));
        assert_eq!(whole.compare(&identity("b", Some("1"), Some("x"))), Sameness::Same("build id"));
        assert_eq!(whole.compare(&identity("b", Some("2"), Some("x"))), Sameness::Different("build id"));
        assert_eq!(whole.compare(&identity("b", None, Some("y"))), Sameness::Different("srcversion"));
        assert_eq!(whole.compare(&identity("b", None, Some("x"))), Sameness::Unknown);
    }

    #[test]
    fn the_build_id_is_the_notes_description() {
        let note = [&[4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0][..], b"GNU\0", &[0xab, 0xcd, 0xef]].concat();
        assert_eq!(build_id(&note).as_deref(), Some("abcdef"));
        for length in 0..note.len() {
            assert_eq!(build_id(&note[..length]), None, "{length}");
        }
        assert_eq!(build_id(&[0xff; 64]), None);
        let long = [&[0, 0, 0, 0, 129, 0, 0, 0, 3, 0, 0, 0][..], &[1; 129]].concat();
        assert_eq!(build_id(&long), None, "an image can have a great many of them");
    }
}
