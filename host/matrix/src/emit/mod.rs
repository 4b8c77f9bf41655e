//! The text of an engine that runs `modsmith cell` for each cell: each engine is a template beside
//! this file, and a list of cells in the form that the engine takes.

mod github;
mod gitlab;
mod kubernetes;
mod make;
mod slurm;

use std::fmt::Write;

use crate::cell::Matrix;

/// The program that runs the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Make,
    Slurm,
    Kubernetes,
    Github,
    Gitlab,
}

impl Engine {
    pub const ALL: [Engine; 5] = [Engine::Make, Engine::Slurm, Engine::Kubernetes, Engine::Github, Engine::Gitlab];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Make => "make",
            Engine::Slurm => "slurm",
            Engine::Kubernetes => "kubernetes",
            Engine::Github => "github",
            Engine::Gitlab => "gitlab",
        }
    }

    /// Whether its text has to name a container image.
    pub fn needs_image(self) -> bool {
        self == Engine::Kubernetes
    }

    /// Whether a program is started by `make` or a shell, where a path means the machine's own files.
    pub fn is_local(self) -> bool {
        matches!(self, Engine::Make | Engine::Slurm)
    }
}

/// The values for the text of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub matrix: &'a Matrix,
    /// The file of the matrix, as the engine's machines find it.
    pub file: &'a str,
    /// The directory of results, as the engine's machines find it.
    pub results: &'a str,
    /// Options of `modsmith cell` beside those of each cell, word by word.
    pub options: &'a [String],
    /// The container image with modsmith, compilers and headers.
    pub image: Option<&'a str>,
}

impl Job<'_> {
    /// The numbers of the cells that have to be run.
    fn indices(&self) -> Vec<usize> {
        self.matrix.to_run().map(|cell| cell.index).collect()
    }

    /// The further options as words of a shell, each with a blank before it.
    fn shell_options(&self) -> String {
        self.options.iter().fold(String::new(), |mut all, word| {
            let _ = write!(all, " {}", shell_word(word));
            all
        })
    }
}

/// The text for an engine.
///
/// # Errors
/// A name that the engine cannot take, or a matrix without a cell to run, as a sentence.
pub fn emit(engine: Engine, job: &Job<'_>) -> Result<String, String> {
    if engine != Engine::Make && job.matrix.to_run().next().is_none() {
        return Err(format!("There is nothing to run: the text for {} would have no cell.", engine.name()));
    }
    match engine {
        Engine::Make => make::emit(job),
        Engine::Slurm => Ok(slurm::emit(job)),
        Engine::Kubernetes => kubernetes::emit(job),
        Engine::Github => github::emit(job),
        Engine::Gitlab => gitlab::emit(job),
    }
}

/// Fills in each `@NAME@` of a template. Placeholders in the values are not filled in.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find('@') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let value = values.iter().find(|(name, _)| rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('@')));
        match value {
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len() + 1..];
            }
            None => out.push('@'),
        }
    }
    out + rest
}

/// A word of a POSIX shell. Plain ones stay as they are.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+-:=,@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A string in JSON, which is one in YAML, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Numbers as ranges: `0-3,5,7-9`.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let shown = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(shown).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
