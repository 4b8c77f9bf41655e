//! `signing.toml`: which packages are signed on this machine, and with which key.

use serde::Deserialize;

use super::pattern::Pattern;
use super::settings::SettingsFile;
use modsmith_registry::Digest;

/// Where the administrator of this machine says so.
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
    /// By no rule: it is signed with the key of the system.
    ByDefault,
    Sign {
        /// The rule, as a sentence names it.
        rule: String,
        /// The digest that the source had to have, and that its copy has to have.
        digest: Option<String>,
        key: Option<String>,
    },
    /// It stays unsigned; the rule, as a sentence names it.
    Refuse(String),
}

impl SettingsFile for SigningPolicy {
    const FILE: &str = FILE;
    const HINT: &str = "Correct the file, as modsmith's guide to signing describes, or remove it: without it, every package is signed.";

    /// What cannot be meant, as a clause.
    fn fault(&self) -> Option<String> {
        self.rule
            .iter()
            .enumerate()
            .find_map(|(index, rule)| rule.fault().map(|why| format!("in rule {}, {why}", index + 1)))
    }
}

impl SigningPolicy {
    /// Decides about a package. `digest` computes the digest of its source, and is asked only where a rule
    /// names one.
    ///
    /// # Errors
    /// Those of `digest`.
    pub fn decide<E>(
        &self,
        name: &str,
        version: &str,
        digest: impl FnOnce() -> Result<String, E>,
    ) -> Result<Decision, E> {
        let mut fitting = self.rule.iter().enumerate().filter(|(_, rule)| rule.package.fits(name, version)).peekable();
        // A rule before the first one with a digest counts without it.
        let source = match fitting.peek() {
            Some((_, rule)) if rule.digest.is_some() => Some(digest()?),
            _ => None,
        };
        let first = fitting.find(|(_, rule)| rule.digest.is_none() || rule.digest == source);
        Ok(match first {
            None => Decision::ByDefault,
            Some((index, rule)) if rule.sign => {
                Decision::Sign { rule: rule.words(index), digest: rule.digest.clone(), key: rule.key.clone() }
            }
            Some((index, rule)) => Decision::Refuse(rule.words(index)),
        })
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

    /// The decision about `zfs/2.1`, whose source has this digest.
    #[track_caller]
    fn decide(text: &str, digest: &str) -> Decision {
        read(text).unwrap().decide("zfs", "2.1", || Ok::<_, String>(digest.to_owned())).unwrap()
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
        assert_eq!(decide(rest, ""), Decision::Refuse(format!("rule 1 of {FILE} (package = \"*\")")));
    }

    #[test]
    fn a_rule_with_a_digest_is_for_that_source_only() {
        let text =
            format!("[[rule]]\npackage = \"zfs\"\ndigest = \"{ONE}\"\n[[rule]]\npackage = \"*\"\nsign = false\n");
        assert!(matches!(decide(&text, ONE), Decision::Sign { digest: Some(digest), .. } if digest == ONE));
        assert!(refuses(&decide(&text, "sha256:2")));
        // A digest that cannot be computed is no digest that differs.
        assert_eq!(read(&text).unwrap().decide("zfs", "2.1", || Err("gone")), Err("gone"));
        let never = || -> Result<String, &str> { panic!("no rule names a digest") };
        assert!(read("[[rule]]\npackage = \"zfs\"\n").unwrap().decide("zfs", "2.1", never).is_ok());
        let later = format!("[[rule]]\npackage = \"zfs\"\n{text}");
        assert!(read(&later).unwrap().decide("zfs", "2.1", never).is_ok(), "a rule before it counts");
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        for (text, says) in [
            ("[[rules]]\n", "expected `rule`"),
            ("[[rule]]\npackge = \"x\"\n", "expected one of `package`, `digest`, `sign`, `key`"),
            ("[[rule]]\nsign = false\n", "missing field `package`"),
            ("[[rule]]\npackage = \"[\"\n", "no shell pattern"),
            ("[[rule]]\npackage = \"x\"\ndigest = \"1\"\n", "in rule 1, `digest` is none"),
            ("[[rule]]\npackage = \"x\"\nsign = false\nkey = \"k\"\n", "in rule 1, `key` names a key"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
