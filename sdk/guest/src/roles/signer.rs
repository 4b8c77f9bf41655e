use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::signer::exports::modsmith::plugin::signer as wit;
use crate::{Kernel, Path, Plan, Result};

pub use wit::{EnrolmentStatus, Signing};

/// Signs module files.
pub trait Signer {
    /// Chooses program and keys, and adds the steps that make a key pair where
    /// there is none. Never overwrites a half that exists. `unsupported` asks the
    /// next signer; its reason, unless it is empty, is shown to the user when no
    /// other signs.
    fn prepare(kernel: &Kernel, plan: &mut Plan) -> Result<Signing>;

    /// Adds the step that signs one file in place. Runs after `prepare`, perhaps
    /// before its steps: a pair that it plans to make does not exist yet.
    fn sign(kernel: &Kernel, file: Path, plan: &mut Plan) -> Result<()>;

    /// Whether this machine's kernel would load a module with the signature, and
    /// what an administrator has to do where it would not. `unsupported` where
    /// `prepare` is.
    fn enrolment(kernel: &Kernel) -> Result<EnrolmentStatus>;
}

impl<P: Signer> wit::Guest for P {
    fn prepare(kernel: &Kernel, plan: &Builder) -> Result<Signing> {
        crate::panic::enter();
        P::prepare(kernel, &mut Plan::new(plan))
    }

    fn sign(kernel: &Kernel, file: Path, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::sign(kernel, file, &mut Plan::new(plan))
    }

    fn enrolment(kernel: &Kernel) -> Result<EnrolmentStatus> {
        crate::panic::enter();
        P::enrolment(kernel)
    }
}
