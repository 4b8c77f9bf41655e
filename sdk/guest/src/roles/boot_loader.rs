use crate::bindings::boot_loader::exports::modsmith::plugin::boot_loader as wit;
use crate::bindings::imports::modsmith::plugin::answers;
use crate::{BootRequest, Path, Result};

/// The rule by which a boot loader chooses an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootRule {
    /// The entry was chosen for the next start only.
    OneShot,
    /// The administrator, or the last start, has chosen the entry.
    Saved,
    /// The configuration names the entry.
    Default,
    /// The first entry starts; nothing chooses another one.
    First,
}

impl BootRule {
    fn name(self) -> &'static str {
        match self {
            Self::OneShot => "one-shot",
            Self::Saved => "saved",
            Self::Default => "default",
            Self::First => "first",
        }
    }
}

/// An entry of a boot loader's menu.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootEntry {
    /// The name by which the boot loader and its tools know the entry.
    pub id: String,
    /// The title that the menu shows.
    pub title: String,
    /// The kernel, or the unified kernel image; `None` for something else.
    pub image: Option<Path>,
    /// The kernel's release, as `uname -r` prints it, if the entry says it.
    pub release: Option<String>,
    /// Files of the initial RAM file system, in their order.
    pub initrds: Vec<Path>,
    /// The kernel's command line.
    pub command_line: Option<String>,
}

/// The entry that starts next, or why it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextBoot {
    /// The entry with this id.
    Entry {
        /// The id of the entry, as the menu has it.
        id: String,
        /// The rule by which the entry was chosen.
        rule: BootRule,
        /// The place where the choice is written.
        evidence: String,
    },
    /// The next entry is not known, for this reason: a clause.
    Unknown(String),
}

/// The menu of a boot loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootMenu {
    /// The boot loader's name.
    pub loader: String,
    /// The entries, in the menu's order.
    pub entries: Vec<BootEntry>,
    /// The entry that starts next.
    pub next: NextBoot,
    /// The place that says that this boot loader started the running system.
    pub in_use: Option<String>,
}

/// Says what a boot loader starts.
pub trait BootLoader {
    /// Returns the boot loader's menu; `unsupported` for a system without this boot loader.
    fn menu(request: &BootRequest) -> Result<BootMenu>;
}

fn entry(entry: &BootEntry) -> answers::BootEntry {
    let answer = answers::BootEntry::new(&entry.id, &entry.title);
    if let Some(image) = &entry.image {
        answer.set_image(image);
    }
    if let Some(release) = &entry.release {
        answer.set_release(release);
    }
    entry.initrds.iter().for_each(|initrd| answer.add_initrd(initrd));
    if let Some(line) = &entry.command_line {
        answer.set_command_line(line);
    }
    answer
}

impl<P: BootLoader> wit::Guest for P {
    fn menu(request: &BootRequest) -> Result<answers::BootMenu> {
        crate::panic::enter();
        let menu = P::menu(request)?;
        let answer = answers::BootMenu::new(&menu.loader);
        menu.entries.iter().for_each(|given| answer.add(entry(given)));
        match &menu.next {
            NextBoot::Entry { id, rule, evidence } => answer.set_next(id, rule.name(), evidence),
            NextBoot::Unknown(why) => answer.set_unknown(why),
        }
        if let Some(evidence) = &menu.in_use {
            answer.set_in_use(evidence);
        }
        Ok(answer)
    }
}
