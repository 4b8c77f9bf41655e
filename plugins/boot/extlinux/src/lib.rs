//! The menu of extlinux and syslinux, which U-Boot reads as well.
//!
//! Source: syslinux's `doc/menu.txt` and `doc/syslinux.txt`; U-Boot's `doc/README.pxe`.

mod menu;

use menu::{Menu, parse};
use modsmith_plugin::prelude::*;

/// Where the menu is, and whose it is.
const FILES: [(&str, &str); 4] = [
    ("extlinux/extlinux.conf", "extlinux"),
    ("extlinux.conf", "extlinux"),
    ("syslinux/syslinux.cfg", "syslinux"),
    ("syslinux/extlinux.conf", "extlinux"),
];

struct Extlinux;

impl BootLoader for Extlinux {
    fn menu(_: &BootRequest) -> Result<BootMenu> {
        for (name, loader) in FILES {
            let file = Path::boot(name);
            if let Some(contents) = file.read()? {
                let menu = parse(&String::from_utf8_lossy(&contents), name);
                return Ok(BootMenu {
                    loader: loader.into(),
                    next: next(&menu, &file),
                    entries: menu.entries,
                    // Nothing says which boot loader started the system.
                    in_use: None,
                });
            }
        }
        Err(unsupported("there is no boot/extlinux/extlinux.conf"))
    }
}

/// After its time, the menu starts ONTIMEOUT; DEFAULT where there is none, or no time; else the
/// first entry.
fn next(menu: &Menu, file: &Path) -> NextBoot {
    let timeout = menu.on_timeout.as_ref().filter(|_| menu.has_timeout).map(|id| ("ONTIMEOUT", id));
    let chosen = timeout.or_else(|| menu.default.as_ref().map(|id| ("DEFAULT", id)));
    if let Some(what) = &menu.elsewhere {
        return NextBoot::Unknown(format!("{file} has `{what}`, and that file is not read"));
    }
    match (chosen, menu.entries.first()) {
        (Some((rule, id)), _) => match menu.entries.iter().find(|entry| entry.id == *id) {
            Some(entry) => NextBoot::Entry {
                id: entry.id.clone(),
                rule: BootRule::Default,
                evidence: format!("{rule} {id} in {file}"),
            },
            None => NextBoot::Unknown(format!("{file} has {rule} {id}, and no entry of this name")),
        },
        (None, Some(first)) => {
            NextBoot::Entry { id: first.id.clone(), rule: BootRule::First, evidence: format!("{file} has no DEFAULT") }
        }
        (None, None) => NextBoot::Unknown(format!("{file} has no entry")),
    }
}

export!(Extlinux: BootLoader);
