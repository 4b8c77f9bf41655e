//! What is registered, built and installed.

use globset::{GlobBuilder, GlobMatcher};

use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::flow::install::same_contents;
use crate::flow::installed::{missing_products, product_of};
use crate::tree::{Entry, Package, PackageId, SourceState, Target};

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Broken,
    Added,
    Built,
    Installed,
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
}

/// Shell patterns that narrow the listing; `None` matches everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub module: Option<String>,
    pub version: Option<String>,
    pub kernel: Option<String>,
    pub arch: Option<String>,
}

pub(super) struct Matchers {
    module: GlobMatcher,
    version: GlobMatcher,
    kernel: GlobMatcher,
    arch: GlobMatcher,
}

impl Filter {
    pub(super) fn compile(&self) -> Result<Matchers> {
        let glob = |pattern: &Option<String>| {
            let text = pattern.as_deref().unwrap_or("*");
            GlobBuilder::new(text).build().map(|glob| glob.compile_matcher()).map_err(|e| {
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
        self.module.is_match(&id.module)
            && self.version.is_match(&id.version)
            && self.kernel.is_match(&target.kernel)
            && self.arch.is_match(&target.arch)
    }
}

impl Session<'_> {
    /// The lines of `status`, by module, version, kernel and architecture.
    pub fn status(&self, filter: &Filter) -> Result<Vec<StatusLine>> {
        let matchers = filter.compile()?;
        let mut lines = Vec::new();
        for entry in self.tree.entries()? {
            if matchers.module.is_match(&entry.id.module) && matchers.version.is_match(&entry.id.version) {
                self.describe(&entry, &matchers, &mut lines);
            }
        }
        Ok(lines)
    }

    fn describe(&self, entry: &Entry, matchers: &Matchers, lines: &mut Vec<StatusLine>) {
        let line = |target, state, annotations| StatusLine { id: entry.id.clone(), target, state, annotations };
        let SourceState::Present(source) = &entry.source else {
            lines.push(line(None, State::Broken, Vec::new()));
            return;
        };
        let package = Package { id: entry.id.clone(), source: source.clone() };
        let targets: Vec<Target> = self
            .tree
            .targets(&entry.id)
            .into_iter()
            .filter(|t| matchers.kernel.is_match(&t.kernel) && matchers.arch.is_match(&t.arch))
            .collect();
        if targets.is_empty() {
            lines.push(line(None, State::Added, Vec::new()));
        }
        for target in targets {
            let installed = self.tree.is_installed(&entry.id, &target);
            let annotations = self.annotations(&package, &target, installed);
            let state = if installed { State::Installed } else { State::Built };
            lines.push(line(Some(target), state, annotations));
        }
    }

    fn annotations(&self, package: &Package, target: &Target, installed: bool) -> Vec<Annotation> {
        let mut found = Vec::new();
        if self.tree.has_originals(&package.id, target) {
            found.push(Annotation::OriginalsExist);
        }
        let kernel = self.kernel(target);
        // An unreadable dkms.conf is reported by the actions that need it.
        let Ok(conf) = self.conf(package, &kernel, Strictness::Lenient) else { return found };
        let products = self.tree.products(&package.id, target);
        if !missing_products(&conf, &products).is_empty() {
            found.push(Annotation::ProductsMissing);
        } else if installed {
            let directory = self.tree.real(&package.id.products_dir(target));
            let differs = conf.modules.iter().any(|record| {
                let Some(file) = product_of(&products, record) else { return true };
                let product = directory.join(file);
                match self.find_installed(&kernel, record, Some(&product)) {
                    Ok(Some(at)) => !same_contents(&product, &kernel.module_dir().join(at.relative())),
                    _ => true,
                }
            });
            if differs {
                found.push(Annotation::Differs);
            }
        }
        found
    }
}
