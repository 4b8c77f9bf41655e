//! The rights that a plugin asks for, each as a value that can be shown, recorded and compared.
//!
//! Rights are text here, as the manifest has them. A recorded right stays readable
//! when the rules for patterns change.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::marks;
use super::programs::{ProbeRight, RunRight, is_within};
use crate::manifest::Manifest;
use modsmith_facts::text::prose;

/// One right of a plugin. The names are those of the keys in grant files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// To be called for a role.
    Role(String),
    /// To read what a pattern matches.
    Reads(String),
    /// To read and write what a pattern matches.
    Writes(String),
    /// To write the file that the administrator names in a setting.
    WritesSetting(String),
    /// To make links to these paths of the target.
    LinksTo(String),
    /// To sign with the keys that a pattern matches.
    SignsWith(String),
    /// To sign with the key that the administrator names in a setting.
    SignsWithSetting(String),
    /// To read keys that were closed to it. No manifest asks for this: a plugin gets it
    /// by no longer naming, in `[sign]`, a key that it may read otherwise.
    ReadsKey(String),
    /// To get the value of a variable of the caller's environment, in a setting.
    Variable(String),
    Runs(RunRight),
    Asks(ProbeRight),
}

/// All rights of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// The rights that a manifest asks for, in the order in which `inspect` shows it.
    pub fn of(manifest: &Manifest) -> Self {
        fn each<T: ToString>(items: &[T], right: fn(String) -> Right) -> impl Iterator<Item = Right> {
            items.iter().map(move |item| right(item.to_string()))
        }
        let variables = manifest.settings.values().filter_map(|setting| setting.environment.clone());
        let all = each(&manifest.roles.provides, Right::Role)
            .chain(each(&manifest.read.roots, Right::Reads))
            .chain(each(&manifest.write.roots, Right::Writes))
            .chain(each(&manifest.write.settings, Right::WritesSetting))
            .chain(each(&manifest.write.link_targets, Right::LinksTo))
            .chain(each(&manifest.sign.keys, Right::SignsWith))
            .chain(each(&manifest.sign.settings, Right::SignsWithSetting))
            .chain(manifest.run.iter().map(|run| Right::Runs(run.into())))
            .chain(manifest.probe.iter().map(|probe| Right::Asks(probe.into())))
            .chain(variables.map(Right::Variable));
        let mut rights = Vec::new();
        for right in all {
            if !rights.contains(&right) {
                rights.push(right);
            }
        }
        Self(rights)
    }

    /// Each right, in the order in which `inspect` shows them.
    pub fn iter(&self) -> impl Iterator<Item = &Right> {
        self.0.iter()
    }

    fn cover(&self, right: &Right) -> bool {
        self.0.iter().any(|own| own.covers(right))
    }

    /// Whether any of them may reach files below the root of a key's pattern. A key
    /// that a setting names may be anywhere.
    fn may_reach(&self, key: Option<&str>) -> bool {
        let root = |pattern: &str| pattern.split('/').next().unwrap_or_default().to_owned();
        let below = |pattern: &String| key.is_none_or(|key| root(key) == root(pattern));
        self.0.iter().any(|right| match right {
            Right::Reads(pattern) | Right::Writes(pattern) => below(pattern),
            Right::Runs(run) => run.paths.iter().any(below),
            _ => false,
        })
    }
}

/// The difference between the rights that a plugin asks for now and those that it had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RightsDifference {
    /// Not covered by any earlier right.
    pub added: Vec<Right>,
    /// No longer covered.
    pub removed: Vec<Right>,
}

impl RightsDifference {
    pub fn between(before: &Rights, now: &Rights) -> Self {
        let removed: Vec<Right> = before.0.iter().filter(|right| !now.cover(right)).cloned().collect();
        let keys = removed.iter().filter_map(|right| match right {
            Right::SignsWith(key) if now.may_reach(Some(key)) => Some(Right::ReadsKey(key.clone())),
            Right::SignsWithSetting(name) if now.may_reach(None) => {
                Some(Right::ReadsKey(by_settings(std::slice::from_ref(name))))
            }
            _ => None,
        });
        let added = now.0.iter().filter(|right| !before.cover(right)).cloned().chain(keys).collect();
        Self { added, removed }
    }

    /// Whether the plugin asks for nothing that it did not have.
    pub(crate) fn adds_nothing(&self) -> bool {
        self.added.is_empty()
    }

    /// Whether neither is more nor less than before.
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// The end of a sentence about the plugin: `asks for more: writes boot`.
    pub fn sentence(&self) -> String {
        match (self.adds_nothing(), self.is_none()) {
            (_, true) => "asks for the same".to_owned(),
            (true, false) => format!("asks for less (no longer: {})", few(&self.removed)),
            (false, _) => format!("asks for more: {}", few(&self.added)),
        }
    }
}

/// The first rights of a list. A message has one line.
fn few(rights: &[Right]) -> String {
    const FEW: usize = 4;
    const LONGEST: usize = 160;
    let short = |right: &Right| {
        let text = right.to_string();
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…{}", &text[..end], right.warning()),
            None => text,
        }
    };
    let mut shown: Vec<String> = rights.iter().take(FEW).map(short).collect();
    if rights.len() > FEW {
        shown.push(format!("and {} more", rights.len() - FEW));
    }
    shown.join("; ")
}

impl Right {
    /// Whether this right includes the other one. Patterns are compared as text, so the
    /// answer can be no although the right is included: such a right is shown to the
    /// administrator once more.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reads(own) | Self::Writes(own), Self::Reads(other))
            | (Self::Writes(own), Self::Writes(other))
            | (Self::SignsWith(own), Self::SignsWith(other)) => is_within(own, other),
            (Self::Runs(own), Self::Runs(other)) => own.covers(other),
            _ => self == other,
        }
    }

    /// The kind of the right, as `inspect` names it, and its object.
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Role(role) => ("role", role.clone()),
            Self::Reads(pattern) => ("reads", pattern.clone()),
            Self::Writes(pattern) => ("writes", pattern.clone()),
            Self::WritesSetting(name) => ("writes", by_settings(std::slice::from_ref(name))),
            Self::LinksTo(target) => ("links to", target.clone()),
            Self::SignsWith(key) => ("signs with", key.clone()),
            Self::SignsWithSetting(name) => ("signs with", by_settings(std::slice::from_ref(name))),
            Self::ReadsKey(key) => ("reads", key.clone()),
            Self::Variable(name) => ("gets", format!("${name}")),
            Self::Runs(run) => ("runs", run.to_string()),
            Self::Asks(probe) => ("asks", format!("{} {}", probe.program, probe.arguments.join(" ")).trim_end().into()),
        }
    }

    /// Why the right is dangerous, with a blank before it; empty for most.
    pub fn warning(&self) -> &'static str {
        match self {
            Self::Runs(run) => marks::of_run(run),
            Self::Asks(probe) => marks::of_probe(probe),
            Self::SignsWith(_) | Self::SignsWithSetting(_) => marks::SIGNS,
            Self::ReadsKey(_) => " (the key itself, with which it could only sign)",
            _ => "",
        }
    }
}

/// In one line, without characters that a terminal would act on.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, text) = self.words();
        write!(f, "{verb} {}{}", prose(&text), self.warning())
    }
}

/// The file that the administrator names in a setting.
pub(crate) fn by_settings(settings: &[String]) -> String {
    if settings.is_empty() {
        return String::new();
    }
    format!("the file that the setting names: {}", settings.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(text: &str) -> Rights {
        let head = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        Rights::of(&Manifest::parse(&format!("{head}{text}")).unwrap())
    }

    /// The rights that are new, and those that are gone, as text.
    fn difference(before: &str, now: &str) -> (Vec<String>, Vec<String>) {
        let RightsDifference { added, removed } = RightsDifference::between(&rights(before), &rights(now));
        let texts = |rights: Vec<Right>| rights.iter().map(ToString::to_string).collect();
        (texts(added), texts(removed))
    }

    #[test]
    fn the_same_rights_differ_in_nothing_whatever_their_order() {
        let before = "[read]\nroots = [\"etc/a\", \"etc/b\"]\n[[run]]\nprogram = \"tool\"\n";
        let now = "[[run]]\nprogram = \"tool\"\n[read]\nroots = [\"etc/b\", \"etc/a\", \"etc/a\"]\n";
        let difference = RightsDifference::between(&rights(before), &rights(now));
        assert!(difference.is_none() && difference.adds_nothing());
        assert_eq!(difference.sentence(), "asks for the same");
    }

    #[test]
    fn what_lies_below_a_granted_directory_is_not_new() {
        let none: Vec<String> = Vec::new();
        let roots = |section: &str, root: &str| format!("[{section}]\nroots = [\"{root}\"]\n");
        for (before, now) in [("boot", "boot/image-*"), ("etc/a", "etc/a/b")] {
            let (added, removed) = difference(&roots("write", before), &roots("write", now));
            assert_eq!((added, removed), (none.clone(), vec![format!("writes {before}")]));
            assert_eq!(difference(&roots("write", before), &roots("read", now)).0, none, "writing is reading, too");
            assert_eq!(difference(&roots("read", before), &roots("write", now)).0, [format!("writes {now}")]);
        }
        // Names that only begin alike, and patterns that only look like directories.
        for (before, now) in [("etc/a", "etc/ab"), ("etc/a*", "etc/a*/b"), ("boot/image-*", "boot")] {
            assert_eq!(difference(&roots("read", before), &roots("read", now)).0, [format!("reads {now}")]);
        }
    }

    #[test]
    fn an_entry_with_a_further_variable_is_new_as_a_whole() {
        let run = |more: &str| format!("[[run]]\nprogram = \"tool\"\narguments = [\"-x\"]\n{more}");
        let (added, removed) = difference(&run(""), &run("environment = [\"PERL5OPT\"]\n"));
        assert_eq!(added, ["runs tool -x, sets PERL5OPT (loads code: may do anything)"]);
        assert_eq!(removed, [""; 0], "the narrower entry is still covered");
        let (added, removed) = difference(&run("environment = [\"A\", \"B\"]\n"), &run("environment = [\"A\"]\n"));
        assert_eq!((added.len(), removed.len()), (0, 1));
        // Two entries with a variable each are less than one entry with both.
        let two = format!("{}{}", run("environment = [\"A\"]\n"), run("environment = [\"B\"]\n"));
        assert_eq!(
            difference(&two, &run("environment = [\"A\", \"B\"]\n")).0,
            ["runs tool -x, sets A B (not known to be harmless: may do anything)"]
        );
        for more in ["pass = [\"PIN\"]\n", "or_here = true\n", "paths = [\"usr/lib/tool\"]\n"] {
            assert_eq!(difference(&run(""), &run(more)).0.len(), 1, "{more}");
            assert_eq!(difference(&run(more), &run("")).0.len(), 0, "{more}");
        }
        assert_eq!(difference(&run(""), &run("").replace("-x", "*")).0, ["runs tool *"]);
    }

    #[test]
    fn a_key_that_is_no_longer_only_to_sign_with_is_a_new_right_to_read_it() {
        let both = "[read]\nroots = [\"etc\"]\n[sign]\nkeys = [\"etc/keys/a.pem\"]\n";
        let (added, removed) = difference(both, "[read]\nroots = [\"etc\"]\n");
        assert_eq!(added, ["reads etc/keys/a.pem (the key itself, with which it could only sign)"]);
        assert_eq!(removed, ["signs with etc/keys/a.pem (signs any file that it may write)"]);
        let (added, _) = difference(both, "[read]\nroots = [\"usr/share\"]\n");
        assert_eq!(added, ["reads usr/share"]);
        let named = "[settings]\nkey = { type = \"string\", default = \"\" }\n[read]\nroots = [\"etc\"]\n";
        let (added, _) = difference(&format!("{named}[sign]\nsettings = [\"key\"]\n"), named);
        assert_eq!(added.len(), 1, "{added:?}");
    }

    #[test]
    fn a_sentence_names_few_rights_and_is_one_line() {
        let text = format!(
            "[read]\nroots = [\"etc/a\", \"etc/b\", \"etc/c\"]\n[[run]]\nprogram = \"sh\"\narguments = [\"{}\\n\"]\n\
             [[run]]\nprogram = \"x\"\n",
            "y".repeat(1000)
        );
        let sentence = RightsDifference::between(&rights(""), &rights(&text)).sentence();
        assert!(
            sentence.starts_with("asks for more: reads etc/a; reads etc/b; reads etc/c; runs sh yyy"),
            "{sentence}"
        );
        assert!(sentence.ends_with("… (executes its input: may do anything); and 1 more"), "{sentence}");
        assert!(sentence.len() < 400 && !sentence.contains('\n'));
        let sentence = RightsDifference::between(&rights(&text), &rights("")).sentence();
        assert!(sentence.starts_with("asks for less (no longer: reads etc/a; "), "{sentence}");
        let forged = "[[run]]\nprogram = \"x\"\narguments = [\"a\\n- reads\"]\n";
        assert_eq!(difference("", forged).0, ["runs x a\\n- reads"]);
    }

    #[test]
    fn variables_that_settings_read_and_roles_are_rights() {
        let (added, _) =
            difference("", "[settings]\na = { type = \"string\", default = \"\", environment = \"PIN\" }\n");
        assert_eq!(added, ["gets $PIN"]);
        let signer = Rights(vec![Right::Role("signer".into())]);
        let sentence = RightsDifference::between(&rights(""), &signer).sentence();
        assert_eq!(sentence, "asks for more: role signer");
    }
}
