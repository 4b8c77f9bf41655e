//! Words and options of the command line that plugins bring: package formats,
//! to be made and to be loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches};

use super::arguments::{Arguments, DirectoryArguments, without_empty};
use super::invocation::{PluginUse, with_invocation};
use super::setup::{plugins, system};
use super::targets::Targets;
use super::words::{Action, CommandLine, absolute};
use super::{Persona, arguments_of, usage_error};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{self, FormatRequest, Invocation, PackageSource};
use modsmith_core::tree::{PackageId, Target};
use modsmith_plugins::{Format, FormatOption, KernelCount, Packager};

/// Runs a command line whose action is one that a plugin brings. `None` where
/// it has no such word: the program's own actions are not looked up in plugins.
pub fn run(
    persona: Persona,
    words: &[OsString],
    environment: &Environment,
) -> Option<std::result::Result<Result<()>, ExitCode>> {
    let plain: Vec<&str> = words.iter().skip(1).filter_map(|word| word.to_str()).collect();
    let helps = plain.iter().any(|word| matches!(*word, "-h" | "--help"));
    let candidates: Vec<&str> = plain.iter().copied().filter(|word| !word.starts_with('-')).collect();
    if candidates.iter().any(|word| Action::of(word).is_some()) || (candidates.is_empty() && !helps) {
        return None;
    }
    let formats = known(words, environment)?;
    let is_word = |format: &Format, word: &str| format.action == word || format.load_action.as_deref() == Some(word);
    let found = candidates.iter().find_map(|word| Some((*word, formats.iter().find(|f| is_word(f, word))?)));
    match found {
        Some((word, format)) => Some(run_format(&Line { persona, words, environment }, word, format, &formats)),
        None if helps && !formats.is_empty() => {
            let mut command = arguments_of(persona);
            let own = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            command = command.after_help(format!("{own}\n{}", listed(&formats)));
            for format in &formats {
                command = with_options(command, format, Shown::Yes);
            }
            Some(
                command.try_get_matches_from(words).map(|_| Ok(())).map_err(|error| usage_error(error, persona, words)),
            )
        }
        None => None,
    }
}

/// dkms's word that loads archives, whatever their names are.
const LOADS_ANY: &str = "ldtarball";

/// Loads an archive as the plugin does that knows its name. `None` where the
/// system installed it by itself or its plans are only shown, and nothing is left to do.
pub fn load(archive: &Path, target: &Target, run: &Invocation<'_>, arguments: &Arguments) -> Result<Option<PackageId>> {
    let formats = Packager(&run.env.plugins).formats();
    let by_default = || formats.iter().find(|format| format.load_action.as_deref() == Some(LOADS_ANY));
    let Some(format) = best(&formats, archive).or_else(by_default) else {
        let suffixes: Vec<&str> = formats.iter().flat_map(|format| &format.suffixes).map(String::as_str).collect();
        return Err(Error::new(Kind::ArchiveMalformed, format!("No plugin loads the archive {}.", archive.display()))
            .hint(match suffixes.is_empty() {
                true => "No plugin of this system loads archives; `modsmith plugin list` lists the plugins.".to_owned(),
                false => format!("The name of an archive ends in one of {}.", suffixes.join(", ")),
            }));
    };
    let request = FormatRequest { format: format.clone(), options: Vec::new(), archive: None, place: None };
    load_as(&request, archive, target, run, arguments)
}

/// The format whose suffix says most about a file's name: the longest.
fn best<'f>(formats: &'f [Format], archive: &Path) -> Option<&'f Format> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let fitting = formats.iter().filter_map(|format| Some((format.loads(&name)?, format)));
    fitting.max_by_key(|(length, _)| *length).map(|(_, format)| format)
}

/// Trees that are named are not the system's own, which its package manager
/// fills.
fn load_as(
    request: &FormatRequest,
    archive: &Path,
    target: &Target,
    run: &Invocation<'_>,
    arguments: &Arguments,
) -> Result<Option<PackageId>> {
    let directories = &arguments.directories;
    let own = directories.dkmstree.is_none() && directories.sourcetree.is_none() && directories.installtree.is_none();
    if own && flow::install_archive(run, archive, target, request)? {
        return Ok(None);
    }
    flow::load_archive(run, archive, target, request)
}

/// The formats of the system that the command line is about. Nothing is said of
/// a command line that cannot be understood: that is done where it is parsed.
fn known(words: &[OsString], environment: &Environment) -> Option<Vec<Format>> {
    let value = |name: &str| {
        words.iter().enumerate().find_map(|(index, word)| match word.to_str()?.strip_prefix(name)? {
            "" => words.get(index + 1).map(PathBuf::from),
            rest => rest.strip_prefix('=').map(PathBuf::from),
        })
    };
    let (root, os_release) = (value("--root"), value("--os-release"));
    let directories = DirectoryArguments { root, ..DirectoryArguments::default() };
    let (system, framework) = system(&directories, os_release.as_deref(), environment).ok()?;
    Some(Packager(&plugins(&system, &framework, &directories, environment)).formats())
}

/// A command line and the persona that it was given to.
struct Line<'a> {
    persona: Persona,
    words: &'a [OsString],
    environment: &'a Environment,
}

fn run_format(
    line: &Line<'_>,
    word: &str,
    format: &Format,
    all: &[Format],
) -> std::result::Result<Result<()>, ExitCode> {
    let Line { persona, words, environment } = *line;
    let command = with_options(arguments_of(persona), format, Shown::Yes);
    let command = with_options_of_all(command, all).after_help(listed(std::slice::from_ref(format)));
    let refused = |error| usage_error(error, persona, words);
    let cleaned = (persona == Persona::Dkms).then(|| without_empty(&command, words));
    let matches = command.try_get_matches_from(cleaned.as_deref().unwrap_or(words)).map_err(refused)?;
    let mut arguments = Arguments::of(&matches).map_err(refused)?;
    arguments.take_word(word);
    let request = request(format, &matches);
    Ok(request.and_then(|request| match format.load_action.as_deref() == Some(word) {
        true => perform_load(&arguments, word, request, environment),
        false => make(&mut arguments, request, environment),
    }))
}

fn perform_load(
    arguments: &Arguments,
    word: &str,
    mut request: FormatRequest,
    environment: &Environment,
) -> Result<()> {
    if arguments.all {
        return Err(Error::new(Kind::AllUnsupported, format!("`{word}` does not take --all.")).hint("Leave it out."));
    }
    let words = CommandLine::classify(arguments)?;
    words.warn();
    let named = arguments.words.first().map(PathBuf::from);
    let given = request.archive.take().or(words.archive).or(named);
    let Some(archive) = given.filter(|archive| !archive.as_os_str().is_empty()) else {
        return Err(Error::new(Kind::SourceMissing, format!("`{word}` needs the file to load."))
            .hint(format!("Name it: `dkms {word} FILE`.")));
    };
    let archive = std::path::absolute(&archive).map_err(|e| Error::io("use", &archive, e))?;
    with_invocation(arguments, environment, PluginUse::Act, |run, targets| {
        let target = targets.first(&run.env)?;
        // The word is one format's, the file may be another's.
        let own = |format: &Format| (&format.plugin, &format.name) == (&request.format.plugin, &request.format.name);
        match best(&Packager(&run.env.plugins).formats(), &archive) {
            Some(format) if !own(format) => load(&archive, &target, run, arguments).map(drop),
            _ => load_as(&request, &archive, &target, run, arguments).map(drop),
        }
    })
}

fn make(arguments: &mut Arguments, mut request: FormatRequest, environment: &Environment) -> Result<()> {
    let words = CommandLine::classify(arguments)?;
    words.warn();
    let here = Path::new(".");
    let unnamed = words.module.is_none() && request.format.from_directory;
    let directory = match (unnamed, &words.directory) {
        (false, _) => None,
        (true, Some(directory)) => Some(directory.clone()),
        (true, None) => here.join("dkms.conf").is_file().then(|| absolute(here)).transpose()?,
    };
    let Some(directory) = directory else {
        let id = words.named()?;
        return with_invocation(arguments, environment, PluginUse::Act, |run, targets| {
            make_in(run, &id, targets, &request, arguments)
        });
    };
    // A source outside the tree gets a tree of its own, which is deleted at the end.
    let scratch =
        tempfile::tempdir().map_err(|e| Error::io("make a temporary directory in", &tempfile::env::temp_dir(), e))?;
    for (place, name) in
        [(&mut arguments.directories.dkmstree, "tree"), (&mut arguments.directories.sourcetree, "source")]
    {
        let path = scratch.path().join(name);
        std::fs::create_dir(&path).map_err(|e| Error::io("make", &path, e))?;
        *place = Some(path);
    }
    request.place = Some(directory.parent().unwrap_or(&directory).to_path_buf());
    let arguments = &*arguments;
    with_invocation(arguments, environment, PluginUse::Act, |run, targets| {
        let kernel = run.kernel(&targets.first(&run.env)?);
        let package = flow::add(run, &PackageSource::Directory(directory), &kernel)?;
        let make = || make_in(run, &package.id, targets, &request, arguments);
        run.runner.after_success(make).unwrap_or(Ok(()))
    })
}

fn make_in(
    run: &Invocation<'_>,
    id: &PackageId,
    targets: &Targets,
    request: &FormatRequest,
    arguments: &Arguments,
) -> Result<()> {
    let mut needs = Packager(&run.env.plugins).requirements(&request.format, &request.options)?;
    // A source that was just added has no builds.
    if without_kernels(request) || (request.place.is_some() && targets.given.is_empty()) {
        needs.kernels = KernelCount::None;
    }
    let mut chosen = match needs.kernels {
        KernelCount::None => Vec::new(),
        _ if arguments.all => run.env.tree.targets(id),
        _ => targets.chosen(&run.env)?,
    };
    if needs.kernels == KernelCount::One {
        chosen.truncate(1);
    }
    flow::make_format(run, id, &chosen, &targets.first(&run.env)?, needs, request)
}

fn without_kernels(request: &FormatRequest) -> bool {
    let options = request.format.options.iter().filter(|option| option.without_kernels);
    options.into_iter().any(|option| request.options.iter().any(|(given, _)| *given == option.name))
}

/// The options that were given, checked against each other.
fn request(format: &Format, matches: &ArgMatches) -> Result<FormatRequest> {
    let mut options = Vec::new();
    let mut archive = None;
    for option in offered(&Arguments::for_people(), format) {
        let given: Vec<String> = match (&option.value, option.repeatable) {
            (Some(_), _) => matches.get_many(&option.name).into_iter().flatten().cloned().collect(),
            (None, true) => vec![String::new(); matches.get_count(&option.name).into()],
            (None, false) => matches.get_flag(&option.name).then(String::new).into_iter().collect(),
        };
        for value in given {
            match format.archive_option.as_ref() == Some(&option.name) {
                true => archive = Some(PathBuf::from(value)),
                false => options.push((option.name.clone(), value)),
            }
        }
    }
    let given = |name: &String| options.iter().any(|(option, _)| option == name);
    for option in format.options.iter().filter(|option| given(&option.name)) {
        if let Some(other) = option.excludes.iter().find(|other| given(other)) {
            return Err(Error::new(
                Kind::OptionConflict,
                format!("--{} and --{other} exclude each other.", option.name),
            )
            .hint("Leave one of them out."));
        }
    }
    Ok(FormatRequest { format: format.clone(), options, archive, place: None })
}

/// The format's options, but for names that the program has itself.
fn offered<'f>(command: &clap::Command, format: &'f Format) -> Vec<&'f FormatOption> {
    let taken = |option: &&FormatOption| {
        let name = option.name.as_str();
        command.get_arguments().any(|arg| arg.get_long() == Some(name) || arg.get_id() == name)
    };
    format.options.iter().filter(|option| !taken(option)).collect()
}

/// The formats that this system has; none if the system cannot be read.
pub fn installed(environment: &Environment) -> Vec<Format> {
    of_command_line(&[], environment)
}

/// The formats of the system that a command line names; none if that cannot be read.
pub fn of_command_line(words: &[OsString], environment: &Environment) -> Vec<Format> {
    known(words, environment).unwrap_or_default()
}

/// The words of formats: those that make and those that load.
pub fn words(formats: &[Format]) -> impl Iterator<Item = &str> {
    formats.iter().flat_map(|format| std::iter::once(format.action.as_str()).chain(format.load_action.as_deref()))
}

/// The command line, with the options that formats have: every action accepts them, as
/// with dkms, and they mean something only to the format's own.
pub fn parse_with_all_options(
    persona: Persona,
    words: &[OsString],
    environment: &Environment,
) -> Option<clap::error::Result<ArgMatches>> {
    let formats = known(words, environment).filter(|formats| !formats.is_empty())?;
    Some(with_options_of_all(arguments_of(persona), &formats).try_get_matches_from(words))
}

fn with_options_of_all(command: clap::Command, formats: &[Format]) -> clap::Command {
    formats.iter().fold(command, |command, format| with_options(command, format, Shown::No))
}

/// Whether an option is listed in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Yes,
    No,
}

/// The command line with the options of a format that it does not have yet.
pub fn with_options(mut command: clap::Command, format: &Format, shown: Shown) -> clap::Command {
    let heading = kept(&format!("Options of {}", format.action));
    for option in offered(&command, format) {
        let name = kept(&option.name);
        let arg = Arg::new(name).long(name).help(option.help.clone()).help_heading(heading).hide(shown == Shown::No);
        let is_free = |letter: &char| !command.get_arguments().any(|arg| arg.get_short() == Some(*letter));
        let arg = match option.short.filter(is_free) {
            Some(letter) => arg.short(letter),
            None => arg,
        };
        let arg = match (&option.value, option.repeatable) {
            (Some(value), true) => arg.value_name(kept(value)).action(ArgAction::Append),
            (Some(value), false) => arg.value_name(kept(value)).action(ArgAction::Set),
            (None, true) => arg.action(ArgAction::Count),
            (None, false) => arg.action(ArgAction::SetTrue),
        };
        let arg = match option.value.is_some() && !option.choices.is_empty() {
            true => arg.value_parser(PossibleValuesParser::new(option.choices.iter().map(|choice| kept(choice)))),
            false => arg,
        };
        command = command.arg(arg);
    }
    command
}

/// clap keeps names for the length of the program; there are a handful.
pub fn kept(text: &str) -> &'static str {
    String::leak(text.to_owned())
}

/// A line for each action of the formats, with its effect.
fn listed(formats: &[Format]) -> String {
    let mut lines = vec!["Actions of plugins:".to_owned()];
    for format in formats {
        lines.push(format!("  {:<12} Make {}", format.action, format.summary));
        if let Some(load) = &format.load_action {
            lines.push(format!("  {load:<12} Load {}: {load} FILE", format.summary));
        }
    }
    lines.join("\n")
}
