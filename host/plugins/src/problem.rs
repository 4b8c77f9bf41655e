//! Files that are not used as plugins, and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file that was refused, with the reason.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// The plugin's id. `None`: it could not be read.
    pub plugin: Option<String>,
    /// The problem and its remedy, without the file's name.
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
    /// One sentence for each problem. Many files of one directory with the same problem
    /// share one sentence.
    pub fn messages(problems: &[Problem]) -> Vec<String> {
        const FEW: usize = 3;
        let mut alike: BTreeMap<(&Path, String), Vec<&Problem>> = BTreeMap::new();
        for problem in problems {
            let id = problem.plugin.as_deref().unwrap_or_default();
            let message = problem.message.replace(&format!(" {id}`"), " ID`");
            alike.entry((problem.file.parent().unwrap_or(&problem.file), message)).or_default().push(problem);
        }
        let messages = alike.into_iter().flat_map(|((directory, message), problems)| {
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
        messages.collect()
    }
}
