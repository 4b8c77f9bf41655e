use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::initrd::exports::modsmith::plugin::initrd as wit;
use crate::settings::setting;
use crate::{Kernel, Plan, Result};

pub use wit::{Occasion, Regeneration};

/// Regenerates the initial RAM file system image.
pub trait Initrd {
    /// When a change calls for a new image. Unless said otherwise, as the
    /// setting `regenerate` says; without it, when the package asks.
    fn when() -> Regeneration {
        setting("regenerate").map_or(Regeneration::WhenAsked, |word| regeneration(&word))
    }

    /// Adds the steps that regenerate the kernel's image. `unsupported` when the
    /// tool is not installed or the kernel has no image.
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()>;
}

/// The word of a setting: `when-asked`, `always` or `never`. Another one counts
/// as `when-asked`, with a warning.
pub fn regeneration(word: &str) -> Regeneration {
    match word {
        "when-asked" => Regeneration::WhenAsked,
        "always" => Regeneration::Always,
        "never" => Regeneration::Never,
        _ => {
            crate::warn!("`regenerate = \"{word}\"` is none of when-asked, always and never: taken as when-asked");
            Regeneration::WhenAsked
        }
    }
}

impl<P: Initrd> wit::Guest for P {
    fn when() -> Regeneration {
        crate::panic::enter();
        P::when()
    }

    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::refresh(kernel, occasion, &mut Plan::new(plan))
    }
}
