//! Modules that were there before: put aside on the first install, put back on
//! uninstall.

use std::path::{Path, PathBuf};

use crate::conf::PackageConf;
use crate::flow::Session;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::{Kernel, module_stem};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, Bytes, verbs};

impl Session<'_> {
    /// Steps that move an existing module file aside. `existing` is relative to
    /// the kernel's module directory.
    pub(super) fn plan_archive(
        &self,
        package: &Package,
        kernel: &Kernel,
        target: &Target,
        existing: &Path,
        plan: &mut Builder,
    ) {
        let real = kernel.module_dir().join(existing);
        let (Ok(from), Some(name)) = (Location::new(Root::Modules, existing), existing.file_name()) else { return };
        let directory = package.id.originals_dir(target);
        let place = |name: String| directory.join(name).expect("a file name is a location");
        let name = name.to_string_lossy().into_owned();
        let origin = format!("{}\n", self.system.inside(&real).display());
        let why = "the module that was there before is put back on uninstall";
        plan.push(verbs::MakeDirectory { at: directory.clone() }, why);
        plan.push(verbs::Copy { from: from.clone(), to: place(name.clone()) }, why)
            .line(format!("Found pre-existing {}, archiving for uninstallation", real.display()));
        plan.push(
            verbs::WriteFile { at: place(format!("{name}.origin")), contents: Bytes(origin.into_bytes()), mode: 0o644 },
            "where the original belongs",
        );
        plan.push(verbs::Remove { at: from }, "its place is taken by the new module");
    }

    /// Steps that put originals back and drop their archive.
    pub(super) fn plan_restore(
        &self,
        package: &Package,
        kernel: &Kernel,
        target: &Target,
        conf: &PackageConf,
        plan: &mut Builder,
    ) {
        let directory = package.id.originals_dir(target);
        let real = self.tree.real(&directory);
        let names: Vec<String> = std::fs::read_dir(&real)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .filter(|name| module_stem(name).is_some())
            .collect();
        for name in &names {
            let place = self.place_of_original(&directory, name, kernel, conf);
            let Ok(to) = Location::new(Root::Modules, &place) else { continue };
            let from = directory.join(name).expect("a file name is a location");
            if let Some(parent) = to.parent() {
                plan.push(verbs::MakeDirectory { at: parent }, "the original goes back where it was");
            }
            plan.push(verbs::Copy { from, to }, "the original goes back where it was")
                .line(format!("Restoring archived original module {}", kernel.module_dir().join(&place).display()));
        }
        if real.is_dir() {
            plan.push(verbs::Remove { at: directory.clone() }, "the archive of originals is not needed any more");
            if let Some(parent) = directory.parent() {
                plan.push(verbs::Prune { at: parent, unless_owned: None }, "no empty archive is left");
            }
        }
    }

    /// Relative to the module directory: as recorded, else where the package
    /// wanted its own (trees of older versions keep no record).
    fn place_of_original(&self, archive: &Location, name: &str, kernel: &Kernel, conf: &PackageConf) -> PathBuf {
        let recorded = archive.join(format!("{name}.origin")).ok().and_then(|at| self.tree.believed(&at));
        let recorded = recorded.and_then(|text| {
            let text = String::from_utf8(text).ok()?;
            let module_dir = self.system.inside(kernel.module_dir());
            Some(Path::new(text.trim()).strip_prefix(module_dir).ok()?.to_path_buf())
        });
        recorded.unwrap_or_else(|| {
            let stem = module_stem(name).map(|(stem, _)| stem);
            let record = conf.modules.iter().find(|m| Some(m.dest_name.as_str()) == stem);
            let directory = record.map(|m| m.dest_location.trim_matches('/')).unwrap_or("extra");
            Path::new(directory).join(name)
        })
    }
}
