//! Writing a binary package.

use md5::Md5;
use modsmith_plugin::packaging::{Entry, Files, gzip};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::header::{Header, Value};
use crate::tags;
use cpio::Form;

/// What a package needs or provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    /// How it compares, of [`tags`].
    pub flags: u32,
    /// Empty without one.
    pub version: String,
}

impl Dependency {
    pub fn new(name: impl Into<String>, flags: u32, version: impl Into<String>) -> Self {
        Self { name: name.into(), flags, version: version.into() }
    }
}

/// A binary package with modules.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub release: String,
    pub arch: String,
    pub summary: String,
    pub description: String,
    pub license: String,
    /// All that it owns. Only directories of these are its own.
    pub files: Files,
    /// Directories above them, which others own.
    pub shared: Vec<String>,
    pub provides: Vec<Dependency>,
    /// Run after it was installed, and after it was removed.
    pub scripts: [String; 2],
    /// Of all that is in it, and of itself, in seconds since 1970.
    pub date: u32,
}

impl Package {
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.{}.rpm", self.name, self.version, self.release, self.arch)
    }

    /// The package's file.
    pub fn bytes(&self) -> Vec<u8> {
        let owned = self.owned();
        let payload = cpio::archive(&owned, Form::NewAscii, "./", true, self.date);
        let compressed = gzip(&payload);
        let header = self.header(&owned, &compressed).bytes(tags::HEADER_IMMUTABLE);

        let mut bytes = self.lead();
        let mut signatures = signatures(&header, &compressed, payload.len());
        signatures.resize(signatures.len().next_multiple_of(8), 0);
        bytes.extend(signatures);
        bytes.extend(header);
        bytes.extend(compressed);
        bytes
    }

    fn owned(&self) -> Files {
        let mut owned = self.files.clone();
        for directory in &self.shared {
            owned.remove(directory);
        }
        owned
    }

    /// The lead, by which old programs recognise a package.
    fn lead(&self) -> Vec<u8> {
        let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1];
        let name = format!("{}-{}-{}", self.name, self.version, self.release);
        lead.extend(name.bytes().take(65));
        lead.resize(76, 0);
        lead.extend([0, 1, 0, 5]);
        lead.resize(96, 0);
        lead
    }

    fn header(&self, owned: &Files, payload: &[u8]) -> Header {
        let mut header = Header::default();
        header.set(tags::I18N_TABLE, Value::Texts(vec!["C".into()]));
        for (tag, text) in [
            (tags::NAME, self.name.as_str()),
            (tags::VERSION, &self.version),
            (tags::RELEASE, &self.release),
            (tags::LICENSE, &self.license),
            (tags::ARCH, &self.arch),
            (tags::OS, "linux"),
            (tags::BUILD_HOST, "localhost"),
            (tags::RPM_VERSION, "4.14.0"),
            (tags::PAYLOAD_FORMAT, "cpio"),
            (tags::PAYLOAD_COMPRESSOR, "gzip"),
            (tags::PAYLOAD_FLAGS, "9"),
        ] {
            header.text(tag, text);
        }
        header.text(tags::SOURCE_RPM, format!("{}-{}-{}.src.rpm", self.name, self.version, self.release));
        header.text(tags::PLATFORM, format!("{}-redhat-linux-gnu", self.arch));
        for (tag, text) in [
            (tags::SUMMARY, self.summary.as_str()),
            (tags::DESCRIPTION, &self.description),
            (tags::GROUP, "System Environment/Kernel"),
        ] {
            header.set(tag, Value::Translated(text.replace('\0', "")));
        }
        header.number(tags::BUILD_TIME, self.date);
        header.number(tags::SIZE, owned.size() as u32);
        header.set(tags::PAYLOAD_DIGEST, Value::Texts(vec![hex(&Sha256::digest(payload))]));
        header.number(tags::PAYLOAD_DIGEST_ALGORITHM, tags::SHA256);
        for (tag, program, script) in [
            (tags::POST_IN, tags::POST_IN_PROGRAM, &self.scripts[0]),
            (tags::POST_UN, tags::POST_UN_PROGRAM, &self.scripts[1]),
        ] {
            header.text(tag, script);
            header.text(program, SHELL);
        }
        let provided = [tags::PROVIDE_NAME, tags::PROVIDE_FLAGS, tags::PROVIDE_VERSION];
        dependencies(&mut header, provided, &self.provides);
        let required = [tags::REQUIRE_NAME, tags::REQUIRE_FLAGS, tags::REQUIRE_VERSION];
        dependencies(&mut header, required, &requires());
        describe_files(&mut header, owned, self.date);
        header
    }
}

const SHELL: &str = "/bin/sh";

/// The shell, and what rpm has to understand.
fn requires() -> Vec<Dependency> {
    let understood = tags::RPMLIB | tags::LESS | tags::EQUAL;
    vec![
        Dependency::new(SHELL, tags::INTERPRETER | tags::SCRIPT_POST, ""),
        Dependency::new(SHELL, tags::INTERPRETER | tags::SCRIPT_POSTUN, ""),
        Dependency::new("rpmlib(CompressedFileNames)", understood, "3.0.4-1"),
        Dependency::new("rpmlib(FileDigests)", understood, "4.6.0-1"),
        Dependency::new("rpmlib(PayloadFilesHavePrefix)", understood, "4.0-1"),
    ]
}

fn dependencies(header: &mut Header, [names, flags, versions]: [u32; 3], dependencies: &[Dependency]) {
    header.set(names, Value::Texts(dependencies.iter().map(|one| one.name.clone()).collect()));
    header.set(flags, Value::Int32(dependencies.iter().map(|one| one.flags).collect()));
    header.set(versions, Value::Texts(dependencies.iter().map(|one| one.version.clone()).collect()));
}

/// Every file's fields, in the payload's order.
fn describe_files(header: &mut Header, files: &Files, date: u32) {
    let mut directories: Vec<String> = Vec::new();
    let (mut sizes, mut modes, mut digests, mut links) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut places, mut names) = (Vec::new(), Vec::new());
    for (path, entry) in files.iter() {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = format!("/{directory}/").replace("//", "/");
        let place = directories.iter().position(|known| *known == directory).unwrap_or_else(|| {
            directories.push(directory);
            directories.len() - 1
        });
        places.push(place as u32);
        names.push(name.to_owned());
        let (size, mode, digest, link) = match entry {
            Entry::Directory => (4096, 0o40_755, String::new(), String::new()),
            Entry::File { contents, mode } => {
                (contents.len() as u32, 0o100_000 | *mode as u16, hex(&Sha256::digest(contents)), String::new())
            }
            Entry::Link(target) => (target.len() as u32, 0o120_777, String::new(), target.clone()),
        };
        sizes.push(size);
        modes.push(mode);
        digests.push(digest);
        links.push(link);
    }
    let count = names.len();
    let same = |number: u32| Value::Int32(vec![number; count]);
    let texts = |text: &str| Value::Texts(vec![text.to_owned(); count]);
    header.set(tags::FILE_INODES, Value::Int32((1..=count as u32).collect()));
    header.set(tags::FILE_SIZES, Value::Int32(sizes));
    header.set(tags::FILE_MODES, Value::Int16(modes));
    header.set(tags::FILE_RDEVS, Value::Int16(vec![0; count]));
    header.set(tags::FILE_DIGESTS, Value::Texts(digests));
    header.set(tags::FILE_LINK_TOS, Value::Texts(links));
    header.set(tags::DIR_INDEXES, Value::Int32(places));
    header.set(tags::BASE_NAMES, Value::Texts(names));
    header.set(tags::DIR_NAMES, Value::Texts(directories));
    header.set(tags::FILE_MTIMES, same(date));
    header.set(tags::FILE_FLAGS, same(0));
    // All that can be verified is.
    header.set(tags::FILE_VERIFY_FLAGS, same(u32::MAX));
    header.set(tags::FILE_DEVICES, same(1));
    header.set(tags::FILE_USERS, texts("root"));
    header.set(tags::FILE_GROUPS, texts("root"));
    header.set(tags::FILE_LANGS, texts(""));
    header.number(tags::FILE_DIGEST_ALGORITHM, tags::SHA256);
}

/// The header with the digests of what follows it.
fn signatures(header: &[u8], payload: &[u8], unpacked: usize) -> Vec<u8> {
    let mut signatures = Header::default();
    let md5 = Md5::new().chain_update(header).chain_update(payload).finalize();
    signatures.set(tags::SIG_MD5, Value::Bytes(md5.to_vec()));
    signatures.text(tags::SIG_SHA1, hex(&Sha1::digest(header)));
    signatures.text(tags::SIG_SHA256, hex(&Sha256::digest(header)));
    signatures.number(tags::SIG_SIZE, (header.len() + payload.len()) as u32);
    signatures.number(tags::SIG_PAYLOAD_SIZE, unpacked as u32);
    signatures.bytes(tags::HEADER_SIGNATURES)
}

/// As digests are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn sample() -> Package {
        let mut files = Files::new();
        files.add("lib/modules/6.1.0/extra/demo/demo.ko", "module", 0o644);
        Package {
            name: "kmod-demo".into(),
            version: "1.0".into(),
            release: "1.6.1.0".into(),
            arch: "x86_64".into(),
            summary: "A <demo>".into(),
            description: "A demo.".into(),
            license: "GPL".into(),
            files,
            shared: ["lib", "lib/modules", "lib/modules/6.1.0", "lib/modules/6.1.0/extra"].map(str::to_owned).into(),
            provides: vec![Dependency::new("kernel-modules", tags::GREATER | tags::EQUAL, "6.1.0")],
            scripts: ["true\n".into(), "true\n".into()],
            date: 946_684_800,
        }
    }

    #[test]
    fn a_package_is_lead_signatures_header_and_payload() {
        let bytes = sample().bytes();
        assert_eq!(&bytes[..4], [0xed, 0xab, 0xee, 0xdb]);
        assert!(bytes[10..].starts_with(b"kmod-demo-1.0-1.6.1.0\0"));
        let (signatures, size) = Header::parse(&bytes[96..]).unwrap();
        let at = (96 + size).next_multiple_of(8);
        let (header, size) = Header::parse(&bytes[at..]).unwrap();
        assert_eq!(signatures.first_text(tags::SIG_SHA256), hex(&Sha256::digest(&bytes[at..at + size])));
        assert_eq!(header.first_text(tags::PAYLOAD_DIGEST), hex(&Sha256::digest(&bytes[at + size..])));
        assert_eq!(header.texts(tags::BASE_NAMES), ["demo", "demo.ko"]);
        assert_eq!(header.texts(tags::DIR_NAMES), ["/lib/modules/6.1.0/extra/", "/lib/modules/6.1.0/extra/demo/"]);
        assert_eq!(sample().bytes(), bytes);
    }
}
