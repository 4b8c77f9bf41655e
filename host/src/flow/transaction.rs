//! What is done once for several packages, at the end.

use std::path::Path;
use std::sync::Arc;

use crate::build::log_head;
use crate::conf::Variables;
use crate::conf::framework::Framework;
use crate::error::{Error, Result};
use crate::flow::{Session, script};
use crate::kernel::Kernel;
use crate::plan::{Action, Builder, Bytes, Command, Environment, Place};
use crate::system::{Location, Root};
use crate::tree::Target;

impl Session<'_> {
    /// Runs actions whose depmod waits for [`Session::finish_deferred`]. Markers
    /// in the tree remember kernels that wait, should that never come.
    pub(super) fn deferring<T>(&self, actions: impl FnOnce() -> Result<T>) -> Result<T> {
        self.deferred.set(true);
        let result = actions();
        self.deferred.set(false);
        result
    }

    /// `T/depmod-pending-K-A`: the kernel's modules changed since its last depmod.
    fn depmod_marker(kernel: &Kernel) -> Location {
        let name = format!("depmod-pending-{}-{}", kernel.release(), kernel.arch());
        Location::new(Root::Tree, name).expect("checked names make a relative path")
    }

    pub(super) fn plan_depmod_marker(&self, kernel: &Kernel, plan: &mut Builder) {
        let (at, contents) = (Self::depmod_marker(kernel), Bytes(Vec::new()));
        plan.push(Action::WriteFile { at, contents, mode: 0o644 }, "depmod runs once, after all packages");
    }

    /// The depmod that a kernel waits for.
    pub(super) fn finish_deferred(&self, kernel: &Arc<Kernel>) -> Result<()> {
        let marker = Self::depmod_marker(kernel);
        if !self.is_dry_run() && !self.tree.real(&marker).exists() {
            return Ok(());
        }
        let mut roots = self.system.roots.clone();
        roots.set(Root::Modules, kernel.module_dir());
        let mut plan = Builder::new(format!("update the module index of {}", kernel.release()), roots);
        self.plan_depmod(kernel, &mut plan);
        plan.push(Action::Remove { at: marker }, "nothing waits for depmod any more");
        self.run(plan)
    }

    /// Depmods that a killed invocation left waiting.
    pub(super) fn finish_forgotten(&self) -> Result<()> {
        let entries =
            std::fs::read_dir(self.tree.path()).map_err(|e| Error::io("read the tree", self.tree.path(), e))?;
        for entry in entries.filter_map(std::result::Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((kernel, arch)) = name.strip_prefix("depmod-pending-").and_then(|rest| rest.rsplit_once('-'))
            else {
                continue;
            };
            let target = Target { kernel: kernel.to_owned(), arch: arch.to_owned() };
            self.finish_deferred(&self.kernel(&target))?;
        }
        Ok(())
    }

    /// The `post_transaction` of framework.conf, after a change that succeeded.
    /// Its output is kept in the tree; its failure is told and changes nothing.
    pub fn post_transaction(&self, target: &Target) -> Result<()> {
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
            Action::WriteFile { at: log.clone(), contents: Bytes(head.into_bytes()), mode: 0o644 },
            "the log of the last transaction",
        );
        let mut command = Command::new("bash").args(["-c", text]);
        command.environment = Environment::Inherited(vec![("kernelver".to_owned(), target.kernel.clone())]);
        command.place = Place::Either;
        let command = script::ignored(script::logged(command, &log, "Executing post-transaction command", text));
        plan.push(Action::Run(command), "post_transaction of framework.conf")
            .progress("Executing post-transaction command");
        self.run(plan)
    }
}
