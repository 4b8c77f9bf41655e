//! The menu entries of a grub.cfg.
//!
//! Source: the manual of GRUB, "Writing full configuration files directly"; the files of
//! `util/grub.d` in GRUB's source.

use boot_spec::below;
use modsmith_plugin::prelude::*;

/// What a menu has: entries, and menus of their own.
#[derive(Debug, Clone)]
pub enum Item {
    Entry(BootEntry),
    Menu { id: String, title: String, items: Vec<Item> },
}

impl Item {
    /// The entry, or those of the menu.
    pub fn entries(&self) -> Vec<&BootEntry> {
        match self {
            Item::Entry(entry) => vec![entry],
            Item::Menu { items, .. } => items.iter().flat_map(Item::entries).collect(),
        }
    }
}

/// What is understood of a grub.cfg.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub items: Vec<Item>,
    /// Values that `default` gets, in order.
    pub defaults: Vec<String>,
    /// Whether entries come from files of the Boot Loader Specification.
    pub has_entry_files: bool,
}

/// The deepest menu inside of menus.
const DEEPEST: usize = 16;

impl Config {
    pub fn parse(text: &str) -> Self {
        let mut config = Config::default();
        let mut lines = text.lines();
        config.items = items(&mut lines, &mut Head::default(), 0);
        for line in text.lines().map(str::trim) {
            if let Some(value) = line.strip_prefix("set default=") {
                config.defaults.push(words(value).concat());
            }
            config.has_entry_files |= line == "blscfg" || line.starts_with("blscfg ");
        }
        config
    }
}

/// The files that the lines of an entry name.
#[derive(Debug, Default)]
struct Head {
    image: Option<Path>,
    command_line: Option<String>,
    initrds: Vec<Path>,
}

/// Reads items up to the brace that ends them; what an entry's own lines say goes to
/// `own`.
fn items(lines: &mut std::str::Lines<'_>, own: &mut Head, depth: usize) -> Vec<Item> {
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line == "}" {
            break;
        }
        let words = words(line);
        let first = words.first().map(String::as_str).unwrap_or_default();
        let opens = line.ends_with('{') && depth < DEEPEST;
        match first {
            "menuentry" | "submenu" if opens => {
                let title = words.get(1).cloned().unwrap_or_default();
                let id = id(&words).unwrap_or_else(|| title.clone());
                let mut head = Head::default();
                let items = items(lines, &mut head, depth + 1);
                let Head { image, command_line, initrds } = head;
                found.push(match first {
                    "submenu" => Item::Menu { id, title, items },
                    _ => Item::Entry(BootEntry { id, title, image, release: None, initrds, command_line }),
                });
            }
            "linux" | "linux16" | "linuxefi" => {
                own.image = words.get(1).and_then(|path| below_boot(path));
                own.command_line = words.get(2..).map(|words| words.join(" "));
            }
            "initrd" | "initrd16" | "initrdefi" => {
                own.initrds = words.iter().skip(1).filter_map(|path| below_boot(path)).collect();
            }
            // A function's body, which says nothing about the menu.
            _ if opens => drop(items(lines, &mut Head::default(), depth + 1)),
            _ => {}
        }
    }
    found
}

/// `--id X`, or the same as grub-mkconfig writes it.
fn id(words: &[String]) -> Option<String> {
    let at = words.iter().position(|word| word == "--id" || word == "$menuentry_id_option")?;
    words.get(at + 1).cloned()
}

/// A file as GRUB names it: below the root of the file system that has `/boot`, which may
/// be one of its own.
fn below_boot(path: &str) -> Option<Path> {
    // `($root)/boot/vmlinuz`, `(hd0,1)/vmlinuz`
    let path = path.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(path, |(_, path)| path);
    let path = path.rsplit_once("/boot/").map_or(path, |(_, path)| path);
    below(&Path::boot(""), path)
}

/// The words of a line, without quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut is_word) = (Vec::new(), String::new(), None, false);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some('"') | None, '\\') => word.extend(characters.next()),
            (Some(_), other) => word.push(other),
            (None, '\'' | '"') => (quote, is_word) = (Some(character), true),
            (None, '#') if word.is_empty() && !is_word => break,
            (None, space) if space.is_whitespace() => {
                if is_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            (None, other) => word.push(other),
        }
    }
    if is_word || !word.is_empty() {
        words.push(word);
    }
    words
}
