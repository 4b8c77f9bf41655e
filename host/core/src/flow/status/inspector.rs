//! Annotations of built and installed packages: from their records if no file has
//! changed since, else from the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::conf::{self, ModuleRecord, PackageConf, ReaderChoice, Request, Strictness};
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::install::installed::destination;
use crate::flow::invocation::facts::{evaluate, typed};
use crate::flow::product_files::{module_file_names, product_of, same_contents};
use crate::tree::{BuildRecord, ConfFile, Package, PackageId, RecordedModule, Target};
use modsmith_facts::Stamp;
use modsmith_facts::kernel::{Kernel, KernelInput, ModInfo};

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

/// Shell variables whose value depends on the kernel.
const KERNEL_VARIABLES: [&str; 4] = ["kernelver", "arch", "kernel_source_dir", "kernel_config"];

/// What one look at the whole tree finds out once for many packages.
pub struct StatusInspector<'s> {
    run: &'s Invocation<'s>,
    overrides_dir: PathBuf,
    /// Names in `/etc/dkms`.
    overrides: BTreeSet<String>,
    /// Whether records can answer: directives come from files only.
    by_records: bool,
    /// By kernel and requested directory.
    destinations: BTreeMap<(Target, String), Option<String>>,
    /// The facts of the package that was asked for last.
    current: Option<(PackageId, Known)>,
}

/// What is the same for all kernels of a package.
struct Known {
    conf: ConfFile,
    /// Its modules, once they were needed: `Err` when each kernel may have
    /// others, `Ok(None)` when its dkms.conf is not valid.
    modules: Option<Result<Option<Rc<Vec<ModuleRecord>>>, ()>>,
}

impl<'s> StatusInspector<'s> {
    pub fn new(run: &'s Invocation<'s>) -> Self {
        let overrides_dir = run.env.overrides_dir();
        let entries = std::fs::read_dir(&overrides_dir).into_iter().flatten().flatten();
        Self {
            run,
            overrides: entries.filter_map(|entry| entry.file_name().into_string().ok()).collect(),
            overrides_dir,
            by_records: !run.env.has_directives(),
            destinations: BTreeMap::new(),
            current: None,
        }
    }

    /// Annotations of the products of a package and, where it is installed, on the
    /// installed files.
    pub fn annotations(&mut self, package: &Package, target: &Target, installed: bool) -> Option<Annotation> {
        if self.by_records
            && let Some(record) = self.run.env.tree.record(&package.id, target)
            && record.comes_from(&self.conf_files(package, target))
            && record.modules.iter().all(|module| self.is_as_recorded(package, target, installed, &record, module))
        {
            return None;
        }
        // An unreadable dkms.conf is reported by the actions that need it.
        let modules = self.modules(package, target)?;
        let products = self.run.env.tree.products(&package.id, target);
        if modules.iter().any(|module| product_of(&products, module).is_none()) {
            return Some(Annotation::ProductsMissing);
        }
        let directory = self.run.env.tree.real(&package.id.products_dir(target));
        let differs = |module: &ModuleRecord| match product_of(&products, module) {
            Some(file) => !self.is_installed_as_built(package, target, module, &directory.join(file)),
            None => true,
        };
        (installed && modules.iter().any(differs)).then_some(Annotation::Differs)
    }

    /// Whether a module is where its record says, and an installed one the same
    /// as the built one.
    fn is_as_recorded(
        &self,
        package: &Package,
        target: &Target,
        installed: bool,
        record: &BuildRecord,
        module: &RecordedModule,
    ) -> bool {
        let Ok(built_at) = package.id.products_dir(target).join(&module.product) else { return false };
        let product = self.run.env.tree.real(&built_at);
        let Ok(built) = Stamp::of(&product) else { return false };
        if !installed {
            return true;
        }
        let Some(location) = module.installed_at() else { return false };
        let file = self.module_dir(target).join(location.relative());
        record.is_unchanged(&built_at, Some(built)) && record.is_unchanged(&location, Stamp::of(&file).ok())
            || same_contents(&product, &file)
    }

    fn module_dir(&self, target: &Target) -> PathBuf {
        self.run.env.install_tree().join(&target.kernel)
    }

    /// The files that a package's directives come from now.
    fn conf_files(&mut self, package: &Package, target: &Target) -> Vec<ConfFile> {
        let overrides = self.overrides(package, target);
        let stamped = |path: PathBuf| ConfFile { stamp: Stamp::of(&path).ok(), path };
        std::iter::once(self.known(package).conf.clone()).chain(overrides.into_iter().map(stamped)).collect()
    }

    fn overrides(&self, package: &Package, target: &Target) -> Vec<PathBuf> {
        if self.overrides.is_empty() {
            return Vec::new();
        }
        let (module, version) = (&package.id.module, &package.id.version);
        let mut files = conf::override_files(&self.overrides_dir, module, version, &target.kernel, &target.arch);
        let listed = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(|n| self.overrides.contains(n));
        files.retain(|path| listed(path).unwrap_or(true) && conf::is_override(path));
        files
    }

    fn known(&mut self, package: &Package) -> &mut Known {
        let run = self.run;
        let fresh = || {
            let path = run.env.conf_file(package);
            (package.id.clone(), Known { conf: ConfFile { stamp: Stamp::of(&path).ok(), path }, modules: None })
        };
        if self.current.as_ref().is_none_or(|(id, _)| *id != package.id) {
            self.current = Some(fresh());
        }
        &mut self.current.get_or_insert_with(fresh).1
    }

    /// The modules that dkms.conf names; `None` when it is not valid.
    fn modules(&mut self, package: &Package, target: &Target) -> Option<Rc<Vec<ModuleRecord>>> {
        let overrides = self.overrides(package, target);
        if overrides.is_empty() {
            let run = self.run;
            let known = self.known(package);
            let path = known.conf.path.clone();
            let same = known.modules.get_or_insert_with(|| modules_of_all_kernels(run, package, target, &path));
            if let Ok(modules) = same {
                return modules.clone();
            }
        }
        let kernel = self.run.kernel(target);
        let conf = evaluate(&self.run.env, package, &kernel, overrides)
            .and_then(|evaluated| typed(&evaluated, &kernel, Strictness::Lenient))
            .ok()?;
        Some(Rc::new(conf.modules))
    }

    /// Where the policy puts modules of a kernel; `None` when there is no
    /// answer.
    fn destination(&mut self, target: &Target, module: &ModuleRecord) -> Option<String> {
        let key = (target.clone(), module.dest_location.clone());
        if let Some(known) = self.destinations.get(&key) {
            return known.clone();
        }
        let kernel = self.run.kernel(target);
        let destination = destination(self.run, &kernel, None, module).ok();
        self.destinations.insert(key, destination.clone());
        destination
    }

    /// The question of [`crate::flow::install::installed::find_installed`], with contents compared
    /// first: equal ones need no versions.
    fn is_installed_as_built(
        &mut self,
        package: &Package,
        target: &Target,
        module: &ModuleRecord,
        product: &Path,
    ) -> bool {
        let module_dir = self.module_dir(target);
        let record = self.run.env.tree.record(&package.id, target).map(|record| record.modules).unwrap_or_default();
        let recorded = record.iter().find(|recorded| recorded.name == module.dest_name);
        if let Some(location) = recorded.and_then(RecordedModule::installed_at)
            && same_contents(product, &module_dir.join(location.relative()))
        {
            return true;
        }
        let Some(destination) = self.destination(target, module) else { return false };
        let version = |path: &Path| ModInfo::read(path).ok().map(|info| info.version);
        for place in [destination.as_str(), module.dest_location.trim_matches('/')] {
            for name in module_file_names(&module.dest_name) {
                let path = module_dir.join(place).join(name);
                if std::fs::symlink_metadata(&path).is_err() {
                    continue;
                }
                if same_contents(product, &path) {
                    return true;
                }
                let (ours, theirs) = (version(product), version(&path));
                if ours.is_none() || theirs.is_none() || ours == theirs {
                    return false;
                }
            }
        }
        false
    }
}

/// The modules of a package whose dkms.conf is plain and reads nothing of the
/// kernel's.
fn modules_of_all_kernels(
    run: &Invocation<'_>,
    package: &Package,
    target: &Target,
    file: &Path,
) -> Result<Option<Rc<Vec<ModuleRecord>>>, ()> {
    let text = modsmith_facts::inside::read_configuration_text(file).map_err(drop)?;
    if KERNEL_VARIABLES.iter().any(|name| text.contains(name)) {
        return Err(());
    }
    // The kernel's facts are not read, because the evaluation does not use them.
    let release = target.kernel.clone();
    let kernel = Kernel::new(KernelInput { release, arch: target.arch.clone(), ..KernelInput::default() });
    let evaluated = conf::evaluate(
        &Request {
            conf: file,
            overrides: Vec::new(),
            variables: &run.env.variables(package, &kernel),
            directives: &run.env.options.directives,
            reader: ReaderChoice::Plain,
        },
        &run.env.environment,
    )
    .map_err(drop)?;
    let conf = PackageConf::from_evaluated(&evaluated, &target.kernel, Strictness::Lenient).ok();
    if conf.as_ref().is_some_and(PackageConf::excludes_modules) {
        return Err(());
    }
    Ok(conf.map(|conf| Rc::new(conf.modules)))
}
