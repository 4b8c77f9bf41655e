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

/// `add_drivers` and `force_drivers`. Source: dracut.conf(5).
impl Checks for Dracut {
    fn inspect(_: &CheckRequest) -> Result<CheckReport> {
        let mut files = vec![Path::etc("dracut.conf")];
        for directory in [Path::usr("lib/dracut/dracut.conf.d"), Path::etc("dracut.conf.d")] {
            let entries = directory.entries()?;
            let names = entries.iter().filter(|entry| entry.name.ends_with(".conf"));
            files.extend(names.map(|entry| directory.join(&entry.name)));
        }
        let mut modules = Vec::new();
        for file in files {
            let contents = file.read()?.unwrap_or_default();
            let text = String::from_utf8_lossy(&contents);
            modules.extend(drivers(&text).into_iter().map(|module| (module, file.clone())));
        }
        CheckReport::wishes(modules)
    }
}

/// The words of lines such as `force_drivers+=" zfs "`.
fn drivers(text: &str) -> Vec<String> {
    let value = |line: &str| {
        let (name, value) = line.trim().split_once('=')?;
        let is_list = matches!(name.trim_end_matches('+'), "add_drivers" | "force_drivers");
        is_list.then(|| value.split('#').next().unwrap_or_default().trim_matches(['"', '\'', ' ']).to_owned())
    };
    let values: Vec<String> = text.lines().filter_map(value).collect();
    let words = values.iter().flat_map(|value| value.split_whitespace());
    // `=drivers/net` is a directory of the kernel, and `$x` is known to a shell only.
    words.filter(|word| !word.contains(['=', '/', '$', '"'])).map(str::to_owned).collect()
}

export!(Dracut: Initrd, Checks);

#[cfg(test)]
mod tests {
    use super::drivers;

    #[test]
    fn drivers_are_the_words_of_two_lists() {
        let text = "add_drivers+=\" zfs spl \" # both\nforce_drivers+=' evdi '\n#add_drivers+=\" a \"\n\
                    drivers+=\" b \"\nadd_drivers+=\" =drivers/net $x \"\n";
        assert_eq!(drivers(text), ["zfs", "spl", "evdi"]);
    }
}
