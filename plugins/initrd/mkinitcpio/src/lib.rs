//! mkinitcpio(8): a kernel's preset, which names its images and options; without
//! one, the image by its name.

use modsmith_plugin::prelude::*;

struct Mkinitcpio;

impl Initrd for Mkinitcpio {
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        let names = Kernel::pkgbase()?.into_iter().chain([request.kernel().release()]);
        Ok(names.map(|name| Path::boot(format!("initramfs-{name}.img"))).collect())
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let release = request.kernel().release();
        let image = Path::first_existing(Self::images(request)?)?;
        if let Some(image) = &image {
            request.back_up(image, plan)?;
        }
        match (Kernel::pkgbase()?, image) {
            (Some(name), _) if Path::etc(format!("mkinitcpio.d/{name}.preset")).exists()? => {
                plan.run(cmd!("mkinitcpio", "-p", name))
            }
            (_, Some(image)) => plan.run(cmd!("mkinitcpio", "-k", release, "-g", image)),
            _ => Err(unsupported(format!("kernel {release} has neither a preset nor an image"))),
        }
    }
}

export!(Mkinitcpio: Initrd);
