use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::packager::exports::modsmith::plugin::packager as wit;
use crate::{Kernel, ModulePackage, Path, Plan, Property, Result};

pub use wit::{Format, OptionSpec};

/// Package formats, made from the tree and loaded into it.
pub trait Packager {
    /// The formats, their words of the command line and their options.
    fn formats() -> Vec<Format>;

    /// Adds the steps that make the format below `staging`; the files that they
    /// leave in `result` there are what was made. `options` are those given on
    /// the command line; a switch has an empty value.
    fn assemble(
        format: String,
        module: &ModulePackage,
        kernels: Vec<Kernel>,
        options: Vec<Property>,
        staging: Path,
        plan: &mut Plan,
    ) -> Result<()>;

    /// Adds the steps that unpack a file below `staging`.
    fn load(format: String, archive: Path, options: Vec<Property>, staging: Path, plan: &mut Plan) -> Result<()>;

    /// Asked once the steps of [`load`](Packager::load) have run: looks at what
    /// they left and adds the steps that bring it into the shape of the tree:
    /// `source` or, for an archive without it, `binaries-only` with the
    /// dkms.conf; and `built/KERNEL/ARCH`. modsmith checks it and puts it into
    /// place.
    fn arrange(format: String, options: Vec<Property>, staging: Path, plan: &mut Plan) -> Result<()>;
}

impl<P: Packager> wit::Guest for P {
    fn formats() -> Vec<Format> {
        crate::panic::enter();
        P::formats()
    }

    fn assemble(
        format: String,
        module: &ModulePackage,
        kernels: Vec<Kernel>,
        options: Vec<Property>,
        staging: Path,
        plan: &Builder,
    ) -> Result<()> {
        crate::panic::enter();
        P::assemble(format, module, kernels, options, staging, &mut Plan::new(plan))
    }

    fn load(format: String, archive: Path, options: Vec<Property>, staging: Path, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::load(format, archive, options, staging, &mut Plan::new(plan))
    }

    fn arrange(format: String, options: Vec<Property>, staging: Path, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::arrange(format, options, staging, &mut Plan::new(plan))
    }
}
