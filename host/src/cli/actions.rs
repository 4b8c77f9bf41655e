//! dkms's own actions: which one, on what, for which kernels.

use std::path::{Path, PathBuf};

use super::arguments::Arguments;
use super::setup::{Places, plugin_settings, system};
use super::status::{StatusDocument, text};
use super::terminal::Terminal;
use super::{Persona, errors, formats};
use crate::error::{Error, Kind, Result};
use crate::flow::{Filter, Mode, Options, PackageSource, Session};
use crate::kernel::{machine, running_release};
use crate::plan::{INTERRUPTED, PlanView};
use crate::plugin::{Plugins, SearchPath};
use crate::system::{Root, System};
use crate::tree::{PackageId, Target, TreeLock, check_name};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Add,
    Build,
    Install,
    Uninstall,
    Unbuild,
    Remove,
    Status,
}

impl Action {
    const ALL: [(&str, Action); 7] = [
        ("add", Action::Add),
        ("build", Action::Build),
        ("install", Action::Install),
        ("uninstall", Action::Uninstall),
        ("unbuild", Action::Unbuild),
        ("remove", Action::Remove),
        ("status", Action::Status),
    ];

    fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, action)| *action)
    }

    fn takes_archives(self) -> bool {
        matches!(self, Action::Add | Action::Build | Action::Install)
    }

    fn takes_all(self) -> bool {
        matches!(self, Action::Uninstall | Action::Unbuild | Action::Remove)
    }
}

/// The words of the command line, understood.
#[derive(Debug, Default)]
pub(super) struct Words {
    actions: Vec<Action>,
    module: Option<String>,
    version: Option<String>,
    directory: Option<PathBuf>,
    /// An existing file that is something to be loaded.
    pub(super) archive: Option<PathBuf>,
}

/// Whether a word is an action of the program's own.
pub(super) fn is_action(word: &str) -> bool {
    Action::named(word).is_some()
}

/// Runs what was typed.
pub fn run(persona: Persona, arguments: &Arguments) -> Result<()> {
    if arguments.version {
        match persona {
            Persona::Dkms => println!("dkms-{}", crate::DKMS_VERSION),
            Persona::Modsmith => println!("modsmith {}", env!("CARGO_PKG_VERSION")),
        }
        return Ok(());
    }
    let words = classify(arguments)?;
    if words.actions.is_empty() {
        return no_action(persona, arguments);
    }
    let needs_plugins = words.actions != [Action::Add] || words.archive.is_some();
    in_session(arguments, needs_plugins, |session, targets| {
        let mut words = words;
        if let Some(archive) = words.archive.take_if(|_| words.actions.iter().any(|action| action.takes_archives())) {
            words.actions.iter().try_for_each(|action| check_all(*action, arguments))?;
            let id = formats::load(&archive, &targets.first(session)?, session)?;
            if session.is_dry_run() {
                return Ok(());
            }
            words.actions.retain(|action| *action != Action::Add);
            (words.module, words.version) = (Some(id.module), Some(id.version));
        }
        words.actions.iter().try_for_each(|action| act(*action, &words, arguments, targets, session, persona))
    })
}

/// Does something with the system, settings, plugins and kernels that the
/// command line names; a dry run shows its plans.
pub(super) fn in_session(
    arguments: &Arguments,
    needs_plugins: bool,
    body: impl FnOnce(&Session<'_>, &Targets) -> Result<()>,
) -> Result<()> {
    handle_signals();
    // Whatever the caller's is: what is installed must be readable for all.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let (system, framework) = system(&Places::of(arguments))?;
    let terminal = Terminal::new(arguments.quiet, arguments.verbose || framework.verbose());
    let targets = targets(arguments, &system)?;
    let plugins = match needs_plugins {
        false => Plugins::none(system.clone()),
        true => Plugins::open(system.clone(), SearchPath::from_environment(), plugin_settings(&framework)),
    };
    for problem in plugins.problems() {
        terminal_warning(&terminal, &problem.to_string());
    }
    let mode = if arguments.dry_run { Mode::DryRun } else { Mode::Execute };
    let session = Session::new(system, framework, plugins, &terminal, options(arguments)?, mode);
    let outcome = body(&session, &targets);
    if arguments.dry_run {
        show(session.into_plans().iter().map(PlanView::new).collect(), arguments.json);
    }
    outcome
}

fn terminal_warning(terminal: &Terminal, text: &str) {
    use crate::plan::Reporter;
    terminal.warning(text);
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
        Action::Status => status(words, arguments, targets, session),
        Action::Add => {
            let what = source(words)?;
            let target = targets.first(session)?;
            session.add(&what, &session.kernel(&target)).map(drop)
        }
        Action::Build => each(targets, session, persona, |target| session.build(&source(words)?, target)),
        Action::Install => each(targets, session, persona, |target| session.install(&source(words)?, target)),
        Action::Uninstall | Action::Unbuild | Action::Remove => {
            let id = named(words)?;
            let chosen = if arguments.all { session.tree.targets(&id) } else { targets.chosen(session)? };
            match action {
                Action::Uninstall => session.uninstall(&id, &chosen),
                Action::Unbuild => session.unbuild(&id, &chosen),
                _ => session.remove(&id, &chosen),
            }
        }
    }
}

fn check_all(action: Action, arguments: &Arguments) -> Result<()> {
    if arguments.all && !action.takes_all() && action != Action::Status {
        return Err(Error::new(Kind::AllUnsupported, "This action does not take --all.")
            .hint("Name the kernels with -k, one after another."));
    }
    Ok(())
}

/// Every kernel gets its turn; the first failure is the result.
fn each(
    targets: &Targets,
    session: &Session<'_>,
    persona: Persona,
    mut one: impl FnMut(&Target) -> Result<()>,
) -> Result<()> {
    let chosen = targets.chosen(session)?;
    let mut first = None;
    for (index, target) in chosen.iter().enumerate() {
        let Err(error) = one(target) else { continue };
        let last = index + 1 == chosen.len();
        if error.kind == Kind::Interrupted || (last && first.is_none()) {
            return Err(error);
        }
        match &first {
            // Told at the end, as the result.
            None => first = Some(error),
            Some(_) => {
                Terminal::flush();
                eprint!("{}", errors::render(&error, persona));
            }
        }
    }
    first.map_or(Ok(()), Err)
}

fn status(words: &Words, arguments: &Arguments, targets: &Targets, session: &Session<'_>) -> Result<()> {
    settle_killed(session)?;
    let kernels: Vec<(Option<String>, Option<String>)> = if targets.given.is_empty() {
        vec![(None, arguments.archs.first().cloned())]
    } else {
        targets.given.iter().map(|(k, a)| (Some(k.clone()), a.clone())).collect()
    };
    let mut lines = Vec::new();
    for (kernel, arch) in kernels {
        let filter = Filter { module: words.module.clone(), version: words.version.clone(), kernel, arch };
        lines.extend(session.status(&filter)?);
    }
    if arguments.json {
        print_json(&StatusDocument::new(&lines));
    } else {
        for line in &lines {
            session.say(text(line));
            if line.state == crate::flow::State::Broken && !arguments.quiet {
                eprintln!(
                    "Warning: {} is broken: its source is gone. Put it back and run `dkms add {}`, or delete {}.",
                    line.id,
                    line.id,
                    session.tree.real(&line.id.version_dir()).display()
                );
            }
        }
    }
    Ok(())
}

/// What a killed invocation left is ended before anything is said about states,
/// where that is possible.
fn settle_killed(session: &Session<'_>) -> Result<()> {
    let pending = crate::plan::pending(session.tree.path()).unwrap_or_default();
    if pending.is_empty() || session.is_dry_run() {
        return Ok(());
    }
    match TreeLock::try_acquire(session.tree.path()) {
        Some(_lock) => session.recover(),
        None => {
            eprintln!(
                "Warning: the tree is being changed right now, or was left half changed; the next change to it ends that."
            );
            Ok(())
        }
    }
}

fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => println!("{text}"),
        Err(e) => eprintln!("error: could not write JSON: {e}"),
    }
}

fn show(plans: Vec<PlanView>, json: bool) {
    #[derive(serde::Serialize)]
    struct Document {
        schema_version: u32,
        plans: Vec<PlanView>,
    }
    if json {
        print_json(&Document { schema_version: 1, plans });
    } else if plans.is_empty() {
        println!("Nothing to do.");
    } else {
        for plan in &plans {
            println!("Would {}", plan.to_text());
        }
    }
}

fn no_action(persona: Persona, arguments: &Arguments) -> Result<()> {
    let word = arguments.words.first().map(|w| format!("`{w}` is no action. ")).unwrap_or_default();
    let names: Vec<&str> = Action::ALL.iter().map(|(name, _)| *name).collect();
    let error = Error::new(Kind::Usage, format!("{word}No action was named."))
        .hint(format!("Name one of {}; `--help` shows the options.", names.join(", ")));
    match persona {
        // Scripts of dkms 3.x know this as success.
        Persona::Dkms => {
            print!("{}", errors::render(&error, persona));
            Ok(())
        }
        Persona::Modsmith => Err(error),
    }
}

pub(super) fn classify(arguments: &Arguments) -> Result<Words> {
    let mut words = Words::default();
    if let Some(module) = &arguments.module {
        take_module(&mut words, module);
    }
    if let Some(version) = &arguments.module_version {
        words.version = Some(version.trim().to_owned());
    }
    for word in &arguments.words {
        let path = Path::new(word);
        if let Some(action) = Action::named(word) {
            words.actions.push(action);
        } else if word.ends_with("dkms.conf") && path.is_file() {
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            words.directory = Some(absolute(parent)?);
        } else if path.join("dkms.conf").is_file() {
            words.directory = Some(absolute(path)?);
        } else if path.is_file() {
            words.archive = Some(absolute(path)?);
        } else if words.module.is_none() {
            take_module(&mut words, word);
        } else {
            eprintln!("Warning: `{word}` was not understood and is not used.");
        }
    }
    Ok(words)
}

fn take_module(words: &mut Words, text: &str) {
    match text.trim().split_once('/') {
        Some((module, version)) => {
            words.module = Some(module.to_owned());
            words.version = Some(version.to_owned());
        }
        None => words.module = Some(text.trim().to_owned()),
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path).map_err(|e| Error::io("use", path, e))
}

fn source(words: &Words) -> Result<PackageSource> {
    match &words.directory {
        Some(directory) => Ok(PackageSource::Directory(directory.clone())),
        None => named(words).map(PackageSource::Named),
    }
}

pub(super) fn named(words: &Words) -> Result<PackageId> {
    match (&words.module, &words.version) {
        (Some(module), Some(version)) => PackageId::new(module, version),
        (module, _) => {
            let what = module.as_ref().map_or("module and version".to_owned(), |m| format!("version of {m}"));
            Err(Error::new(Kind::Usage, format!("The {what} is missing."))
                .hint("Name both, as in `bbswitch/0.8` or `-m bbswitch -v 0.8`."))
        }
    }
}

/// The kernels that the command line names.
pub(super) struct Targets {
    given: Vec<(String, Option<String>)>,
    default_arch: String,
}

fn targets(arguments: &Arguments, system: &System) -> Result<Targets> {
    if arguments.all && !arguments.kernels.is_empty() {
        return Err(Error::new(Kind::KernelWithAll, "-k and --all exclude each other.").hint("Leave one of them out."));
    }
    if arguments.all && !arguments.archs.is_empty() {
        return Err(Error::new(Kind::ArchWithAll, "-a and --all exclude each other.").hint("Leave one of them out."));
    }
    let mut given: Vec<(String, Option<String>)> = Vec::new();
    for word in &arguments.kernels {
        let (kernel, arch) = match word.trim().split_once('/') {
            Some((kernel, arch)) => (kernel, Some(arch.to_owned())),
            None => (word.trim(), None),
        };
        check_name("kernel", kernel)?;
        arch.as_deref().map_or(Ok(()), |arch| check_name("architecture", arch))?;
        given.push((kernel.to_owned(), arch));
    }
    if given.is_empty() && !arguments.archs.is_empty() && system.is_live() {
        given.push((running_release(), None));
    }
    match arguments.archs.as_slice() {
        [] => {}
        [one] => given.iter_mut().filter(|(_, arch)| arch.is_none()).for_each(|(_, arch)| *arch = Some(one.clone())),
        many if many.len() == given.len() => {
            given.iter_mut().zip(many).for_each(|((_, arch), given)| *arch = Some(given.clone()));
        }
        many => {
            return Err(Error::new(Kind::Usage, format!("{} architectures for {} kernels.", many.len(), given.len()))
                .hint("Give one -a for all kernels, or one for each -k."));
        }
    }
    Ok(Targets { given, default_arch: machine() })
}

impl Targets {
    /// The kernels to work on: those named, else the running one; on another
    /// system the only one that it has.
    pub(super) fn chosen(&self, session: &Session<'_>) -> Result<Vec<Target>> {
        if !self.given.is_empty() {
            let arch = |arch: &Option<String>| arch.clone().unwrap_or_else(|| self.default_arch.clone());
            return Ok(self.given.iter().map(|(k, a)| Target { kernel: k.clone(), arch: arch(a) }).collect());
        }
        let kernel = if session.system.is_live() { running_release() } else { only_kernel(&session.system)? };
        Ok(vec![Target { kernel, arch: self.default_arch.clone() }])
    }

    /// The kernel that a dkms.conf is evaluated for where none is needed.
    pub(super) fn first(&self, session: &Session<'_>) -> Result<Target> {
        let chosen = self.chosen(session).unwrap_or_default();
        Ok(chosen
            .into_iter()
            .next()
            .unwrap_or_else(|| Target { kernel: running_release(), arch: self.default_arch.clone() }))
    }
}

fn only_kernel(system: &System) -> Result<String> {
    let directory = system.roots.get(Root::InstallTree).unwrap_or(Path::new("/lib/modules"));
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    match names.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::new(Kind::NoKernelDirectory, format!("{} has no kernel.", directory.display()))
            .hint("Install one there, or name it with -k.")),
        many => Err(Error::new(Kind::Usage, format!("{} has several kernels.", directory.display()))
            .hint(format!("Name one with -k: {}.", many.join(", ")))),
    }
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
    Ok(Options {
        force: arguments.force,
        force_version_override: arguments.force_version_override,
        no_depmod: arguments.no_depmod,
        no_initrd: arguments.no_initrd,
        symlink_modules: arguments.symlink_modules,
        jobs: arguments.jobs,
        directives,
        conf: existing(&arguments.conf)?,
        kernel_config: existing(&arguments.config)?,
        kernel_source_dir: existing(&arguments.kernelsourcedir)?,
    })
}

/// The first signal stops running programs and undoes the plan; it takes a
/// second one to give up on that.
fn handle_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let flag = INTERRUPTED.clone();
        // Without handlers the signals end the program as ever; the journal then
        // serves the next invocation.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone());
        let _ = signal_hook::flag::register(signal, flag);
    }
}
