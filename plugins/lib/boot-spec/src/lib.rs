//! Entries of the Boot Loader Specification (UAPI.1), and the order of versions that it
//! refers to (UAPI.10).

mod version;

pub use version::compare_versions;

use std::cmp::Ordering;

use modsmith_plugin::{BootRequest, Path, Result, roles::BootEntry};

/// The vendor of the variables by which boot loaders and systems talk to each other.
///
/// Source: <https://systemd.io/BOOT_LOADER_INTERFACE>.
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// The file of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFile {
    /// Its name, without what counts the attempts to start it.
    pub name: String,
    /// Whether all attempts failed.
    pub is_bad: bool,
    /// Keys and values, in the file's order.
    fields: Vec<(String, String)>,
    /// What paths in it are relative to.
    base: Path,
}

impl EntryFile {
    /// The first value of a key.
    pub fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// As an entry of a menu, by this id.
    pub fn entry(&self, id: &str) -> BootEntry {
        let image = ["linux", "uki", "efi"].iter().find_map(|key| self.first(key));
        let options: Vec<&str> = self.all("options").collect();
        BootEntry {
            id: id.to_owned(),
            title: self.first("title").unwrap_or(id).to_owned(),
            image: image.and_then(|path| below(&self.base, path)),
            release: self.first("version").map(str::to_owned),
            initrds: self.all("initrd").filter_map(|path| below(&self.base, path)).collect(),
            command_line: (!options.is_empty()).then(|| options.join(" ")),
        }
    }

    /// The order of a menu: the first is what starts where nothing chooses.
    pub fn compare(&self, other: &Self) -> Ordering {
        let text = |entry: &Self, key: &str| entry.first(key).unwrap_or_default().to_owned();
        let by = |key: &str| text(self, key).cmp(&text(other, key));
        let newest = |key: &str| compare_versions(&text(other, key), &text(self, key));
        let has_key = |entry: &Self| entry.first("sort-key").is_some();
        let by_key = match (has_key(self), has_key(other)) {
            (true, true) => by("sort-key").then_with(|| by("machine-id")).then_with(|| newest("version")),
            (one, another) => another.cmp(&one),
        };
        self.is_bad.cmp(&other.is_bad).then(by_key).then_with(|| compare_versions(&other.name, &self.name))
    }
}

/// The entries in `loader/entries` below a partition's root, in the order of a menu.
pub fn entries(base: &Path) -> Result<Vec<EntryFile>> {
    let directory = base.join("loader/entries");
    let mut found = Vec::new();
    for entry in directory.entries()?.iter().filter(|entry| entry.name.ends_with(".conf")) {
        let Some(contents) = directory.join(&entry.name).read()? else { continue };
        let (name, is_bad) = without_attempts(&entry.name);
        let text = String::from_utf8_lossy(&contents);
        found.push(EntryFile { name, is_bad, fields: fields(&text), base: base.clone() });
    }
    found.sort_by(EntryFile::compare);
    Ok(found)
}

/// Keys and values of a file with a pair on each line, such as `loader.conf`.
pub fn fields(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once([' ', '\t']));
    pairs.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
}

/// The name of an entry's file without `+LEFT-DONE`, and whether no attempt is left.
pub fn without_attempts(file: &str) -> (String, bool) {
    let (stem, suffix) = file.rsplit_once('.').unwrap_or((file, ""));
    let counted = stem.rsplit_once('+').and_then(|(name, count)| {
        let left = count.split_once('-').map_or(count, |(left, _)| left);
        let is_number = !left.is_empty() && left.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| (name, left.bytes().all(|byte| byte == b'0')))
    });
    match counted {
        Some((name, is_bad)) => (format!("{name}.{suffix}"), is_bad),
        None => (file.to_owned(), false),
    }
}

/// A path of a file system as one below its root; `None` for one with variables or `..`.
pub fn below(base: &Path, path: &str) -> Option<Path> {
    let path = path.trim_start_matches('/').replace('\\', "/");
    let is_plain = !path.is_empty() && !path.contains('$') && path.split('/').all(|part| part != "..");
    is_plain.then(|| base.join(&path))
}

/// The text of a boot loader's variable, such as `LoaderEntryOneShot`.
pub fn variable(request: &BootRequest, name: &str) -> Result<Option<String>> {
    let Some(bytes) = request.firmware_variable(&format!("{name}-{VENDOR}"))? else { return Ok(None) };
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0).collect();
    Ok(Some(String::from_utf16_lossy(&units)).filter(|text| !text.is_empty()))
}
