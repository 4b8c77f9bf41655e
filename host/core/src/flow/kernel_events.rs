//! What happens when a kernel comes or goes.

use std::sync::Arc;

use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::tree::{Entry, Package, SourceState, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;
use modsmith_plugins::{Event, Occasion};

impl Session<'_> {
    /// `kernel_postinst`: a kernel was installed; what is to be there with each
    /// kernel is built and installed for it.
    pub fn kernel_postinst(&self, target: &Target) -> Result<()> {
        self.autoinstall(target)?;
        let _lock = self.begin()?;
        self.tell_plugins(Event::KernelPostinst, &self.kernel(target))
    }

    /// `kernel_preinst`: a kernel is about to be replaced; what was built for it
    /// and would be built again goes.
    pub fn kernel_preinst(&self, target: &Target) -> Result<()> {
        self.clear_kernel(target, true)
    }

    /// `kernel_prerm`: a kernel is about to be removed; all that was built for
    /// it goes.
    pub fn kernel_prerm(&self, target: &Target) -> Result<()> {
        self.clear_kernel(target, false)
    }

    fn clear_kernel(&self, target: &Target, only_automatic: bool) -> Result<()> {
        let _lock = self.begin()?;
        let kernel = self.kernel(target);
        let mut failed = Vec::new();
        let transaction = self.deferring();
        for Entry { id, source } in self.tree.entries()? {
            let SourceState::Present(source) = source else { continue };
            let package = Package { id, source };
            if !self.tree.is_built(&package.id, target) {
                continue;
            }
            let conf = self.conf(&package, &kernel, Strictness::Lenient);
            if only_automatic && !conf.as_ref().is_ok_and(|conf| conf.autoinstall) {
                continue;
            }
            self.reporter.notice(&format!("dkms: removing module {} for kernel {target}", package.id));
            match transaction.unbuild_package(&package, target) {
                Ok(()) => {}
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                Err(error) => {
                    self.reporter.notice(&format!("Error! {}", error.message));
                    failed.push(package.id.to_string());
                }
            }
        }
        self.remove_weak_links(&target.kernel)?;
        self.forget_kernel(target)?;
        self.finish_deferred(&kernel, Occasion::Removed)?;
        let event = if only_automatic { Event::KernelPreinst } else { Event::KernelPrerm };
        self.tell_plugins(event, &kernel)?;
        if failed.is_empty() {
            return Ok(());
        }
        let modules = failed.join(", ");
        Err(Error::new(
            Kind::KernelRemovalFailed,
            format!("Not all modules could be taken from kernel {target}: {modules}."),
        )
        .hint("The lines above say why; `dkms status` shows what is left."))
    }

    /// What plugins want done when something happened to a kernel.
    pub(super) fn tell_plugins(&self, event: Event, kernel: &Arc<Kernel>) -> Result<()> {
        let mut plan =
            Builder::new(format!("follow what happened to kernel {}", kernel.release()), self.kernel_roots(kernel));
        self.plugins.kernel_event(event, kernel, &mut plan)?;
        if plan.steps().is_empty() { Ok(()) } else { self.run(plan) }
    }
}
