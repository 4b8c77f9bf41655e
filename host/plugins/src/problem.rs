//! Files that are not used as plugins, and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file that was refused, and why.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// Its id, if that could be read.
    pub plugin: Option<String>,
    /// What is wrong and what to do, without the file's name.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.plugin {
            Some(id) => write!(f, "Plugin `{id}` ({}) is not used: {}.", self.file.display(), self.message),
            None => write!(f, "{} is not used as a plugin: {}.", self.file.display(), self.message),
        }
    }
}

impl Problem {
    /// A sentence for each, but one for many of a directory that have the same
    /// problem.
    pub fn told(problems: &[Problem]) -> Vec<String> {
        const FEW: usize = 3;
        let mut alike: BTreeMap<(&Path, String), Vec<&Problem>> = BTreeMap::new();
        for problem in problems {
            let id = problem.plugin.as_deref().unwrap_or_default();
            let message = problem.message.replace(&format!(" {id}`"), " ID`");
            alike.entry((problem.file.parent().unwrap_or(&problem.file), message)).or_default().push(problem);
        }
        let told = alike.into_iter().flat_map(|((directory, message), problems)| {
            let ids: Vec<&str> = problems.iter().filter_map(|problem| problem.plugin.as_deref()).collect();
            if ids.len() <= FEW || ids.len() < problems.len() {
                return problems.iter().map(ToString::to_string).collect();
            }
            let (count, first) = (ids.len(), ids[..FEW].join("`, `"));
            vec![format!(
                "{count} plugins in {} are not used (`{first}` and {} more). Of each: {message}.",
                directory.display(),
                count - FEW
            )]
        });
        told.collect()
    }
}
