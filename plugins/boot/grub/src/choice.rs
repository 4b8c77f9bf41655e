//! Which entry GRUB starts.
//!
//! Source: `util/grub.d/00_header.in` in GRUB's source; the manual of GRUB, "default" and
//! "The GRUB environment block".

use crate::config::{Config, Item};
use modsmith_plugin::prelude::*;

/// The variables of an environment block.
pub fn environment(block: &str) -> Vec<(String, String)> {
    let lines = block.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The entry that starts next, as the script of the menu finds it.
pub fn chosen(config: &Config, environment: &[(String, String)], directory: &Path) -> NextBoot {
    let variable = |wanted: &str| {
        let value = environment.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    };
    let reads = |name: &str| config.defaults.iter().any(|value| value.contains(&format!("${{{name}}}")));
    let (block, file) = (format!("{directory}/grubenv"), format!("{directory}/grub.cfg"));
    if let Some(entry) = variable("next_entry").filter(|_| reads("next_entry")) {
        return found(config, entry, BootRule::OneShot, format!("next_entry={entry} in {block}"));
    }
    if let Some(entry) = variable("prev_saved_entry").filter(|_| reads("prev_saved_entry")) {
        return found(config, entry, BootRule::Saved, format!("prev_saved_entry={entry} in {block}"));
    }
    // Menus whose entries are files leave the choice to the environment block.
    if reads("saved_entry") || config.defaults.is_empty() && config.has_entry_files {
        return match variable("saved_entry") {
            Some(entry) => found(config, entry, BootRule::Saved, format!("saved_entry={entry} in {block}")),
            None => found(config, "0", BootRule::First, format!("{block} has no saved_entry")),
        };
    }
    match config.defaults.iter().rfind(|value| !value.contains("next_entry")) {
        Some(value) if value.contains('$') => {
            NextBoot::Unknown(format!("{file} takes the default from `{value}`, which is not read"))
        }
        Some(value) if value == "0" => found(config, value, BootRule::First, format!("default=0 in {file}")),
        Some(value) => found(config, value, BootRule::Default, format!("default={value} in {file}")),
        None => found(config, "0", BootRule::First, format!("{file} sets no default")),
    }
}

/// The entry of a name: `2`, a title, an id, or several of them with `>` between.
fn found(config: &Config, name: &str, rule: BootRule, evidence: String) -> NextBoot {
    match entry(&config.items, name) {
        Some(entry) => NextBoot::Entry { id: entry.id.clone(), rule, evidence },
        None => NextBoot::Unknown(format!("no entry of the menu is `{name}` ({evidence})")),
    }
}

fn entry<'i>(items: &'i [Item], name: &str) -> Option<&'i BootEntry> {
    // A title may have the character that parts names: then the whole name counts.
    for (at, _) in name.match_indices('>').chain([(name.len(), "")]) {
        let (first, rest) = (&name[..at], name.get(at + 1..));
        match (item(items, first), rest) {
            (Some(Item::Entry(entry)), None) => return Some(entry),
            (Some(Item::Menu { items, .. }), Some(rest)) => return entry(items, rest),
            _ => {}
        }
    }
    None
}

fn item<'i>(items: &'i [Item], name: &str) -> Option<&'i Item> {
    let is_named = |item: &&Item| match item {
        Item::Entry(entry) => entry.id == name || entry.title == name,
        Item::Menu { id, title, .. } => id == name || title == name,
    };
    match name.parse::<usize>() {
        Ok(index) => items.get(index),
        Err(_) => items.iter().find(is_named),
    }
}
