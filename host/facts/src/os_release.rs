//! os-release(5) of the target system.

use std::collections::BTreeMap;
use std::path::Path;

/// The fields of an os-release file, unquoted.
#[derive(Debug, Clone, Default)]
pub struct OsRelease(BTreeMap<String, String>);

impl OsRelease {
    /// Reads a file. A line that is not `NAME=value` is ignored, as os-release(5)
    /// asks for.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(Self::parse(&super::inside::read_configuration_text(path)?))
    }

    /// `etc/os-release`, else `usr/lib/os-release`, below a root. Nothing there
    /// gives no fields.
    pub fn of_root(root: &Path) -> Self {
        ["etc/os-release", "usr/lib/os-release"]
            .iter()
            .find_map(|name| Self::read(&super::resolve_in_root(root, Path::new(name)).ok()?).ok())
            .unwrap_or_default()
    }

    pub fn parse(text: &str) -> Self {
        let fields = text.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            plain.then(|| (name.to_owned(), unquote(value)))
        });
        Self(fields.collect())
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `ID`, then each word of `ID_LIKE`, in lower case, without repetition.
    pub fn distro_ids(&self) -> Vec<String> {
        let words = self.get("ID").into_iter().chain(self.get("ID_LIKE").unwrap_or_default().split_whitespace());
        let mut ids: Vec<String> = Vec::new();
        for word in words.map(str::to_lowercase).filter(|w| !w.is_empty()) {
            if !ids.contains(&word) {
                ids.push(word);
            }
        }
        ids
    }
}

/// Removes shell quoting: one pair of quotes, and backslashes outside single
/// quotes.
fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_id_and_id_like_come_in_order_without_repetition() {
        let os = OsRelease::parse(
            "ID=\"Rocky\"\n# c\nID_LIKE='rhel centos rhel'\nPRETTY_NAME=\"a \\\"b\\\"\"\nbroken line\n",
        );
        assert_eq!(os.distro_ids(), ["rocky", "rhel", "centos"]);
        assert_eq!(os.get("PRETTY_NAME"), Some("a \"b\""));
    }

    #[test]
    fn an_empty_file_names_no_distribution() {
        assert!(OsRelease::parse("").distro_ids().is_empty());
    }
}
