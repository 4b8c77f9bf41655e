//! systemd-boot's menu: entry files and unified kernel images, and what chooses among them.
//!
//! Source: systemd-boot(7), loader.conf(5), UAPI.1.

use boot_spec::{entries, fields, variable, without_attempts};
use modsmith_plugin::prelude::*;

/// Where the partitions are mounted that have entries: the one of the boot loader itself
/// may be below the other.
const PARTITIONS: [&str; 2] = ["", "efi"];

struct SystemdBoot;

impl BootLoader for SystemdBoot {
    fn menu(request: &BootRequest) -> Result<BootMenu> {
        let partitions = PARTITIONS.map(|name| if name.is_empty() { Path::boot("") } else { Path::boot(name) });
        let info = variable(request, "LoaderInfo")?.filter(|info| info.starts_with("systemd-boot"));
        let file = Path::first_existing(partitions.iter().map(|partition| partition.join("loader/loader.conf")))?;
        if file.is_none() && info.is_none() {
            return Err(unsupported("there is no boot/loader/loader.conf"));
        }
        let settings = match &file {
            Some(file) => fields(&String::from_utf8_lossy(&file.read()?.unwrap_or_default())),
            None => Vec::new(),
        };
        let (menu, images) = menu(&partitions)?;
        Ok(BootMenu {
            loader: "systemd-boot".into(),
            next: chosen(request, &settings, &menu, images)?,
            entries: menu,
            in_use: info.map(|info| format!("the variable LoaderInfo says {info}")),
        })
    }
}

/// The entries in the menu's order, and how many of them are unified kernel images: their
/// place among the others is written inside of them.
fn menu(partitions: &[Path]) -> Result<(Vec<BootEntry>, usize)> {
    let mut files = Vec::new();
    for partition in partitions {
        files.extend(entries(partition)?);
    }
    files.sort_by(boot_spec::EntryFile::compare);
    let mut menu: Vec<BootEntry> = files.iter().map(|file| file.entry(&file.name)).collect();
    let before = menu.len();
    for partition in partitions {
        let directory = partition.join("EFI/Linux");
        for entry in directory.entries()?.iter().filter(|entry| entry.name.ends_with(".efi")) {
            let (id, _) = without_attempts(&entry.name);
            let image = Some(directory.join(&entry.name));
            menu.push(BootEntry { title: id.clone(), id, image, ..BootEntry::default() });
        }
    }
    let images = menu.len() - before;
    Ok((menu, images))
}

fn chosen(request: &BootRequest, settings: &[(String, String)], menu: &[BootEntry], images: usize) -> Result<NextBoot> {
    let found = |pattern: &str| menu.iter().find(|entry| matches(pattern.as_bytes(), entry.id.as_bytes()));
    let configured = settings.iter().rfind(|(key, _)| key == "default").map(|(_, value)| value.clone());
    let candidates = [
        ("LoaderEntryOneShot", BootRule::OneShot, variable(request, "LoaderEntryOneShot")?),
        ("LoaderEntryDefault", BootRule::Default, variable(request, "LoaderEntryDefault")?),
        ("default in loader.conf", BootRule::Default, configured),
    ];
    for (source, rule, value) in candidates {
        let Some(value) = value else { continue };
        let (name, rule) = match value.as_str() {
            "@saved" => (variable(request, "LoaderEntryLastBooted")?.unwrap_or_default(), BootRule::Saved),
            _ => (value.clone(), rule),
        };
        if let Some(entry) = found(&name) {
            let evidence = format!("{source} is {value}");
            return Ok(NextBoot::Entry { id: entry.id.clone(), rule, evidence });
        }
    }
    Ok(match (menu, images) {
        ([], _) => NextBoot::Unknown("the menu has no entry".into()),
        ([first, ..], 0) => {
            NextBoot::Entry { id: first.id.clone(), rule: BootRule::First, evidence: "nothing chooses an entry".into() }
        }
        ([only], _) => {
            NextBoot::Entry { id: only.id.clone(), rule: BootRule::First, evidence: "the menu has one entry".into() }
        }
        _ => NextBoot::Unknown(
            "nothing chooses an entry, and the order of unified kernel images is written inside of them".into(),
        ),
    })
}

/// Whether a name matches a pattern with `*` and `?`; the case of letters does not count.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Positions after the last `*`, to come back to.
    let (mut at, mut in_name, mut star) = (0, 0, None);
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, in_name));
                at += 1;
            }
            Some(letter) if *letter == b'?' || letter.eq_ignore_ascii_case(&name[in_name]) => {
                (at, in_name) = (at + 1, in_name + 1);
            }
            _ => match star {
                Some((after, begin)) => {
                    (at, in_name) = (after, begin + 1);
                    star = Some((after, begin + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

export!(SystemdBoot: BootLoader);
