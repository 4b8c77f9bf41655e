//! `update-initramfs -u`, which only updates an image that exists.

use modsmith_plugin::prelude::*;

struct InitramfsTools;

impl Initrd for InitramfsTools {
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()> {
        let image = Path::boot(format!("initrd.img-{}", kernel.release()));
        if !image.exists()? {
            return Err(unsupported(format!("there is no {image}")));
        }
        if occasion == Occasion::Installed && setting_bool("backup")? {
            plan.back_up(&image, ".old-dkms")?;
        }
        plan.run(cmd!("update-initramfs", "-u", "-k", kernel.release()))
    }
}

export!(InitramfsTools: Initrd);
