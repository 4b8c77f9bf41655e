//! The requests of modsmith: one type for each kind of question.

pub use crate::bindings::imports::modsmith::plugin::requests::{
    AssembleRequest, BootRequest, CheckRequest, ConfigRequest, EventRequest, FormatRequest, HeadersRequest,
    ImageRequest, InstallRequest, KeyRequest, LinkRequest, LoadRequest, MachineRequest, OwnerRequest, PrepareRequest,
    RemovalRequest, RemovedKernelRequest, SignRequest, StoreRequest,
};
use crate::roles::Initrd;
use crate::settings::setting_bool;
use crate::{Path, Plan, Result, unsupported};

impl LoadRequest {
    /// Whether all files are wanted, not a package of modules; `unsupported` for a purpose that is
    /// not known here.
    pub fn wants_files(&self) -> Result<bool> {
        match self.purpose().as_str() {
            "module-package" => Ok(false),
            "files" => Ok(true),
            other => Err(unsupported(format!("`{other}` is no purpose that is known here"))),
        }
    }
}

/// Methods of a request about a change of a kernel's modules.
impl ImageRequest {
    /// Whether modules were installed, not removed.
    pub fn is_installation(&self) -> bool {
        self.occasion() == "installed"
    }

    /// The first image of the kernel that exists; `unsupported` if there is none.
    pub fn existing_image<P: Initrd>(&self) -> Result<Path> {
        let images = P::images(self)?;
        let names: Vec<String> = images.iter().map(ToString::to_string).collect();
        Path::first_existing(images)?.ok_or_else(|| unsupported(format!("there is no {}", names.join(" or "))))
    }

    /// Keeps the image from before an installation under the name that dkms gives to
    /// it, unless the setting `backup` says no.
    pub fn back_up(&self, image: &Path, plan: &mut Plan) -> Result<()> {
        match self.is_installation() && setting_bool("backup")? {
            true => plan.back_up(image, ".old-dkms"),
            false => Ok(()),
        }
    }
}
