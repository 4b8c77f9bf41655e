//! mkinitrd(8): four programs of one name; the system says which one is meant.

mod form;

use form::Form;
use modsmith_plugin::prelude::*;

struct Mkinitrd;

impl Initrd for Mkinitrd {
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        let release = request.kernel().release();
        Ok(Form::of_system()?.images().iter().map(|name| Path::boot(name.replace('*', &release))).collect())
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let release = request.kernel().release();
        let form = Form::of_system()?;
        let program = form.program()?;
        let image = request.existing_image::<Self>()?;
        let command = match form {
            Form::RedHat => cmd!(program, "-f", &image, &release),
            Form::Suse => cmd!(program, "-k", kernel_image(&release)?, "-i", image.file_name()),
            Form::Debian => cmd!(program, "-o", &image, &release),
            Form::Slackware if program == "geninitrd" => cmd!(program),
            Form::Slackware => cmd!(program, "-F", "-k", &release, "-o", &image),
        };
        request.back_up(&image, plan)?;
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
