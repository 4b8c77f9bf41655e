//! Makes boot images with mkimage.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Initrd for Plugin {
    fn refresh(kernel: &Kernel, _occasion: Occasion, plan: &mut Plan) -> Result<()> {
        let image = Path::boot(format!("image-{}", kernel.release()));
        if !image.exists()? {
            return Err(unsupported(format!("there is no {image}")));
        }
        plan.run(cmd!("mkimage", "-f", image, kernel.release()))
    }
}

export!(Plugin: Initrd);
