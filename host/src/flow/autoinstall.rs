//! Bringing all registered packages up for a kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::conf::{PackageConf, Strictness, version};
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::kernel::Kernel;
use crate::plan::Builder;
use crate::system::Root;
use crate::tree::{Entry, Package, SourceState, Target};

/// A package that waits for its turn.
struct Waiting {
    package: Package,
    /// Packages that have to be installed before it.
    needs: BTreeSet<String>,
}

/// What became of the packages, by name.
#[derive(Default)]
struct Outcome {
    installed: Vec<String>,
    skipped: Vec<String>,
    failed: Vec<String>,
    /// Whether anything was installed that was not.
    changed: bool,
}

impl Outcome {
    /// Whether a package that others need is out of their way.
    fn settles(&self, module: &str) -> bool {
        [&self.installed, &self.skipped].iter().any(|list| list.iter().any(|name| name == module))
    }
}

impl Session<'_> {
    /// The `autoinstall` action: builds and installs the newest version of each
    /// package whose dkms.conf asks for it, dependencies first, with one depmod
    /// at the end.
    ///
    /// Errors: headers that are missing end it at once; a package that fails
    /// does not keep the others from being installed.
    pub fn autoinstall(&self, target: &Target) -> Result<()> {
        let etc = self.system.roots.get(Root::Etc).unwrap_or(std::path::Path::new("/etc"));
        let switch = etc.join("dkms/no-autoinstall");
        if switch.exists() {
            self.say(format!("Nothing is installed automatically: {} is there.", switch.display()));
            return Ok(());
        }
        let _lock = self.begin()?;
        let kernel = self.kernel(target);
        let mut outcome = Outcome::default();
        let mut waiting = self.waiting(&kernel, target, &mut outcome)?;
        if waiting.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.check_headers(&kernel) {
            for Waiting { package, .. } in waiting.iter().filter(|w| !self.tree.is_built(&w.package.id, target)) {
                self.remember(error.repeated(), false, package, &kernel, target);
            }
            return Err(error);
        }
        self.deferring(|| {
            loop {
                waiting.iter_mut().for_each(|w| w.needs.retain(|needed| !outcome.settles(needed)));
                let (ready, rest): (Vec<_>, Vec<_>) = waiting.drain(..).partition(|w| w.needs.is_empty());
                waiting = rest;
                if ready.is_empty() {
                    return Ok(());
                }
                for Waiting { package, .. } in ready {
                    self.autoinstall_package(&package, &kernel, target, &mut outcome)?;
                }
            }
        })?;
        self.finish_deferred(&kernel)?;
        if outcome.changed {
            let mut plan = Builder::new(format!("load modules into {}", target.kernel), self.system.roots.clone());
            self.plan_load(&kernel, &mut plan);
            self.run(plan)?;
        }
        for Waiting { package, .. } in &waiting {
            let conf = self.conf(package, &kernel, Strictness::Lenient);
            if let Err(error) = conf.and_then(|conf| self.check_dependencies(package, &conf, target)) {
                self.remember(error, false, package, &kernel, target);
            }
        }
        self.summarise(target, &outcome, &waiting)
    }

    /// The newest version of each module that is not installed yet.
    fn waiting(&self, kernel: &Arc<Kernel>, target: &Target, outcome: &mut Outcome) -> Result<Vec<Waiting>> {
        let mut newest: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in self.tree.entries()? {
            if entry.source == SourceState::Broken {
                self.reporter.warning(&format!("{} is broken: its source is gone. It is left out.", entry.id));
                continue;
            }
            let known = newest.get(&entry.id.module);
            if known.is_none_or(|known| version::compare(&known.id.version, &entry.id.version).is_lt()) {
                newest.insert(entry.id.module.clone(), entry);
            }
        }
        let mut waiting = Vec::new();
        for entry in newest.into_values() {
            if self.tree.active_version(&entry.id.module, target).as_deref() == Some(entry.id.version.as_str()) {
                outcome.installed.push(entry.id.module);
                continue;
            }
            let SourceState::Present(source) = entry.source else { continue };
            let package = Package { id: entry.id, source };
            match self.conf(&package, kernel, Strictness::Lenient) {
                Ok(conf) if conf.autoinstall => waiting.push(Waiting { needs: needs(&conf), package }),
                Ok(_) => {}
                // One unreadable package must not keep the others from their kernel.
                Err(error) => {
                    self.reporter.warning(&error.message);
                    error.details.iter().for_each(|line| self.reporter.notice(line));
                    outcome.failed.push(format!("{}({})", package.id.module, error.kind.exit_code()));
                }
            }
        }
        Ok(waiting)
    }

    fn autoinstall_package(
        &self,
        package: &Package,
        kernel: &Arc<Kernel>,
        target: &Target,
        outcome: &mut Outcome,
    ) -> Result<()> {
        self.say(format!("Autoinstall of module {} for kernel {target}", package.id));
        let built = match self.tree.is_built(&package.id, target) {
            true => Ok(()),
            false => self.build_package(package, kernel, target),
        };
        let result = built
            .and_then(|()| self.install_package(package, kernel, target))
            .and_then(|()| self.rebuild_dependents(&package.id, kernel, target));
        let module = package.id.module.clone();
        match result {
            Ok(()) => {
                outcome.installed.push(module);
                outcome.changed = true;
            }
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) if error.kind == Kind::Excluded => {
                self.reporter.warning(&error.message);
                outcome.skipped.push(module);
            }
            Err(error) => {
                self.reporter.notice(&format!("Error! {}", error.message));
                error.details.iter().chain(&error.hints).for_each(|line| self.reporter.notice(line));
                outcome.failed.push(format!("{module}({})", error.kind.exit_code()));
            }
        }
        self.say("");
        Ok(())
    }

    fn summarise(&self, target: &Target, outcome: &Outcome, left: &[Waiting]) -> Result<()> {
        let kernel = &target.kernel;
        for (what, modules) in
            [("succeeded", &outcome.installed), ("was skipped", &outcome.skipped), ("failed", &outcome.failed)]
        {
            if !modules.is_empty() {
                self.say(format!("Autoinstall on {kernel} {what} for module(s) {}.", modules.join(" ")));
            }
        }
        for Waiting { package, needs } in left {
            let missing: Vec<&str> = needs.iter().map(String::as_str).collect();
            self.say(format!("{} autoinstall failed due to missing dependencies: {}.", package.id, missing.join(" ")));
        }
        if outcome.failed.is_empty() && left.is_empty() {
            return Ok(());
        }
        Err(Error::new(Kind::AutoinstallFailed, format!("Not all modules could be installed for kernel {target}."))
            .hint("The lines above say which and why; `dkms autoinstall` tries the missing ones again."))
    }
}

fn needs(conf: &PackageConf) -> BTreeSet<String> {
    conf.build_depends.iter().cloned().collect()
}
