//! mkinitcpio(8): a kernel's preset, which names its images and options; without
//! one, the image by its name.

use modsmith_plugin::prelude::*;

struct Mkinitcpio;

impl Initrd for Mkinitcpio {
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()> {
        let release = kernel.release();
        let pkgbase = Kernel::pkgbase()?;
        let names = pkgbase.iter().chain([&release]).map(|name| Path::boot(format!("initramfs-{name}.img")));
        let image = Path::first_existing(names)?;
        if let Some(image) = image.as_ref().filter(|_| occasion == Occasion::Installed)
            && setting_bool("backup")?
        {
            plan.back_up(image, ".old-dkms")?;
        }
        match (pkgbase, image) {
            (Some(name), _) if Path::etc(format!("mkinitcpio.d/{name}.preset")).exists()? => {
                plan.run(cmd!("mkinitcpio", "-p", name))
            }
            (_, Some(image)) => plan.run(cmd!("mkinitcpio", "-k", release, "-g", image)),
            _ => Err(unsupported(format!("kernel {release} has neither a preset nor an image"))),
        }
    }
}

export!(Mkinitcpio: Initrd);
