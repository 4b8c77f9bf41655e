//! Programs to run.

use crate::Path;
use crate::bindings::imports::modsmith::plugin::plan::Command as Planned;
pub use crate::bindings::imports::modsmith::plugin::types::Argument;

/// A program to run; [`cmd!`](crate::cmd) is the short form. Without more, it gets no
/// environment, no input and ten minutes, and its failure undoes the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    program: String,
    arguments: Vec<Argument>,
    variables: Vec<(String, String)>,
    directory: Option<Path>,
    lines: Vec<Argument>,
    seconds: Option<u32>,
    accepts: Vec<u8>,
}

impl Command {
    /// A program of the manifest's `[[run]]` entries: a bare name, which is
    /// looked up on the target's program path, or a [`Path`] to one.
    pub fn new(program: impl Into<Argument>) -> Self {
        let program = match program.into() {
            Argument::Text(name) => name,
            Argument::Location(path) => path.to_string(),
        };
        Self {
            program,
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: None,
            lines: Vec::new(),
            seconds: None,
            accepts: Vec::new(),
        }
    }

    /// Adds a word: text, or a [`Path`], which modsmith turns into the real path
    /// when the program runs. Nothing is passed through a shell.
    pub fn arg(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several words.
    pub fn args<A: Into<Argument>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the otherwise empty environment. The manifest's
    /// `[[run]]` entry must list its name under `environment`.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Adds a line to the otherwise empty standard input: text, or a [`Path`].
    pub fn line(mut self, line: impl Into<Argument>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Sets the working directory; without it, the target's root.
    pub fn in_directory(mut self, directory: impl Into<Path>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets the time that the program may take.
    pub fn time_limit(mut self, seconds: u32) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// Takes a further exit code as success.
    pub fn accept(mut self, code: u8) -> Self {
        self.accepts.push(code);
        self
    }

    /// As the host takes it, with the meaning of a failure.
    pub(crate) fn planned(&self, on_failure: &str) -> Planned {
        let planned = Planned::new(&self.program);
        self.arguments.iter().for_each(|argument| planned.argument(argument));
        self.variables.iter().for_each(|(name, value)| planned.variable(name, value));
        self.directory.iter().for_each(|directory| planned.directory(directory));
        self.lines.iter().for_each(|line| planned.line(line));
        self.seconds.iter().for_each(|seconds| planned.time_limit(*seconds));
        self.accepts.iter().for_each(|code| planned.accept(*code));
        if on_failure != "abort" {
            planned.on_failure(on_failure);
        }
        planned
    }
}

/// A command from its words: `cmd!("dracut", "-f", image, kernel.release())`.
/// Each word is text or a [`Path`].
#[macro_export]
macro_rules! cmd {
    ($program:expr $(, $argument:expr)* $(,)?) => {
        $crate::Command::new($program)$(.arg($argument))*
    };
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Argument::Text(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Argument::Text(text)
    }
}

impl From<&String> for Argument {
    fn from(text: &String) -> Self {
        Argument::Text(text.clone())
    }
}

impl From<Path> for Argument {
    fn from(path: Path) -> Self {
        Argument::Location(path)
    }
}

impl From<&Path> for Argument {
    fn from(path: &Path) -> Self {
        Argument::Location(path.clone())
    }
}

impl From<&Argument> for Argument {
    fn from(argument: &Argument) -> Self {
        argument.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_order_and_paths_stay_paths() {
        let image = Path::boot("initrd");
        let command = cmd!("dracut", "-f", &image, String::from("6.1"));
        assert_eq!(command.program, "dracut");
        assert_eq!(command.arguments, ["-f".into(), Argument::Location(image), "6.1".into()]);
    }

    #[test]
    fn a_program_below_a_root_is_named_as_manifests_name_it() {
        assert_eq!(cmd!(Path::headers("scripts/sign-file")).program, "headers/scripts/sign-file");
    }
}
