//! The help of `modsmith`: the list of commands, the page of each, and topics. All of it
//! is made from the table of commands.

use std::ffi::OsString;

use super::arguments::HelpArguments;
use super::commands::{self, Command, Group, Takes, topics};
use super::look::Look;
use super::markdown;
use super::page::{Block, lines};
use super::words::Action;
use super::{Persona, formats, output};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_plugins::Format;

/// `modsmith help`.
pub fn run(arguments: &HelpArguments, environment: &Environment) -> Result<()> {
    let formats = || formats::of_command_line(environment.command(), environment);
    let word = arguments.words.join(" ");
    let blocks = match arguments.words.first() {
        None => overview(&formats(), Extent::Whole),
        Some(first) => match (topics::of(&word), commands::of(first)) {
            // `plugins` is a topic, and `plugin` a command.
            (Some(topic), _) => of_topic(topic),
            (None, Some(command)) => match arguments.words.get(1) {
                None => of_command(command),
                Some(word) => part(command, word).ok_or_else(|| unknown_part(command, word))?,
            },
            (None, None) => of_format_word(first, &formats()).ok_or_else(|| unknown(first, &formats()))?,
        },
    };
    show(&blocks, environment);
    Ok(())
}

/// How much of the list of commands is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Short,
    /// With the options that all commands share.
    Whole,
}

/// The list of commands, for a command line that names none.
pub fn list(words: &[OsString], extent: Extent, environment: &Environment) {
    show(&overview(&formats::of_command_line(words, environment), extent), environment);
}

/// Whether an action's command line asks for help.
pub fn is_asked(words: &[OsString]) -> bool {
    words.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "-h" || word == "--help")
}

/// The page of the action that a command line has, or the list where it has none.
pub fn of_command_line(words: &[OsString], environment: &Environment) {
    let plain = || words.iter().skip(1).filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-'));
    if let Some(action) = plain().find(|word| Action::of(word).is_some()) {
        return commands::of(action).into_iter().for_each(|command| show(&of_command(command), environment));
    }
    let formats = formats::of_command_line(words, environment);
    let blocks = plain().find_map(|word| of_format_word(word, &formats));
    show(&blocks.unwrap_or_else(|| overview(&formats, Extent::Whole)), environment);
}

/// The words after `modsmith` that show the help for a command line: of its command, else
/// of all.
pub fn for_command_line(words: &[OsString]) -> String {
    let mut plain = words.iter().skip(1).filter_map(|word| word.to_str());
    let is_first = |word: &str| words.get(1).is_some_and(|first| first == word);
    match plain.find(|word| commands::of(word).is_some_and(|command| !command.is_own() || is_first(word))) {
        Some(command) => format!("help {command}"),
        None => "help".to_owned(),
    }
}

/// The page of a command, or of that of its subcommands which the words name.
pub fn command(command: &Command, words: &[OsString], environment: &Environment) {
    let part = words.iter().find_map(|word| part(command, word.to_str()?));
    show(&part.unwrap_or_else(|| of_command(command)), environment);
}

fn part(command: &Command, word: &str) -> Option<Vec<Block>> {
    command.described_parts().iter().find(|part| part.get_name() == word).map(|part| of_part(command, part))
}

fn unknown_part(command: &Command, word: &str) -> Error {
    let parts = command.described_parts();
    let error = Error::new(Kind::Usage, format!("There is no page about `{} {word}`.", command.name));
    let error = match commands::similar(word, parts.iter().map(|part| part.get_name())) {
        Some(meant) => error.hint(format!("Did you mean `{} {meant}`?", command.name)),
        None => error,
    };
    error.hint(format!("`modsmith help {}` describes the command.", command.name))
}

fn show(blocks: &[Block], environment: &Environment) {
    let look = Look::of(environment);
    output::styled(&lines(blocks, look.width), look);
}

fn unknown(word: &str, formats: &[Format]) -> Error {
    let names = commands::all().map(|command| command.name);
    let names = names.chain(topics::TOPICS.iter().map(|topic| topic.name)).chain(formats::words(formats));
    let error = Error::new(Kind::Usage, format!("There is no command and no topic `{word}`."));
    let error = match commands::similar(word, names) {
        Some(meant) => error.hint(format!("Did you mean `{meant}`?")),
        None => error,
    };
    error.hint("`modsmith help` lists the commands.")
}

/// The groups with their commands.
fn overview(formats: &[Format], extent: Extent) -> Vec<Block> {
    let mut blocks = vec![
        Block::Text("modsmith builds kernel modules from their sources, and does so again for each new kernel.".into()),
        Block::Heading("Usage".into()),
        Block::Verbatim(vec!["modsmith COMMAND [ARGUMENT]... [OPTION]...".into()]),
    ];
    for group in Group::ALL {
        let entries = match group {
            Group::Packages => of_formats(formats),
            _ => commands::all()
                .filter(|command| command.group == group)
                .map(|command| (command.name.to_owned(), command.summary.to_owned()))
                .collect(),
        };
        if !entries.is_empty() {
            blocks.extend([Block::Heading(group.title().into()), Block::Entries(entries)]);
        }
    }
    if extent == Extent::Whole {
        let global = commands::shared_options(Persona::Modsmith);
        let global: Vec<_> = global.iter().filter(|arg| commands::is_global(arg.get_id().as_str())).collect();
        blocks.extend([Block::Heading("Common options".into()), Block::Entries(of_args(&global))]);
    }
    let topics: Vec<&str> = topics::TOPICS.iter().map(|topic| topic.name).collect();
    blocks.push(Block::Heading("More".into()));
    blocks.push(Block::Entries(vec![
        ("modsmith help COMMAND".into(), "What a command does, its options, and examples".into()),
        ("modsmith help TOPIC".into(), format!("Topics: {}", topics.join(", "))),
    ]));
    blocks
}

fn of_formats(formats: &[Format]) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    for format in formats {
        entries.push((format.action.clone(), format!("Make {}", format.summary)));
        entries.extend(format.load_action.iter().map(|word| (word.clone(), format!("Load {}", format.summary))));
    }
    entries
}

/// Everything about a command.
pub fn of_command(command: &Command) -> Vec<Block> {
    let parser = command.clap();
    let mut blocks = vec![Block::Text(format!("{}.", command.summary))];
    blocks.extend(command.about.iter().map(|text| Block::Text((*text).into())));
    blocks.push(Block::Heading("Usage".into()));
    blocks.push(Block::Verbatim(command.usage.iter().map(|usage| format!("modsmith {usage}")).collect()));
    let subcommands: Vec<(String, String)> = parser
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| {
            (
                format!("{} {}", command.name, sub.get_name()),
                sub.get_about().map(ToString::to_string).unwrap_or_default(),
            )
        })
        .collect();
    push(&mut blocks, "Commands", subcommands);
    push(&mut blocks, "Arguments", words_of(command, &parser));
    push_options(&mut blocks, command, parser.get_arguments());
    push_ending(&mut blocks, command, command.examples, command.see_also);
    blocks
}

/// Everything about a subcommand.
fn of_part(command: &Command, part: &clap::Command) -> Vec<Block> {
    let parser = command.clap();
    let about = part.get_about().map(ToString::to_string).unwrap_or_default();
    let words = words_of_parser(part);
    let usage = part.get_positionals().zip(&words).map(|(arg, (name, _))| {
        let name = if arg.is_required_set() { name.clone() } else { format!("[{name}]") };
        if matches!(arg.get_action(), clap::ArgAction::Append) { format!("{name}...") } else { name }
    });
    let usage: Vec<String> = usage.chain(["[OPTION]...".to_owned()]).collect();
    let mut blocks = vec![
        Block::Text(format!("{about}.")),
        Block::Heading("Usage".into()),
        Block::Verbatim(vec![format!("modsmith {} {} {}", command.name, part.get_name(), usage.join(" "))]),
    ];
    push(&mut blocks, "Arguments", words);
    // The part's own options, and the options that all parts of the command share.
    push_options(&mut blocks, command, part.get_arguments().chain(parser.get_arguments()));
    let examples =
        command.parts.iter().find(|known| known.name == part.get_name()).map_or(&[][..], |part| part.examples);
    push_ending(&mut blocks, command, examples, &[command.name]);
    blocks
}

/// Options; those that all commands have are named only.
fn push_options<'a>(blocks: &mut Vec<Block>, command: &Command, args: impl Iterator<Item = &'a clap::Arg>) {
    let is_shown = |arg: &&clap::Arg| !arg.is_positional() && !arg.is_hide_set();
    let (global, own): (Vec<_>, Vec<_>) =
        args.filter(is_shown).partition(|arg| commands::is_global(arg.get_id().as_str()) && arg.get_id() != "json");
    push(blocks, "Options", of_args(&own));
    if !global.is_empty() {
        let mut names: Vec<String> = global.iter().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect();
        // Every command has these, without an argument of its own for them.
        let further = if command.is_own() { ["--debug", "--color"].as_slice() } else { &[] };
        names.extend(further.iter().map(|name| (*name).to_owned()));
        blocks.push(Block::Heading("Common options".into()));
        blocks.push(Block::Text(format!("{}: see `modsmith help`.", names.join(", "))));
    }
}

/// Examples, the exit codes of the command, and where else to look.
fn push_ending(blocks: &mut Vec<Block>, command: &Command, examples: &[(&str, &str)], see_also: &[&str]) {
    let examples = examples.iter().map(|(line, text)| (format!("modsmith {line}"), (*text).to_owned()));
    blocks.extend([Block::Heading("Examples".into()), Block::Examples(examples.collect())]);
    let codes = command.exit_codes.iter().map(|(code, text)| (code.to_string(), (*text).to_owned()));
    let codes = std::iter::once(("0".to_owned(), "Success.".to_owned())).chain(codes).collect();
    push(blocks, "Exit codes", codes);
    let also = |name: &&str| if name.ends_with(')') { (*name).to_owned() } else { format!("modsmith help {name}") };
    let also: Vec<String> = see_also.iter().map(also).collect();
    blocks.extend([Block::Heading("See also".into()), Block::Text(also.join(", "))]);
}

fn push(blocks: &mut Vec<Block>, title: &str, entries: Vec<(String, String)>) {
    if !entries.is_empty() {
        blocks.extend([Block::Heading(title.into()), Block::Entries(entries)]);
    }
}

/// The words of a command, each with its meaning.
fn words_of(command: &Command, parser: &clap::Command) -> Vec<(String, String)> {
    match &command.takes {
        Takes::Shared { words, .. } => {
            words.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        }
        Takes::Own(_) => words_of_parser(parser),
    }
}

fn words_of_parser(parser: &clap::Command) -> Vec<(String, String)> {
    let name = |arg: &clap::Arg| {
        arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default()
    };
    parser.get_positionals().map(|arg| (name(arg), text_of(arg))).collect()
}

/// Options, each with its meaning.
pub fn of_args(args: &[&clap::Arg]) -> Vec<(String, String)> {
    let name = |arg: &clap::Arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
        let takes_value = arg.get_action().takes_values();
        match arg.get_value_names().and_then(|names| names.first()).filter(|_| takes_value) {
            Some(value) => format!("{names} {value}"),
            None => names,
        }
    };
    args.iter().filter(|arg| !arg.is_hide_set()).map(|arg| (name(arg), text_of(arg))).collect()
}

/// The meaning of an argument, with the values that it can have.
fn text_of(arg: &clap::Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = match arg.get_action().takes_values() {
        true => arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
        false => Vec::new(),
    };
    if !values.is_empty() && !values.iter().all(|value| text.contains(value.as_str())) {
        text += &format!(" [{}]", values.join(", "));
    }
    text
}

/// The page of a package format, by one of its two words.
fn of_format_word(word: &str, formats: &[Format]) -> Option<Vec<Block>> {
    let is_load = |format: &&Format| format.load_action.as_deref() == Some(word);
    if let Some(format) = formats.iter().find(|format| format.action == word) {
        return Some(of_format(format));
    }
    let format = formats.iter().find(is_load)?;
    Some(vec![
        Block::Text(format!("Load {}.", format.summary)),
        Block::Text("The package is added to the tree, with the modules that the file has built.".into()),
        Block::Heading("Usage".into()),
        Block::Verbatim(vec![format!("modsmith {word} FILE [OPTION]...")]),
        Block::Heading("Examples".into()),
        Block::Examples(vec![(format!("modsmith {word} FILE --dry-run"), "What would be done, and why.".into())]),
        Block::Heading("See also".into()),
        Block::Text(format!("modsmith help {}, modsmith help add", format.action)),
    ])
}

fn of_format(format: &Format) -> Vec<Block> {
    let word = &format.action;
    let command = formats::with_options(clap::Command::default(), format, formats::Shown::Yes);
    let options: Vec<&clap::Arg> = command.get_arguments().collect();
    let mut blocks = vec![
        Block::Text(format!("Make {}.", format.summary)),
        Block::Text(format!("The plugin {} makes it.", format.plugin)),
        Block::Heading("Usage".into()),
        Block::Verbatim(vec![format!("modsmith {word} MODULE/VERSION [-k KERNEL]... [OPTION]...")]),
    ];
    push(&mut blocks, "Options", of_args(&options));
    let shared = commands::shared_options(Persona::Modsmith);
    let shared: Vec<&clap::Arg> = shared
        .iter()
        .filter(|arg| ["module", "module_version", "kernels", "archs", "all"].contains(&arg.get_id().as_str()))
        .collect();
    push(&mut blocks, "Package and kernels", of_args(&shared));
    blocks.extend([
        Block::Heading("Examples".into()),
        Block::Examples(vec![
            (format!("modsmith {word} bbswitch/0.8"), "Of a package in the tree.".into()),
            (format!("modsmith {word} bbswitch/0.8 --dry-run"), "What would be done, and why.".into()),
        ]),
        Block::Heading("See also".into()),
        Block::Text("modsmith help build, modsmith help plugins, modsmith help exit codes".into()),
    ]);
    blocks
}

/// A topic's text.
pub fn of_topic(topic: &topics::Topic) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(topic.title.into())];
    for part in topic.text {
        blocks.push(match part {
            topics::Part::Paragraph(text) => Block::Text((*text).into()),
            topics::Part::List(entries) => {
                Block::Entries(entries.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect())
            }
            topics::Part::ExitCodes => Block::Entries(exit_codes()),
        });
    }
    blocks
}

/// The table of the reference.
fn exit_codes() -> Vec<(String, String)> {
    let rows = markdown::rows(include_str!("../../../docs/reference/exit-codes.md"));
    rows.into_iter().filter_map(|row| Some((row.cells.first()?.clone(), row.cells.get(1)?.clone()))).collect()
}
