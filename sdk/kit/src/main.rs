//! The program `modsmith-plugin`.

mod examples;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use modsmith_core::error::{Kind, exit_code};
use modsmith_facts::text;
use modsmith_kit::build::{BuildOptions, build};
use modsmith_kit::check::{CheckOptions, Checked, check};
use modsmith_kit::new::{Language, NewOptions, new};
use modsmith_kit::pack::{Built, ManifestText, PackOptions, pack};
use modsmith_kit::page::page;
use modsmith_kit::publish::{PublishOptions, Published, publish};
use modsmith_kit::recording::{RecordOptions, Recorded, record};
use modsmith_kit::testing::{PlanOptions, Selection, TestOptions, plan, test};
use modsmith_kit::watch::Watched;
use modsmith_kit::{Error, Result};
use modsmith_kit::{bindings, interface};

/// Starts, builds, packs, checks, tests and publishes plugins of modsmith.
#[derive(Debug, Parser)]
#[command(name = "modsmith-plugin", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile a plugin, or a workspace of plugins, to components
    Build {
        /// Folder with a plugin.toml or a policy.toml, or with such folders at any depth
        #[arg(default_value = ".")]
        directory: PathBuf,
        /// Where the components go
        #[arg(long, value_name = "DIR", default_value = "dist")]
        out: PathBuf,
    },
    /// Test plugins: their cases, and laws that hold for every plugin
    Test(TestArguments),
    /// Check plugins for unused rights, unknown settings and keys, and different versions
    Check {
        /// Folder with a plugin.toml or a policy.toml, or with such folders at any depth
        #[arg(default_value = ".")]
        directory: PathBuf,
        /// Where `plugin build` has put the plugins; they are built otherwise
        #[arg(long, value_name = "DIR")]
        built: Option<PathBuf>,
    },
    /// Start a plugin: a folder with code, a test case and a CI file
    New(NewArguments),
    /// Make a plugin from a core module or a component of any compiler
    Pack {
        /// What the compiler made
        file: PathBuf,
        /// The plugin's manifest
        #[arg(long, value_name = "FILE", default_value = "plugin.toml")]
        manifest: PathBuf,
        /// Where the plugin goes; ID.wasm otherwise
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the plugin interface as one text of WIT, for generators of bindings
    Wit(WitArguments),
    /// Put a plugin into an OCI registry, below the tag of its version
    Publish {
        /// What `plugin build` or `plugin pack` has made
        file: PathBuf,
        /// The repository, such as registry.example:5000/team/acme
        reference: String,
        /// Sign with this private key: P-256, PEM (PKCS#8), without a passphrase
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// How registries are spoken to [default: /etc/modsmith/registries.toml]
        #[arg(long, value_name = "FILE")]
        registries: Option<PathBuf>,
    },
    /// Print a page about a plugin, in Markdown: what it serves, its rights, its settings
    Docs {
        /// A plugin file, a plugin.toml, a table, or the folder of one of them
        #[arg(default_value = ".")]
        file: PathBuf,
        /// The base plugin of a table
        #[arg(long, value_name = "FILE")]
        base: Option<PathBuf>,
    },
    /// Show what a plugin would do on this system, granted or not; nothing is changed
    Plan(PlanArguments),
    /// Record what a plugin sees and answers on this system, as cases of its tests
    Record(RecordArguments),
}

#[derive(Debug, Clone, Args)]
struct NewArguments {
    /// Role of the plugin, such as initrd, install-policy or packager
    kind: String,
    /// Id of the plugin
    name: String,
    /// What the plugin is written in
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
    /// Folder of the Rust SDK; its released version otherwise
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
    /// Folder to make; NAME otherwise
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
struct PlanArguments {
    /// A plugin file, or the source folder of a plugin
    #[arg(default_value = ".")]
    file: PathBuf,
    /// Ask for the system below this directory
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Kernel release; that of the running kernel otherwise
    #[arg(long, value_name = "KERNEL")]
    kernel: Option<String>,
    /// Only this call, as cases name it; all calls of its roles otherwise
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
}

#[derive(Debug, Clone, Args)]
struct RecordArguments {
    #[command(flatten)]
    plan: PlanArguments,
    /// Folder of the cases; `cases` in the source folder, or here, otherwise
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Begin of the cases' names, which are NAME-CALL
    #[arg(long, value_name = "NAME", default_value = "recorded")]
    name: String,
    /// Also run the programs of the plugin's probes, confined: they can change nothing
    #[arg(long)]
    probes: bool,
}

#[derive(Debug, Clone, Args)]
struct WitArguments {
    /// Write its files to this directory instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write bindings of this language to DIR, for the roles of the manifest
    #[arg(long, value_name = "LANGUAGE", requires = "out")]
    bindings: Option<Bindings>,
    /// Also write the world `plugin` to DIR, with the roles of the manifest, for generators
    #[arg(long, requires = "out", conflicts_with = "bindings")]
    world: bool,
    /// The manifest with the roles
    #[arg(long, value_name = "FILE", default_value = "plugin.toml")]
    manifest: PathBuf,
}

/// Languages that this program generates bindings for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Bindings {
    C,
    Go,
}

#[derive(Debug, Clone, Args)]
struct TestArguments {
    /// Source folders of plugins, folders with such at any depth, or plugin files
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Only the cases of this name
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Make the answers that are given the expected ones
    #[arg(long)]
    update: bool,
    /// Where `plugin build` has put the plugins; they are built otherwise
    #[arg(long, value_name = "DIR")]
    built: Option<PathBuf>,
    /// Folder of the cases, of one plugin; `cases` in its source folder otherwise
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Test again whenever a file changes, until the program is stopped
    #[arg(long, conflicts_with_all = ["json", "update"])]
    watch: bool,
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = modsmith_plugins::compile::serve(&words) {
        return code;
    }
    let matches = examples::with_examples(Arguments::command()).get_matches_from(words);
    let command = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments.command,
        Err(error) => error.exit(),
    };
    let json = matches!(&command, Command::Test(arguments) if arguments.json);
    let outcome = match command {
        Command::Build { directory, out } => build_plugins(directory, out),
        Command::Test(arguments) if arguments.watch => test_forever(&arguments),
        Command::Test(arguments) => test_plugins(arguments),
        Command::Check { directory, built } => check_plugins(&CheckOptions { directory, built }),
        Command::New(arguments) => start_plugin(arguments),
        Command::Pack { file, manifest, out } => pack_plugin(&PackOptions { file, manifest, out }),
        Command::Wit(arguments) => show_interface(&arguments),
        Command::Publish { file, reference, key, registries } => {
            publish_plugin(&PublishOptions { file, reference, key, registries })
        }
        Command::Docs { file, base } => page(&file, base.as_deref()).map(|page| {
            print(&text::lines(&page));
            ExitCode::SUCCESS
        }),
        Command::Plan(arguments) => show_plan(arguments),
        Command::Record(arguments) => record_cases(arguments),
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        if json {
            print(&document(&error));
        }
        ExitCode::from(exit_code(error.kind().into()))
    })
}

fn build_plugins(directory: PathBuf, out: PathBuf) -> Result<ExitCode> {
    build(&BuildOptions { directory, out })?.iter().for_each(show_built);
    Ok(ExitCode::SUCCESS)
}

fn check_plugins(options: &CheckOptions) -> Result<ExitCode> {
    let Checked { plugins, findings } = check(options)?;
    findings.iter().for_each(|finding| print(&format!("{}\n", text::line(&finding.to_string()))));
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let plugins = count(plugins, "plugin");
    if findings.is_empty() {
        print(&format!("{plugins}: no findings\n"));
        return Ok(ExitCode::SUCCESS);
    }
    print_error(&format!("error: {} in {plugins}.\n", count(findings.len(), "finding")));
    Ok(ExitCode::FAILURE)
}

fn start_plugin(arguments: NewArguments) -> Result<ExitCode> {
    let NewArguments { kind, name, lang, sdk, out } = arguments;
    let folder = new(&NewOptions { kind, name, language: lang, sdk, out })?;
    print(&format!("{}\n", text::field(&folder.display().to_string())));
    Ok(ExitCode::SUCCESS)
}

fn pack_plugin(options: &PackOptions) -> Result<ExitCode> {
    show_built(&pack(options)?);
    Ok(ExitCode::SUCCESS)
}

fn publish_plugin(options: &PublishOptions) -> Result<ExitCode> {
    let Published { reference, signer } = publish(options, |name| std::env::var(name).ok())?;
    print(&format!("{}\n", text::field(&reference)));
    if let Some(signer) = signer {
        print(&format!("Signed by {signer}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn show_built(built: &Built) {
    print(&format!("{}\n", text::field(&format!("{:>8}  {}", built.size, built.file.display()))));
}

fn show_interface(arguments: &WitArguments) -> Result<ExitCode> {
    let Some(directory) = &arguments.out else {
        print(&interface::text());
        return Ok(ExitCode::SUCCESS);
    };
    let roles = || ManifestText::read(&arguments.manifest).map(|manifest| manifest.manifest.roles.provides);
    let files = match arguments.bindings {
        Some(Bindings::C) => bindings::write_c(&roles()?, directory)?,
        Some(Bindings::Go) => bindings::write_go(&roles()?, &arguments.manifest.with_file_name("go.mod"), directory)?,
        None if arguments.world => interface::write_with_world(&roles()?, directory)?,
        None => interface::write(directory)?,
    };
    files.iter().for_each(|file| print(&format!("{}\n", text::field(&file.display().to_string()))));
    Ok(ExitCode::SUCCESS)
}

/// Tests, and again after each change. A plugin that does not build is reported, too.
fn test_forever(arguments: &TestArguments) -> ! {
    let mut paths = arguments.paths.clone();
    paths.extend(arguments.cases.clone());
    paths.extend(arguments.built.clone());
    loop {
        // Before the tests, so that a change meanwhile is not missed.
        let watched = Watched::now(&paths);
        if let Err(error) = test_plugins(arguments.clone()) {
            complain(&error);
        }
        print("Waiting for a change. Ctrl-C ends.\n");
        watched.wait(&paths);
    }
}

fn show_plan(arguments: PlanArguments) -> Result<ExitCode> {
    let PlanArguments { file, root, kernel, call } = arguments;
    print(&text::lines(&plan(&PlanOptions { file, root, kernel, call, compiling_isolated: true })?));
    Ok(ExitCode::SUCCESS)
}

fn record_cases(arguments: RecordArguments) -> Result<ExitCode> {
    let RecordArguments { plan: PlanArguments { file, root, kernel, call }, out, name, probes } = arguments;
    let options = RecordOptions { file, root, kernel, call, out, name, probes, compiling_isolated: true };
    let Recorded { cases, notes } = record(&options)?;
    cases.iter().for_each(|case| print(&format!("{}\n", text::field(&case.display().to_string()))));
    notes.iter().for_each(|note| print(&format!("note: {}\n", text::line(note))));
    Ok(ExitCode::SUCCESS)
}

fn test_plugins(arguments: TestArguments) -> Result<ExitCode> {
    let TestArguments { paths, case, update, built, cases, json, watch: _ } = arguments;
    let selection = Selection { paths, built, cases, compiling_isolated: true };
    let report = test(&TestOptions { selection, case, update })?;
    if json {
        let written = serde_json::to_string_pretty(&report).map_err(Error::ReportNotWritten)?;
        print(&format!("{}\n", text::json(&written)));
    } else {
        print(&text::lines(&report.to_string()));
    }
    Ok(match report.verdict() {
        Ok(_) if json => ExitCode::SUCCESS,
        Ok(verdict) => {
            print(&format!("{}\n", text::lines(&verdict)));
            ExitCode::SUCCESS
        }
        Err(failures) => {
            print_error(&format!("error: {}\n", text::line(&failures.to_string())));
            ExitCode::FAILURE
        }
    })
}

/// A closed pipe or a full disk is for the reader of the output to notice.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(error: &Error) {
    let mut text = format!("error: {}\n", text::line(&error.to_string()));
    error.details().iter().for_each(|detail| text += &format!("{}\n", text::line(detail)));
    let hints = error.hints();
    if !hints.is_empty() {
        text.push('\n');
    }
    hints.iter().for_each(|hint| text += &format!("hint: {}\n", text::line(hint)));
    print_error(&text);
}

fn print_error(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// For a program: the same document as that of modsmith, where there is no report.
fn document(error: &Error) -> String {
    let kind = Kind::from(error.kind());
    let document = serde_json::json!({ "error": {
        "id": error.id(),
        "kind": kind.id(),
        "message": error.to_string(),
        "details": error.details(),
        "hints": error.hints(),
        "exit_code": exit_code(kind),
    }});
    format!("{}\n", text::json(&format!("{document:#}")))
}
