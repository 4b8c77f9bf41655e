//! Which files are edited, and the steps that do it.

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::{Entry, EntryKind};

use crate::edit::{Direction, Edit};
use crate::wishes::Wishes;
use crate::{initrd_modules, modprobe};

/// Those of modprobe that are edited where they exist.
const COMMON: [&str; 4] = ["modprobe.d/dkms.conf", "modprobe.d/dkms", "modules.conf", "modprobe.conf"];

/// The one that names the modules of the boot image.
const SYSCONFIG: &str = "sysconfig/kernel";

/// Adds the steps that bring the wishes into every file that exists, or out of
/// it. Where there is none for modprobe, the package gets one of its own.
pub fn change(wishes: &Wishes, direction: &Direction, plan: &mut Plan) -> Result<()> {
    let own = Path::etc(format!("modprobe.d/{}.conf", wishes.package));
    let mut all: Vec<Path> = COMMON.map(Path::etc).into();
    if !all.contains(&own) {
        all.push(own.clone());
    }
    let mut found = 0;
    for path in &all {
        let Some(bytes) = content(path, plan)? else { continue };
        found += 1;
        let mut edit = Edit::new(&bytes);
        modprobe::edit(wishes, direction, &mut edit);
        finish(path, &bytes, edit, *path == own, plan)?;
    }
    let sysconfig = Path::etc(SYSCONFIG);
    if let Some(bytes) = content(&sysconfig, plan)? {
        let mut edit = Edit::new(&bytes);
        initrd_modules::edit(wishes, direction, &mut edit);
        finish(&sysconfig, &bytes, edit, false, plan)?;
        found += 1;
    } else if found == 0 && wishes.only_for_boot_image() {
        return Err(unsupported("this system has no list of boot-image modules (/etc/sysconfig/kernel)"));
    }
    if found == 0 {
        return create(wishes, direction, &own, plan);
    }
    Ok(())
}

impl Wishes {
    fn only_for_boot_image(&self) -> bool {
        self.lines.is_empty() && self.modules.iter().all(|module| module.alias_type.is_none())
    }
}

/// A file's bytes; `None` where there is none to edit.
fn content(path: &Path, plan: &mut Plan) -> Result<Option<Vec<u8>>> {
    match path.kind()? {
        Some(EntryKind::File) => path.read(),
        Some(EntryKind::Symlink) => {
            plan.note(format!("/{path} is a symbolic link and is left as it is: edit what it leads to yourself"));
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// The package's own file, made with its first line and gone with its last.
fn create(wishes: &Wishes, direction: &Direction, own: &Path, plan: &mut Plan) -> Result<()> {
    if *direction != Direction::Add {
        return Err(unsupported("modprobe has no configuration file here that the package could be in"));
    }
    let is_there = |entry: &Entry| entry.name == "modprobe.d" && entry.kind == EntryKind::Directory;
    if !Path::etc("").entries()?.iter().any(is_there) || own.exists()? {
        return Err(unsupported("there is no directory /etc/modprobe.d and no older file of modprobe's configuration"));
    }
    let mut edit = Edit::default();
    modprobe::edit(wishes, direction, &mut edit);
    finish(own, b"", edit, true, plan)
}

fn finish(path: &Path, before: &[u8], edit: Edit, goes_when_empty: bool, plan: &mut Plan) -> Result<()> {
    for note in &edit.notes {
        plan.note(format!("/{path}: {note}"));
    }
    let after = edit.text.to_bytes();
    if after == before {
        return Ok(());
    }
    if after.is_empty() && goes_when_empty {
        return plan.remove(path);
    }
    let mode = path.mode()?.unwrap_or(0o644);
    plan.write_file(path, after, mode)
}
