//! Starting a plugin: a folder with manifest, code, a test case, and a file for CI, which is
//! built and passes its test as it is.
//!
//! The files are texts below `templates/`, with placeholders such as `{{name}}`.

/// The text of a file below `templates/`.
macro_rules! template {
    ($name:expr) => {
        include_str!(concat!("../../templates/", $name))
    };
}

mod kinds;
mod language;
mod texts;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modsmith_plugins::manifest::{TRACK, check_identity};

use crate::error::{Error, Result};
use crate::names::{FACTS, MANIFEST, PLAN, POLICY};
use kinds::{KINDS, Kind};
pub use language::Language;

/// The options of `modsmith plugin new`.
#[derive(Debug, Clone)]
pub struct NewOptions {
    /// A role, as manifests name it.
    pub kind: String,
    /// The plugin's id.
    pub name: String,
    pub language: Language,
    /// The folder of the Rust SDK, instead of its released version.
    pub sdk: Option<PathBuf>,
    /// The folder to make; of the plugin's name in the working directory otherwise.
    pub out: Option<PathBuf>,
}

/// A file of the new folder: path, text, mode.
type File = (String, String, u32);

/// Makes the folder and returns its path.
///
/// # Errors
/// `Usage` for a name that is no id, a role or a language without a template, a folder that
/// is there, and an SDK that is not; `System` for files that cannot be written.
pub fn new(options: &NewOptions) -> Result<PathBuf> {
    check_identity(&options.name, "0.1.0").map_err(|reason| Error::BadName { reason })?;
    let files = files(options)?;
    let folder = options.out.clone().unwrap_or_else(|| options.name.clone().into());
    if folder.exists() {
        return Err(Error::FolderExists { folder });
    }
    for (name, text, mode) in files {
        let file = folder.join(name);
        let directory = file.parent().unwrap_or(&folder);
        std::fs::create_dir_all(directory).map_err(|e| Error::io("make the directory", directory, e))?;
        let written = std::fs::write(&file, text);
        let written = written.and_then(|()| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)));
        written.map_err(|e| Error::io("write", &file, e))?;
    }
    Ok(folder)
}

/// All files with their final texts.
fn files(options: &NewOptions) -> Result<Vec<File>> {
    let kind = KINDS
        .iter()
        .find(|kind| kind.name == options.kind)
        .ok_or_else(|| Error::NoTemplate { wanted: format!("`{}`", options.kind), others: names(|_| true) })?;
    let language = options.language;
    let source = kind.source(language).ok_or_else(|| Error::NoTemplate {
        wanted: format!("`{}` in {}", kind.name, language.name()),
        others: names(|kind| kind.source(language).is_some()),
    })?;
    let case = format!("cases/{}", kind.case);
    let parts = language.parts();
    let head = format!("#:schema schemas/plugin.json\n{}{}", texts::HEAD, kind.manifest);
    let ignored: String = parts.ignored.iter().map(|name| format!("/{name}/\n")).collect();
    let mut files = vec![
        ("README.md", texts::README.to_owned(), 0o644),
        ("ci.sh", texts::CI.to_owned(), 0o755),
        (".gitignore", format!("/build/\n/dist/\n/target/\n{ignored}"), 0o644),
        ("schemas/facts.json", texts::FACTS_SCHEMA.to_owned(), 0o644),
    ];
    match language {
        Language::Table => {
            files.push(("schemas/policy.json", texts::POLICY_SCHEMA.to_owned(), 0o644));
            files.push((parts.source, format!("#:schema schemas/policy.json\n{source}"), 0o644));
        }
        _ => {
            files.push(("schemas/plugin.json", texts::PLUGIN_SCHEMA.to_owned(), 0o644));
            files.push((MANIFEST, format!("{head}{}", parts.build), 0o644));
            files.push((parts.source, source.to_owned(), 0o644));
        }
    }
    files.extend(parts.others.iter().map(|(name, text, mode)| (*name, (*text).to_owned(), *mode)));
    let values = values(options, kind)?;
    let filled = files.into_iter().map(|(name, text, mode)| (name.to_owned(), fill(&text, &values), mode));
    let facts =
        [(FACTS, format!("#:schema ../../schemas/facts.json\n{}", kind.facts)), (PLAN, kind.expected.to_owned())];
    let facts = facts.map(|(name, text)| (format!("{case}/{name}"), fill(&text, &values), 0o644));
    let root = kind.root.iter().map(|(name, text)| (format!("{case}/root/{name}"), (*text).to_owned(), 0o644));
    Ok(filled.chain(facts).chain(root).collect())
}

/// The values of the placeholders.
fn values(options: &NewOptions, kind: &Kind) -> Result<Vec<(&'static str, String)>> {
    let parts = options.language.parts();
    let (manifest, suffix) = match options.language {
        Language::Table => (POLICY, "toml"),
        _ => (MANIFEST, "wasm"),
    };
    Ok(vec![
        ("name", options.name.clone()),
        ("kind", kind.name.to_owned()),
        ("description", kind.description.to_owned()),
        ("track", TRACK.to_owned()),
        ("file", format!("{}.{suffix}", options.name)),
        ("manifest", manifest.to_owned()),
        ("source", parts.source.to_owned()),
        ("needs", parts.needs.trim_end().to_owned()),
        ("sdk", sdk(options.sdk.as_deref())?),
    ])
}

/// The dependency on the SDK, as Cargo.toml writes it.
fn sdk(folder: Option<&Path>) -> Result<String> {
    let Some(folder) = folder else {
        return Ok(format!("\"{TRACK}\""));
    };
    let resolved = folder.canonicalize().ok().filter(|folder| folder.join("Cargo.toml").is_file());
    let resolved = resolved.ok_or_else(|| Error::NoSdk { folder: folder.to_path_buf() })?;
    Ok(format!("{{ path = {} }}", toml::Value::from(resolved.display().to_string())))
}

fn fill(text: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

fn names(wanted: impl Fn(&Kind) -> bool) -> Vec<&'static str> {
    KINDS.iter().filter(|kind| wanted(kind)).map(|kind| kind.name).collect()
}

#[cfg(test)]
mod tests {
    use modsmith_plugins::manifest::Manifest;
    use modsmith_plugins::table::TableFile;

    use super::*;

    fn options(kind: &str, language: Language) -> NewOptions {
        NewOptions { kind: kind.into(), name: "mine".into(), language, sdk: None, out: None }
    }

    #[test]
    fn every_template_is_filled_and_its_manifest_is_in_order() {
        for kind in &KINDS {
            for (language, _) in kind.sources {
                let files = files(&options(kind.name, *language)).unwrap();
                for (name, text, _) in files.iter().filter(|(name, ..)| !name.starts_with("schemas/")) {
                    assert!(!text.contains("{{") && text.ends_with('\n'), "{} {name}: {text}", kind.name);
                }
                let text = |wanted: &str| files.iter().find(|(name, ..)| name == wanted).map(|(_, text, _)| text);
                match language {
                    Language::Table => drop(TableFile::parse(text(POLICY).unwrap()).unwrap()),
                    _ => {
                        let manifest = Manifest::parse(text(MANIFEST).unwrap()).unwrap();
                        assert_eq!(manifest.roles.provides[0].name(), kind.name);
                        assert_eq!(manifest.build.is_some(), *language != Language::Rust);
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_no_template_names_those_that_there_are() {
        let error = files(&options("bootloader", Language::Rust)).unwrap_err();
        assert!(error.to_string().contains("`bootloader`") && error.hints()[0].contains("initrd"), "{error:?}");
        let error = files(&options("packager", Language::Table)).unwrap_err();
        assert!(error.to_string().contains("`packager` in table"), "{error}");
        assert!(error.hints()[0].contains("install-policy") && !error.hints()[0].contains("packager"), "{error:?}");
    }

    #[test]
    fn a_name_that_is_no_id_and_a_folder_that_is_there_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let bad = NewOptions { name: "My Plugin".into(), ..options("initrd", Language::Rust) };
        assert!(new(&bad).unwrap_err().to_string().contains("My Plugin"));
        let there = NewOptions { out: Some(dir.path().into()), ..options("initrd", Language::Rust) };
        let error = new(&there).unwrap_err();
        assert!(error.to_string().contains(&dir.path().display().to_string()) && !error.hints().is_empty());
    }

    #[test]
    fn the_sdk_is_a_version_or_a_folder() {
        assert_eq!(sdk(None).unwrap(), format!("\"{TRACK}\""));
        let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest");
        assert!(sdk(Some(&guest)).unwrap().ends_with("/sdk/guest\" }"));
        assert!(sdk(Some(Path::new("/nowhere"))).unwrap_err().to_string().contains("/nowhere"));
    }

    #[test]
    fn scripts_can_be_run() {
        let dir = tempfile::tempdir().unwrap();
        for language in Language::ALL {
            let out = Some(dir.path().join(language.name()));
            let folder = new(&NewOptions { out, ..options("initrd", language) }).unwrap();
            for script in ["ci.sh", "build.sh"].map(|name| folder.join(name)) {
                if let Ok(about) = script.metadata() {
                    assert_eq!(about.permissions().mode() & 0o777, 0o755, "{}", script.display());
                }
            }
            assert!(folder.join("ci.sh").is_file());
        }
    }

    #[test]
    fn every_language_has_an_initrd() {
        for language in Language::ALL {
            let files = files(&options("initrd", language)).unwrap();
            let text = |wanted: &str| files.iter().find(|(name, ..)| name == wanted).map(|(_, text, _)| text.as_str());
            let about = if language == Language::Table { POLICY } else { MANIFEST };
            let about = text(about).unwrap();
            assert!(about.contains("provides = [\"initrd\"]") && about.contains("\"mine\""), "{language:?}: {about}");
            // The code calls the tool that the case expects a step of.
            for name in [language.parts().source.to_owned(), format!("cases/image/{PLAN}")] {
                assert!(text(&name).is_some_and(|text| text.contains("mkimage")), "{language:?}: {name}");
            }
        }
    }
}
