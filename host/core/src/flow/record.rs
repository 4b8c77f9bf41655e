//! Keeping what a build and an install found out, for whoever asks later.

use crate::conf;
use crate::flow::Session;
use crate::tree::{BuildRecord, ConfFile, Package, PackageId, RecordedModule, Target};
use modsmith_facts::{Location, Root, inside};
use modsmith_plan::{Builder, verbs};

use std::path::{Path, PathBuf};

impl Session<'_> {
    /// The files that a package's directives come from, as they are now. To be
    /// asked before they are read: what changes in between is then seen as a
    /// change.
    pub(super) fn conf_files(&self, package: &Package, target: &Target) -> Vec<ConfFile> {
        if self.has_directives() {
            return Vec::new();
        }
        let overrides = conf::override_files(
            &self.overrides_dir(),
            &package.id.module,
            &package.id.version,
            &target.kernel,
            &target.arch,
        );
        let there = overrides.into_iter().filter(|path| inside::exists(path));
        let stamped = |path: PathBuf| ConfFile { stamp: modsmith_facts::Stamp::settled(&path), path };
        std::iter::once(self.conf_file(package)).chain(there).map(stamped).collect()
    }

    /// The package's dkms.conf, or the file given instead.
    pub(super) fn conf_file(&self, package: &Package) -> PathBuf {
        self.options.conf.clone().unwrap_or_else(|| package.source.join("dkms.conf"))
    }

    /// Where override files are.
    pub(super) fn overrides_dir(&self) -> PathBuf {
        self.system.roots.get(Root::Etc).unwrap_or(Path::new("/etc")).join("dkms")
    }

    /// Whether directives come from elsewhere than files.
    pub(super) fn has_directives(&self) -> bool {
        let in_environment =
            |(name, _): (std::ffi::OsString, _)| name.as_encoded_bytes().starts_with(b"DKMS_DIRECTIVE");
        !self.options.directives.is_empty() || std::env::vars_os().any(in_environment)
    }

    /// The step that writes the record of a build, below the directory that will
    /// be its own. Modules of an earlier build stay installed, and with them what
    /// is known of where they are.
    pub(super) fn plan_build_record(
        &self,
        id: &PackageId,
        target: &Target,
        target_dir: &Location,
        mut record: BuildRecord,
        plan: &mut Builder,
    ) {
        let earlier = self.tree.is_installed(id, target).then(|| self.tree.record(id, target)).flatten();
        for earlier in earlier.map(|record| record.modules).unwrap_or_default() {
            match record.modules.iter_mut().find(|module| module.name == earlier.name) {
                Some(module) => (module.installed, module.digest) = (earlier.installed, earlier.digest),
                None if earlier.installed.is_some() => record.modules.push(earlier),
                None => {}
            }
        }
        self.plan_record(target_dir, record, Vec::new(), plan);
    }

    /// The step that writes the record of an installation: the products and the
    /// installed files, which are copies of them, are noted as they are then.
    pub(super) fn plan_install_record(&self, id: &PackageId, target: &Target, record: BuildRecord, plan: &mut Builder) {
        let product = |module: &RecordedModule| id.products_dir(target).join(&module.product).ok();
        let installed = record.modules.iter().filter(|module| module.installed.is_some());
        let files = installed.flat_map(|module| [product(module), module.installed_at()]).flatten().collect();
        self.plan_record(&id.target_dir(target), record, files, plan);
    }

    fn plan_record(&self, target_dir: &Location, record: BuildRecord, files: Vec<Location>, plan: &mut Builder) {
        let Some(facts) = record.facts() else { return };
        plan.push(
            verbs::Record { at: BuildRecord::location(target_dir), facts, files },
            "where modules are installed; `status` need not look closely at what nobody has touched since",
        );
    }
}
