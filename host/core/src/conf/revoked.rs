//! `revoked`: builds that are not used any more.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Kind};
use modsmith_store::Identity;

/// The administrator's file.
const FILE: &str = "/etc/modsmith/revoked";

/// Digests of artefacts and files, and identities of builds, that are not used any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revoked(BTreeSet<String>);

impl Revoked {
    /// The list of this machine; nothing is revoked without one.
    ///
    /// # Errors
    /// It cannot be read, others may write to it, or a line is no digest.
    pub fn read() -> Result<Self, Error> {
        Self::of(Path::new(FILE))
    }

    fn of(file: &Path) -> Result<Self, Error> {
        let digests = super::settings::text(file).and_then(|text| digests(text.as_deref().unwrap_or_default()));
        digests.map(Self).map_err(|why| {
            Error::new(Kind::System, format!("{} cannot be used: {why}.", file.display())).hint(
                "Write one digest in each line: `sha256:` and 64 digits. Until then, no build of a store is used.",
            )
        })
    }

    /// The first of these digests that is revoked.
    pub fn first<'d>(&self, digests: impl IntoIterator<Item = &'d str>) -> Option<&'d str> {
        digests.into_iter().find(|digest| self.0.contains(*digest))
    }
}

/// The digests in a text. Errors: which line is none, as a clause.
fn digests(text: &str) -> Result<BTreeSet<String>, String> {
    let without_comments = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut found = BTreeSet::new();
    for (number, word) in without_comments.enumerate().filter(|(_, word)| !word.is_empty()) {
        let digest = Identity::parse(word).ok_or_else(|| format!("line {} is no digest", number + 1))?;
        found.insert(digest.to_string());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_revokes_one_digest() {
        let (one, other) = (modsmith_store::digest(b"x"), modsmith_store::digest(b"y"));
        let list = Revoked(digests(&format!("# why\n\n{one} # since\n")).unwrap());
        assert_eq!(list.first([other.as_str(), one.as_str()]), Some(one.as_str()));
        assert_eq!(list.first([other.as_str()]), None);
        assert!(Revoked::of(Path::new("/nonexistent")).unwrap().first([one.as_str()]).is_none());
    }

    #[test]
    fn a_list_that_is_not_understood_is_an_error() {
        assert_eq!(digests("\nsha256:12\n").unwrap_err(), "line 2 is no digest");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("revoked");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert!(Revoked::of(&file).unwrap_err().message.contains("users other than root"));
    }
}
