//! The command line: arguments in, a call into the flow, text or JSON out.

mod actions;
mod arguments;
mod check;
mod completion;
mod conf;
mod errors;
mod failures;
mod formats;
mod hooks;
mod identity;
mod invocation;
mod log;
mod manual;
mod output;
mod plugin;
mod ready;
mod scratch;
mod setup;
mod status;
mod store;
mod summary;
mod targets;
mod terminal;
mod verify;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use arguments::{
    Arguments, CheckArguments, CompletionArguments, ConfArguments, LogArguments, ManualArguments, PluginArguments,
    Arguments, CompletionArguments, ConfArguments, LogArguments, ManualArguments, PluginArguments, ReadyArguments,
    VerifyArguments,
};
use errors::ErrorDocument;
pub use errors::{exit_code, ids};
use modsmith_core::Environment;
use modsmith_core::error::Error;
use terminal::Terminal;

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

/// Runs the program. The first word of the command line is its name.
pub fn main(environment: &Environment) -> ExitCode {
    restore_pipe_signal();
    if let Some(code) = modsmith_plugins::compile::serve(environment.command()) {
        return code;
    }
    let words = &command_first(environment.command());
    let persona = Persona::of_words(words);
    start_logging(environment);
    let outcome = match (persona, words.get(1).and_then(|w| w.to_str())) {
        (Persona::Modsmith, Some("conf")) => parse::<ConfArguments>(words).map(|a| conf::run(&a, environment)),
        (Persona::Modsmith, Some("log")) => parse::<LogArguments>(words).map(|a| log::run(&a, environment)),
        (Persona::Modsmith, Some("verify")) => parse::<VerifyArguments>(words).map(|a| verify::run(&a, environment)),
        (Persona::Modsmith, Some("identity")) => {
            parse::<identity::IdentityArguments>(words).map(|a| identity::run(&a, environment))
        }
        (Persona::Modsmith, Some("store")) => {
            parse::<store::StoreArguments>(words).map(|a| store::run(&a, environment))
        }
        (Persona::Modsmith, Some("check")) => parse::<CheckArguments>(words).map(|a| check::run(&a, environment)),
        (Persona::Modsmith, Some("ready")) => return ready(words, environment),
        (Persona::Modsmith, Some("plugin")) => parse::<PluginArguments>(words).map(|a| plugin::run(&a, environment)),
        (Persona::Modsmith, Some("completion")) => {
            parse::<CompletionArguments>(words).map(|a| completion::run(&a, environment))
        }
        (Persona::Modsmith, Some("manual")) => parse::<ManualArguments>(words).map(|a| manual::run(&a, environment)),
        _ => match formats::run(environment) {
            Some(outcome) => outcome,
            None => parse_arguments(words, environment).map(|a| actions::run(persona, &a, environment)),
        },
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
    output::error(&errors::render(error, persona));
    answer_in_json(error, words);
}

/// The exit code is the verdict: whatever keeps it from being given is *unknown*.
fn ready(words: &[OsString], environment: &Environment) -> ExitCode {
    let arguments = match parse::<ReadyArguments>(words) {
        Ok(arguments) => arguments,
        Err(code) if code == ExitCode::SUCCESS => return code,
        Err(_) => return ready::unanswered(),
    };
    ready::run(&arguments, environment).unwrap_or_else(|error| {
        report(&error, Persona::Modsmith, words);
        ready::unanswered()
    })
}

/// The command line with a command of the program's own before the options that the user
/// wrote in front of it.
fn command_first(words: &[OsString]) -> Vec<OsString> {
    let mut words = words.to_vec();
    let mut index = 1;
    while let Some(word) = words.get(index).and_then(|word| word.to_str()).filter(|word| word.starts_with("--")) {
        index += if matches!(word, "--root" | "--os-release") { 2 } else { 1 };
    }
    let is_own = |word: &OsString| word.to_str().is_some_and(|word| OWN_COMMANDS.contains(&word));
    if words.get(index).is_some_and(is_own) {
        words[1..=index].rotate_right(1);
    }
    words
}

/// Commands that only `modsmith` has.
const OWN_COMMANDS: [&str; 8] = ["conf", "log", "verify", "identity", "store", "plugin", "completion", "manual"];
const OWN_COMMANDS: [&str; 7] = ["conf", "log", "verify", "check", "plugin", "completion", "manual"];
const OWN_COMMANDS: [&str; 7] = ["conf", "log", "verify", "ready", "plugin", "completion", "manual"];

/// clap's own answers: help and version to standard output, mistakes with the
/// exit codes that scripts know.
fn parse<A: Parser>(words: &[OsString]) -> Result<A, ExitCode> {
    // The first word is the command's name here.
    A::try_parse_from(words.iter().skip(1)).map_err(|error| usage_error(&error, words))
}

/// An option that the program does not have may be a format's: plugins are asked for
/// theirs only then.
fn parse_arguments(words: &[OsString], environment: &Environment) -> Result<Arguments, ExitCode> {
    let matches = Arguments::command().try_get_matches_from(words).or_else(|error| match error.kind() {
        ErrorKind::UnknownArgument => formats::parse_with_all_options(words, environment).unwrap_or(Err(error)),
        _ => Err(error),
    });
    matches.and_then(|matches| Arguments::of(&matches)).map_err(|error| usage_error(&error, words))
}

fn usage_error(error: &clap::Error, words: &[OsString]) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    match error.kind() {
        // Styled, where the terminal is.
        DisplayHelp | DisplayVersion => drop(error.print()),
        _ => output::error(&error.render().to_string()),
    }
    let Some(error) = errors::of_clap(error) else { return ExitCode::SUCCESS };
    answer_in_json(&error, words);
    ExitCode::from(errors::exit_code(error.kind))
}

/// The error once more, for a program that asked for JSON and has got none. What
/// `dkms` writes on standard output is as its callers know it.
fn answer_in_json(error: &Error, words: &[OsString]) {
    let options = words.iter().take_while(|word| *word != "--");
    let persona = Persona::of_words(words);
    if persona == Persona::Modsmith && options.into_iter().any(|word| word == "--json") && !output::has_answered() {
        // That it cannot be written is not worth a second error.
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
