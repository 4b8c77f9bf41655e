//! What is done once for several packages, at the end.

use std::path::Path;
use std::sync::Arc;

use crate::build::log_head;
use crate::conf::Variables;
use crate::conf::framework::Framework;
use crate::error::Result;
use crate::flow::{Session, script};
use crate::tree::Target;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root, TrustedDir, find_program};
use modsmith_plan::{Action, Builder, Bytes, Command, Environment, PRIVATE_DIR, Place, Undo, verbs};
use modsmith_plugins::{Event, Occasion};

/// What a kernel still needs after its modules changed. A marker in the tree
/// remembers it, should the end of the transaction never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// `T/depmod-pending-K-A`, which dkms has too.
    Depmod,
    /// `T/.modsmith/boot-image-pending-K-A`
    BootImage,
    /// `T/.modsmith/kernel-tree-pending-K-A`: the kernel's own source tree is in
    /// the state of a build.
    KernelTree,
}

impl Pending {
    const ALL: [Pending; 3] = [Pending::Depmod, Pending::BootImage, Pending::KernelTree];

    /// The directory below the tree, and how markers in it begin.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Pending::Depmod => ("", "depmod-pending-"),
            Pending::BootImage => (PRIVATE_DIR, "boot-image-pending-"),
            Pending::KernelTree => (PRIVATE_DIR, "kernel-tree-pending-"),
        }
    }

    pub(super) fn marker(self, kernel: &Kernel) -> Location {
        let (directory, prefix) = self.place();
        let name = Path::new(directory).join(format!("{prefix}{}-{}", kernel.release(), kernel.arch()));
        Location::new(Root::Tree, name).expect("checked names make a relative path")
    }

    /// The kernels that have a marker in the tree.
    fn kernels(self, tree: &Path) -> Vec<Target> {
        let (directory, prefix) = self.place();
        let below = |tree: TrustedDir| tree.below(Path::new(directory)).ok().flatten();
        let names = TrustedDir::top(tree).ok().and_then(below).and_then(|place| place.names().ok()).unwrap_or_default();
        let target = |name: &str| {
            let (kernel, arch) = name.strip_prefix(prefix)?.rsplit_once('-')?;
            let plain = |name: &str| !name.is_empty() && !name.starts_with(['-', '.']);
            (plain(kernel) && plain(arch)).then(|| Target { kernel: kernel.to_owned(), arch: arch.to_owned() })
        };
        names.iter().filter_map(|name| target(name)).collect()
    }
}

/// Leaves something to the end of the transaction.
pub(super) fn plan_marker(pending: Pending, kernel: &Kernel, plan: &mut Builder) {
    let why = match pending {
        Pending::Depmod => "depmod runs once, after all packages",
        Pending::BootImage => "the boot image is made once, after all packages",
        Pending::KernelTree => "a build that is killed is followed by a clean-up",
    };
    let at = pending.marker(kernel);
    plan.push(verbs::WriteFile { at, contents: Bytes(Vec::new()), mode: 0o644 }, why);
}

impl Session<'_> {
    /// What a transaction left to its end: depmod, then the boot image, each at
    /// most once for the kernel.
    ///
    /// Errors: a boot image that cannot be made after an installation. The
    /// modules stay installed.
    pub(super) fn finish_deferred(&self, kernel: &Arc<Kernel>, occasion: Occasion) -> Result<()> {
        self.finish_kernel(kernel, occasion)?;
        // Kernels that other kernels' modules were offered to.
        self.waiting().iter().try_for_each(|target| self.finish_kernel(&self.kernel(target), Occasion::Removed))
    }

    fn finish_kernel(&self, kernel: &Arc<Kernel>, occasion: Occasion) -> Result<()> {
        let roots = self.kernel_roots(kernel);
        if self.waits_for(Pending::KernelTree, kernel) {
            self.clean_kernel_tree(kernel)?;
        }
        if self.waits_for(Pending::Depmod, kernel) {
            let mut plan = Builder::new(format!("update the module index of {}", kernel.release()), roots.clone());
            self.plan_depmod(kernel, &mut plan);
            plan.push(verbs::Remove { at: Pending::Depmod.marker(kernel) }, "nothing waits for depmod any more");
            self.run(plan)?;
        }
        if self.waits_for(Pending::BootImage, kernel) {
            let mut plan = Builder::new(format!("make the boot image of {}", kernel.release()), roots);
            // First, so that one which cannot be made is not tried for ever.
            plan.push(verbs::Remove { at: Pending::BootImage.marker(kernel) }, "it is made now").on_undo(Undo::Keep);
            self.plan_boot_image(kernel, occasion, true, &mut plan)?;
            self.run(plan)?;
        }
        Ok(())
    }

    fn waits_for(&self, pending: Pending, kernel: &Kernel) -> bool {
        match self.is_dry_run() {
            true => self.plans_write(&pending.marker(kernel)),
            false => self.tree.real(&pending.marker(kernel)).exists(),
        }
    }

    /// What killed invocations left to an end that they did not reach.
    pub(super) fn finish_forgotten(&self) -> Result<()> {
        let mut kernels: Vec<Target> =
            Pending::ALL.iter().flat_map(|pending| pending.kernels(self.tree.path())).collect();
        kernels.sort();
        kernels.dedup();
        kernels.iter().try_for_each(|target| self.finish_deferred(&self.kernel(target), Occasion::Removed))
    }

    /// The end of a change that succeeded: what plugins do then, and the
    /// `post_transaction` of framework.conf.
    /// Its output is kept in the tree; its failure is told and changes nothing.
    pub fn post_transaction(&self, target: &Target) -> Result<()> {
        if self.has_changed() {
            self.tell_plugins(Event::PostTransaction, &self.kernel(target))?;
        }
        if self.framework.post_transaction().is_none() {
            return Ok(());
        }
        let etc = self.system.roots.get(Root::Etc).unwrap_or(Path::new("/etc")).join("dkms");
        // Read again, for the kernel that it may name.
        let variables =
            Variables { kernelver: target.kernel.clone(), arch: target.arch.clone(), ..Variables::default() };
        let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        let framework = Framework::read(&etc, self.options.framework.as_deref(), &variables, environment)?;
        let Some(text) = framework.post_transaction() else { return Ok(()) };
        let log = Location::new(Root::Tree, "post_transaction.log").expect("a plain name is a location");
        let mut plan = Builder::new("run the post-transaction command", self.system.roots.clone());
        let head = log_head(&format!("the post-transaction command for kernel {target}"));
        plan.push(
            verbs::WriteFile { at: log.clone(), contents: Bytes(head.into_bytes()), mode: 0o644 },
            "the log of the last transaction",
        );
        let mut command = Command::new("bash").args(["-c", text]);
        command.environment = Environment::Inherited(vec![("kernelver".to_owned(), target.kernel.clone())]);
        // The text of a system runs inside that system, or not at all.
        if find_program(&self.system.root, "bash").is_none() {
            let root = self.system.root.display();
            self.reporter.warning(&format!(
                "The post-transaction command was not run: the system below {root} has no bash to run it."
            ));
            return Ok(());
        }
        command.place = Place::Target;
        let command = script::ignored(script::logged(command, &log, "Executing post-transaction command", text));
        plan.push(Action::Run(command), "post_transaction of framework.conf")
            .progress("Executing post-transaction command");
        self.run(plan)
    }
}
