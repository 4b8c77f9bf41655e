//! `update-initramfs -u`, which only updates an image that exists.

use modsmith_plugin::prelude::*;

struct InitramfsTools;

impl Initrd for InitramfsTools {
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        Ok(vec![Path::boot(format!("initrd.img-{}", request.kernel().release()))])
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let image = request.existing_image::<Self>()?;
        request.back_up(&image, plan)?;
        plan.run(cmd!("update-initramfs", "-u", "-k", request.kernel().release()))
    }
}

export!(InitramfsTools: Initrd);
