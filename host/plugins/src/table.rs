//! Tables: plugins without code of their own, which give values to another
//! plugin, their base, and may ask for rights of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::manifest::{
    BadManifest, Manifest, Match, PolicyKey, Provides, Read, Run, Write, check_identity, check_run, syntax,
};
use super::settings::{flatten, stands_for};
use crate::manifest::lifecycle::{check_host, check_others};

/// A table that was paired with its base.
#[derive(Debug, Clone)]
pub struct Table {
    pub file: PathBuf,
    pub base: String,
    /// The table's values, as settings: `policy.directory`.
    pub policy: BTreeMap<String, String>,
}

/// `ID.toml`, as it is written. `docs/reference/plugin-manifest.md` describes
/// each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    pub id: String,
    version: String,
    /// The plugin with the code.
    pub base: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    license: String,
    #[serde(default)]
    deprecated: String,
    #[serde(default)]
    replaces: Vec<String>,
    #[serde(default, rename = "requires-host")]
    requires_host: Option<String>,
    #[serde(default, rename = "match")]
    matches: Match,
    /// Some of the base's roles; all of them when nothing is said.
    roles: Option<Provides>,
    #[serde(default)]
    read: Read,
    #[serde(default)]
    write: Write,
    #[serde(default)]
    run: Vec<Run>,
    #[serde(default)]
    policy: toml::Table,
}

impl TableFile {
    /// Parses a table and checks what can be checked without its base.
    pub fn parse(text: &str) -> Result<Self, BadManifest> {
        check_host("table", text)?;
        let table: Self = toml::from_str(text).map_err(|e| syntax("table", text, &e))?;
        table.check().map_err(|message| BadManifest::Value { file: "table", message })?;
        Ok(table)
    }

    pub fn description(&self) -> &str {
        &self.description
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    fn check(&self) -> Result<(), String> {
        check_identity(&self.id, &self.version)?;
        check_others(&self.id, &self.replaces, &self.deprecated)?;
        if self.roles.as_ref().is_some_and(|roles| roles.provides.is_empty()) {
            return Err("`roles.provides` is empty: name some of the base's roles, or leave `[roles]` out".into());
        }
        self.run.iter().try_for_each(check_run)
    }

    /// The manifest of base and table together: the base's roles, or those of
    /// them that the table names; the rights of both; the table's own identity
    /// and match.
    pub fn over(&self, base: &Manifest) -> Result<Manifest, String> {
        let mut manifest = base.clone();
        manifest.id.clone_from(&self.id);
        manifest.version.clone_from(&self.version);
        manifest.matches = self.matches.clone();
        manifest.description = match self.description.is_empty() {
            true => format!("Values for the plugin {}", self.base),
            false => self.description.clone(),
        };
        // The base's is that of its code, not of the table.
        manifest.license.clone_from(&self.license);
        manifest.deprecated.clone_from(&self.deprecated);
        manifest.replaces.clone_from(&self.replaces);
        manifest.requires_host.clone_from(&self.requires_host);
        if let Some(roles) = &self.roles {
            if let Some(role) = roles.provides.iter().find(|role| !base.provides(**role)) {
                return Err(format!(
                    "it names the role {role}, which its base plugin `{}` does not have; take it out of `[roles] provides`",
                    self.base
                ));
            }
            manifest.roles = roles.clone();
        }
        manifest.read.roots.extend(self.read.roots.iter().cloned());
        manifest.write.roots.extend(self.write.roots.iter().cloned());
        manifest.write.link_targets.extend(self.write.link_targets.iter().cloned());
        manifest.run.extend(self.run.iter().cloned());
        manifest.check()?;
        self.check_policy(base)?;
        Ok(manifest)
    }

    /// Every value is of a key that the base declares, and fits it.
    fn check_policy(&self, base: &Manifest) -> Result<(), String> {
        for (key, value) in dotted("", &self.policy) {
            let Some(declared) = declared(base, &key) else {
                let keys = base.policy.keys().map(String::as_str);
                let near = keys.min_by_key(|known| strsim::damerau_levenshtein(&key, known));
                return Err(match near {
                    Some(near) => format!(
                        "`policy.{key}` is no key of its base plugin `{}`; the nearest one is `{near}`",
                        self.base
                    ),
                    None => format!("its base plugin `{}` has no keys for tables; take `[policy]` out", self.base),
                });
            };
            let text = value.as_str();
            if !declared.kind.accepts(value) {
                return Err(format!("`policy.{key}` must be a {}", declared.kind));
            }
            if !declared.choices.is_empty() && !text.is_some_and(|text| declared.choices.iter().any(|c| c == text)) {
                let (text, choices) = (text.unwrap_or_default(), declared.choices.join(", "));
                return Err(format!("`policy.{key} = \"{text}\"` is none of: {choices}"));
            }
        }
        Ok(())
    }

    /// The table's values, as the base reads them: `policy.directory`.
    pub fn policy(&self) -> BTreeMap<String, String> {
        flatten("policy", &self.policy)
    }
}

/// Values by dotted key.
fn dotted<'t>(prefix: &str, table: &'t toml::Table) -> Vec<(String, &'t toml::Value)> {
    let below = |(key, value): (&String, &'t toml::Value)| {
        let key = format!("{prefix}{key}");
        match value {
            toml::Value::Table(table) => dotted(&format!("{key}."), table),
            value => vec![(key, value)],
        }
    };
    table.iter().flat_map(below).collect()
}

fn declared<'m>(base: &'m Manifest, key: &str) -> Option<&'m PolicyKey> {
    base.policy.iter().find(|(known, _)| stands_for(known, key)).map(|(_, declared)| declared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Role;

    const BASE: &str = "id = \"base\"\nversion = \"1.0.0\"\napi = \"1.0\"\n\
        [roles]\nprovides = [\"initrd\", \"install-policy\"]\n\
        [[run]]\nprogram = \"owner\"\narguments = [\"*\"]\n\
        [policy]\ndirectory = { type = \"string\" }\n\"arch.*\" = { type = \"string\" }\n\
        prune = { type = \"string\", choices = [\"always\", \"never\"] }\ndirs = { type = \"list\" }\n";
    const TABLE: &str = "id = \"x\"\nversion = \"0.1.0\"\nbase = \"base\"\n";

    fn over(extra: &str) -> Result<Manifest, String> {
        let table = TableFile::parse(&format!("{TABLE}{extra}")).map_err(|e| e.to_string())?;
        table.over(&Manifest::parse(BASE).unwrap())
    }

    #[test]
    fn a_table_sets_what_its_base_declares_and_nothing_else() {
        let policy = |text: &str| over(&format!("[policy]\n{text}\n")).map(drop);
        for text in ["directory = \"extra\"", "dirs = [\"a\"]", "prune = \"never\"", "arch.x86_64 = \"x86\""] {
            assert_eq!(policy(text), Ok(()), "{text}");
        }
        for (text, why) in [
            (
                "direktory = \"extra\"",
                "`policy.direktory` is no key of its base plugin `base`; the nearest one is `directory`",
            ),
            ("prune = \"nevr\"", "`policy.prune = \"nevr\"` is none of: always, never"),
            ("dirs = \"a\"", "`policy.dirs` must be a list"),
            ("directory.x = \"a\"", "`policy.directory.x` is no key"),
        ] {
            let refusal = policy(text).unwrap_err();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_table_has_the_rights_of_its_base_and_those_that_it_asks_for() {
        let manifest = over(
            "[match]\nprograms = [\"tool\"]\npriority = 55\n[roles]\nprovides = [\"initrd\"]\n\
             [read]\nroots = [\"etc/tool\"]\n[write]\nroots = [\"boot/image-*\"]\n\
             [[run]]\nprogram = \"tool\"\narguments = [\"-f\", \"boot/image-*\"]\n",
        )
        .unwrap();
        let programs: Vec<&str> = manifest.run.iter().map(|run| run.program.as_str()).collect();
        assert_eq!(programs, ["owner", "tool"]);
        assert_eq!(manifest.write.roots[0].to_string(), "boot/image-*");
        assert_eq!(manifest.read.roots[0].to_string(), "etc/tool");
        assert_eq!(manifest.roles.provides, [Role::Initrd]);
        assert_eq!((manifest.id.as_str(), manifest.matches.priority), ("x", 55));
    }

    #[test]
    fn a_table_that_asks_for_nothing_has_what_its_base_has() {
        let manifest = over("").unwrap();
        assert_eq!(manifest.run.len(), 1);
        assert_eq!(manifest.roles.provides, [Role::Initrd, Role::InstallPolicy]);
    }

    #[test]
    fn a_table_has_its_own_licence_or_none() {
        let base = Manifest::parse(&BASE.replace("api = ", "license = \"MIT\"\napi = ")).unwrap();
        let license = |extra: &str| {
            let table = TableFile::parse(&format!("{TABLE}{extra}")).unwrap();
            table.over(&base).unwrap().license
        };
        assert_eq!((license(""), license("license = \"GPL-2.0-only\"\n")), (String::new(), "GPL-2.0-only".into()));
    }

    #[test]
    fn a_role_that_the_base_does_not_have_is_refused_by_name() {
        let error = over("[roles]\nprovides = [\"signer\"]\n").unwrap_err();
        assert!(error.contains("signer") && error.contains("`base`"), "{error}");
        assert!(over("[roles]\nprovides = []\n").unwrap_err().contains("empty"));
    }

    #[test]
    fn a_program_with_a_path_and_an_unknown_root_are_refused() {
        assert!(over("[[run]]\nprogram = \"/bin/tool\"\n").unwrap_err().contains("plain name"));
        assert!(over("[write]\nroots = [\"root/x\"]\n").unwrap_err().contains("line 5"));
        assert!(over("[[run]]\nprogram = \"tool\"\nsetting = \"none\"\n").unwrap_err().contains("`run.setting"));
    }
}
