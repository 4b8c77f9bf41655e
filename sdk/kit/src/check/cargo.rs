//! Values that Cargo.toml and plugin.toml both have.

use std::path::Path;

use modsmith_facts::inside;
use modsmith_plugins::manifest::Manifest;

use crate::error::{Error, Result};

/// A sentence for each value that differs. A value that only one file has is no difference.
///
/// # Errors
/// `Plugin` for a Cargo.toml that is not in order, `System` for one that cannot be read.
pub fn differences(manifest: &Manifest, folder: &Path) -> Result<Vec<String>> {
    let file = folder.join("Cargo.toml");
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let crate_manifest = table(&file)?;
    let mut found = Vec::new();
    for (key, own) in
        [("version", &manifest.version), ("description", &manifest.description), ("license", &manifest.license)]
    {
        let value = crate_manifest.get("package").and_then(|package| package.get(key));
        let other = match value {
            Some(toml::Value::String(text)) => Some(text.clone()),
            // `version.workspace = true`
            Some(toml::Value::Table(_)) => inherited(folder, key)?,
            _ => None,
        };
        if let Some(other) = other.filter(|other| !own.is_empty() && other != own) {
            found.push(format!(
                "`{key}` is `{own}`, but `{other}` in Cargo.toml. Write the same value into both files."
            ));
        }
    }
    Ok(found)
}

/// The value of `[workspace.package]` in the nearest workspace around the crate.
fn inherited(folder: &Path, key: &str) -> Result<Option<String>> {
    let folder = folder.canonicalize().map_err(|e| Error::io("resolve", folder, e))?;
    for file in folder.ancestors().map(|dir| dir.join("Cargo.toml")).filter(|file| file.is_file()) {
        if let Some(workspace) = table(&file)?.get("workspace") {
            let value = workspace.get("package").and_then(|package| package.get(key));
            return Ok(value.and_then(toml::Value::as_str).map(str::to_owned));
        }
    }
    Ok(None)
}

fn table(file: &Path) -> Result<toml::Table> {
    let text = inside::read_configuration_text(file).map_err(|e| Error::io("read", file, e))?;
    text.parse().map_err(|e: toml::de::Error| Error::not_in_order(file, e.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\ndescription = \"Makes x\"\nlicense = \"MIT\"\n\
            [roles]\nprovides = [\"initrd\"]\n";
        Manifest::parse(text).unwrap()
    }

    fn found(dir: &Path, package: &str) -> Vec<String> {
        std::fs::create_dir_all(dir.join("x")).unwrap();
        std::fs::write(dir.join("x/Cargo.toml"), format!("[package]\nname = \"x\"\n{package}")).unwrap();
        differences(&manifest(), &dir.join("x")).unwrap()
    }

    #[test]
    fn each_value_that_differs_is_named_with_both_values() {
        let dir = tempfile::tempdir().unwrap();
        let all = found(dir.path(), "version = \"1.0.1\"\ndescription = \"Makes y\"\nlicense = \"Apache-2.0\"\n");
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[0].contains("`version` is `1.0.0`, but `1.0.1`"), "{all:?}");
        assert_eq!(found(dir.path(), "version = \"1.0.0\"\n"), [""; 0]);
    }

    #[test]
    fn a_value_of_the_workspace_counts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), "[workspace.package]\nversion = \"2.0.0\"\n").unwrap();
        assert!(found(dir.path(), "version.workspace = true\n")[0].contains("`2.0.0`"));
    }

    #[test]
    fn a_folder_without_a_crate_has_no_differences() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(differences(&manifest(), dir.path()).unwrap(), [""; 0]);
    }
}
