//! Checking plugins for what builds and passes its cases, but is most likely a mistake.

mod cargo;
mod keys;
mod rights;
mod settings;

use std::fmt;
use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_plugins::form;

use crate::build::{BuildOptions, Sources, build};
use crate::error::{Error, Result};
use crate::names::{MANIFEST, POLICY};
use crate::pack::{self, ManifestText};
use keys::Form;

/// The options of `modsmith plugin check`.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// A plugin, or a directory with plugins at any depth.
    pub directory: PathBuf,
    /// The directory of plugins that `plugin build` has made. `None`: they are built for the check.
    pub built: Option<PathBuf>,
}

/// A likely mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: PathBuf,
    pub line: Option<usize>,
    /// A sentence, or several.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub plugins: usize,
    pub findings: Vec<Finding>,
}

/// Checks plugins. Plugins whose manifests have mistakes are not built, and neither are the
/// others beside them.
///
/// # Errors
/// `Usage` for a directory without plugins, `Plugin` for plugins that cannot be built.
pub fn check(options: &CheckOptions) -> Result<Checked> {
    let sources = Sources::find(&options.directory)?;
    let mut findings = Vec::new();
    for folder in &sources.tables {
        of_text(&folder.join(POLICY), Form::Table, &mut findings)?;
    }
    for folder in &sources.crates {
        of_text(&folder.join(MANIFEST), Form::Manifest, &mut findings)?;
    }
    if findings.is_empty() && !sources.crates.is_empty() {
        let work = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &std::env::temp_dir(), e))?;
        let built = match &options.built {
            Some(built) => built.clone(),
            None => {
                let out = work.path().join("built");
                build(&BuildOptions { directory: options.directory.clone(), out: out.clone() })?;
                out
            }
        };
        for folder in &sources.crates {
            of_plugin(folder, &built, &mut findings)?;
        }
    }
    Ok(Checked { plugins: sources.crates.len() + sources.tables.len(), findings })
}

/// Unknown keys of a manifest or a table, or the first other mistake.
fn of_text(file: &Path, form: Form, findings: &mut Vec<Finding>) -> Result<()> {
    let text = inside::read_configuration_text(file).map_err(|e| Error::io("read", file, e))?;
    let unknown = keys::unknown(&text, form);
    if unknown.is_empty()
        && let Err(error) = form.parse(&text)
    {
        findings.push(Finding { file: file.into(), line: None, message: format!("{error}.") });
    }
    findings.extend(unknown.into_iter().map(|key| Finding {
        file: file.into(),
        line: Some(key.line),
        message: key.to_string(),
    }));
    Ok(())
}

/// Findings that need a manifest in order and a built component.
fn of_plugin(folder: &Path, built: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    let file = folder.join(MANIFEST);
    let text = ManifestText::read(&file)?;
    let manifest = &text.manifest;
    let plugin = built.join(format!("{}.wasm", manifest.id));
    if !plugin.is_file() {
        return Err(Error::NotBuilt { file: plugin, source_folder: folder.into(), out: built.into() });
    }
    let bytes = pack::read(&plugin)?;
    let imports = form::check_world(&bytes, manifest)
        .map_err(|e| Error::WouldBeRefused { id: manifest.id.clone(), reason: e.to_string() })?;
    let mut messages = rights::unused(manifest, &imports);
    messages.extend(settings::differences(manifest, folder, text.without(&bytes))?);
    messages.extend(cargo::differences(manifest, folder)?);
    findings.extend(messages.into_iter().map(|message| Finding { file: file.clone(), line: None, message }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_of_a_text_are_findings_with_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(MANIFEST);
        let text =
            "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n[write]\nrots = []\n";
        std::fs::write(&file, text).unwrap();
        let checked = check(&CheckOptions { directory: dir.path().into(), built: None }).unwrap();
        assert_eq!(checked.plugins, 1);
        let shown = checked.findings[0].to_string();
        assert!(shown.contains("plugin.toml:7: ") && shown.contains("`roots`"), "{shown}");

        std::fs::write(&file, text.replace("rots", "roots").replace("1.0.0", "1")).unwrap();
        let checked = check(&CheckOptions { directory: dir.path().into(), built: None }).unwrap();
        assert!(checked.findings[0].message.contains("semantic version"), "{checked:?}");
    }

    #[test]
    fn a_plugin_that_is_not_built_where_it_should_be_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        std::fs::write(dir.path().join(MANIFEST), text).unwrap();
        let options = CheckOptions { directory: dir.path().into(), built: Some("/nowhere".into()) };
        assert!(check(&options).unwrap_err().to_string().contains("/nowhere/x.wasm"));
    }
}
