//! dkms's own actions: which one, on what, for which kernels.

use std::path::PathBuf;

use super::arguments::Arguments;
use super::errors::ErrorView;
use super::setup::{plugins, system};
use super::status::{StatusDocument, text};
use super::targets::Targets;
use super::terminal::Terminal;
use super::words::{Action, Words, absolute, from_here};
use super::{Persona, completion, errors, failures, formats, output};
use modsmith_core::error::{Error, ExitCodes, Kind, Result};
use modsmith_core::flow::{Filter, Mode, Options, Session};
use modsmith_core::tree::{Target, TreeLock, check_kernel_name};
use modsmith_plan::{AT_REST, INTERRUPTED, PlanView, Reporter};
use modsmith_plugins::Plugins;

/// Runs what was typed.
pub fn run(persona: Persona, arguments: &Arguments) -> Result<()> {
    if arguments.version {
        match persona {
            Persona::Dkms => output::lines(&format!("dkms-{}", modsmith_core::DKMS_VERSION)),
            Persona::Modsmith => output::lines(concat!("modsmith ", env!("CARGO_PKG_VERSION"))),
        }
        return Ok(());
    }
    let words = Words::classify(arguments)?;
    if words.actions.is_empty() {
        return no_action(persona, arguments);
    }
    words.warn();
    let plugin_use = match words.actions[..] {
        [Action::Add] if words.archive.is_none() => PluginUse::None,
        [Action::Status] => PluginUse::Look,
        _ => PluginUse::Act,
    };
    in_session(persona, arguments, plugin_use, |session, targets| {
        let mut words = words;
        if let Some(archive) = words.archive.take_if(|_| words.actions.iter().any(|action| action.takes_archives())) {
            words.actions.iter().try_for_each(|action| check_all(*action, arguments))?;
            let loaded = formats::load(&archive, &targets.first(session)?, session, arguments)?;
            let Some(id) = loaded.filter(|_| !session.is_dry_run()) else { return Ok(()) };
            words.actions.retain(|action| *action != Action::Add);
            (words.module, words.version) = (Some(id.module), Some(id.version));
        }
        for (done, action) in words.actions.clone().into_iter().enumerate() {
            act(action, &words, arguments, targets, session, persona)?;
            // What the first of several actions has registered the next ones take from the tree.
            let registered = action.takes_archives() && done + 1 < words.actions.len() && !session.is_dry_run();
            if let Some(directory) = words.directory.take_if(|_| registered) {
                let id = session.identify(&directory, &session.kernel(&targets.first(session)?))?;
                (words.module, words.version) = (Some(id.module), Some(id.version));
            }
        }
        match words.actions.iter().any(|action| action.changes_kernels()) {
            true => session.post_transaction(&targets.first(session)?),
            false => Ok(()),
        }
    })
}

/// What an action has to do with plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PluginUse {
    None,
    /// They are asked, and nothing is changed.
    Look,
    Act,
}

/// Does something with the system, settings, plugins and kernels that the
/// command line names; a dry run shows its plans.
pub(super) fn in_session(
    persona: Persona,
    arguments: &Arguments,
    plugin_use: PluginUse,
    body: impl FnOnce(&Session<'_>, &Targets) -> Result<()>,
) -> Result<()> {
    handle_signals();
    // Whatever the caller's is: what is installed must be readable for all.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let (system, framework) = system(&arguments.places, arguments.os_release.as_deref())?;
    let quiet = arguments.quiet;
    let terminal = Terminal::new(quiet, arguments.verbose || framework.verbose());
    for (given, option) in
        [(arguments.no_prepare_kernel, "--no-prepare-kernel"), (arguments.no_clean_kernel, "--no-clean-kernel")]
    {
        if given {
            terminal.notice(&format!("Deprecated feature: {option}"));
        }
    }
    let targets = Targets::of(arguments, &system)?;
    let plugins = match plugin_use {
        PluginUse::None => Plugins::none(system.clone()),
        _ => plugins(&system, &framework, &arguments.places)
            .acting(plugin_use == PluginUse::Act && !arguments.dry_run)
            .complaining(move |problem| Terminal::new(quiet, false).warning(problem)),
    };
    let mode = if arguments.dry_run { Mode::DryRun } else { Mode::Execute };
    let mut options = options(arguments)?;
    if let Some(file) = options.kernel_config.take_if(|file| !file.is_file()) {
        terminal.warning(&format!(
            "There is no file {} (--config): the kernel's own configuration is used.",
            file.display()
        ));
    }
    let session = Session::new(system, framework, plugins, &terminal, options, mode);
    let outcome = body(&session, &targets);
    for why in session.tree.untrusted() {
        terminal.warning(&format!("{why}. {}", why.remedy()));
    }
    if arguments.dry_run {
        let plans = session.into_plans().iter().map(PlanView::new).collect();
        let shown = show(plans, outcome.as_ref().err().filter(|_| persona == Persona::Modsmith), arguments.json);
        return outcome.and(shown);
    }
    outcome
}

fn act(
    action: Action,
    words: &Words,
    arguments: &Arguments,
    targets: &Targets,
    session: &Session<'_>,
    persona: Persona,
) -> Result<()> {
    check_all(action, arguments)?;
    match action {
        Action::Status => status(words, arguments, targets, session, persona),
        Action::Add => {
            let what = words.source()?;
            let target = targets.first(session)?;
            session.add(&what, &session.kernel(&target)).map(drop)
        }
        Action::Build => first_of(session.build(&words.source()?, &targets.chosen(session)?), persona),
        Action::Install => first_of(session.install(&words.source()?, &targets.chosen(session)?), persona),
        Action::Uninstall | Action::Unbuild | Action::Remove => {
            let id = words.named()?;
            let chosen = if arguments.all { session.tree.targets(&id) } else { targets.chosen(session)? };
            match action {
                Action::Uninstall => session.uninstall(&id, &chosen),
                Action::Unbuild => session.unbuild(&id, &chosen),
                _ => session.remove(&id, &chosen),
            }
        }
        Action::Match => {
            let template = arguments.templatekernel.as_deref().ok_or_else(|| {
                Error::new(Kind::Usage, "The template kernel is missing.").hint("Name it with --templatekernel.")
            })?;
            check_kernel_name("kernel", template)?;
            let target = targets.one(session)?;
            let template = Target { kernel: template.to_owned(), arch: target.arch.clone() };
            session.match_template(&template, &target, words.module.as_deref())
        }
        Action::Autoinstall => session.autoinstall(&targets.one(session)?),
        Action::KernelPostinst => session.kernel_postinst(&targets.explicit()?),
        Action::KernelPreinst => session.kernel_preinst(&targets.explicit()?),
        Action::KernelPrerm => session.kernel_prerm(&targets.explicit()?),
        Action::GenerateMok => session.generate_mok(&targets.first(session)?),
    }
}

fn check_all(action: Action, arguments: &Arguments) -> Result<()> {
    if arguments.all && !action.takes_all() && action != Action::Status {
        return Err(Error::new(Kind::AllUnsupported, "This action does not take --all.")
            .hint("Name the kernels with -k, one after another."));
    }
    Ok(())
}

/// The first failure is the result; the others are told before it.
fn first_of(errors: Vec<Error>, persona: Persona) -> Result<()> {
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else { return Ok(()) };
    Terminal::flush();
    for error in errors.filter(|error| error.kind != Kind::Interrupted) {
        output::error(&errors::render(&error, persona));
    }
    Err(first)
}

fn status(
    words: &Words,
    arguments: &Arguments,
    targets: &Targets,
    session: &Session<'_>,
    persona: Persona,
) -> Result<()> {
    settle_killed(session)?;
    let kernels: Vec<(Option<String>, Option<String>)> = if targets.given.is_empty() {
        vec![(None, arguments.archs.first().cloned())]
    } else {
        targets.given.iter().map(|(k, a)| (Some(k.clone()), a.clone())).collect()
    };
    let (mut lines, mut failed) = (Vec::new(), Vec::new());
    for (kernel, arch) in kernels {
        let filter = Filter { module: words.module.clone(), version: words.version.clone(), kernel, arch };
        lines.extend(session.status(&filter)?);
        failed.extend(session.failures(&filter)?);
    }
    if arguments.json {
        output::json(&StatusDocument::new(&lines, &failed))?;
    } else {
        session.say_lines(&lines.iter().map(text).collect::<Vec<_>>());
        for line in &lines {
            if line.state == modsmith_core::flow::State::Broken && !arguments.quiet {
                output::warning(&format!(
                    "{} is broken: its source is gone. Put it back and run `dkms add {}`, or delete {}.",
                    line.id,
                    line.id,
                    session.tree.real(&line.id.version_dir()).display()
                ));
            }
        }
        // Scripts read every line of dkms's.
        if persona == Persona::Modsmith {
            failures::remarks(&failed).iter().for_each(|line| session.say(line));
        }
    }
    Ok(())
}

/// What a killed invocation left is ended before anything is said about states,
/// where that is possible.
fn settle_killed(session: &Session<'_>) -> Result<()> {
    let (pending, untrusted) = modsmith_plan::pending(session.tree.path()).unwrap_or_default();
    for why in &untrusted {
        session.reporter.warning(&format!("{why}. {}", why.remedy()));
    }
    if pending.is_empty() || session.is_dry_run() {
        return Ok(());
    }
    match TreeLock::try_acquire(session.tree.path()) {
        Some(lock) => session.recover(&lock),
        None => {
            output::warning(
                "the tree is being changed right now, or was left half changed; the next change to it ends that.",
            );
            Ok(())
        }
    }
}

fn show(plans: Vec<PlanView>, error: Option<&Error>, json: bool) -> Result<()> {
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

fn no_action(persona: Persona, arguments: &Arguments) -> Result<()> {
    let message = match arguments.words.first() {
        Some(word) => format!("`{word}` is no action."),
        None => "No action was named.".to_owned(),
    };
    let mut error = Error::new(Kind::Usage, message);
    let plugins = system(&arguments.places, arguments.os_release.as_deref())
        .ok()
        .map(|(system, framework)| plugins(&system, &framework, &arguments.places));
    let tree = completion::tree(persona, &plugins.as_ref().map(Plugins::formats).unwrap_or_default());
    let names: Vec<&str> = tree.get_subcommands().map(clap::Command::get_name).collect();
    if let Some(meant) = arguments.words.first().and_then(|word| similar(word, &names)) {
        error = error.hint(format!("Did you mean `{meant}`?"));
    }
    error = error.hint(format!("Name one of {}; `--help` shows the options.", names.join(", ")));
    for why in plugins.iter().flat_map(Plugins::refused_packagers) {
        error = error.hint(format!("A plugin that brings further actions is not used: {why}."));
    }
    match persona {
        // Scripts of dkms 3.x know this as success, with the usage on standard output.
        Persona::Dkms => {
            output::text(&format!("Usage: dkms ACTION [MODULE/VERSION] [OPTION]...\nActions: {}\n", names.join(", ")));
            output::error(&errors::render(&error, persona));
            Ok(())
        }
        Persona::Modsmith => Err(error),
    }
}

/// The name that a word with a slip of the keyboard was to be.
fn similar<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let likeness = |name: &&'n str| (strsim::damerau_levenshtein(word, name), *name);
    let (slips, name) = names.iter().map(likeness).min()?;
    (slips <= word.chars().count().div_ceil(4)).then_some(name)
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
    // Looked for by the actions that need them: the others go without, as with dkms.
    let named = |path: &Option<PathBuf>| path.as_deref().map(from_here).transpose();
    Ok(Options {
        // A package manager's version is the one to have, whatever is there.
        force: arguments.force,
        force_version_override: arguments.force_version_override,
        no_depmod: arguments.no_depmod,
        no_initrd: arguments.no_initrd,
        symlink_modules: arguments.symlink_modules,
        modprobe_on_install: arguments.modprobe_on_install,
        safe_upgrade: arguments.rpm_safe_upgrade,
        framework: existing(&arguments.places.dkmsframework)?,
        jobs: arguments.jobs,
        directives,
        conf: named(&arguments.conf)?,
        kernel_config: named(&arguments.config)?,
        no_prepare_kernel: arguments.no_prepare_kernel,
        no_clean_kernel: arguments.no_clean_kernel,
        kernel_source_dir: named(&arguments.kernelsourcedir)?,
        exit_codes: ExitCodes(errors::exit_code),
    })
}

/// While a plan is carried out, the first signal stops running programs and
/// undoes the plan; it takes a second one to give up on that. At other times, a
/// signal ends the program at once.
fn handle_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let flag = INTERRUPTED.clone();
        // Without handlers the signals end the program as ever; the journal then
        // serves the next invocation.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, AT_REST.clone());
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone());
        let _ = signal_hook::flag::register(signal, flag);
    }
}
