//! Makes an invocation from the command line: the system, its settings and plugins, the
//! options, and signals.

use std::path::PathBuf;
use std::sync::Arc;

use modsmith_core::Environment;
use modsmith_core::conf::Origin;
use modsmith_core::conf::framework::Framework;
use modsmith_core::error::{Error, ExitCodes, Kind, Result};
use modsmith_core::event::{self, Event, Level, Note, Observer};
use modsmith_core::flow::{Env, Invocation, Mode, Options};
use modsmith_facts::{Root, System, inside};
use modsmith_plan::{AT_REST, INTERRUPTED, PlanView};
use modsmith_plugins::{Administration, Plugins};

use super::arguments::Arguments;
use super::errors::{self, ErrorView};
use super::renderers::{Renderer, keep_lines_whole};
use super::setup::{plugins, system};
use super::targets::Targets;
use super::words::{Action, absolute, from_here};
use super::{Persona, output};

/// The use that an action makes of plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PluginUse {
    None,
    /// Plugins are asked, and change nothing.
    Look,
    Act,
}

impl PluginUse {
    /// Whether plugins may act in an invocation of this mode.
    fn acts_in(self, mode: Mode) -> bool {
        self == PluginUse::Act && mode == Mode::Execute
    }
}

/// Does something with the system, settings, plugins and kernels that the
/// command line names; a dry run shows its plans.
pub(super) fn with_invocation(
    arguments: &Arguments,
    environment: &Environment,
    plugin_use: PluginUse,
    body: impl FnOnce(&Invocation<'_>, &Targets) -> Result<()>,
) -> Result<()> {
    let persona = Persona::of_words(environment.command());
    with_plans(arguments, environment, plugin_use, body, |plans, outcome| match arguments.dry_run {
        true => show_plans(plans, outcome.as_ref().err().filter(|_| persona == Persona::Modsmith), arguments.json),
        false => Ok(()),
    })
}

/// As [`with_invocation`], but `show` prints the plans of a dry run and the result of `body`.
pub(super) fn with_plans<T>(
    arguments: &Arguments,
    environment: &Environment,
    plugin_use: PluginUse,
    body: impl FnOnce(&Invocation<'_>, &Targets) -> Result<T>,
    show: impl FnOnce(Vec<PlanView>, &Result<T>) -> Result<()>,
) -> Result<T> {
    handle_signals();
    // Installed files must be readable for all, whatever the caller's umask is.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let (system, framework) = system(&arguments.directories, arguments.os_release.as_deref(), environment)?;
    refuse_missing_tree(arguments, &system, &framework)?;
    let renderer = Renderer::of(arguments, arguments.verbose || framework.verbose(), environment)?;
    let outcome = carried_out(arguments, environment, plugin_use, (system, framework), &renderer, body, show);
    renderer.finish(outcome.as_ref().err());
    outcome
}

/// `add` and `build` make no tree at a path that was named: a slip in the name would register a package in
/// an unused tree. The other actions make the tree, as in dkms.
fn refuse_missing_tree(arguments: &Arguments, system: &System, framework: &Framework) -> Result<()> {
    let begins = |word: &String| matches!(Action::of(word), Some(Action::Add | Action::Build));
    let remedy = match (&arguments.directories.dkmstree, framework.origin("dkms_tree")) {
        (Some(_), _) => "correct --dkmstree".to_owned(),
        (None, Some(Origin::File(file))) => format!("correct dkms_tree in {}", file.display()),
        (None, _) => return Ok(()),
    };
    match system.roots.get(Root::Tree).filter(|tree| !inside::is_dir(tree)) {
        Some(tree) if arguments.words.iter().any(begins) => {
            let message = format!("There is no tree at {}: the directory does not exist.", tree.display());
            Err(Error::new(Kind::Usage, message).hint(format!("Make the directory, or {remedy}.")))
        }
        _ => Ok(()),
    }
}

/// The body of an invocation, and what it leaves to be shown.
fn carried_out<T>(
    arguments: &Arguments,
    environment: &Environment,
    plugin_use: PluginUse,
    (system, framework): (Arc<System>, Framework),
    renderer: &Arc<Renderer>,
    body: impl FnOnce(&Invocation<'_>, &Targets) -> Result<T>,
    show: impl FnOnce(Vec<PlanView>, &Result<T>) -> Result<()>,
) -> Result<T> {
    let say = |level, text: String| {
        let note = Note { level, lines: vec![text], is_echo: false };
        renderer.event(Event { work: None, kind: event::Kind::Note(note) });
    };
    for (given, option) in
        [(arguments.no_prepare_kernel, "--no-prepare-kernel"), (arguments.no_clean_kernel, "--no-clean-kernel")]
    {
        if given {
            say(Level::Notice, format!("Deprecated feature: {option}"));
        }
    }
    let targets = Targets::of(arguments, &system)?;
    let mode = if arguments.dry_run { Mode::DryRun } else { Mode::Execute };
    let (quiet, problems) = (arguments.quiet, renderer.clone());
    let plugin_problem = move |problem: &str| problems.plugin_problem(quiet, problem);
    let plugins = match plugin_use {
        PluginUse::None => Plugins::none(system.clone()),
        _ => plugins(&system, &framework, &arguments.directories, environment)
            .acting(plugin_use.acts_in(mode))
            .on_problem(plugin_problem),
    };
    for plugin in Administration(&plugins).in_development() {
        say(Level::Warning, plugin.sentence());
    }
    let mut options = options(arguments)?;
    options.tells_store = Persona::of_words(environment.command()) == Persona::Modsmith;
    if let Some(file) = options.kernel_config.take_if(|file| !file.is_file()) {
        let text = format!("There is no file {} (--config): the kernel's own configuration is used.", file.display());
        say(Level::Warning, text);
    }
    let env = Env::new(system, framework, plugins, options, environment.clone());
    let run = Invocation::new(env, &**renderer, mode);
    let outcome = body(&run, &targets);
    for why in run.env.tree.untrusted() {
        say(Level::Warning, format!("{why}. {}", why.remedy()));
    }
    let plans = run.into_plans().iter().map(PlanView::new).collect();
    let shown = show(plans, &outcome);
    let value = outcome?;
    shown.map(|()| value)
}

/// The plans of a dry run, or that there are none.
pub(super) fn show_plans(plans: Vec<PlanView>, error: Option<&Error>, json: bool) -> Result<()> {
    #[derive(serde::Serialize)]
    struct Document<'a> {
        schema_version: u32,
        plans: Vec<PlanView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorView<'a>>,
    }
    if json {
        let error = error.map(ErrorView::new);
        return output::json(&Document { schema_version: 1, plans, error });
    }
    match plans.is_empty() {
        true => output::lines("Nothing to do."),
        false => plans.iter().for_each(|plan| output::lines(&format!("Would {}", plan.to_text()))),
    }
    Ok(())
}

fn options(arguments: &Arguments) -> Result<Options> {
    let directives = arguments
        .directives
        .iter()
        .map(|text| {
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
                Error::new(Kind::Usage, format!("`--directive {text}` has no `=`.")).hint("Write NAME=VALUE.")
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let existing = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    // Only the actions that need these files look for them, as in dkms.
    let named = |path: &Option<PathBuf>| path.as_deref().map(from_here).transpose();
    Ok(Options {
        force: arguments.force,
        force_version_override: arguments.force_version_override,
        no_depmod: arguments.no_depmod,
        no_initrd: arguments.no_initrd,
        symlink_modules: arguments.symlink_modules,
        modprobe_on_install: arguments.modprobe_on_install,
        safe_upgrade: arguments.rpm_safe_upgrade,
        framework: existing(&arguments.directories.dkmsframework)?,
        jobs: arguments.jobs,
        directives,
        conf: named(&arguments.conf)?,
        kernel_config: named(&arguments.config)?,
        no_prepare_kernel: arguments.no_prepare_kernel,
        no_clean_kernel: arguments.no_clean_kernel,
        kernel_source_dir: named(&arguments.kernelsourcedir)?,
        exit_codes: ExitCodes::default(),
        tells_store: false,
    })
}

/// While a plan is carried out, the first signal stops running programs and
/// undoes the plan; it takes a second one to give up on that. At other times, a
/// signal ends the program at once.
pub(super) fn handle_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let interrupted = i32::from(errors::exit_code(Kind::Interrupted));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let flag = INTERRUPTED.clone();
        // First: what follows may end the program.
        let _ = keep_lines_whole(signal);
        // Without handlers the signals end the program as ever; the journal then
        // serves the next invocation.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, interrupted, AT_REST.clone());
        let _ = signal_hook::flag::register_conditional_shutdown(signal, interrupted, flag.clone());
        let _ = signal_hook::flag::register(signal, flag);
    }
}
