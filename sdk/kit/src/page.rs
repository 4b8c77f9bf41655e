//! The page of a plugin: Markdown made from its manifest and its settings.

use std::path::Path;

use modsmith_plugins::form;
use modsmith_plugins::manifest::{Manifest, Match, Role};
use modsmith_plugins::table::TableFile;
use modsmith_plugins::{Right, Rights};

use crate::error::{Error, Result};
use crate::names::{MANIFEST, POLICY};
use crate::pack::read;

/// The page of a plugin file, a manifest, a table, or the folder of one of them. A table's
/// page has what its base gives only with the base: a plugin file or a manifest.
///
/// # Errors
/// `Plugin` for a file that is no plugin, `Usage` for a table without its base, `System` for a
/// file that cannot be read.
pub fn page(file: &Path, base: Option<&Path>) -> Result<String> {
    let inside = [MANIFEST, POLICY].map(|name| file.join(name)).into_iter().find(|file| file.is_file());
    let file = inside.as_deref().unwrap_or(file);
    if file.is_dir() {
        return Err(Error::NoPlugin { directory: file.to_path_buf() });
    }
    let bytes = read(file)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Ok(of_manifest(&manifest_of(file, &bytes)?, None));
    };
    if !is_table(text) {
        return Ok(of_manifest(&manifest_of(file, &bytes)?, None));
    }
    let table = TableFile::parse(text).map_err(|e| Error::not_in_order(file, &e.to_string()))?;
    let base = base.ok_or_else(|| Error::TableWithoutBase { file: file.to_path_buf(), base: table.base.clone() })?;
    let merged = table.over(&manifest_of(base, &read(base)?)?).map_err(|e| Error::not_in_order(file, &e))?;
    Ok(of_manifest(&merged, Some(&table)))
}

/// A table names its base.
fn is_table(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("base"))
}

/// The manifest in a plugin file, or in a file of its own.
fn manifest_of(file: &Path, bytes: &[u8]) -> Result<Manifest> {
    let parsed = match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.starts_with(b"\0asm") => Manifest::parse(text).map_err(|e| e.to_string()),
        _ => form::manifest(bytes).map_err(|e| e.to_string()),
    };
    parsed.map_err(|reason| Error::not_in_order(file, &reason))
}

fn of_manifest(manifest: &Manifest, table: Option<&TableFile>) -> String {
    let mut page = format!("# {}\n\n", manifest.id);
    let mut paragraph = |text: &str, before: &str| {
        if !text.is_empty() {
            page += &format!("{before}{}\n\n", plain(text));
        }
    };
    paragraph(&manifest.description, "");
    paragraph(&manifest.deprecated, "**Deprecated:** ");
    page += &facts(manifest, table);
    page += &rights(manifest);
    page += &settings(manifest);
    page += &values(table);
    page.trim_end().to_owned() + "\n"
}

fn facts(manifest: &Manifest, table: Option<&TableFile>) -> String {
    let codes = |items: &[String]| items.iter().map(|item| code(item)).collect::<Vec<_>>().join(", ");
    let roles: Vec<String> = manifest.roles.provides.iter().map(Role::to_string).collect();
    let rows = [
        ("version", plain(&manifest.version)),
        ("license", plain(&manifest.license)),
        ("interface", plain(&manifest.api)),
        ("modsmith", manifest.requires_host.iter().map(|host| format!("{} or newer", plain(host))).collect()),
        ("base", table.map(|table| code(&table.base)).unwrap_or_default()),
        ("roles", codes(&roles)),
        ("replaces", codes(&manifest.replaces)),
        ("systems", systems(&manifest.matches)),
        ("needs", codes(&manifest.matches.programs)),
    ];
    let rows = rows.into_iter().filter(|(_, text)| !text.is_empty());
    let lines: String = rows.map(|(name, text)| format!("| {name} | {text} |\n")).collect();
    format!("| | |\n|---|---|\n{lines}\n")
}

fn systems(matches: &Match) -> String {
    match (matches.no_os_release, matches.distro.is_empty()) {
        (true, _) => "those without os-release".to_owned(),
        (false, true) => "all".to_owned(),
        (false, false) => matches.distro.iter().map(|id| code(id)).collect::<Vec<_>>().join(", "),
    }
}

/// The rights that an administrator grants, apart from the roles.
fn rights(manifest: &Manifest) -> String {
    let asked = Rights::of(manifest);
    let lines: Vec<String> = asked
        .iter()
        .filter(|right| !matches!(right, Right::Role(_)))
        .map(|right| {
            let (verb, text) = right.words();
            format!("* {verb} {}{}\n", code(&text), plain(right.warning()))
        })
        .collect();
    let lines = if lines.is_empty() { "Nothing: it only answers questions.\n".to_owned() } else { lines.concat() };
    format!("## What it may do\n\n{lines}\n")
}

fn settings(manifest: &Manifest) -> String {
    if manifest.settings.is_empty() {
        return String::new();
    }
    let rows = manifest.settings.iter().map(|(key, setting)| {
        let variable = setting.environment.iter().map(|name| format!(" Also set by the variable {}.", code(name)));
        let help = plain(&setting.help) + &variable.collect::<String>();
        format!("| {} | {} | {} | {} |\n", code(key), setting.kind, code(&setting.default.to_string()), help.trim())
    });
    format!(
        "## Settings\n\nIn `/etc/modsmith/settings/{}.toml`:\n\n| key | type | default | |\n|---|---|---|---|\n{}\n",
        manifest.id,
        rows.collect::<String>()
    )
}

/// The values that a table gives its base.
fn values(table: Option<&TableFile>) -> String {
    let values = table.map(TableFile::policy).unwrap_or_default();
    if values.is_empty() {
        return String::new();
    }
    let rows = values.iter().map(|(key, text)| format!("| {} | {} |\n", code(key), code(text)));
    format!("## Values\n\n| key | value |\n|---|---|\n{}\n", rows.collect::<String>())
}

/// Text of a manifest that stays text, on one line and in its column.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Code in a column: with more backticks around it than there are in it.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ").replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
id = "mine"
version = "1.2.0"
api = "1.0"
description = "Makes *images* | and more"
deprecated = "Use other instead."
replaces = ["older"]
requires-host = "0.1.0"

[match]
distro = ["fedora"]
programs = ["dracut"]

[roles]
provides = ["initrd"]

[write]
roots = ["boot/image-*"]

[[run]]
program = "sh"
arguments = ["-c", "a|b"]

[settings]
backup = { type = "bool", default = true, help = "Keep <the> image", environment = "BACKUP" }
"#;

    #[test]
    fn the_page_has_everything_that_the_manifest_says() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(MANIFEST), TEXT).unwrap();
        let page = page(dir.path(), None).unwrap();
        for line in [
            "# mine",
            "Makes \\*images\\* \\| and more",
            "**Deprecated:** Use other instead.",
            "| version | 1.2.0 |",
            "| modsmith | 0.1.0 or newer |",
            "| roles | `initrd` |",
            "| replaces | `older` |",
            "| systems | `fedora` |",
            "| needs | `dracut` |",
            "* writes `boot/image-*`",
            "* runs `sh -c a\\|b` (executes its input: may do anything)",
            "* gets `$BACKUP`",
            "In `/etc/modsmith/settings/mine.toml`:",
            "| `backup` | bool | `true` | Keep \\<the\\> image Also set by the variable `BACKUP`. |",
        ] {
            assert!(page.lines().any(|known| known == line), "{line}\n---\n{page}");
        }
        assert!(page.ends_with("|\n"), "{page}");
    }

    #[test]
    fn a_plugin_without_rights_and_settings_says_so() {
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"settings-check\"]\n";
        let page = of_manifest(&Manifest::parse(text).unwrap(), None);
        assert!(page.contains("Nothing: it only answers questions.") && page.contains("| systems | all |"), "{page}");
        assert!(!page.contains("## Settings") && !page.contains("license"), "{page}");
    }

    #[test]
    fn a_table_has_the_rights_of_its_base_and_its_own_values() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("base.toml");
        std::fs::write(&base, format!("{TEXT}[policy]\n\"initrd.command\" = {{ type = \"list\" }}\n")).unwrap();
        let table = dir.path().join("table.toml");
        let text = "id = \"t\"\nversion = \"1.0.0\"\nbase = \"mine\"\n[policy.initrd]\ncommand = [\"a\", \"b\"]\n";
        std::fs::write(&table, text).unwrap();
        let error = page(&table, None).unwrap_err();
        assert!(error.to_string().contains("`mine`") && error.hints()[0].contains("--base"), "{error:?}");
        let page = page(&table, Some(&base)).unwrap();
        assert!(page.contains("# t\n") && page.contains("| base | `mine` |"), "{page}");
        assert!(
            page.contains("* writes `boot/image-*`") && page.contains("| `policy.initrd.command` | `a b` |"),
            "{page}"
        );
    }

    #[test]
    fn code_with_backticks_stays_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`a``b"), "``` `a``b ```");
    }

    #[test]
    fn a_folder_without_a_plugin_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(page(dir.path(), None).unwrap_err().to_string().contains(&dir.path().display().to_string()));
        std::fs::write(dir.path().join("x.wasm"), b"\0asm\x01\0\0\0").unwrap();
        assert!(page(&dir.path().join("x.wasm"), None).unwrap_err().to_string().contains("x.wasm"));
    }
}
