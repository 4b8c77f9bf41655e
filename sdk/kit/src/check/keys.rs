//! Keys of a manifest that no code reads.
//!
//! The host's parser itself lists the known keys: it is given a key that cannot be right, and its
//! message lists the right ones. So this module has no list that could differ from the parser.

use std::fmt;

use modsmith_plugins::manifest::{BadManifest, Manifest};
use modsmith_plugins::table::TableFile;
use toml::de::{DeTable, DeValue};

/// The key that cannot be right.
const WRONG: &str = "?";

/// The kind of file that a text is parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// plugin.toml
    Manifest,
    /// policy.toml
    Table,
}

impl Form {
    /// Parses a text as the host does.
    pub fn parse(self, text: &str) -> Result<(), BadManifest> {
        match self {
            Form::Manifest => Manifest::parse(text).map(drop),
            Form::Table => TableFile::parse(text).map(drop),
        }
    }
}

/// A key that the parser does not know.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown {
    pub line: usize,
    key: String,
    /// The known key that is most like it.
    nearest: Option<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The key `{}` is unknown", self.key)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; the nearest one is `{nearest}`."),
            None => write!(f, "."),
        }
    }
}

/// All unknown keys, in the order of their lines. A text that is no TOML has none.
pub fn unknown(text: &str, form: Form) -> Vec<Unknown> {
    let Ok(table) = DeTable::parse(text) else {
        return Vec::new();
    };
    let mut search = Search { text, form, found: Vec::new() };
    search.table(table.get_ref(), &[], "");
    search.found.sort_by_key(|unknown| unknown.line);
    search.found
}

struct Search<'a> {
    text: &'a str,
    form: Form,
    found: Vec<Unknown>,
}

impl Search<'_> {
    /// `path` leads to the table; `header` is the path as TOML writes it.
    fn table(&mut self, table: &DeTable<'_>, path: &[&str], header: &str) {
        let known = self.known(header);
        for (key, value) in table {
            let name: &str = key.get_ref();
            if known.as_ref().is_some_and(|known| !known.iter().any(|right| right == name)) {
                let near = known.iter().flatten().min_by_key(|right| strsim::damerau_levenshtein(name, right));
                let line = self.text[..key.span().start].matches('\n').count() + 1;
                self.found.push(Unknown { line, key: name.to_owned(), nearest: near.cloned() });
                continue;
            }
            let path: Vec<&str> = path.iter().copied().chain([name]).collect();
            let quoted: Vec<String> = path.iter().map(|part| toml::Value::from(*part).to_string()).collect();
            let quoted = quoted.join(".");
            match value.get_ref() {
                DeValue::Table(inner) => self.table(inner, &path, &format!("[{quoted}]\n")),
                DeValue::Array(items) => {
                    for inner in items.iter().filter_map(|item| item.get_ref().as_table()) {
                        self.table(inner, &path, &format!("[[{quoted}]]\n"));
                    }
                }
                _ => {}
            }
        }
    }

    /// The keys of the table with that header; `None` for a table that may have any.
    fn known(&self, header: &str) -> Option<Vec<String>> {
        let message = self.form.parse(&format!("{header}\"{WRONG}\" = 1\n")).err()?.to_string();
        let (_, expected) = message.split_once(&format!("unknown field `{WRONG}`"))?;
        Some(expected.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, form: Form) -> Vec<String> {
        unknown(text, form).iter().map(|unknown| format!("{}: {unknown}", unknown.line)).collect()
    }

    const MANIFEST: &str = r#"
id = "x"
verzion = "1.0.0"
[roles]
provides = ["initrd"]
[wriet]
roots = []
[match]
prioritaet = 1
[[run]]
program = "a"
[[run]]
program = "b"
argument = ["x"]
[settings]
mine = { type = "bool", defualt = true }
[policy]
"a.b" = { type = "string", choice = ["x"] }
"#;

    #[test]
    fn every_unknown_key_has_its_line_and_the_nearest_right_one() {
        let near = |line: u32, key: &str, near: &str| {
            format!("{line}: The key `{key}` is unknown; the nearest one is `{near}`.")
        };
        let expected = [
            near(3, "verzion", "version"),
            near(6, "wriet", "write"),
            near(9, "prioritaet", "priority"),
            near(14, "argument", "arguments"),
            near(16, "defualt", "default"),
            near(18, "choice", "choices"),
        ];
        assert_eq!(lines(MANIFEST, Form::Manifest), expected);
    }

    #[test]
    fn values_of_a_table_may_have_any_key() {
        let text =
            "id = \"x\"\nversion = \"1.0.0\"\nbase = \"table\"\n[policy]\nanything = 1\n[policy.x]\ny = 1\n[rune]\n";
        assert_eq!(lines(text, Form::Table), ["8: The key `rune` is unknown; the nearest one is `run`."]);
    }

    #[test]
    fn a_text_that_is_no_toml_has_no_keys() {
        assert_eq!(lines("id = ", Form::Manifest), [""; 0]);
    }
}
