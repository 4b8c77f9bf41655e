//! `signing.toml`: which packages are signed on this machine, and with which key.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::pattern::{PathPattern, Pattern};
use super::settings::SettingsFile;
use super::user::User;
use modsmith_registry::Digest;

/// The administrator's file.
pub const FILE: &str = "/etc/modsmith/signing.toml";

/// What the file says. Without rules, every package is signed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SigningPolicy {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// The first rule that a package fits counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// A shell pattern of the name, or, with a slash, of name and version.
    package: Pattern,
    /// A shell pattern of the directory that the source is in.
    source: Option<PathPattern>,
    /// The user that owns the source, and alone can change it.
    owner: Option<User>,
    /// The digest of the source.
    digest: Option<String>,
    #[serde(default = "yes")]
    sign: bool,
    /// The only key that may be used.
    key: Option<String>,
}

/// What is decided about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// No rule fits: the package is signed with the key of the system.
    ByDefault,
    Sign {
        /// The rule, as a sentence names it.
        rule: String,
        /// The digest that the source had to have, and that its copy has to have.
        digest: Option<String>,
        /// Whether the rule is for some sources only.
        of_source: bool,
        key: Option<String>,
    },
    /// The package stays unsigned; why, as a clause.
    Refuse(String),
}

/// The source of a package, as rules ask about it. What no rule asks for is not read.
pub(crate) trait SourceFacts {
    /// Its real path.
    fn path(&self) -> io::Result<PathBuf>;
    /// Why others than the user of this number could have changed it, as a clause.
    fn changed_by_others(&self, uid: u32) -> io::Result<Option<String>>;
    fn digest(&self) -> io::Result<String>;
}

impl SettingsFile for SigningPolicy {
    const FILE: &str = FILE;
    const HINT: &str = "Correct the file, as modsmith's guide to signing describes, or remove it: without it, every package is signed.";

    /// A value that has no meaning, as a clause.
    fn fault(&self) -> Option<String> {
        self.rule
            .iter()
            .enumerate()
            .find_map(|(index, rule)| rule.fault().map(|why| format!("in rule {}, {why}", index + 1)))
    }
}

impl SigningPolicy {
    /// Decides about a package.
    ///
    /// # Errors
    /// A fact of the source that a rule asks for cannot be read.
    pub fn decide(&self, name: &str, version: &str, source: &impl SourceFacts) -> io::Result<Decision> {
        let (mut others, mut digest) = (Vec::new(), None);
        for (index, rule) in self.rule.iter().enumerate().filter(|(_, rule)| rule.package.fits(name, version)) {
            if let Some(why) = rule.why_another(source, &mut digest)? {
                others.push(format!("rule {} is for another source: {why}", index + 1));
                continue;
            }
            return Ok(match rule.sign {
                true => Decision::Sign {
                    rule: rule.words(index),
                    digest: rule.digest.clone(),
                    of_source: rule.source.is_some() || rule.owner.is_some() || rule.digest.is_some(),
                    key: rule.key.clone(),
                },
                false => {
                    let why = [format!("{} forbids it", rule.words(index))];
                    Decision::Refuse(why.into_iter().chain(others).collect::<Vec<_>>().join("; "))
                }
            });
        }
        Ok(Decision::ByDefault)
    }
}

impl Rule {
    fn fault(&self) -> Option<String> {
        if self.digest.as_ref().is_some_and(|digest| Digest::parse(digest).is_err()) {
            return Some(
                "`digest` is none: `sha256:` and 64 digits are needed, as `modsmith identity` shows them".to_owned(),
            );
        }
        (!self.sign && self.key.is_some())
            .then(|| "`key` names a key, and `sign = false` forbids to use one".to_owned())
    }

    /// Why the rule is for another source than this one, as a clause. `digest` is what is known of the source's.
    fn why_another(&self, source: &impl SourceFacts, digest: &mut Option<String>) -> io::Result<Option<String>> {
        if let Some(pattern) = &self.source {
            let path = source.path()?;
            if !pattern.fits(&path) {
                return Ok(Some(format!("{} does not fit \"{}\"", path.display(), pattern.text)));
            }
        }
        if let Some(owner) = &self.owner
            && let Some(why) = source.changed_by_others(owner.uid)?
        {
            return Ok(Some(why));
        }
        let Some(allowed) = &self.digest else { return Ok(None) };
        let found = match digest {
            Some(found) => found,
            None => digest.insert(source.digest()?),
        };
        Ok((allowed != found).then(|| format!("the digest of this one is {found}")))
    }

    fn words(&self, index: usize) -> String {
        format!("rule {} of {FILE} (package = \"{}\")", index + 1, self.package.text)
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use std::path::Path;

    const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    fn read(text: &str) -> Result<SigningPolicy, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("signing.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        SigningPolicy::of(&file).map_err(|error| error.message)
    }

    /// The source of `zfs/2.1`; without a digest, it cannot be read.
    struct Source(Option<&'static str>);

    impl SourceFacts for Source {
        fn path(&self) -> io::Result<PathBuf> {
            Ok("/usr/src/zfs-2.1".into())
        }

        fn changed_by_others(&self, uid: u32) -> io::Result<Option<String>> {
            Ok((uid != 0).then(|| "it belongs to the user 0".to_owned()))
        }

        fn digest(&self) -> io::Result<String> {
            self.0.map(str::to_owned).ok_or_else(|| io::Error::other("gone"))
        }
    }

    /// The decision about `zfs/2.1`, whose source has this digest.
    #[track_caller]
    fn decide(text: &str, digest: &'static str) -> Decision {
        read(text).unwrap().decide("zfs", "2.1", &Source(Some(digest))).unwrap()
    }

    fn refuses(decision: &Decision) -> bool {
        matches!(decision, Decision::Refuse(_))
    }

    #[test]
    fn without_a_file_or_a_rule_that_fits_every_package_is_signed() {
        assert_eq!(decide("", ""), Decision::ByDefault);
        assert_eq!(decide("[[rule]]\npackage = \"nvidia*\"\nsign = false\n", ""), Decision::ByDefault);
        assert!(SigningPolicy::of(Path::new("/nonexistent")).unwrap().rule.is_empty());
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rest = "[[rule]]\npackage = \"*\"\nsign = false\n";
        assert!(refuses(&decide(rest, "")));
        for first in ["package = \"z*\"", "package = \"zfs/2.*\"", "package = \"{zfs,spl}\""] {
            assert!(matches!(decide(&format!("[[rule]]\n{first}\n{rest}"), ""), Decision::Sign { .. }), "{first}");
        }
        for other in ["package = \"zfs/2.2\"", "package = \"spl\"", "package = \"ZFS\""] {
            assert!(refuses(&decide(&format!("[[rule]]\n{other}\n{rest}"), "")), "{other}");
        }
        assert_eq!(decide(rest, ""), Decision::Refuse(format!("rule 1 of {FILE} (package = \"*\") forbids it")));
    }

    #[test]
    fn a_rule_with_a_digest_is_for_that_source_only() {
        let text =
            format!("[[rule]]\npackage = \"zfs\"\ndigest = \"{ONE}\"\n[[rule]]\npackage = \"*\"\nsign = false\n");
        assert!(matches!(decide(&text, ONE), Decision::Sign { digest: Some(digest), .. } if digest == ONE));
        assert!(refuses(&decide(&text, "sha256:2")));
        // A digest that cannot be computed is no digest that differs.
        let unreadable =
            |text: &str| read(text).unwrap().decide("zfs", "2.1", &Source(None)).map_err(|e| e.to_string());
        assert_eq!(unreadable(&text), Err("gone".to_owned()));
        assert!(unreadable("[[rule]]\npackage = \"zfs\"\n").is_ok(), "no rule names a digest");
        assert!(unreadable(&format!("[[rule]]\npackage = \"zfs\"\n{text}")).is_ok(), "a rule before it counts");
    }

    #[test]
    fn a_rule_with_a_directory_or_an_owner_is_for_sources_there_and_of_that_user() {
        let rest = "[[rule]]\npackage = \"*\"\nsign = false\n";
        let with = |condition: &str| decide(&format!("[[rule]]\npackage = \"zfs\"\n{condition}\n{rest}"), ONE);
        for fits in
            ["source = \"/usr/src/*\"", "source = \"/usr/**\"", "owner = \"root\"", "owner = 0", "owner = \"0\""]
        {
            assert!(matches!(with(fits), Decision::Sign { of_source: true, digest: None, .. }), "{fits}");
        }
        let both = format!("source = \"/usr/src/*\"\nowner = \"root\"\ndigest = \"{ONE}\"");
        assert!(matches!(with(&both), Decision::Sign { digest: Some(_), .. }));
        for (other, why) in [
            ("source = \"/usr/*\"", "/usr/src/zfs-2.1 does not fit \"/usr/*\""),
            ("source = \"/usr/src\"", "/usr/src/zfs-2.1 does not fit \"/usr/src\""),
            ("source = \"/usr/src/*\"\nowner = 1000", "it belongs to the user 0"),
        ] {
            let words = format!("rule 2 of {FILE} (package = \"*\") forbids it; rule 1 is for another source: {why}");
            assert_eq!(with(other), Decision::Refuse(words), "{other}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        for (text, says) in [
            ("[[rules]]\n", "expected `rule`"),
            ("[[rule]]\npackge = \"x\"\n", "expected one of `package`, `source`, `owner`, `digest`, `sign`, `key`"),
            ("[[rule]]\nsign = false\n", "missing field `package`"),
            ("[[rule]]\npackage = \"[\"\n", "no shell pattern"),
            ("[[rule]]\npackage = \"x\"\ndigest = \"1\"\n", "in rule 1, `digest` is none"),
            ("[[rule]]\npackage = \"x\"\nsource = \"src/*\"\n", "`src/*` is no shell pattern of absolute paths"),
            ("[[rule]]\npackage = \"x\"\nsource = \"/src/[\"\n", "`/src/[` is no shell pattern of absolute paths"),
            ("[[rule]]\npackage = \"x\"\nowner = \"no such user\"\n", "/etc/passwd has no user `no such user`"),
            ("[[rule]]\npackage = \"x\"\nowner = -1\n", "`-1` is no user"),
            ("[[rule]]\npackage = \"x\"\nowner = true\n", "`true` is no user"),
            ("[[rule]]\npackage = \"x\"\nsign = false\nkey = \"k\"\n", "in rule 1, `key` names a key"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
