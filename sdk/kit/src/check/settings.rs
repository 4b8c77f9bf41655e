//! Settings that a plugin reads and does not declare, and those that it declares and
//! never reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_plugins::manifest::Manifest;

use crate::error::{Error, Result};

/// Larger files are data.
const LARGEST_SOURCE: u64 = 1 << 20;

/// The characters around a text in source code.
const QUOTES: [char; 2] = ['"', '\''];

/// A sentence for each setting that is only declared or only read. `component` is the
/// plugin without its manifest.
///
/// # Errors
/// `System` for sources that cannot be read.
pub fn differences(manifest: &Manifest, folder: &Path, component: &[u8]) -> Result<Vec<String>> {
    let sources = sources(folder)?;
    let mut found = Vec::new();
    for (file, text) in &sources {
        for name in read_names(text).into_iter().filter(|name| !is_declared(manifest, name)) {
            let file = file.strip_prefix(folder).unwrap_or(file).display();
            found.push(format!(
                "`[settings]` does not declare `{name}`, which {file} reads. Declare the setting with its default, or \
                 correct the name."
            ));
        }
    }
    let named = named_elsewhere(manifest);
    for name in manifest.settings.keys().filter(|name| !named.contains(name.as_str())) {
        let quoted = QUOTES.map(|quote| format!("{quote}{name}{quote}"));
        let is_in_source = sources.iter().any(|(_, text)| quoted.iter().any(|name| text.contains(name)));
        // Libraries read settings too: their names are in the component.
        let used = is_in_source || contains(component, name.as_bytes());
        if !used {
            found.push(format!(
                "`[settings]` declares `{name}`, which occurs neither in the source nor in the component. Remove the \
                 setting, or read it."
            ));
        }
    }
    Ok(found)
}

/// Settings that the host reads for the plugin.
fn named_elsewhere(manifest: &Manifest) -> BTreeSet<&str> {
    let runs = manifest.run.iter().filter_map(|run| run.setting.as_deref());
    let files = manifest.write.settings.iter().chain(&manifest.sign.settings).map(String::as_str);
    runs.chain(files).collect()
}

/// The values of tables are settings too, below `policy.`.
fn is_declared(manifest: &Manifest, name: &str) -> bool {
    manifest.settings.contains_key(name)
        || name.strip_prefix("policy.").is_some_and(|key| {
            manifest.policy.keys().any(|known| match known.strip_suffix('*') {
                Some(start) => key.starts_with(start),
                None => key == known,
            })
        })
}

/// The plugin's own text files: no cases, nothing that tools made.
fn sources(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let is_source = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || ["target", "cases", "node_modules"].contains(&&*name))
    };
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(is_source) {
        let entry = entry.map_err(|e| Error::io("read", folder, e.into()))?;
        let file = entry.path();
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        let is_text =
            !file.extension().is_some_and(|suffix| ["toml", "md", "lock", "wasm"].iter().any(|s| suffix == *s));
        if !entry.file_type().is_file() || !is_text || size > LARGEST_SOURCE {
            continue;
        }
        let bytes = inside::read_file(file).map_err(|e| Error::io("read", file, e))?;
        if let Ok(text) = String::from_utf8(bytes) {
            found.push((file.to_path_buf(), text));
        }
    }
    Ok(found)
}

/// Names in calls such as `setting("x")`, `setting_bool("x")` and `settings::get("x")`.
fn read_names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (start, _) in text.match_indices("setting") {
        let rest = &text[start..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && !"_.:".contains(c)).unwrap_or(rest.len());
        let Some(inside) = rest[end..].strip_prefix('(') else { continue };
        let inside = inside.trim_start();
        let Some(quote) = QUOTES.into_iter().find(|quote| inside.starts_with(*quote)) else { continue };
        let Some((name, _)) = inside[1..].split_once(quote) else { continue };
        if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c)) {
            names.insert(name.to_owned());
        }
    }
    names
}

fn contains(bytes: &[u8], name: &[u8]) -> bool {
    !name.is_empty() && bytes.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
id = "x"
version = "1.0.0"
api = "1.0"
[roles]
provides = ["initrd"]
[settings]
backup = { type = "bool", default = true, help = "Read" }
unused = { type = "bool", default = true, help = "Not read" }
tool = { type = "string", default = "", help = "Read by the host" }
library = { type = "string", default = "", help = "Read by a library" }
[[run]]
program = "p"
setting = "tool"
[policy]
"initrd.command" = { type = "string" }
"arch.*" = { type = "string" }
"#;

    #[test]
    fn names_are_found_in_calls_of_several_languages() {
        let text = r#"setting("a"); setting_bool( "b")?; settings::get("c"); settings.get("d"); setting(key); let setting = "e";
            plugin_test("f"); setting_or("g.h", "i"); settings.text('j'); settings.Boolean("k")"#;
        assert_eq!(read_names(text).into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d", "g.h", "j", "k"]);
    }

    #[test]
    fn what_is_only_read_and_what_is_only_declared_is_found() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("src")).unwrap();
        std::fs::create_dir_all(dir.path().join("cases/a")).unwrap();
        let source =
            r#"setting_bool("backup"); setting("bakcup"); setting("policy.initrd.command"); setting("policy.arch.x")"#;
        std::fs::write(dir.path().join("src/lib.rs"), source).unwrap();
        std::fs::write(dir.path().join("cases/a/script"), "setting(\"other\")").unwrap();
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let found = differences(&manifest, dir.path(), b"\0library\0").unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`bakcup`") && found[0].contains("src/lib.rs"), "{found:?}");
        assert!(found[1].contains("`unused`"), "{found:?}");
    }
}
