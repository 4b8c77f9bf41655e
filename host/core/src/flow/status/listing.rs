//! What is registered, built and installed.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::filter::{Filter, Matchers};
use crate::flow::install::weak_links::{WeakLinks, links_to, weak_links};
use crate::flow::status::inspector::Annotation;
use crate::flow::status::inspector::StatusInspector;
use crate::tree::{ModuleDirectory, Package, PackageEntry, PackageId, SourceState, Target};

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Broken,
    Added,
    Built,
    Installed,
    /// Not built for the kernel, which has a link to what is installed for
    /// another.
    InstalledWeak,
}

/// One line of `status`.
#[derive(Debug, Clone)]
pub struct StatusLine {
    pub id: PackageId,
    pub target: Option<Target>,
    pub state: State,
    pub annotations: Vec<Annotation>,
    /// For [`State::InstalledWeak`]: the kernel that it is installed for.
    pub from: Option<String>,
}

impl StatusLine {
    fn new(id: PackageId, target: Option<Target>, state: State) -> Self {
        Self { id, target, state, annotations: Vec::new(), from: None }
    }
}

/// The lines of `status`, by module, version, kernel and architecture.
pub fn status(run: &Invocation<'_>, filter: &Filter) -> Result<Vec<StatusLine>> {
    let matchers = filter.compile()?;
    let mut inspector = StatusInspector::new(run);
    let links = weak_links(run);
    let mut lines = Vec::new();
    for name in run.env.tree.modules()?.iter().filter(|name| matchers.take_module(name)) {
        let module = run.env.tree.module(name)?;
        for entry in run.env.tree.entries_of(&module, |version| matchers.take_version(version)) {
            describe(run, &module, entry, &matchers, &links, &mut inspector, &mut lines);
        }
    }
    Ok(lines)
}

fn describe(
    run: &Invocation<'_>,
    module: &ModuleDirectory,
    entry: PackageEntry,
    matchers: &Matchers,
    links: &WeakLinks,
    inspector: &mut StatusInspector<'_>,
    lines: &mut Vec<StatusLine>,
) {
    let PackageEntry { id, source } = entry;
    let SourceState::Present(source) = source else {
        lines.push(StatusLine::new(id, None, State::Broken));
        return;
    };
    let mut targets = run.env.tree.targets(&id);
    let weak = match links.is_empty() {
        true => Vec::new(),
        false => weakly_installed(run, module, &id, &targets, matchers, links),
    };
    targets.retain(|target| matchers.take_target(target));
    let package = Package { id, source };
    for target in &targets {
        let installed = run.env.tree.is_active(module, &package.id, target);
        let originals = module.has_originals && run.env.tree.has_originals(&package.id, target);
        let annotation = inspector.annotations(&package, target, installed);
        let state = if installed { State::Installed } else { State::Built };
        lines.push(StatusLine {
            annotations: originals.then_some(Annotation::OriginalsExist).into_iter().chain(annotation).collect(),
            ..StatusLine::new(package.id.clone(), Some(target.clone()), state)
        });
    }
    if targets.is_empty() && weak.is_empty() {
        lines.push(StatusLine::new(package.id, None, State::Added));
    }
    lines.extend(weak);
}

/// The kernels that have links to what is installed for others.
fn weakly_installed(
    run: &Invocation<'_>,
    module: &ModuleDirectory,
    id: &PackageId,
    targets: &[Target],
    matchers: &Matchers,
    links: &WeakLinks,
) -> Vec<StatusLine> {
    let mut found = BTreeMap::new();
    for target in targets.iter().filter(|target| run.env.tree.is_active(module, id, target)) {
        for link in links_to(run, links, id, target) {
            let other = Target { kernel: link.kernel.clone(), arch: target.arch.clone() };
            found.entry(other).or_insert_with(|| target.kernel.clone());
        }
    }
    let line = |(target, from)| StatusLine {
        from: Some(from),
        ..StatusLine::new(id.clone(), Some(target), State::InstalledWeak)
    };
    // A module of its own goes before the link.
    let lacks_own = |target: &Target| run.env.tree.active_version(&id.module, target).is_none();
    found.into_iter().filter(|(target, _)| matchers.take(id, target) && lacks_own(target)).map(line).collect()
}
