//! Kernels before 2.6.5 have no headers that modules are built against: their
//! whole source tree has to be configured, and its dependencies made, as they
//! were for the kernel that runs. Each distribution of the time kept the
//! configuration in another place.

mod config;
mod style;
mod tree;

use modsmith_plugin::prelude::*;
use style::Style;

struct OldKernels;

impl KernelPrepare for OldKernels {
    fn prepare(request: &PrepareRequest, plan: &mut Plan) -> Result<()> {
        let kernel = request.kernel();
        let release = kernel.release();
        let version = tree::version(&release);
        if !version.is_some_and(tree::is_old) {
            return Err(unsupported(format!("kernel {release} needs no preparation")));
        }
        tree::check(&release)?;
        let style = Style::of_system()?;
        plan.note(format!("Prepares the source tree as {style} does"));
        tree::save(plan)?;
        tree::make(if style == Style::RedHat { "clean" } else { "mrproper" }, plan)?;
        style.configure(&kernel, request.config(), plan)?;
        tree::make(if style == Style::UnitedLinux { "cloneconfig" } else { "oldconfig" }, plan)?;
        match version {
            // The targets that make what `dep` made before.
            Some(version) if version >= (2, 5, 0) => {
                tree::make("prepare-all", plan)?;
                tree::make("scripts", plan)?;
            }
            _ => tree::make("dep", plan)?,
        }
        if style == Style::RedHat {
            tree::make_kernel_header(plan)?;
        }
        Ok(())
    }

    fn clean(request: &PrepareRequest, plan: &mut Plan) -> Result<()> {
        tree::check(&request.kernel().release())?;
        tree::restore(plan)
    }
}

export!(OldKernels: KernelPrepare);
