//! `modsmith plugin`: building, testing, listing, examining and installing plugins.

mod develop;
mod install;
mod search;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::CommandFactory;

use super::arguments::{AuthorArguments, DirectoryArguments, PluginArguments, PluginCommand};
use super::look::{Look, NARROWEST};
use super::setup::{plugins_of, system};
use super::styled::{Line, wrap};
use super::{hooks, output};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_facts::find_program;
use modsmith_facts::text::{field, prose};
use modsmith_plugins::{Administration, FoundIn, Inspection, KernelHooks, Listed, Plugins, SearchPath, Standing};

/// Runs a `plugin` subcommand.
pub fn run(arguments: &PluginArguments, environment: &Environment) -> Result<()> {
    match &arguments.command {
        PluginCommand::Build(words) => author("build", words, environment),
        PluginCommand::Test(words) => author("test", words, environment),
        PluginCommand::Check(words) => author("check", words, environment),
        PluginCommand::New(words) => author("new", words, environment),
        PluginCommand::Pack(words) => author("pack", words, environment),
        PluginCommand::Wit(words) => author("wit", words, environment),
        PluginCommand::Publish(words) => author("publish", words, environment),
        PluginCommand::Install { source } => install::install(source, arguments, environment),
        PluginCommand::Update { plugins, more_rights } => {
            install::update(plugins, *more_rights, arguments, environment)
        }
        PluginCommand::Search { word, sources, json } => {
            search::search(word.as_deref(), sources, *json, arguments, environment)
        }
        PluginCommand::Dev(words) => develop::run(words, arguments, environment),
        PluginCommand::Remove { plugin } => install::remove(plugin, arguments, environment),
        PluginCommand::Docs(words) => author("docs", words, environment),
        PluginCommand::Plan(words) => author("plan", &with_root(words, arguments), environment),
        PluginCommand::Record(words) => author("record", &with_root(words, arguments), environment),
        PluginCommand::List { json } => {
            let plugins = open(arguments, environment)?;
            let listed = Administration(&plugins).list();
            if *json {
                output::json(&listed)?;
            } else {
                let look = Look::of(environment);
                let lines: Vec<Line> = listed.iter().flat_map(|plugin| entry(plugin, look.width)).collect();
                output::styled(&lines, look);
            }
            for plugin in Administration(&plugins).in_development() {
                output::warning(&plugin.sentence());
            }
            for problem in plugins.problems() {
                output::warning(&problem.to_string());
            }
            Ok(())
        }
        PluginCommand::Inspect { plugin, json } => {
            let inspection = Administration(&open(arguments, environment)?).inspect(plugin)?;
            if *json {
                return output::json(&inspection);
            }
            output::text(&inspection.to_string());
            Ok(())
        }
        PluginCommand::HookFiles { plugin, into, sbindir, libdir } => {
            let files = KernelHooks(&open(arguments, environment)?).hook_files(plugin.as_deref())?;
            let directories = hooks::Directories { sbindir, libdir };
            files.iter().try_for_each(|(plugin, file)| hooks::put(plugin, file, &directories, into.as_deref()))
        }
        PluginCommand::Grant { plugin } => grant(plugin, &open(arguments, environment)?),
        PluginCommand::Revoke { plugin } => {
            let file = Administration(&open(arguments, environment)?).revoke(plugin)?;
            output::lines(&field(&format!("Revoked: {} is gone", file.display())));
            Ok(())
        }
    }
}

/// Grants a plugin, shows what that was, and compiles it, so that no hook of a package
/// has to wait for the compiler.
fn grant(plugin: &str, plugins: &Plugins) -> Result<()> {
    let administration = Administration(plugins);
    let (inspection, file) = administration.grant(plugin)?;
    output::text(&inspection.to_string());
    output::lines(&field(&format!("Granted in {}", file.display())));
    if inspection.refused.is_some() {
        return Ok(());
    }
    compile(&administration, &inspection);
    Ok(())
}

/// Compiles a plugin, and says so where that takes long.
fn compile(administration: &Administration, inspection: &Inspection) {
    let mut begun = None;
    let compiled = administration.compile(inspection, |bytes| {
        if bytes >= LARGE {
            output::error(&format!("Compiling {} ({} MB) …", field(&inspection.manifest.id), megabytes(bytes)));
            begun = Some(Instant::now());
        }
    });
    if let Some(begun) = begun {
        let outcome = if compiled.is_ok() { "done" } else { "failed" };
        output::error(&format!(" {outcome} ({} s).\n", begun.elapsed().as_secs()));
    }
    // The grant stays: the limit that stopped the compiler can be raised afterwards.
    if let Err(error) = compiled {
        output::warning(&error.to_string());
    }
}

/// The size in bytes from which on compiling a component takes a second or more.
const LARGE: u64 = 1_000_000;

fn megabytes(bytes: u64) -> u64 {
    bytes.saturating_add(500_000) / 1_000_000
}

/// The words, and the system if it was named before them.
fn with_root(words: &AuthorArguments, arguments: &PluginArguments) -> AuthorArguments {
    let mut words = words.clone();
    if let Some(root) = &arguments.root {
        words.words.extend(["--root".into(), root.into()]);
    }
    words
}

/// The program of plugin authors, which is installed apart.
const AUTHORS_TOOL: &str = "modsmith-plugin";

/// The program of plugin authors.
///
/// # Errors
/// `System` where it is not installed.
fn authors_tool(command: &str, environment: &Environment) -> Result<PathBuf> {
    let beside = environment.program().map(|own| own.with_file_name(AUTHORS_TOOL));
    let tool = beside.filter(|tool| tool.is_file()).or_else(|| find_program(Path::new("/"), AUTHORS_TOOL));
    tool.ok_or_else(|| {
        Error::new(Kind::System, format!("`modsmith plugin {command}` needs {AUTHORS_TOOL}, which is not installed."))
            .hint(format!("Install the package {AUTHORS_TOOL}, or run `make build` in modsmith's source."))
    })
}

/// Becomes the program of plugin authors.
///
/// # Errors
/// `System` where it is not installed, or cannot be started.
fn author(command: &str, arguments: &AuthorArguments, environment: &Environment) -> Result<()> {
    let tool = authors_tool(command, environment)?;
    let error = std::process::Command::new(&tool).arg(command).args(&arguments.words).exec();
    Err(Error::io("start", &tool, error))
}

/// Whether the program of plugin authors has this command.
pub fn is_authors(word: &str) -> bool {
    PluginArguments::command().find_subcommand(word).is_some_and(clap::Command::is_disable_help_flag_set)
}

/// Has the program of plugin authors describe its command.
///
/// # Errors
/// The errors of [`author`].
pub fn authors_help(word: &str, environment: &Environment) -> Result<()> {
    author(word, &AuthorArguments { words: vec!["--help".into()] }, environment)
}

/// The search path that is meant: this machine's, or that of the system below `--root`.
fn search_path(arguments: &PluginArguments) -> Result<SearchPath> {
    let own = SearchPath::from_environment();
    Ok(match &arguments.root {
        Some(root) if arguments.of_root => own.of_root(&crate::words::absolute(root)?)?,
        _ => own,
    })
}

/// The plugins, grants and policy of this machine, for the system that is meant.
fn open(arguments: &PluginArguments, environment: &Environment) -> Result<Plugins> {
    let directories = DirectoryArguments { root: arguments.root.clone(), ..DirectoryArguments::default() };
    let (system, framework) = system(&directories, arguments.os_release.as_deref(), environment)?;
    let search = SearchPath::from_environment();
    let search = if arguments.of_root { search.of_root(&system.root)? } else { search };
    Ok(plugins_of(search, &system, &framework, &directories, environment))
}

/// The width of the columns of a plugin's id and version, with the blanks behind them.
const COLUMNS: usize = 32;

/// The lines of one plugin in a list, at most `width` columns wide: its id and version, and beside them
/// texts, each of which begins on a line of its own.
fn beside(id: &str, version: &str, texts: &[String], width: usize) -> Vec<Line> {
    let mut texts = texts.iter().flat_map(|text| wrap(&prose(text), width.saturating_sub(COLUMNS).max(NARROWEST / 2)));
    let head = format!("{:<22} {:<8} ", prose(id), prose(version));
    let mut lines = match head.chars().count() {
        COLUMNS => vec![Line::plain(head + &texts.next().unwrap_or_default())],
        // A longer id or version has a line of its own.
        _ => vec![Line::plain(head)],
    };
    lines.extend(texts.map(|text| Line::plain(" ".repeat(COLUMNS) + &text)));
    lines
}

fn entry(plugin: &Listed, width: usize) -> Vec<Line> {
    let roles: Vec<String> = plugin.roles.iter().map(ToString::to_string).collect();
    let reason = plugin.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let serves = match (plugin.grant.admits(), plugin.serves) {
        (false, _) => "not used",
        (true, true) => "serves this system",
        (true, false) => "not for this system",
    };
    let granted = match plugin.found_in {
        FoundIn::Development => ", in development",
        _ if plugin.grant == Standing::Granted => ", granted",
        _ => "",
    };
    let from = match &plugin.from {
        Some(from) if from.changed => format!(", not what was installed from {}", from.source),
        Some(from) => format!(", from {}", from.source),
        None => String::new(),
    };
    let texts = [format!("{serves}{reason}{granted}{from}"), roles.join(", ")];
    beside(&plugin.id, &plugin.version, &texts, width)
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn an_entry_of_a_list_is_no_wider_than_the_terminal() {
        let texts = ["a description that is longer than one line of the terminal".to_owned(), "role\nx".to_owned()];
        let text = |id: &str| -> Vec<String> {
            let lines = beside(id, "1.0.0", &texts, 80);
            lines.iter().map(|line| line.pieces().map(|(_, text)| text).collect()).collect()
        };
        let shown = text("own");
        assert!(shown[0].starts_with("own                    1.0.0    a description"), "{shown:?}");
        assert_eq!(shown.last().map(|line| line.trim()), Some("role\\nx"), "{shown:?}");
        assert!(shown.iter().all(|line| line.chars().count() <= 80), "{shown:?}");
        let long = text(&"x".repeat(40));
        assert!(!long[0].contains("description") && long[1].contains("description"), "{long:?}");
    }
}
