//! The command line: arguments in, a call into the flow, text or JSON out.

mod actions;
mod arguments;
mod completion;
mod conf;
mod errors;
mod failures;
mod formats;
mod hooks;
mod log;
mod manual;
mod output;
mod plugin;
mod scratch;
mod setup;
mod status;
mod summary;
mod targets;
mod terminal;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, CompletionArguments, ConfArguments, LogArguments, ManualArguments, PluginArguments};
use modsmith_core::Environment;
use modsmith_core::error::Kind;
use terminal::Terminal;

/// The name that the program was called by: the same work, other manners.
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

    fn name(self) -> &'static str {
        match self {
            Persona::Dkms => "dkms",
            Persona::Modsmith => "modsmith",
        }
    }
}

/// Runs the program. The first word of the command line is its name.
pub fn main(environment: &Environment) -> ExitCode {
    let words = environment.command();
    restore_pipe_signal();
    if let Some(code) = modsmith_plugins::compile::serve(words) {
        return code;
    }
    let persona = words.first().map_or(Persona::Modsmith, Persona::of);
    start_logging(environment);
    let outcome = match (persona, words.get(1).and_then(|w| w.to_str())) {
        (Persona::Modsmith, Some("conf")) => parse::<ConfArguments>(words).map(|a| conf::run(&a, environment)),
        (Persona::Modsmith, Some("log")) => parse::<LogArguments>(words).map(|a| log::run(&a, environment)),
        (Persona::Modsmith, Some("plugin")) => parse::<PluginArguments>(words).map(|a| plugin::run(&a, environment)),
        (Persona::Modsmith, Some("completion")) => {
            parse::<CompletionArguments>(words).map(|a| completion::run(&a, environment))
        }
        (Persona::Modsmith, Some("manual")) => parse::<ManualArguments>(words).map(|a| manual::run(&a, environment)),
        _ => match formats::run(environment) {
            Some(outcome) => outcome,
            None => parse_arguments(words).map(|a| actions::run(persona, &a, environment)),
        },
    };
    let result = match outcome {
        Ok(result) => result,
        Err(code) => return code,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Terminal::flush();
            output::error(&errors::render(&error, persona));
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// clap's own answers: help and version to standard output, mistakes with the
/// exit codes that scripts know.
fn parse<A: Parser>(words: &[OsString]) -> Result<A, ExitCode> {
    // The first word is the command's name here.
    A::try_parse_from(words.iter().skip(1)).map_err(|error| usage_error(&error))
}

fn parse_arguments(words: &[OsString]) -> Result<Arguments, ExitCode> {
    let matches = Arguments::command().try_get_matches_from(words);
    matches.and_then(|matches| Arguments::of(&matches)).map_err(|error| usage_error(&error))
}

fn usage_error(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::*;
    match error.kind() {
        // Styled, where the terminal is.
        DisplayHelp | DisplayVersion => drop(error.print()),
        _ => output::error(&error.render().to_string()),
    }
    match error.kind() {
        DisplayHelp | DisplayVersion => ExitCode::SUCCESS,
        UnknownArgument => ExitCode::from(2),
        InvalidValue if lacks_kernel_or_arch(error) => ExitCode::from(Kind::KernelOrArchEmpty.exit_code()),
        _ => ExitCode::from(1),
    }
}

/// Whether `-k` or `-a` is the last word, or comes before another option.
fn lacks_kernel_or_arch(error: &clap::Error) -> bool {
    use clap::error::{ContextKind, ContextValue};
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let option = text(ContextKind::InvalidArg);
    text(ContextKind::InvalidValue).is_empty()
        && ["--kernelver ", "--arch "].iter().any(|name| option.starts_with(name))
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
