use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::modprobe_config::exports::modsmith::plugin::modprobe_config as wit;
use crate::{ConfigRequest, Plan, Result};

/// Edits module-loading configuration: aliases, obsoleted modules, literal
/// lines. Adding twice adds nothing; removing undoes adding exactly. Notes are
/// shown to the user: they name the lines that change.
pub trait ModprobeConfig {
    /// Adds the steps that enter the package's lines.
    fn add(request: &ConfigRequest, plan: &mut Plan) -> Result<()>;

    /// Adds the steps that take the package's lines out again.
    fn remove(request: &ConfigRequest, plan: &mut Plan) -> Result<()>;
}

impl<P: ModprobeConfig> wit::Guest for P {
    fn add(request: &ConfigRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::add(request, &mut Plan::new(plan))
    }

    fn remove(request: &ConfigRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::remove(request, &mut Plan::new(plan))
    }
}
