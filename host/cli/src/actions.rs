//! dkms's own actions: which one, on what, for which kernels.

use super::arguments::Arguments;
use super::commands::similar;
use super::invocation::{PluginUse, with_invocation};
use super::renderers::Terminal;
use super::setup::{plugins, system};
use super::targets::Targets;
use super::words::{Action, CommandLine};
use super::{Persona, completion, errors, formats, output, status};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{self, Invocation};
use modsmith_core::tree::{Target, check_kernel_name};
use modsmith_plugins::{Packager, Plugins};

/// Runs what was typed.
pub fn run(persona: Persona, arguments: &Arguments, environment: &Environment) -> Result<()> {
    if arguments.version {
        match persona {
            Persona::Dkms => output::lines(&format!("dkms-{}", modsmith_core::DKMS_VERSION)),
            Persona::Modsmith => output::lines(concat!("modsmith ", env!("CARGO_PKG_VERSION"))),
        }
        return Ok(());
    }
    let words = CommandLine::classify(arguments)?;
    if words.actions.is_empty() {
        return no_action(persona, arguments, environment);
    }
    words.warn();
    let plugin_use = match words.actions[..] {
        [Action::Add] if words.archive.is_none() => PluginUse::None,
        [Action::Status] => PluginUse::Look,
        _ => PluginUse::Act,
    };
    with_invocation(arguments, environment, plugin_use, |run, targets| {
        let mut words = words;
        if let Some(archive) = words.archive.take_if(|_| words.actions.iter().any(|action| action.takes_archives())) {
            words.actions.iter().try_for_each(|action| check_all(*action, arguments))?;
            let loaded = formats::load(&archive, &targets.first(&run.env)?, run, arguments)?;
            let Some(id) = loaded else { return Ok(()) };
            words.actions.retain(|action| *action != Action::Add);
            (words.module, words.version) = (Some(id.module), Some(id.version));
        }
        for (done, action) in words.actions.clone().into_iter().enumerate() {
            act(action, &words, arguments, targets, run, persona)?;
            // The first of several actions registers the package; the next ones take it from the tree.
            if action.takes_archives()
                && done + 1 < words.actions.len()
                && let Some(directory) = &words.directory
            {
                let kernel = run.kernel(&targets.first(&run.env)?);
                if let Some(id) = run.runner.after_success(|| flow::identify(run, directory, &kernel)).transpose()? {
                    words.directory = None;
                    (words.module, words.version) = (Some(id.module), Some(id.version));
                }
            }
        }
        match words.actions.iter().any(|action| action.changes_kernels()) {
            true => flow::post_transaction(run, &targets.first(&run.env)?),
            false => Ok(()),
        }
    })
}

fn act(
    action: Action,
    words: &CommandLine,
    arguments: &Arguments,
    targets: &Targets,
    run: &Invocation<'_>,
    persona: Persona,
) -> Result<()> {
    check_all(action, arguments)?;
    match action {
        Action::Status => status::run(words, arguments, targets, run, persona),
        Action::Add => {
            let what = words.source()?;
            let target = targets.first(&run.env)?;
            flow::add(run, &what, &run.kernel(&target)).map(drop)
        }
        Action::Build => first_of(flow::build(run, &words.source()?, &targets.chosen(&run.env)?), persona),
        Action::Install => first_of(flow::install(run, &words.source()?, &targets.chosen(&run.env)?), persona),
        Action::Uninstall | Action::Unbuild | Action::Remove => {
            let id = words.named()?;
            let chosen = if arguments.all { run.env.tree.targets(&id) } else { targets.chosen(&run.env)? };
            match action {
                Action::Uninstall => flow::uninstall(run, &id, &chosen),
                Action::Unbuild => flow::unbuild(run, &id, &chosen),
                _ => flow::remove(run, &id, &chosen),
            }
        }
        Action::Match => {
            let template = arguments.templatekernel.as_deref().ok_or_else(|| {
                Error::new(Kind::Usage, "The template kernel is missing.").hint("Name it with --templatekernel.")
            })?;
            let target = targets.one(&run.env)?;
            // As in -k, it may have an architecture.
            let (kernel, arch) = template.split_once('/').unwrap_or((template, &target.arch));
            check_kernel_name("kernel", kernel)?;
            check_kernel_name("architecture", arch)?;
            let template = Target { kernel: kernel.to_owned(), arch: arch.to_owned() };
            let version = words.version.as_deref().filter(|version| !version.is_empty());
            flow::match_template(run, &template, &target, words.module.as_deref(), version)
        }
        Action::Autoinstall => flow::autoinstall(run, &targets.one(&run.env)?),
        Action::KernelPostinst => flow::kernel_postinst(run, &targets.explicit()?),
        Action::KernelPreinst => flow::kernel_preinst(run, &targets.explicit()?),
        Action::KernelPrerm => flow::kernel_prerm(run, &targets.explicit()?),
        Action::GenerateMok => flow::generate_mok(run, &targets.first(&run.env)?),
    }
}

fn check_all(action: Action, arguments: &Arguments) -> Result<()> {
    if arguments.all && !action.takes_all() && action != Action::Status {
        return Err(Error::new(Kind::AllUnsupported, "This action does not take --all.")
            .hint("Name the kernels with -k, one after another."));
    }
    Ok(())
}

/// The first failure is the result; the others are printed before it.
fn first_of(errors: Vec<Error>, persona: Persona) -> Result<()> {
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else { return Ok(()) };
    Terminal::flush();
    for error in errors.filter(|error| error.kind != Kind::Interrupted && !output::was_printed(error)) {
        output::error(&errors::render(&error, persona));
    }
    Err(first)
}

fn no_action(persona: Persona, arguments: &Arguments, environment: &Environment) -> Result<()> {
    let message = match arguments.words.first() {
        Some(word) => format!("`{word}` is not an action."),
        None => "No action was named.".to_owned(),
    };
    let mut error = Error::new(Kind::Usage, message);
    let plugins = system(&arguments.directories, arguments.os_release.as_deref(), environment)
        .ok()
        .map(|(system, framework)| plugins(&system, &framework, &arguments.directories, environment));
    let tree =
        completion::tree(persona, &plugins.as_ref().map(|plugins| Packager(plugins).formats()).unwrap_or_default());
    let names: Vec<&str> = tree.get_subcommands().map(clap::Command::get_name).collect();
    if let Some(meant) = arguments.words.first().and_then(|word| similar(word, names.iter().copied())) {
        error = error.hint(format!("Did you mean `{meant}`?"));
    }
    error = error.hint(match persona {
        Persona::Dkms => format!("Name one of {}; `--help` shows the options.", names.join(", ")),
        Persona::Modsmith => "`modsmith help` lists the commands.".to_owned(),
    });
    for why in plugins.iter().flat_map(Plugins::refused_packagers) {
        error = error.hint(format!("A plugin with further actions is not used:  {why}."));
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
