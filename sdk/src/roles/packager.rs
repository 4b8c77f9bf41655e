use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::packager::exports::modsmith::plugin::packager as wit;
use crate::{Kernel, ModulePackage, Path, Plan, Property, Result};

pub use wit::{Format, OptionSpec};

/// Package formats, made from the tree and loaded into it.
pub trait Packager {
    /// The formats, their words of the command line and their options.
    fn formats() -> Vec<Format>;

    /// Adds the steps that make the format below `staging` and collect the
    /// result. `options` are those given on the command line.
    fn assemble(
        format: String,
        module: &ModulePackage,
        kernels: Vec<Kernel>,
        options: Vec<Property>,
        staging: Path,
        plan: &mut Plan,
    ) -> Result<()>;

    /// Adds the steps that unpack a file into the shape of the tree below
    /// `staging`; modsmith checks it and moves it into place.
    fn load(format: String, archive: Path, options: Vec<Property>, staging: Path, plan: &mut Plan) -> Result<()>;
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
}
