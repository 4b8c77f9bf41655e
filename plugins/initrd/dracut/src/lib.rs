//! `dracut -f`, for the image under whichever name the distribution gives it.

use modsmith_plugin::prelude::*;

struct Dracut;

impl Initrd for Dracut {
    /// Fedora's dkms has framework.conf run dracut after every change, since the
    /// image may hold an older module of the same name. Elsewhere, packages ask.
    fn when() -> Regeneration {
        match setting("regenerate") {
            Some(word) => regeneration(&word),
            None if is_fedora() && !setting_or("post_transaction", "").contains("dracut") => Regeneration::Always,
            None => Regeneration::WhenAsked,
        }
    }

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

fn is_fedora() -> bool {
    distro_ids().first().is_some_and(|id| id == "fedora")
}

/// The first image that exists among the names in use: Fedora's and most
/// others', SUSE's, those of systems that replaced another tool by dracut, and
/// Arch's.
fn existing_image(release: &str) -> Result<Option<Path>> {
    let names = [
        format!("initramfs-{release}.img"),
        format!("initrd-{release}"),
        format!("initrd-{release}.img"),
        format!("initrd.img-{release}"),
    ];
    let pkgbase = Kernel::pkgbase()?.map(|name| format!("initramfs-{name}.img"));
    Path::first_existing(names.into_iter().chain(pkgbase).map(Path::boot))
}

export!(Dracut: Initrd);
