//! `dracut -f`, for the image under whichever name the distribution gives it.

use modsmith_plugin::prelude::*;

struct Dracut;

impl Initrd for Dracut {
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()> {
        let release = kernel.release();
        let image = existing_image(&release)?
            .ok_or_else(|| unsupported(format!("there is no image of kernel {release} in boot")))?;
        if occasion == Occasion::Installed && setting_bool("backup")? {
            plan.back_up(&image, ".old-dkms")?;
        }
        plan.run(cmd!("dracut", "-f", image, release))
    }
}

/// The first image that exists among the names in use: Fedora's and most
/// others', SUSE's, and those of systems that replaced another tool by dracut.
fn existing_image(release: &str) -> Result<Option<Path>> {
    let names = [
        format!("initramfs-{release}.img"),
        format!("initrd-{release}"),
        format!("initrd-{release}.img"),
        format!("initrd.img-{release}"),
    ];
    for image in names.map(Path::boot) {
        if image.exists()? {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

export!(Dracut: Initrd);
