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

/// Lists of modules, a name and its arguments on each line. Source: initramfs-tools(7).
impl Checks for InitramfsTools {
    fn inspect(_: &CheckRequest) -> Result<CheckReport> {
        let mut files = vec![Path::etc("initramfs-tools/modules")];
        for directory in [Path::etc("initramfs-tools/modules.d"), Path::usr("share/initramfs-tools/modules.d")] {
            files.extend(directory.entries()?.iter().map(|entry| directory.join(&entry.name)));
        }
        let mut modules = Vec::new();
        for file in files {
            let contents = file.read()?.unwrap_or_default();
            modules.extend(listed(&String::from_utf8_lossy(&contents)).map(|module| (module, file.clone())));
        }
        CheckReport::wishes(modules)
    }
}

fn listed(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned)
}

export!(InitramfsTools: Initrd, Checks);
