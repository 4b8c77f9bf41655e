//! `dracut -f`, for the image under whichever name the distribution gives it.

use modsmith_plugin::prelude::*;

struct Dracut;

impl Initrd for Dracut {
    /// Fedora's dkms has framework.conf run dracut after every change, since the
    /// image may hold an older module of the same name. Elsewhere, packages ask.
    fn when(_: &ImageRequest) -> Result<Regeneration> {
        Ok(match setting("regenerate")? {
            Some(word) => regeneration(&word),
            None if is_fedora() && !setting_or("post_transaction", "")?.contains("dracut") => Regeneration::Always,
            None => Regeneration::WhenAsked,
        })
    }

    /// The names in use: Fedora's and most others', SUSE's, those of systems that
    /// replaced another tool by dracut, and Arch's.
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        let release = request.kernel().release();
        let names = [
            format!("initramfs-{release}.img"),
            format!("initrd-{release}"),
            format!("initrd-{release}.img"),
            format!("initrd.img-{release}"),
        ];
        let pkgbase = Kernel::pkgbase()?.map(|name| format!("initramfs-{name}.img"));
        Ok(names.into_iter().chain(pkgbase).map(Path::boot).collect())
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let image = request.existing_image::<Self>()?;
        request.back_up(&image, plan)?;
        plan.run(cmd!("dracut", "-f", image, request.kernel().release()))
    }
}

fn is_fedora() -> bool {
    distro_ids().first().is_some_and(|id| id == "fedora")
}

export!(Dracut: Initrd);
