//! GRUB's menu, as grub-mkconfig(8) wrote it, and what its environment block chooses.

mod choice;
mod config;

use boot_spec::{EntryFile, compare_versions, variable};
use choice::{chosen, environment};
use config::{Config, Item};
use modsmith_plugin::prelude::*;

/// Where distributions keep the menu.
const DIRECTORIES: [&str; 2] = ["grub", "grub2"];

struct Grub;

impl BootLoader for Grub {
    fn menu(request: &BootRequest) -> Result<BootMenu> {
        let mut found = None;
        for name in DIRECTORIES {
            let directory = Path::boot(name);
            if let Some(contents) = directory.join("grub.cfg").read()? {
                found = Some((directory, contents));
                break;
            }
        }
        let (directory, contents) = found.ok_or_else(|| unsupported("there is no boot/grub/grub.cfg"))?;
        let mut config = Config::parse(&String::from_utf8_lossy(&contents));
        if config.has_entry_files {
            config.items.extend(entry_files()?);
        }
        let block = directory.join("grubenv").read()?.unwrap_or_default();
        let environment = environment(&String::from_utf8_lossy(&block));
        let entries = config.items.iter().flat_map(Item::entries).cloned().collect();
        let in_use = variable(request, "LoaderInfo")?.filter(|info| info.starts_with("GRUB"));
        Ok(BootMenu {
            loader: "GRUB".into(),
            entries,
            next: chosen(&config, &environment, &directory),
            in_use: in_use.map(|info| format!("the variable LoaderInfo says {info}")),
        })
    }
}

/// Entries of the Boot Loader Specification, which GRUB knows by their files' names and
/// sorts by them, the newest first.
fn entry_files() -> Result<Vec<Item>> {
    let mut files = boot_spec::entries(&Path::boot(""))?;
    let version = |file: &EntryFile| file.first("version").unwrap_or_default().to_owned();
    files.sort_by(|one, another| {
        compare_versions(&version(another), &version(one)).then_with(|| compare_versions(&another.name, &one.name))
    });
    Ok(files.iter().map(|file| Item::Entry(file.entry(file.name.trim_end_matches(".conf")))).collect())
}

export!(Grub: BootLoader);
