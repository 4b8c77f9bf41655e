//! Registering a package's source.

use std::path::{Path, PathBuf};

use crate::build::Toolchain;
use crate::conf::{PackageConf, Placeholder, Strictness};
use crate::error::{Error, Kind, Result};
use crate::flow::{Session, script};
use crate::tree::{Package, PackageId, SourceState};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root, inside};
use modsmith_plan::{Action, Builder, verbs};

/// What the command line names as the package.
#[derive(Debug, Clone)]
pub enum PackageSource {
    /// By name: registered, or to be registered from `S/m-v`.
    Named(PackageId),
    /// A directory with a dkms.conf, copied to `S/m-v` first.
    Directory(PathBuf),
}

impl Session<'_> {
    /// The `add` action.
    pub fn add(&self, what: &PackageSource, kernel: &Kernel) -> Result<Package> {
        let _lock = self.begin()?;
        if self.options.safe_upgrade {
            // Also of one that is in the tree: it must survive the older one's remove.
            match what {
                PackageSource::Named(id) => self.lock_upgrade(id)?,
                PackageSource::Directory(directory) => self.lock_upgrade(&self.identify(directory, kernel)?)?,
            }
        }
        self.add_package(what, kernel)
    }

    /// Registers a package that is not registered yet; the lock is held.
    pub(super) fn ensure_added(&self, what: &PackageSource, kernel: &Kernel) -> Result<Package> {
        match what {
            PackageSource::Named(id) if self.tree.entry(id).is_some() => self.package(id),
            // A directory is refused where its package is registered: the registered
            // source may be another one, and would be built in silence.
            PackageSource::Named(_) | PackageSource::Directory(_) => self.add_package(what, kernel),
        }
    }

    fn add_package(&self, what: &PackageSource, kernel: &Kernel) -> Result<Package> {
        let (id, imported) = match what {
            PackageSource::Named(id) => (id.clone(), None),
            PackageSource::Directory(directory) => (self.identify(directory, kernel)?, Some(directory.as_path())),
        };
        let registered = self.system.roots.path(&id.source_dir()).unwrap_or_default();
        match self.tree.entry(&id).map(|entry| entry.source) {
            Some(SourceState::Present(_)) => {
                let error = Error::new(
                    Kind::AlreadyAdded,
                    format!("{id} is already in the tree {}.", self.tree.path().display()),
                );
                let error = match imported {
                    Some(from) => error
                        .detail(format!("Nothing was taken from {}.", from.display()))
                        .hint(format!("To work with the source that is registered, name the package: `{id}`.")),
                    None => error,
                };
                return Err(error.hint(format!("To take its source in anew, `dkms remove {id} --all` comes first.")));
            }
            Some(SourceState::Broken) | None => {}
        }
        // In place already: `add /usr/src/m-v`.
        let imported = imported.filter(|from| !is_same_directory(from, &registered));
        let read_from = imported.map_or(registered.clone(), Path::to_path_buf);
        if !read_from.is_dir() {
            return Err(Error::new(
                Kind::SourceMissing,
                format!("The source of {id} is not there: {} is no directory.", read_from.display()),
            )
            .details(self.similar_sources(&id))
            .hint("Put it there, or name its directory: `dkms add DIRECTORY`."));
        }
        let read = Package { id: id.clone(), source: read_from };
        let conf = self.conf(&read, kernel, Strictness::Strict)?;
        self.notices(&conf);
        if conf.placeholders.iter().any(Placeholder::is_of_name) {
            self.notice_once(&conf.evaluated, &format!("The package is added as {}.", read.id));
        }

        let package = Package { id, source: registered };
        self.run(self.plan_add(&package, imported)?)?;
        // The dry run goes on with the source where it is now.
        let package = if self.is_dry_run() { Package { source: read.source, ..package } } else { package };
        self.post_add(&package, &conf, kernel)?;
        Ok(package)
    }

    fn plan_add(&self, package: &Package, imported: Option<&Path>) -> Result<Builder> {
        let id = &package.id;
        let mut roots = self.system.roots.clone();
        if let Some(from) = imported {
            roots.set(Root::Source, from);
        }
        let mut plan = Builder::new(format!("add {id}"), roots);
        if imported.is_some() {
            let from = Location::new(Root::Source, "").expect("the root itself");
            self.plan_source_copy(id, from, &mut plan);
        }
        self.plan_registration(id, &mut plan);
        Ok(plan)
    }

    /// The step that brings a source into the source tree, which small systems
    /// lack.
    pub(super) fn plan_source_copy(&self, id: &PackageId, from: Location, plan: &mut Builder) {
        let top = Location::new(Root::SourceTree, "").expect("the root itself");
        if !plan.roots().path(&top).is_some_and(|top| top.is_dir()) {
            plan.push(verbs::MakeDirectory { at: top }, "there is no source tree yet");
        }
        if self.options.force {
            plan.push(verbs::Remove { at: id.source_dir() }, "--force replaces an older copy of the source");
        }
        let target = plan.roots().path(&id.source_dir()).unwrap_or_default();
        plan.push(verbs::Import { from, to: id.source_dir() }, "the registered source lives in the source tree")
            .line(format!("Copying the source to {}", target.display()));
    }

    /// The steps that make a source in its place a package of the tree.
    pub(super) fn plan_registration(&self, id: &PackageId, plan: &mut Builder) {
        let target = plan.roots().path(&id.source_dir()).unwrap_or_default();
        plan.push(verbs::MakeDirectory { at: id.build_dir() }, "a version's directory registers it");
        let link = self.tree.real(&id.source_link());
        let target = self.system.inside(&target);
        plan.push(
            verbs::Symlink { at: id.source_link(), target: target.display().to_string() },
            "the link says where the source is",
        )
        .line(format!("Creating symlink {} -> {}", link.display(), target.display()));
    }

    /// POST_ADD: its exit code becomes the action's, the package stays added.
    pub(super) fn post_add(&self, package: &Package, conf: &PackageConf, kernel: &Kernel) -> Result<()> {
        let Some(text) = &conf.scripts.post_add else { return Ok(()) };
        let directory = Location::new(Root::Source, "").expect("the root itself");
        let environment = script::environment(package, kernel, &Toolchain::default());
        let Some(command) = self.script(package, text, &directory, environment) else { return Ok(()) };
        let mut plan = Builder::new(format!("run the post_add script of {}", package.id), self.roots(package, None));
        plan.push(Action::Run(command), "POST_ADD of its dkms.conf").progress("Running the post_add script").fails_as(
            Kind::Script(1),
            format!("The post_add script of {} failed; the package stays added.", package.id),
        );
        self.run(plan)
    }

    /// The name and version in a directory's dkms.conf.
    ///
    /// Errors: `NoConfInPath`; those of reading a dkms.conf.
    pub fn identify(&self, directory: &Path, kernel: &Kernel) -> Result<PackageId> {
        let nameless = Package {
            id: PackageId { module: String::new(), version: String::new() },
            source: directory.to_path_buf(),
        };
        let conf = directory.join("dkms.conf");
        if (!inside::exists(&conf) || inside::is_dir(&conf)) && self.options.conf.is_none() {
            return Err(Error::new(Kind::NoConfInPath, format!("{} has no dkms.conf.", directory.display()))
                .hint("Name a directory whose source has one, or give one with -c."));
        }
        let conf = self.conf(&nameless, kernel, Strictness::Strict)?;
        self.notices(&conf);
        PackageId::new(conf.name, conf.version)
    }

    /// Other versions that could be meant, as a line of a message.
    fn similar_sources(&self, id: &PackageId) -> Option<String> {
        let directory = self.system.roots.get(Root::SourceTree).unwrap_or(Path::new("/usr/src"));
        let prefix = format!("{}-", id.module);
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .filter_map(|name| Some(name.strip_prefix(&prefix)?.to_owned()))
            .collect();
        names.sort();
        (!names.is_empty()).then(|| format!("Versions of {} there: {}.", id.module, names.join(", ")))
    }
}

fn is_same_directory(a: &Path, b: &Path) -> bool {
    matches!((std::fs::canonicalize(a), std::fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}
