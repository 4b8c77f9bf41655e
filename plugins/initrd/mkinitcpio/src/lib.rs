//! mkinitcpio(8): a kernel's preset, which names its images and options; without
//! one, the image by its name.

use modsmith_plugin::prelude::*;

struct Mkinitcpio;

impl Initrd for Mkinitcpio {
    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        let names = Kernel::pkgbase()?.into_iter().chain([request.kernel().release()]);
        Ok(names.map(|name| Path::boot(format!("initramfs-{name}.img"))).collect())
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let release = request.kernel().release();
        let image = Path::first_existing(Self::images(request)?)?;
        if let Some(image) = &image {
            request.back_up(image, plan)?;
        }
        match (Kernel::pkgbase()?, image) {
            (Some(name), _) if Path::etc(format!("mkinitcpio.d/{name}.preset")).exists()? => {
                plan.run(cmd!("mkinitcpio", "-p", name))
            }
            (_, Some(image)) => plan.run(cmd!("mkinitcpio", "-k", release, "-g", image)),
            _ => Err(unsupported(format!("kernel {release} has neither a preset nor an image"))),
        }
    }
}

/// `MODULES=(...)`. Source: mkinitcpio.conf(5).
impl Checks for Mkinitcpio {
    fn inspect(_: &CheckRequest) -> Result<CheckReport> {
        let directory = Path::etc("mkinitcpio.conf.d");
        let mut files = vec![Path::etc("mkinitcpio.conf")];
        files.extend(directory.entries()?.iter().map(|entry| directory.join(&entry.name)));
        let mut modules = Vec::new();
        for file in files.into_iter().filter(|file| file.relative.ends_with(".conf")) {
            let contents = file.read()?.unwrap_or_default();
            let text = String::from_utf8_lossy(&contents);
            modules.extend(listed(&text).into_iter().map(|module| (module, file.clone())));
        }
        CheckReport::wishes(modules)
    }
}

/// The words of the array, which may be on several lines. A module with `?` may be missing.
fn listed(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let plain = lines.collect::<Vec<_>>().join("\n");
    let begins = ["MODULES=(", "MODULES+=("];
    let mut modules = Vec::new();
    for (at, begin) in begins.iter().flat_map(|begin| plain.match_indices(begin)) {
        let is_name = plain[..at].chars().next_back().is_none_or(char::is_whitespace);
        let words = plain[at + begin.len()..].split(')').next().unwrap_or_default();
        let words = words.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        modules.extend(words.filter(|word| is_name && !word.ends_with('?') && !word.contains('$')).map(str::to_owned));
    }
    modules
}

export!(Mkinitcpio: Initrd, Checks);

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn modules_are_the_words_of_an_array() {
        let text = "# MODULES=(a)\nMODULES=(zfs \"evdi\"\n  nvidia? # b\n  spl)\nHOOKS=(base)\nX_MODULES=(c)\n";
        assert_eq!(listed(text), ["zfs", "evdi", "spl"]);
    }
}
