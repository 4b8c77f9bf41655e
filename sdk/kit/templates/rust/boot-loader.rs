//! Reads the menu of a boot loader: one kernel's file a line, the one that boots next first.

use modsmith_plugin::prelude::*;

struct Plugin;

impl BootLoader for Plugin {
    fn menu(_: &BootRequest) -> Result<BootMenu> {
        let menu = Path::boot("menu").read_text()?.ok_or_else(|| unsupported("there is no /boot/menu"))?;
        let entries: Vec<BootEntry> = menu.lines().map(entry).collect();
        let next = match entries.first() {
            Some(first) => NextBoot::Entry {
                id: first.id.clone(),
                rule: BootRule::First,
                evidence: "the first line of /boot/menu".into(),
            },
            None => NextBoot::Unknown("/boot/menu is empty".into()),
        };
        // Nothing says whether this boot loader has started the system.
        Ok(BootMenu { loader: "{{name}}".into(), next, entries, in_use: None })
    }
}

fn entry(file: &str) -> BootEntry {
    BootEntry {
        id: file.into(),
        title: file.into(),
        image: Some(Path::boot(file)),
        release: file.strip_prefix("vmlinuz-").map(str::to_owned),
        initrds: Vec::new(),
        command_line: None,
    }
}

export!(Plugin: BootLoader);
