//! The information that a module file has about itself.
//!
//! Source: the kernel's `include/linux/moduleparam.h` (`__MODULE_INFO`): the
//! ELF section `.modinfo` holds NUL-separated `name=value` strings.

use std::io;
use std::path::Path;

use super::Compression;
use super::elf::section_of;
use crate::compression::{LARGEST_MODULE, decompress};
use crate::inside;

/// How much of `.modinfo` is read, in bytes, and how many of its fields: the largest ones of real modules have some
/// thousand aliases.
const SECTION_LIMIT: usize = 16 << 20;
const MOST_FIELDS: usize = 1 << 18;

/// The `.modinfo` of a module file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo {
    pub version: Option<String>,
    pub srcversion: Option<String>,
    pub vermagic: Option<String>,
    /// Every `name=value`, in the file's order.
    pub fields: Vec<(String, String)>,
}

impl ModInfo {
    /// The first value of a name, which is the one that the kernel takes.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads a module file, compressed or not.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::parse(&read_module(path)?)
    }

    /// Reads an uncompressed module.
    pub fn parse(elf: &[u8]) -> io::Result<Self> {
        let broken = |e: object::Error| io::Error::new(io::ErrorKind::InvalidData, format!("not a kernel module: {e}"));
        let data = match section_of(elf, ".modinfo").map_err(broken)? {
            Some((_, data)) => data,
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "not a kernel module: no .modinfo section")),
        };
        Ok(Self::of_section(data))
    }

    /// Reads the contents of the section `.modinfo`. At most 16 MiB and 262,144 fields are read.
    pub fn of_section(data: &[u8]) -> Self {
        let mut info = ModInfo::default();
        let data = &data[..data.len().min(SECTION_LIMIT)];
        for field in data.split(|b| *b == 0).take(MOST_FIELDS) {
            let field = String::from_utf8_lossy(field);
            let Some((name, value)) = field.split_once('=') else { continue };
            info.fields.push((name.to_owned(), value.to_owned()));
            let slot = match name {
                "version" => &mut info.version,
                "srcversion" => &mut info.srcversion,
                "vermagic" => &mut info.vermagic,
                _ => continue,
            };
            slot.get_or_insert_with(|| value.to_owned());
        }
        info
    }
}

/// The contents of a module file, unpacked.
///
/// # Errors
/// Those of [`inside::read_within`] and [`decompress`]: a file that is not regular, a damaged one,
/// one that is larger than any module.
pub fn read_module(path: &Path) -> io::Result<Vec<u8>> {
    decompress(inside::read_within(path, LARGEST_MODULE)?)
}

/// The end of a signed module. Source: the kernel's
/// `include/linux/module_signature.h`.
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// Of `struct module_signature`, which is before that end; its last four bytes
/// are the signature's length, most significant byte first.
const SIGNATURE_INFO: usize = 12;

/// `sha256:…` of a module file's contents, which is the same when the file has
/// been compressed, signed or signed again since.
pub fn content_digest(path: &Path) -> io::Result<String> {
    Ok(unsigned_digest(&read_module(path)?))
}

/// The digest of an uncompressed module, as [`content_digest`] has it.
pub fn unsigned_digest(module: &[u8]) -> String {
    use sha2::Digest;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(unsigned(module))))
}

/// A module without its signatures.
fn unsigned(mut module: &[u8]) -> &[u8] {
    while let Some(rest) = module.strip_suffix(SIGNED) {
        let Some((rest, info)) = rest.split_at_checked(rest.len().wrapping_sub(SIGNATURE_INFO)) else { break };
        let length = info.last_chunk::<4>().map_or(usize::MAX, |length| u32::from_be_bytes(*length) as usize);
        let Some(end) = rest.len().checked_sub(length) else { break };
        module = &rest[..end];
    }
    module
}

/// `x` and its compression for `x.ko`, `x.ko.gz`, …; `None` for other names.
pub fn module_stem(file_name: &str) -> Option<(&str, Option<Compression>)> {
    if let Some(stem) = file_name.strip_suffix(".ko") {
        return Some((stem, None));
    }
    Compression::ALL.into_iter().find_map(|c| Some((file_name.strip_suffix(c.suffix())?.strip_suffix(".ko")?, Some(c))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_of_module_files_come_with_their_compression() {
        assert_eq!(module_stem("a.ko"), Some(("a", None)));
        assert_eq!(module_stem("a.ko.xz"), Some(("a", Some(Compression::Xz))));
        assert_eq!(module_stem("a.ko.debug"), None);
        assert_eq!(module_stem("Module.symvers"), None);
    }

    #[test]
    fn a_signature_is_not_part_of_a_modules_contents() {
        let sign = |module: &[u8], signature: &[u8]| {
            let mut info = [0_u8; SIGNATURE_INFO];
            info[8..].copy_from_slice(&u32::try_from(signature.len()).unwrap().to_be_bytes());
            [module, signature, &info, SIGNED].concat()
        };
        let once = sign(b"module", b"signature");
        assert_eq!(unsigned(&once), b"module");
        assert_eq!(unsigned(&sign(&once, b"another")), b"module");
        assert_eq!(unsigned(b"module"), b"module");
        // One that promises more than there is, and one without anything before it.
        let mut short = once.clone();
        let at = short.len() - SIGNED.len() - 4;
        short[at] = 0xff;
        assert_eq!(unsigned(&short), short);
        assert_eq!(unsigned(SIGNED), SIGNED);
    }

    #[test]
    fn no_more_of_modinfo_is_read_than_real_modules_have() {
        let many = ModInfo::of_section(&b"=\0".repeat(MOST_FIELDS + 7));
        assert_eq!(many.fields.len(), MOST_FIELDS);
        let long = ModInfo::of_section(&[b"license=GPL\0a=", &vec![b'x'; SECTION_LIMIT][..]].concat());
        assert_eq!(long.first("license"), Some("GPL"));
        assert!(long.first("a").unwrap().len() < SECTION_LIMIT);
    }

    #[test]
    fn a_file_that_is_no_module_is_an_error() {
        assert!(ModInfo::parse(b"text").is_err());
    }

    #[test]
    fn only_a_regular_file_has_a_digest_and_none_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe.ko");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let digests = [content_digest(&pipe), crate::file_digest(&pipe)];
            sender.send(digests.map(|digest| digest.unwrap_err().to_string())).unwrap();
        });
        let errors = receiver.recv_timeout(std::time::Duration::from_secs(10)).expect("it is not waited for");
        assert_eq!(errors, ["it is a named pipe, not a regular file"; 2]);
        std::fs::File::create(dir.path().join("sparse.ko")).unwrap().set_len(LARGEST_MODULE + 1).unwrap();
        assert!(content_digest(&dir.path().join("sparse.ko")).is_err());
    }
}
