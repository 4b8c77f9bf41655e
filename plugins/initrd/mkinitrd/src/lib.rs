//! mkinitrd(8): four programs of one name; the system says which one is meant.

mod form;

use form::Form;
use modsmith_plugin::prelude::*;

struct Mkinitrd;

impl Initrd for Mkinitrd {
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()> {
        let release = kernel.release();
        let form = Form::of_system()?.ok_or_else(|| unsupported("no mkinitrd of this system is known"))?;
        let program = form.program()?;
        let images = form.images().iter().map(|name| Path::boot(name.replace('*', &release)));
        let image = Path::first_existing(images)?
            .ok_or_else(|| unsupported(format!("there is no image of kernel {release} in boot")))?;
        let command = match form {
            Form::RedHat => cmd!(program, "-f", &image, &release),
            Form::Suse => cmd!(program, "-k", kernel_image(&release)?, "-i", image.file_name()),
            Form::Debian => cmd!(program, "-o", &image, &release),
            Form::Slackware if program == "geninitrd" => cmd!(program),
            Form::Slackware => cmd!(program, "-F", "-k", &release, "-o", &image),
        };
        if occasion == Occasion::Installed && setting_bool("backup")? {
            plan.back_up(&image, ".old-dkms")?;
        }
        plan.run(command)
    }
}

/// The kernel that belongs to the image, by its name in boot.
fn kernel_image(release: &str) -> Result<String> {
    let names = ["vmlinuz", "vmlinux", "image"].map(|name| Path::boot(format!("{name}-{release}")));
    let found = Path::first_existing(names)?;
    let found = found.ok_or_else(|| unsupported(format!("there is no kernel {release} in boot")))?;
    Ok(found.file_name().to_owned())
}

export!(Mkinitrd: Initrd);
