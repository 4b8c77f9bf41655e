//! Makes boot images with mkimage.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Initrd for Plugin {
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        Ok(vec![Path::boot(format!("image-{}", request.kernel().release()))])
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let image = request.existing_image::<Self>()?;
        plan.run(cmd!("mkimage", "-f", image, request.kernel().release()))
    }
}

export!(Plugin: Initrd);
