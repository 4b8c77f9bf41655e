//! The command line: arguments in, a call into the flow, text or JSON out.

mod actions;
mod arguments;
mod cell;
mod check;
mod commands;
mod completion;
mod conf;
mod errors;
mod explain;
mod failures;
mod formats;
mod help;
mod hooks;
mod identity;
mod invocation;
mod keys;
mod log;
mod look;
mod manual;
mod markdown;
mod matrix;
mod output;
mod page;
mod pager;
mod plugin;
mod ready;
mod renderers;
mod scratch;
mod screen;
mod setup;
mod shared_builds;
mod status;
mod store;
mod styled;
mod targets;
mod verify;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use arguments::Arguments;
use errors::ErrorDocument;
pub use errors::{exit_code, ids};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind};
use renderers::Terminal;

/// How the program behaves, by the name that it was called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Persona {
    Dkms,
    Modsmith,
}

impl Persona {
    fn of(program: &OsString) -> Self {
        match Path::new(program).file_name().and_then(|name| name.to_str()) {
            Some("dkms") => Persona::Dkms,
            _ => Persona::Modsmith,
        }
    }

    /// The name is the first word of a command line.
    fn of_words(words: &[OsString]) -> Self {
        words.first().map_or(Persona::Modsmith, Persona::of)
    }

    fn name(self) -> &'static str {
        match self {
            Persona::Dkms => "dkms",
            Persona::Modsmith => "modsmith",
        }
    }
}

/// The result of an invocation. `Err`: an exit code without a message to print.
type Outcome = Result<modsmith_core::error::Result<()>, ExitCode>;

/// The function that runs a command.
type Run = fn(&[OsString], &Environment) -> Outcome;

/// The commands that only `modsmith` has, each with what runs it.
const RUN: [(&str, Run); 17] = [
    ("cell", cell),
    ("check", |words, environment| Ok(check::run(&parse(words, environment)?, environment))),
    ("completion", |words, environment| Ok(completion::run(&parse(words, environment)?, environment))),
    ("conf", |words, environment| Ok(conf::run(&parse(words, environment)?, environment))),
    ("explain", |words, environment| Ok(explain::run(&parse(words, environment)?, environment))),
    ("help", help),
    ("identity", |words, environment| Ok(identity::run(&parse(words, environment)?, environment))),
    ("keys", |words, environment| Ok(keys::run(&parse(words, environment)?, environment))),
    ("log", |words, environment| Ok(log::run(&parse(words, environment)?, environment))),
    ("manual", |words, environment| Ok(manual::run(&parse(words, environment)?, environment))),
    ("matrix", |words, environment| Ok(matrix::run(&parse(words, environment)?, environment))),
    ("plugin", |words, environment| Ok(plugin::run(&parse(words, environment)?, environment))),
    ("pull", |words, environment| Ok(shared_builds::pull(&parse(words, environment)?, environment))),
    ("push", |words, environment| Ok(shared_builds::push(&parse(words, environment)?, environment))),
    ("ready", ready),
    ("store", |words, environment| Ok(store::run(&parse(words, environment)?, environment))),
    ("verify", |words, environment| Ok(verify::run(&parse(words, environment)?, environment))),
];

/// Runs the program. The first word of the command line is its name.
pub fn main(environment: &Environment) -> ExitCode {
    restore_pipe_signal();
    if let Some(code) = modsmith_plugins::compile::serve(environment.command()) {
        return code;
    }
    let words = environment.command();
    let persona = Persona::of_words(words);
    start_logging(environment);
    let outcome = match persona {
        Persona::Dkms => run_action(persona, &arguments::without_empty(&arguments_of(persona), words), environment),
        Persona::Modsmith => look::without_color(words)
            .map_or_else(|error| Ok(Err(error)), |words| run_for_people(&command_first(&words), environment)),
    };
    let result = match outcome {
        Ok(result) => result,
        Err(code) => return code,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, persona, words);
            ExitCode::from(errors::exit_code(error.kind))
        }
    }
}

fn report(error: &Error, persona: Persona, words: &[OsString]) {
    Terminal::flush();
    if !output::was_printed(error) {
        output::error(&errors::render(error, persona));
    }
    answer_in_json(error, words);
}

/// The exit code is the verdict. An error that prevents a verdict counts as *unknown*.
fn ready(words: &[OsString], environment: &Environment) -> Outcome {
    let answer = match parse(words, environment) {
        Err(code) if code == ExitCode::SUCCESS => code,
        Err(_) => ready::unanswered(),
        Ok(arguments) => ready::run(&arguments, environment).unwrap_or_else(|error| {
            report(&error, Persona::Modsmith, words);
            ready::unanswered()
        }),
    };
    Err(answer)
}

/// The program of plugin authors describes its own commands.
fn help(words: &[OsString], environment: &Environment) -> Outcome {
    let arguments: arguments::HelpArguments = parse(words, environment)?;
    Ok(match arguments.words.as_slice() {
        [first, word] if first == "plugin" && plugin::is_authors(word) => plugin::authors_help(word, environment),
        _ => help::run(&arguments, environment),
    })
}

/// Runs `modsmith cell`. Its errors have exit codes of their own, which tell the source, the headers and the
/// machine apart.
fn cell(words: &[OsString], environment: &Environment) -> Outcome {
    let arguments = parse(words, environment)?;
    match cell::run(&arguments, environment) {
        Ok(()) => Ok(Ok(())),
        Err(error) => {
            report(&error, Persona::Modsmith, words);
            Err(ExitCode::from(cell::code(&error)))
        }
    }
}

/// Runs a command line of `modsmith`: a command of its own, help, or an action.
fn run_for_people(words: &[OsString], environment: &Environment) -> Outcome {
    let first = words.get(1).and_then(|word| word.to_str());
    if let Some((_, run)) = RUN.iter().find(|(name, _)| Some(*name) == first) {
        return run(words, environment);
    }
    if help::is_asked(words) {
        help::of_command_line(words, environment);
        return Ok(Ok(()));
    }
    if first.is_none() {
        help::list(words, help::Extent::Short, environment);
        return Err(ExitCode::from(errors::exit_code(Kind::Usage)));
    }
    run_action(Persona::Modsmith, words, environment)
}

/// An action of the program or of a plugin, which may stand anywhere among the words.
fn run_action(persona: Persona, words: &[OsString], environment: &Environment) -> Outcome {
    match formats::run(persona, words, environment) {
        Some(outcome) => outcome,
        None => Ok(actions::run(persona, &parse_arguments(persona, words, environment)?, environment)),
    }
}

/// The command line with a command of the program's own before the options that the user
/// wrote in front of it.
fn command_first(words: &[OsString]) -> Vec<OsString> {
    let mut words = words.to_vec();
    let mut index = 1;
    while let Some(word) = words.get(index).and_then(|word| word.to_str()).filter(|word| word.starts_with("--")) {
        index += if VALUED.contains(&word) { 2 } else { 1 };
    }
    let is_own = |word: &OsString| RUN.iter().any(|(name, _)| word == name);
    if words.get(index).is_some_and(is_own) {
        words[1..=index].rotate_right(1);
    }
    words
}

/// Options of all commands whose value is a word of its own.
const VALUED: [&str; 6] = ["--root", "--os-release", "--dkmstree", "--sourcetree", "--installtree", "--dkmsframework"];

/// The arguments of a command of the program's own; its help where that is asked for, and
/// mistakes with the exit codes that scripts know.
fn parse<A: Parser>(words: &[OsString], environment: &Environment) -> Result<A, ExitCode> {
    // The first word is the command's name here. Logging, which every command has, has begun.
    let debug = words.iter().skip(1).take_while(|word| *word != "--").position(|word| word == "--debug");
    let mut words = words.to_vec();
    debug.filter(|_| A::command().get_subcommands().next().is_none()).map(|index| words.remove(index + 1));
    A::try_parse_from(words.iter().skip(1)).map_err(|error| {
        let command = words.get(1).and_then(|word| word.to_str()).and_then(commands::of);
        let code = match error.kind() {
            ErrorKind::DisplayHelp => Some(ExitCode::SUCCESS),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Some(ExitCode::from(errors::exit_code(Kind::Usage))),
            _ => None,
        };
        match (command, code) {
            (Some(command), Some(code)) => {
                help::command(command, &words[2..], environment);
                code
            }
            _ => usage_error(error, Persona::Modsmith, &words),
        }
    })
}

/// An option that the program does not have may be a format's: plugins are asked for
/// theirs only then.
fn parse_arguments(persona: Persona, words: &[OsString], environment: &Environment) -> Result<Arguments, ExitCode> {
    let matches = arguments_of(persona).try_get_matches_from(words).or_else(|error| match error.kind() {
        ErrorKind::UnknownArgument => {
            formats::parse_with_all_options(persona, words, environment).unwrap_or(Err(error))
        }
        _ => Err(error),
    });
    matches.and_then(|matches| Arguments::of(&matches)).map_err(|error| usage_error(error, persona, words))
}

/// The command line of actions.
fn arguments_of(persona: Persona) -> clap::Command {
    match persona {
        Persona::Dkms => Arguments::command(),
        Persona::Modsmith => Arguments::for_people(),
    }
}

fn usage_error(mut error: clap::Error, persona: Persona, words: &[OsString]) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    errors::without_far_suggestion(&mut error);
    let understood = errors::of_clap(&error);
    match (error.kind(), &understood, persona) {
        // Styled, where the terminal is.
        (DisplayHelp | DisplayVersion, ..) => drop(error.print()),
        (_, Some(understood), Persona::Modsmith) => {
            let hint = format!("`modsmith {}` lists the options.", help::for_command_line(words));
            output::error(&errors::render(&understood.repeated().hint(hint), persona));
        }
        _ => output::error(&error.render().to_string()),
    }
    let Some(error) = understood else { return ExitCode::SUCCESS };
    answer_in_json(&error, words);
    ExitCode::from(errors::exit_code(error.kind))
}

/// Prints the error once more as JSON, if the caller asked for JSON and has got none. As `dkms`,
/// nothing is printed: its callers know the lines on standard output.
fn answer_in_json(error: &Error, words: &[OsString]) {
    let has = |option: &str| words.iter().take_while(|word| *word != "--").any(|word| word == option);
    if Persona::of_words(words) == Persona::Dkms {
        return;
    }
    if has("--events") {
        // The last one of the lines.
        output::json_line(&ErrorDocument::new(error));
    } else if has("--json") && !output::has_answered() {
        // A failure to write the document is no second error.
        let _ = output::json(&ErrorDocument::new(error));
    }
}

/// `dkms status | head` ends quietly instead of with a message.
fn restore_pipe_signal() {
    // SAFETY: before any thread is started; the default action is async-signal-safe.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// To standard error, as MODSMITH_LOG says, or `--debug`.
fn start_logging(environment: &Environment) {
    use tracing_subscriber::EnvFilter;
    let asked = environment.text("MODSMITH_LOG").and_then(|directives| EnvFilter::try_new(directives).ok());
    let debug = || environment.command().iter().any(|word| word == "--debug").then(|| EnvFilter::new("modsmith=debug"));
    if let Some(filter) = asked.or_else(debug) {
        // Colours would be escaped with all other control sequences.
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| output::LogWriter).init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_own_command_of_the_table_is_run_and_the_other_way_round() {
        let mut table: Vec<&str> = commands::own().map(|command| command.name).collect();
        table.sort_unstable();
        assert_eq!(RUN.map(|(name, _)| name).to_vec(), table);
    }

    #[test]
    fn an_own_command_comes_first_whatever_stands_before_it() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (given, ordered) in [
            ("modsmith --root /x log y", "modsmith log --root /x y"),
            ("modsmith --json --dkmstree /x verify", "modsmith verify --json --dkmstree /x"),
            ("modsmith --json status log", "modsmith --json status log"),
        ] {
            assert_eq!(command_first(&words(given)), words(ordered));
        }
    }
}
