//! Boot image plugins keep the image from before an install as `IMAGE.old-dkms`. This plugin
//! removes it when its kernel is removed; no other program does.

use modsmith_plugin::prelude::*;

struct ImageBackups;

impl KernelHooks for ImageBackups {
    fn on_event(request: &EventRequest, plan: &mut Plan) -> Result<Vec<String>> {
        if request.event() != "kernel-prerm" {
            return Err(unsupported("only a kernel that goes leaves backups"));
        }
        let release = request.kernel().release();
        let backups: Vec<Path> = ["initrd.img-", "initramfs-", "initrd-"]
            .iter()
            .flat_map(|prefix| ["", ".img"].map(|suffix| format!("{prefix}{release}{suffix}.old-dkms")))
            .map(Path::boot)
            .collect();
        let mut found = false;
        for backup in backups {
            if backup.exists()? {
                plan.remove(&backup)?;
                found = true;
            }
        }
        if found { Ok(Vec::new()) } else { Err(unsupported("there is no backup")) }
    }
}

export!(ImageBackups: KernelHooks);
