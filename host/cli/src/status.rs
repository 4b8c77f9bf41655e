//! `status`: for people, old scripts and programs.

mod items;
mod people;
mod since;

use jiff::Timestamp;
use serde::Serialize;

use super::arguments::{Arguments, Grouping, View};
use super::failures::FailedView;
use super::look::Look;
use super::targets::Targets;
use super::words::CommandLine;
use super::{Persona, failures, output};
use items::Detail;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{self, Annotation, Filter, Invocation, Lacking, Next, State, StatusLine};
use modsmith_core::tree::{BuildRecord, Failure, PackageId, RecordedConfinement, RecordedStore, Tree};
use modsmith_facts::kernel::running_release;
use people::Kernels;

/// The facts that `status` shows.
#[derive(Default)]
struct Found {
    lines: Vec<StatusLine>,
    failed: Vec<Failure>,
    lacking: Vec<Lacking>,
}

/// Shows the state of the packages and kernels that are named.
pub fn run(
    words: &CommandLine,
    arguments: &Arguments,
    targets: &Targets,
    run: &Invocation<'_>,
    persona: Persona,
) -> Result<()> {
    let look = Look::of(&run.env.environment);
    let view = view(arguments, persona, look)?;
    if !flow::settle_killed(run)? {
        output::warning(
            "the tree is being changed, or an earlier change was interrupted; the next action that changes the tree recovers it.",
        );
    }
    let kernels: Vec<(Option<String>, Option<String>)> = if targets.given.is_empty() {
        vec![(None, arguments.archs.first().map(|arch| arch.trim().to_owned()))]
    } else {
        targets.given.iter().map(|(k, a)| (Some(k.clone()), a.clone())).collect()
    };
    // For scripts of dkms, `hello/` has no version and `/1.0` no module.
    let wanted = |name: &Option<String>| name.clone().filter(|name| persona != Persona::Dkms || !name.is_empty());
    let mut found = Found::default();
    for (kernel, arch) in kernels {
        let filter = Filter { module: wanted(&words.module), version: wanted(&words.version), kernel, arch };
        let (lines, failed) = (flow::status(run, &filter)?, flow::failures(run, &filter)?);
        if view == View::People && !arguments.json {
            found.lacking.extend(flow::lacking(run, &filter, &lines, &failed)?);
        }
        found.lines.extend(lines);
        found.failed.extend(failed);
    }
    found.narrow(arguments, &run.env.tree)?;
    match (arguments.json, view) {
        (true, _) => output::json(&StatusDocument::new(&run.env.tree, &found.lines, &found.failed)),
        (false, _) if arguments.quiet => Ok(()),
        (false, View::People) => {
            let detail = if words.module.is_some() { Detail::Close } else { Detail::Usual };
            let items = items::items(run, &found.lines, &found.failed, &found.lacking, detail);
            let names_kernels = !targets.given.is_empty() || !arguments.archs.is_empty();
            let is_narrowed = words.module.is_some() || names_kernels || for_few(arguments);
            let next = if is_narrowed { None } else { starts_next(run) };
            let kernels = Kernels { running: run.env.system.is_live().then(running_release), next };
            let by = arguments.view.by.unwrap_or(Grouping::Kernel);
            output::styled(&people::lines(&items, by, &kernels, look), look);
            Ok(())
        }
        (false, View::Dkms) => {
            for_scripts(&found, run, persona);
            Ok(())
        }
    }
}

/// Whether the view leaves packages out.
fn for_few(arguments: &Arguments) -> bool {
    arguments.view.failed || arguments.view.since.is_some()
}

/// The kernel that starts next, where that is known: whether the start is safe takes longer to find
/// out, and `modsmith ready` says why it is not known.
fn starts_next(run: &Invocation<'_>) -> Option<String> {
    match flow::next_kernel(run) {
        Ok(Next::Known(kernel)) => Some(kernel.release),
        Ok(Next::Unknown(_)) | Err(_) => None,
    }
}

/// Scripts read the lines of dkms, by either name of the program.
fn view(arguments: &Arguments, persona: Persona, look: Look) -> Result<View> {
    let asked = &arguments.view;
    if asked.events {
        return Err(Error::new(Kind::Usage, "`status` changes nothing, so it has no events.")
            .hint("`modsmith status --json` writes one document."));
    }
    let for_people = asked.by.is_some() || asked.failed || asked.since.is_some();
    if asked.view == Some(View::Dkms) && for_people {
        return Err(Error::new(Kind::Usage, "The lines of dkms have no groups and no times.")
            .hint("Leave out --view dkms, or --by, --failed and --since."));
    }
    Ok(match (persona, asked.view) {
        (Persona::Dkms, _) => View::Dkms,
        (Persona::Modsmith, Some(view)) => view,
        (Persona::Modsmith, None) if for_people || look.terminal => View::People,
        (Persona::Modsmith, None) => View::Dkms,
    })
}

impl Found {
    /// Leaves what `--failed` and `--since` ask for.
    fn narrow(&mut self, arguments: &Arguments, tree: &Tree) -> Result<()> {
        let Found { lines, failed, lacking } = self;
        if let Some(text) = &arguments.view.since {
            let since = since::since(text)?;
            let is_new = |time: Option<Timestamp>| time.is_some_and(|time| time >= since);
            failed.retain(|failure| failure.record.time >= since);
            lines.retain(|line| is_new(line.target.as_ref().and_then(|target| items::built(tree, &line.id, target))));
            lacking.clear();
        }
        if arguments.view.failed {
            let has_failed = |line: &StatusLine| {
                failed.iter().any(|failure| failure.id == line.id && Some(&failure.target) == line.target.as_ref())
            };
            lines.retain(has_failed);
            lacking.clear();
        }
        Ok(())
    }
}

/// The lines of dkms, and what this program knows beside them.
fn for_scripts(found: &Found, run: &Invocation<'_>, persona: Persona) {
    run.runner.say_lines(&found.lines.iter().map(text).collect::<Vec<_>>());
    for line in found.lines.iter().filter(|line| line.state == State::Broken) {
        let (why, remedy) = run.env.why_broken(&line.id);
        output::warning(&format!("{} is broken: {why}. {remedy}", line.id));
    }
    // Scripts read every line of dkms's.
    if persona == Persona::Modsmith {
        failures::annotations(&found.failed).iter().for_each(|line| run.runner.say(line));
    }
}

/// The texts that scripts of dkms 3.1.3 and later parse.
fn text(line: &StatusLine) -> String {
    // The only line that has always had a comma after the module.
    if let (State::InstalledWeak, Some(target), Some(from)) = (line.state, &line.target, &line.from) {
        let PackageId { module, version } = &line.id;
        return format!("{module}, {version}, {}, {}: installed-weak from {from}", target.kernel, target.arch);
    }
    let state = match line.state {
        State::Broken => "broken",
        State::Added => "added",
        State::Built => "built",
        State::Installed => "installed",
        State::InstalledWeak => "installed-weak",
    };
    let mut out = match &line.target {
        None => format!("{}: {state}", line.id),
        Some(target) => format!("{}, {}, {}: {state}", line.id, target.kernel, target.arch),
    };
    for annotation in &line.annotations {
        out += match annotation {
            Annotation::OriginalsExist => " (Original modules exist)",
            Annotation::ProductsMissing => " (Built modules are missing in the kernel modules folder)",
            Annotation::Differs => " (Differences between built and installed modules)",
        };
    }
    out
}

/// `status --json`; described by `docs/reference/status-schema.json`.
#[derive(Debug, Serialize)]
pub struct StatusDocument<'a> {
    pub schema_version: u32,
    pub packages: Vec<StatusEntry<'a>>,
}

/// One package, for one kernel where it is built or its last build failed.
#[derive(Debug, Serialize)]
pub struct StatusEntry<'a> {
    pub module: &'a str,
    pub version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<&'a str>,
    pub state: State,
    pub annotations: &'a [Annotation],
    /// Of `installed-weak`: the kernel that the modules are installed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'a str>,
    /// How the build was confined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confinement: Option<RecordedConfinement>,
    /// The identity of the build in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<RecordedStore>,
    /// Why the administrator's policy kept the modules unsigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedView<'a>>,
}

impl<'a> StatusDocument<'a> {
    /// A failure stands with the line of its kernel, or in an entry of its own
    /// after the package's others: for that kernel, the package is only added.
    pub fn new(tree: &Tree, lines: &'a [StatusLine], failures: &'a [Failure]) -> Self {
        let of_record = |record: BuildRecord| (record.confinement, record.store, record.unsigned);
        let known = |line: &StatusLine| tree.record(&line.id, line.target.as_ref()?).map(of_record);
        let recorded = lines.iter().map(|line| (line, known(line).unwrap_or_default()));
        let mut packages: Vec<StatusEntry<'a>> = recorded
            .map(|(line, (confinement, store, unsigned))| StatusEntry {
                module: &line.id.module,
                version: &line.id.version,
                kernel: line.target.as_ref().map(|t| t.kernel.as_str()),
                arch: line.target.as_ref().map(|t| t.arch.as_str()),
                state: line.state,
                annotations: &line.annotations,
                from: line.from.as_deref(),
                confinement,
                store,
                unsigned,
                failed: None,
            })
            .collect();
        for failure in failures {
            let (module, version) = (failure.id.module.as_str(), failure.id.version.as_str());
            let (kernel, arch) = (Some(failure.target.kernel.as_str()), Some(failure.target.arch.as_str()));
            let of_package = |entry: &StatusEntry<'_>| entry.module == module && entry.version == version;
            let failed = Some(FailedView::new(failure));
            let broken = packages.iter().any(|entry| of_package(entry) && entry.state == State::Broken);
            let state = if broken { State::Broken } else { State::Added };
            let known = packages.iter_mut().find(|e| of_package(e) && e.kernel == kernel && e.arch == arch);
            match known {
                Some(entry) => entry.failed = failed,
                None => {
                    let at = packages.iter().rposition(of_package).map_or(packages.len(), |last| last + 1);
                    let (annotations, from, confinement, store, unsigned) = (&[][..], None, None, None, None);
                    let entry = StatusEntry {
                        module,
                        version,
                        kernel,
                        arch,
                        state,
                        annotations,
                        from,
                        confinement,
                        store,
                        unsigned,
                        failed,
                    };
                    packages.insert(at, entry);
                }
            }
        }
        Self { schema_version: 1, packages }
    }
}
