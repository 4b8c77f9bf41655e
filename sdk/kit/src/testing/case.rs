//! One case: a folder with facts and the answer that they must give.

use std::path::{Path, PathBuf};

use super::ask::Answer;
use super::diff::diff;
use super::facts::Facts;
use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::names::{PLAN, REFUSAL};
use modsmith_facts::inside;

/// A folder with a facts.toml.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub path: PathBuf,
    pub facts: Facts,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// The answer was written as the new expectation.
    Updated,
    Failed {
        /// The reason, as one sentence.
        why: String,
        /// Lines that show the failure.
        shown: Vec<String>,
    },
}

impl Case {
    /// The cases in a folder, by name.
    ///
    /// # Errors
    /// `Usage` when there is none, or one whose facts are not in order.
    pub fn all(folder: &Path) -> Result<Vec<Case>> {
        let none = || Error::NoCases { folder: folder.to_path_buf() };
        let entries = match std::fs::read_dir(folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(none()),
            other => other.map_err(|e| Error::io("read the directory", folder, e))?,
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.is_dir());
        paths.sort();
        if paths.is_empty() {
            return Err(none());
        }
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, facts: Facts::read(&path)?, path })
    }

    /// Compares an answer with what is expected.
    ///
    /// # Errors
    /// When the expectation cannot be read.
    pub fn check(&self, answer: &Answer) -> Result<Outcome> {
        let failed = |why: &str, shown: Vec<String>| Outcome::Failed { why: why.into(), shown };
        let (plan, refusal) = (self.expected(PLAN)?, self.expected(REFUSAL)?);
        Ok(match (plan, refusal, answer.text()) {
            (Some(plan), None, Ok(given)) if plan == given => Outcome::Passed,
            (Some(plan), None, Ok(given)) => failed("The answer is not the expected one.", diff(&plan, &given)),
            (Some(plan), None, Err(why)) => failed("It refused instead of answering.", diff(&plan, &why)),
            (None, Some(part), Err(why)) if why.contains(&part) => Outcome::Passed,
            (None, Some(part), Err(why)) => failed("The refusal is not the expected one.", diff(&part, &why)),
            (None, Some(part), Ok(given)) => failed("It answered instead of refusing.", diff(&part, &given)),
            (None, None, given) => {
                let shown = given.unwrap_or_else(|why| why);
                failed(&format!("It has neither {PLAN} nor {REFUSAL}."), diff("", &shown))
            }
            (Some(_), Some(_), _) => failed(&format!("It has both {PLAN} and {REFUSAL}."), Vec::new()),
        })
    }

    /// Makes the answer the expectation.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn accept(&self, answer: &Answer) -> Result<Outcome> {
        let (text, write, remove) = match answer.text() {
            Ok(text) => (text, PLAN, REFUSAL),
            Err(text) => (text, REFUSAL, PLAN),
        };
        let folder = Folder::open(&self.path)?;
        let failed = |doing, name: &str, e| Error::io(doing, &self.path.join(name), e);
        folder.replace(write, (text + "\n").as_bytes()).map_err(|e| failed("write", write, e))?;
        folder.remove(remove).map_err(|e| failed("remove", remove, e))?;
        Ok(Outcome::Updated)
    }

    fn expected(&self, name: &str) -> Result<Option<String>> {
        let file = self.path.join(name);
        match inside::read_file(&file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", &file, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::FACTS;

    fn case() -> (tempfile::TempDir, Case) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join(FACTS), "call = \"prune\"\n[kernel]\nrelease = \"6.1\"\n").unwrap();
        let case = Case::all(dir.path()).unwrap().remove(0);
        (dir, case)
    }

    fn given(value: &str) -> Answer {
        Answer::Given { value: Some(value.into()), steps: Vec::new() }
    }

    fn refused(why: &str) -> Answer {
        Answer::Unsupported(vec![("x".into(), why.into())])
    }

    #[test]
    fn a_folder_without_cases_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [dir.path().to_path_buf(), dir.path().join("missing")] {
            let error = Case::all(&folder).unwrap_err();
            assert!(error.to_string().contains("no cases") && error.hints()[0].contains(FACTS), "{error}");
        }
    }

    #[test]
    fn another_answer_is_shown_line_by_line_and_can_be_accepted() {
        let (_dir, case) = case();
        std::fs::write(case.path.join(PLAN), "answer: always\n").unwrap();
        assert_eq!(case.check(&given("always")).unwrap(), Outcome::Passed);
        let Outcome::Failed { shown, .. } = case.check(&given("never")).unwrap() else { panic!("it passed") };
        assert_eq!(shown, ["- answer: always", "+ answer: never"]);
        case.accept(&given("never")).unwrap();
        assert_eq!(case.check(&given("never")).unwrap(), Outcome::Passed);
    }

    #[test]
    fn an_expectation_that_is_a_link_is_not_written_through() {
        let (dir, case) = case();
        let precious = dir.path().join("precious");
        std::fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, case.path.join(PLAN)).unwrap();
        case.accept(&given("never")).unwrap();
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(case.check(&given("never")).unwrap(), Outcome::Passed);
    }

    #[test]
    fn a_part_of_a_refusal_is_enough_and_an_answer_is_none() {
        let (_dir, case) = case();
        std::fs::write(case.path.join(REFUSAL), "no image\n").unwrap();
        assert_eq!(case.check(&refused("there is no image")).unwrap(), Outcome::Passed);
        assert!(matches!(case.check(&refused("no tool")).unwrap(), Outcome::Failed { .. }));
        assert!(matches!(case.check(&given("no image")).unwrap(), Outcome::Failed { .. }));
        case.accept(&given("always")).unwrap();
        assert!(!case.path.join(REFUSAL).exists() && case.path.join(PLAN).exists());
    }

    #[test]
    fn a_case_without_an_expectation_fails_and_shows_what_it_would_be() {
        let (_dir, case) = case();
        let Outcome::Failed { why, shown } = case.check(&given("never")).unwrap() else { panic!("it passed") };
        assert!(why.contains(PLAN) && why.contains(REFUSAL));
        assert_eq!(shown, ["+ answer: never"]);
    }
}
