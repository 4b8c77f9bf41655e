use crate::Result;
use crate::bindings::distro::exports::modsmith::plugin::distro as wit;

/// Claims a system where the manifest's `[match]` cannot say it.
pub trait Distro {
    /// 0 for "not mine"; the highest score wins, then the manifest's priority.
    fn score() -> Result<u8>;
}

impl<P: Distro> wit::Guest for P {
    fn score() -> Result<u8> {
        crate::panic::enter();
        P::score()
    }
}
