//! The table of commands: help, manual, completion and hints are made from it.
//!
//! The help, the manual page, completion and the hint at a slip of the keyboard are all
//! made from it. A new command is an entry in the file of its group, and a line in
//! `RUN` of the crate's root, which says what runs it.

mod about;
mod building;
mod fleet;
mod kernels;
mod looking;
mod options;
mod plugins;
mod repair;
pub mod topics;

use clap::CommandFactory;

use super::Persona;
use super::arguments::Arguments;

/// The purpose of a command: help lists the commands of one purpose together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Look,
    Build,
    Kernels,
    /// Commands of package formats: plugins bring them, none is in the table.
    Packages,
    Plugins,
    Fleet,
    Repair,
    About,
}

impl Group {
    /// All groups, in the order of the list.
    pub const ALL: [Group; 8] = [
        Group::Look,
        Group::Build,
        Group::Kernels,
        Group::Packages,
        Group::Plugins,
        Group::Fleet,
        Group::Repair,
        Group::About,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Group::Look => "Look",
            Group::Build => "Build and install",
            Group::Kernels => "Kernels",
            Group::Packages => "Packages",
            Group::Plugins => "Plugins",
            Group::Fleet => "Fleet",
            Group::Repair => "Repair",
            Group::About => "About modsmith",
        }
    }
}

/// One command of the program.
#[derive(Debug)]
pub struct Command {
    pub name: &'static str,
    pub group: Group,
    /// One line, without a full stop.
    pub summary: &'static str,
    /// The words behind the program's name, one text for each form.
    pub usage: &'static [&'static str],
    /// Paragraphs.
    pub about: &'static [&'static str],
    pub takes: Takes,
    /// A command line without the program's name, and what it is for.
    pub examples: &'static [(&'static str, &'static str)],
    /// Beside 0, and when the program ends with them.
    pub exit_codes: &'static [(u8, &'static str)],
    /// Commands, topics of `modsmith help` and manual pages.
    pub see_also: &'static [&'static str],
    /// Examples of its subcommands, as above.
    pub parts: &'static [Part],
}

/// The examples of a subcommand: all else of its page is in the parser and in its command.
#[derive(Debug)]
pub struct Part {
    pub name: &'static str,
    pub examples: &'static [(&'static str, &'static str)],
}

/// The arguments of a command.
#[derive(Debug)]
pub enum Takes {
    /// An action: both personas have it. Its words, and the ids of those options of
    /// [`Arguments`] that mean something to it; the parser accepts all options.
    Shared { words: &'static [(&'static str, &'static str)], options: &'static [&'static [&'static str]] },
    /// Arguments of its own. Only `modsmith` has such a command, as the first word.
    Own(fn() -> clap::Command),
}

impl Command {
    /// Whether only `modsmith` has it.
    pub fn is_own(&self) -> bool {
        matches!(self.takes, Takes::Own(_))
    }

    /// The subcommands without those of another program, which describes them.
    pub fn described_parts(&self) -> Vec<clap::Command> {
        self.clap().get_subcommands().filter(|sub| !sub.is_disable_help_flag_set()).cloned().collect()
    }

    /// The command line for clap: of an action, with the options that it takes.
    pub fn clap(&self) -> clap::Command {
        let command = match &self.takes {
            Takes::Own(command) => command().name(self.name),
            Takes::Shared { options, .. } => {
                let taken = |id: &str| options.iter().any(|set| set.contains(&id)) || is_global(id);
                let all = shared_options(Persona::Modsmith);
                let args = all.into_iter().filter(|arg| taken(arg.get_id().as_str()));
                clap::Command::new(self.name).args(args).disable_version_flag(true)
            }
        };
        command.about(self.summary)
    }
}

/// Whether an option means the same to every command that takes it.
pub fn is_global(id: &str) -> bool {
    options::GLOBAL.contains(&id)
}

/// The options of the command line that actions share.
pub fn shared_options(persona: Persona) -> Vec<clap::Arg> {
    let command = match persona {
        Persona::Dkms => Arguments::command(),
        Persona::Modsmith => Arguments::for_people(),
    };
    command.get_arguments().filter(|arg| !arg.is_positional()).cloned().collect()
}

/// All commands of the program itself, group by group.
pub fn all() -> impl Iterator<Item = &'static Command> {
    const FILES: [&[Command]; 7] = [
        looking::COMMANDS,
        building::COMMANDS,
        kernels::COMMANDS,
        plugins::COMMANDS,
        fleet::COMMANDS,
        repair::COMMANDS,
        about::COMMANDS,
    ];
    FILES.into_iter().flatten()
}

/// The command of a word.
pub fn of(word: &str) -> Option<&'static Command> {
    all().find(|command| command.name == word)
}

/// The commands that only `modsmith` has.
pub fn own() -> impl Iterator<Item = &'static Command> {
    all().filter(|command| command.is_own())
}

/// The name that a word with a slip of the keyboard was to be.
pub fn similar<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |name: &'n str| (strsim::damerau_levenshtein(word, name), name);
    let (slips, name) = names.into_iter().map(likeness).min()?;
    (slips <= word.chars().count().div_ceil(4)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn every_action_is_in_the_table_once_and_every_entry_is_whole() {
        for name in words::names() {
            assert_eq!(all().filter(|command| command.name == name && !command.is_own()).count(), 1, "{name}");
        }
        let actions = all().filter(|command| !command.is_own()).count();
        assert_eq!(actions, words::names().count(), "an action of the table that is none");
        for command in all() {
            let name = command.name;
            assert_eq!(all().filter(|other| other.name == name).count(), 1, "{name} is there twice");
            assert!(!command.summary.ends_with('.') && command.summary.len() <= 76, "{name}: the summary");
            assert!(!command.about.is_empty() && !command.usage.is_empty(), "{name}: what it does");
            assert!(command.examples.len() >= 2, "{name}: two examples");
            assert!(!command.see_also.is_empty(), "{name}: see also");
            for usage in command.usage {
                assert!(usage.starts_with(name), "{name}: {usage}");
            }
            let parts: Vec<String> = command.described_parts().iter().map(|sub| sub.get_name().to_owned()).collect();
            let described: Vec<&str> = command.parts.iter().map(|part| part.name).collect();
            assert_eq!(described, parts, "{name}: each subcommand has examples, in the parser's order");
            for (line, _) in command.parts.iter().flat_map(|part| part.examples) {
                assert!(command.parts.iter().any(|part| line.starts_with(&format!("{name} {}", part.name))), "{line}");
            }
            assert!(command.parts.iter().all(|part| part.examples.len() >= 2), "{name}: two examples for each");
            for other in command.see_also {
                assert!(of(other).is_some() || topics::of(other).is_some() || other.ends_with(')'), "{name}: {other}");
            }
        }
    }

    #[test]
    fn every_option_is_taken_by_a_command() {
        let known: Vec<String> = shared_options(Persona::Modsmith).iter().map(|arg| arg.get_id().to_string()).collect();
        let mut taken: Vec<&str> = options::GLOBAL.to_vec();
        for command in all() {
            if let Takes::Shared { options, .. } = &command.takes {
                taken.extend(options.iter().flat_map(|set| set.iter()));
            }
        }
        for id in &taken {
            assert!(known.iter().any(|known| known == id), "there is no {id}");
        }
        let hidden = ["no_prepare_kernel", "no_clean_kernel"];
        for id in &known {
            assert!(taken.contains(&id.as_str()) || hidden.contains(&id.as_str()), "no command takes {id}");
        }
    }

    #[test]
    fn examples_begin_with_a_command_that_there_is() {
        for command in all() {
            for (line, text) in command.parts.iter().flat_map(|part| part.examples).chain(command.examples) {
                let first = line.split(' ').find(|word| !word.starts_with('-')).unwrap_or_default();
                assert!(of(first).is_some() || first == "mkdeb", "{}: {line}", command.name);
                assert!(text.ends_with('.'), "{}: {text}", command.name);
            }
        }
    }

    #[test]
    fn exit_codes_are_those_that_the_reference_lists() {
        let page = include_str!("../../../../docs/reference/exit-codes.md");
        for command in all() {
            for (code, text) in command.exit_codes {
                assert!(page.contains(&format!("\n| {code} |")), "{}: {code}", command.name);
                assert!(text.ends_with('.'), "{}: {text}", command.name);
            }
        }
    }

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        assert_eq!(similar("stauts", ["status", "install"]), Some("status"));
        assert_eq!(similar("frobnicate", ["status", "install"]), None);
    }
}
