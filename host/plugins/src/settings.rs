//! A plugin's settings: the manifest's defaults, a table's policy, the
//! administrator's file and the framework's own directives, later ones winning.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files;

/// One key of `[settings]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    #[serde(rename = "type")]
    pub kind: SettingKind,
    pub default: toml::Value,
    /// One line for the administrator.
    #[serde(default)]
    pub help: String,
    /// A variable of the caller's environment that sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    Bool,
    String,
    List,
    Integer,
}

impl std::fmt::Display for SettingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::String => "string",
            Self::List => "list",
            Self::Integer => "integer",
        })
    }
}

impl SettingKind {
    /// Whether a value of a TOML file is of this type. A list holds strings.
    pub fn accepts(self, value: &toml::Value) -> bool {
        match self {
            Self::Bool => value.is_bool(),
            Self::String => value.is_str(),
            Self::Integer => value.is_integer(),
            Self::List => value.as_array().is_some_and(|items| items.iter().all(toml::Value::is_str)),
        }
    }
}

/// Directives of framework.conf that plugins may have settings for, by name in
/// lower case. Only keys that a manifest declares reach its plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameworkSettings(pub BTreeMap<String, String>);

impl FrameworkSettings {
    /// With the values of variables that settings name, where the framework sets
    /// none.
    pub(crate) fn or_from(
        mut self,
        declared: &BTreeMap<String, Setting>,
        environment: &BTreeMap<String, String>,
    ) -> Self {
        for (key, setting) in declared {
            let value = setting.environment.as_ref().and_then(|variable| environment.get(variable));
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                self.0.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        self
    }
}

/// The values that a plugin sees, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    values: BTreeMap<String, Value>,
    /// The type of each declared key; a key that ends in `.*` stands for all below.
    kinds: BTreeMap<String, SettingKind>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Value {
    text: String,
    /// Set by the administrator, not by the plugin's default.
    administrators: bool,
}

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    #[error("{file}: {message}")]
    Syntax { file: String, message: String },
    #[error("{file}: `{key}` is not a setting of the plugin, which has: {known}")]
    Unknown { file: String, key: String, known: String },
    #[error("{file}: `{key}` must be of type {kind}")]
    Type { file: String, key: String, kind: SettingKind },
}

impl Values {
    /// Merges the four sources.
    ///
    /// `policy` is what a table says, already as text; `file` the settings file
    /// of the administrator, which need not exist.
    pub fn merge(
        declared: &BTreeMap<String, Setting>,
        policy: &BTreeMap<String, String>,
        file: &Path,
        framework: &FrameworkSettings,
    ) -> Result<Self, BadSettings> {
        let plugins = |text| Value { text, administrators: false };
        let administrators = |text| Value { text, administrators: true };
        let mut values: BTreeMap<String, Value> =
            declared.iter().map(|(key, setting)| (key.clone(), plugins(as_text(&setting.default)))).collect();
        values.extend(policy.iter().map(|(key, text)| (key.clone(), plugins(text.clone()))));

        for (key, value) in read(file)? {
            let name = || file.display().to_string();
            let text = match declared.get(&key) {
                Some(setting) if setting.kind.accepts(&value) => as_text(&value),
                Some(setting) => return Err(BadSettings::Type { file: name(), key, kind: setting.kind }),
                None if policy.contains_key(&key) => as_text(&value),
                None => {
                    let known: Vec<&str> = values.keys().map(String::as_str).collect();
                    return Err(BadSettings::Unknown { file: name(), key, known: known.join(", ") });
                }
            };
            values.insert(key, administrators(text));
        }
        for (key, text) in framework.0.iter().filter(|(key, _)| declared.contains_key(*key)) {
            values.insert(key.clone(), administrators(text.clone()));
        }
        let kinds = declared.iter().map(|(key, setting)| (key.clone(), setting.kind)).collect();
        Ok(Self { values, kinds })
    }

    /// With the types of keys that tables set: `directory` is `policy.directory`.
    pub(crate) fn with_policy(mut self, keys: impl IntoIterator<Item = (String, SettingKind)>) -> Self {
        self.kinds.extend(keys.into_iter().map(|(key, kind)| (format!("policy.{key}"), kind)));
        self
    }

    /// The value of a declared key; empty where it is left out.
    ///
    /// # Errors
    /// A clause about a key that is not declared, or is of another type.
    pub fn declared(&self, key: &str, kind: SettingKind) -> Result<&str, String> {
        match self.kinds.iter().find(|(known, _)| stands_for(known, key)) {
            Some((_, declared)) if *declared == kind => Ok(self.get(key).unwrap_or_default()),
            Some((_, declared)) => {
                Err(format!("the manifest declares the setting `{key}` as {declared}; the plugin reads it as {kind}"))
            }
            None => {
                let near = self.kinds.keys().min_by_key(|known| strsim::damerau_levenshtein(key, known));
                let near = near.map_or(String::new(), |near| format!("; the nearest one is `{near}`"));
                Err(format!("the manifest declares no setting `{key}`{near}"))
            }
        }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.text.as_str())
    }

    /// The value if the administrator set it, not when it is a default.
    pub fn administrators(&self, key: &str) -> Option<&str> {
        self.values.get(key).filter(|value| value.administrators).map(|value| value.text.as_str())
    }

    /// Sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

fn read(file: &Path) -> Result<BTreeMap<String, toml::Value>, BadSettings> {
    let bad = |message: String| BadSettings::Syntax { file: file.display().to_string(), message };
    let Some(text) = files::text(file).map_err(|e| bad(e.to_string()))? else { return Ok(BTreeMap::new()) };
    let table: toml::Table = toml::from_str(&text).map_err(|e| bad(e.to_string().trim_end().to_owned()))?;
    let mut out = BTreeMap::new();
    for (key, value) in table {
        out.extend(leaves(key, value));
    }
    Ok(out)
}

/// The values below a key, under dotted names.
fn leaves(name: String, value: toml::Value) -> Vec<(String, toml::Value)> {
    match value {
        toml::Value::Table(inner) => {
            inner.into_iter().flat_map(|(key, value)| leaves(format!("{name}.{key}"), value)).collect()
        }
        value => vec![(name, value)],
    }
}

/// Whether a declared key stands for a key: itself, or all below one that ends in `.*`.
pub(crate) fn stands_for(declared: &str, key: &str) -> bool {
    match declared.strip_suffix('*') {
        Some(above) => key.starts_with(above),
        None => key == declared,
    }
}

/// The values of a table under dotted keys: `policy.directory`,
/// `policy.arch.x86_64`.
pub fn flatten(prefix: &str, table: &toml::Table) -> BTreeMap<String, String> {
    let all = leaves(prefix.to_owned(), toml::Value::Table(table.clone()));
    all.into_iter().map(|(name, value)| (name, as_text(&value))).collect()
}

/// A value as plugins get it: plain text, lists joined by newlines.
fn as_text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<String, Setting> {
        toml::from_str(
            "backup = { type = \"bool\", default = true }\nsign_file = { type = \"string\", default = \"\" }\n\
             extra = { type = \"list\", default = [\"a\", \"b\"] }\n",
        )
        .unwrap()
    }

    #[test]
    fn defaults_are_text_with_lists_joined_by_newlines() {
        let values = Values::merge(&declared(), &BTreeMap::new(), Path::new("/none"), &Default::default()).unwrap();
        assert_eq!((values.get("backup"), values.get("extra")), (Some("true"), Some("a\nb")));
        assert_eq!(values.keys().collect::<Vec<_>>(), ["backup", "extra", "sign_file"]);
        assert_eq!(values.administrators("backup"), None);
    }

    #[test]
    fn the_framework_wins_over_the_file_but_only_for_declared_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.toml");
        std::fs::write(&file, "backup = false\nsign_file = \"/a\"\n").unwrap();
        let framework =
            FrameworkSettings([("sign_file", "/b"), ("other", "c")].map(|(k, v)| (k.into(), v.into())).into());
        let values = Values::merge(&declared(), &BTreeMap::new(), &file, &framework).unwrap();
        assert_eq!((values.get("backup"), values.administrators("sign_file")), (Some("false"), Some("/b")));
        assert_eq!(values.get("other"), None);
    }

    #[test]
    fn a_variable_sets_what_names_it_unless_the_framework_does() {
        let declared: BTreeMap<String, Setting> = toml::from_str(
            "key = { type = \"string\", default = \"\", environment = \"SIGN_KEY\" }\n\
             other = { type = \"string\", default = \"\" }\n",
        )
        .unwrap();
        let variables = [("SIGN_KEY", "/k"), ("other", "/o")].map(|(k, v)| (k.into(), v.into())).into();
        let from = |framework: FrameworkSettings| framework.or_from(&declared, &variables).0;
        assert_eq!(from(FrameworkSettings::default()), [("key".into(), "/k".into())].into());
        let set = FrameworkSettings([("key".into(), "/f".into())].into());
        assert_eq!(from(set)["key"], "/f");
    }

    #[test]
    fn a_wrong_type_and_an_unknown_key_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.toml");
        for (text, wanted) in [("backup = \"no\"", "`backup` must be of type bool"), ("bakcup = true", "`bakcup`")] {
            std::fs::write(&file, text).unwrap();
            let error = Values::merge(&declared(), &BTreeMap::new(), &file, &Default::default()).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_regular_one_is_reported_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.toml");
        for (kind, words) in crate::files::tests::INSTEAD {
            crate::files::tests::put(kind, &file);
            let error = Values::merge(&declared(), &BTreeMap::new(), &file, &Default::default()).unwrap_err();
            assert!(error.to_string().contains(words), "{kind}: {error}");
        }
    }

    #[test]
    fn sub_tables_are_flattened_with_dots() {
        let table = toml::from_str("directory = \"extra\"\n[arch]\nx86_64 = \"x86\"\n").unwrap();
        let flat = flatten("policy", &table);
        assert_eq!(flat["policy.directory"], "extra");
        assert_eq!(flat["policy.arch.x86_64"], "x86");
    }
}
