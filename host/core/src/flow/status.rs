//! What is registered, built and installed.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::flow::survey::Survey;
use crate::flow::weak_links::WeakLinks;
use crate::tree::{Entry, ModuleDirectory, Package, PackageId, SourceState, Target};

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

/// A remark on a built or installed package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Annotation {
    /// Modules that were there before are kept aside.
    OriginalsExist,
    /// A module that dkms.conf names is not in the tree.
    ProductsMissing,
    /// The installed file is not the built one, or gone.
    Differs,
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

/// Shell patterns that narrow the listing; `None` matches everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub module: Option<String>,
    pub version: Option<String>,
    pub kernel: Option<String>,
    pub arch: Option<String>,
}

/// `None` matches everything.
pub(super) struct Matchers {
    module: Option<GlobMatcher>,
    version: Option<GlobMatcher>,
    kernel: Option<GlobMatcher>,
    arch: Option<GlobMatcher>,
}

impl Filter {
    pub(super) fn compile(&self) -> Result<Matchers> {
        let glob = |pattern: &Option<String>| {
            let Some(text) = pattern else { return Ok(None) };
            GlobBuilder::new(text).build().map(|glob| Some(glob.compile_matcher())).map_err(|e| {
                Error::new(Kind::Usage, format!("`{text}` is not a shell pattern: {e}."))
                    .hint("Quote its brackets and braces with a backslash.")
            })
        };
        Ok(Matchers {
            module: glob(&self.module)?,
            version: glob(&self.version)?,
            kernel: glob(&self.kernel)?,
            arch: glob(&self.arch)?,
        })
    }
}

impl Matchers {
    pub(super) fn take(&self, id: &PackageId, target: &Target) -> bool {
        fits(&self.module, &id.module)
            && fits(&self.version, &id.version)
            && fits(&self.kernel, &target.kernel)
            && fits(&self.arch, &target.arch)
    }
}

fn fits(pattern: &Option<GlobMatcher>, name: &str) -> bool {
    pattern.as_ref().is_none_or(|glob| glob.is_match(name))
}

impl Session<'_> {
    /// The lines of `status`, by module, version, kernel and architecture.
    pub fn status(&self, filter: &Filter) -> Result<Vec<StatusLine>> {
        let matchers = filter.compile()?;
        let mut survey = Survey::new(self);
        let links = self.weak_links();
        let mut lines = Vec::new();
        for name in self.tree.modules()?.iter().filter(|name| fits(&matchers.module, name)) {
            let module = self.tree.module(name)?;
            for entry in self.tree.entries_of(&module, |version| fits(&matchers.version, version)) {
                self.describe(&module, entry, &matchers, &links, &mut survey, &mut lines);
            }
        }
        Ok(lines)
    }

    fn describe(
        &self,
        module: &ModuleDirectory,
        entry: Entry,
        matchers: &Matchers,
        links: &WeakLinks,
        survey: &mut Survey<'_>,
        lines: &mut Vec<StatusLine>,
    ) {
        let Entry { id, source } = entry;
        let SourceState::Present(source) = source else {
            lines.push(StatusLine::new(id, None, State::Broken));
            return;
        };
        let mut targets = self.tree.targets(&id);
        let weak = match links.is_empty() {
            true => Vec::new(),
            false => self.weakly_installed(module, &id, &targets, matchers, links),
        };
        targets.retain(|target| fits(&matchers.kernel, &target.kernel) && fits(&matchers.arch, &target.arch));
        let package = Package { id, source };
        for target in &targets {
            let installed = self.tree.is_active(module, &package.id, target);
            let originals = module.has_originals && self.tree.has_originals(&package.id, target);
            let remark = survey.remarks(&package, target, installed);
            let state = if installed { State::Installed } else { State::Built };
            lines.push(StatusLine {
                annotations: originals.then_some(Annotation::OriginalsExist).into_iter().chain(remark).collect(),
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
        &self,
        module: &ModuleDirectory,
        id: &PackageId,
        targets: &[Target],
        matchers: &Matchers,
        links: &WeakLinks,
    ) -> Vec<StatusLine> {
        let mut found = BTreeMap::new();
        for target in targets.iter().filter(|target| self.tree.is_active(module, id, target)) {
            for link in self.links_to(links, id, target) {
                let other = Target { kernel: link.kernel.clone(), arch: target.arch.clone() };
                found.entry(other).or_insert_with(|| target.kernel.clone());
            }
        }
        let line = |(target, from)| StatusLine {
            from: Some(from),
            ..StatusLine::new(id.clone(), Some(target), State::InstalledWeak)
        };
        // A module of its own goes before the link.
        let lacks_own = |target: &Target| self.tree.active_version(&id.module, target).is_none();
        found.into_iter().filter(|(target, _)| matchers.take(id, target) && lacks_own(target)).map(line).collect()
    }
}
