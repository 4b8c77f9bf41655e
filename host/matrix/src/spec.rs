//! The specification of a matrix, as its author writes it: TOML, described by
//! `docs/reference/matrix-spec-schema.json`.

use std::path::PathBuf;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

/// The keys of the file.
const KEYS: [&str; 4] = ["modules", "kernels", "headers", "architectures"];

/// The specification: modules, and the kernels that they are built for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Spec {
    modules: Vec<String>,
    /// Releases, or patterns of releases.
    #[serde(default)]
    pub kernels: Vec<String>,
    #[serde(default)]
    headers: Vec<String>,
    /// The names that the kernel uses; without one, the machine's architecture.
    #[serde(default)]
    pub architectures: Vec<String>,
}

/// A module of the specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleSpec {
    /// A package of the tree: name and version.
    Package(String, String),
    /// A directory with a dkms.conf.
    Directory(PathBuf),
}

/// The headers of kernels: a directory, a package, or several of either.
#[derive(Debug, Clone)]
pub enum HeadersSpec {
    /// This file or directory.
    Path(PathBuf),
    /// The files of the directory whose names match.
    Pattern { directory: PathBuf, names: GlobMatcher },
}

/// Why a text is no specification.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("{0}")]
    Syntax(String),
    #[error("there is no key `{key}`{}", meant(.similar.as_ref()))]
    UnknownKey { key: String, similar: Option<&'static str> },
    #[error("`{key}` is empty or missing: {needed}")]
    Empty { key: &'static str, needed: &'static str },
    #[error("`{0}` is no module: write NAME/VERSION, or a directory as /DIR or ./DIR")]
    Module(String),
    #[error("`{pattern}` is no pattern: {why}")]
    Pattern { pattern: String, why: String },
}

fn meant(similar: Option<&&'static str>) -> String {
    similar.map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default()
}

impl Spec {
    /// Reads the text of a specification.
    ///
    /// # Errors
    /// TOML that cannot be read; a key that there is not; no module or no kernel.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let syntax = |error: toml::de::Error| SpecError::Syntax(error.to_string().trim_end().to_owned());
        let table: toml::Table = text.parse().map_err(syntax)?;
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(SpecError::UnknownKey { key: key.clone(), similar: similar(key) });
        }
        if !table.contains_key("modules") {
            return Err(SpecError::Empty { key: "modules", needed: "name one, as in `modules = [\"bbswitch/0.8\"]`" });
        }
        let spec: Spec = toml::from_str(text).map_err(syntax)?;
        if spec.modules.is_empty() {
            return Err(SpecError::Empty { key: "modules", needed: "name one, as in `modules = [\"bbswitch/0.8\"]`" });
        }
        if spec.kernels.is_empty() && spec.headers.is_empty() {
            return Err(SpecError::Empty {
                key: "kernels",
                needed: "name releases, or patterns such as `kernels = [\"*\"]`, or directories and packages with `headers`",
            });
        }
        spec.modules()?;
        spec.kernels.iter().try_for_each(|pattern| glob(pattern).map(drop))?;
        spec.headers()?;
        Ok(spec)
    }

    /// Where headers are, in the order of the file.
    ///
    /// # Errors
    /// A pattern that is none, or has one directory's name in it.
    pub fn headers(&self) -> Result<Vec<HeadersSpec>, SpecError> {
        self.headers.iter().map(|word| headers(word)).collect()
    }

    /// The modules, in the order of the file.
    ///
    /// # Errors
    /// A word that names none.
    pub fn modules(&self) -> Result<Vec<ModuleSpec>, SpecError> {
        self.modules.iter().map(|word| module(word)).collect()
    }

    /// The releases that the file names, each once: plain ones as they are written, and for patterns,
    /// those of `installed` that match, in the order of the file and of `installed`.
    pub fn releases(&self, installed: &[String]) -> Vec<String> {
        let mut releases: Vec<String> = Vec::new();
        for word in &self.kernels {
            let matching: Vec<&String> = match glob(word) {
                Ok(Some(matcher)) => installed.iter().filter(|release| matcher.is_match(release.as_str())).collect(),
                _ => vec![word],
            };
            for release in matching {
                if !releases.contains(release) {
                    releases.push(release.clone());
                }
            }
        }
        releases
    }
}

fn module(word: &str) -> Result<ModuleSpec, SpecError> {
    if word.starts_with('/') || word.starts_with("./") || word.starts_with("../") || matches!(word, "." | "..") {
        return Ok(ModuleSpec::Directory(PathBuf::from(word)));
    }
    match word.split_once('/') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() && !version.contains('/') => {
            Ok(ModuleSpec::Package(name.to_owned(), version.to_owned()))
        }
        _ => Err(SpecError::Module(word.to_owned())),
    }
}

fn headers(word: &str) -> Result<HeadersSpec, SpecError> {
    let (directory, name) = word.rsplit_once('/').unwrap_or(("", word));
    if glob(directory)?.is_some() {
        let why = "only the last name of a path may be one".to_owned();
        return Err(SpecError::Pattern { pattern: word.to_owned(), why });
    }
    let directory = if word.starts_with('/') { format!("{directory}/") } else { directory.to_owned() };
    Ok(match glob(name)? {
        Some(names) => HeadersSpec::Pattern { directory: directory.into(), names },
        None => HeadersSpec::Path(word.into()),
    })
}

/// `None` for a plain word.
fn glob(word: &str) -> Result<Option<GlobMatcher>, SpecError> {
    if !word.contains(['*', '?', '[']) {
        return Ok(None);
    }
    let glob = GlobBuilder::new(word).literal_separator(false).build();
    let glob = glob.map_err(|error| SpecError::Pattern { pattern: word.to_owned(), why: error.kind().to_string() })?;
    Ok(Some(glob.compile_matcher()))
}

/// The key that a word with a slip of the keyboard was to be.
fn similar(word: &str) -> Option<&'static str> {
    let (slips, key) = KEYS.iter().map(|key| (strsim::damerau_levenshtein(word, key), *key)).min()?;
    (slips <= key.len() / 3).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_packages_or_directories() {
        let spec = Spec::parse("modules = [\"a/1.0\", \"./b\", \"/c\"]\nkernels = [\"6.1\"]\n").unwrap();
        let expected = [
            ModuleSpec::Package("a".into(), "1.0".into()),
            ModuleSpec::Directory("./b".into()),
            ModuleSpec::Directory("/c".into()),
        ];
        assert_eq!(spec.modules().unwrap(), expected);
        for word in ["a", "a/", "/", "a/b/c"] {
            let text = format!("modules = [\"{word}\"]\nkernels = [\"6.1\"]\n");
            assert_eq!(Spec::parse(&text).is_ok(), word == "/", "{word}");
        }
    }

    #[test]
    fn patterns_stand_for_installed_kernels_and_plain_releases_for_themselves() {
        let installed = ["6.1.0-56-amd64", "6.1.0-56-rt-amd64", "6.12.1"].map(str::to_owned);
        let releases = |kernels: &str| {
            let spec = Spec::parse(&format!("modules = [\"a/1\"]\nkernels = {kernels}\n")).unwrap();
            spec.releases(&installed).join(" ")
        };
        assert_eq!(releases("[\"*-rt-*\", \"7.0\"]"), "6.1.0-56-rt-amd64 7.0");
        assert_eq!(releases("[\"6.12.1\", \"*\"]"), "6.12.1 6.1.0-56-amd64 6.1.0-56-rt-amd64");
    }

    #[test]
    fn headers_are_paths_or_patterns_of_names_in_one_directory() {
        let of = |word: &str| {
            Spec::parse(&format!("modules = [\"a/1\"]\nheaders = [\"{word}\"]\n"))
                .map(|spec| spec.headers().unwrap().remove(0))
        };
        assert!(matches!(of("dir/x").unwrap(), HeadersSpec::Path(path) if path.as_os_str() == "dir/x"));
        for (word, within) in [("/d/e/linux-*_1.pkg", "/d/e/"), ("linux-*_1.pkg", ""), ("/linux-*_1.pkg", "/")] {
            let HeadersSpec::Pattern { directory, names } = of(word).unwrap() else { panic!("{word}") };
            assert_eq!(directory, PathBuf::from(within), "{word}");
            assert!(names.is_match("linux-6_1.pkg") && !names.is_match("linux-6_2.pkg"), "{word}");
        }
        assert!(of("a*/b").unwrap_err().to_string().contains("only the last name"));
    }

    #[test]
    fn a_slip_is_refused_with_the_key_that_was_meant() {
        let error = |text: &str| Spec::parse(text).unwrap_err().to_string();
        assert_eq!(
            error("modules = [\"a/1\"]\nkernel = [\"6.1\"]\n"),
            "there is no key `kernel`; did you mean `kernels`?"
        );
        assert_eq!(error("x = 1\n"), "there is no key `x`");
        assert!(error("kernels = [\"6.1\"]\n").starts_with("`modules` is empty or missing"));
        assert!(error("modules = [\"a/1\"]\n").starts_with("`kernels` is empty or missing"));
        assert!(error("modules = [\"a/1\"]\nkernels = [\"[\"]\n").contains("no pattern"));
        assert!(error("modules = 1\n").contains("invalid type"));
        assert!(error("modules = [\n").contains("TOML parse error"));
    }
}
