use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::initrd::exports::modsmith::plugin::initrd as wit;
use crate::settings::{setting, setting_keys};
use crate::{ImageRequest, Path, Plan, Result, unsupported};

/// The condition on which a change of a kernel's modules calls for a new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Regeneration {
    /// The package asks for it.
    WhenAsked,
    /// Every change calls for a new image.
    Always,
    /// No change does, because another program makes the images.
    Never,
}

impl Regeneration {
    fn name(self) -> &'static str {
        match self {
            Self::WhenAsked => "when-asked",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// Regenerates the initial RAM file system image.
pub trait Initrd {
    /// Returns the image files of a kernel, whether they exist or not, the likeliest first.
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        let _ = request;
        Err(unsupported("the plugin does not say which images a kernel has"))
    }

    /// Returns the condition on which a change calls for a new image. The default is what the
    /// string setting `regenerate` says. If the manifest does not declare it, or it is empty, the
    /// default is `WhenAsked`.
    fn when(request: &ImageRequest) -> Result<Regeneration> {
        let _ = request;
        let is_declared = setting_keys().iter().any(|key| key == "regenerate");
        let word = if is_declared { setting("regenerate")? } else { None };
        Ok(word.map_or(Regeneration::WhenAsked, |word| regeneration(&word)))
    }

    /// Adds the steps that regenerate the kernel's image. `unsupported` when the
    /// tool is not installed or the kernel has no image.
    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()>;
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
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        crate::panic::enter();
        P::images(request)
    }

    fn when(request: &ImageRequest) -> Result<String> {
        crate::panic::enter();
        Ok(P::when(request)?.name().to_owned())
    }

    fn refresh(request: &ImageRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::refresh(request, &mut Plan::new(plan))
    }
}
