use crate::bindings::boot_loader::exports::modsmith::plugin::boot_loader as wit;
use crate::bindings::imports::modsmith::plugin::answers;
use crate::{BootRequest, Path, Result};

/// By which rule a boot loader chooses an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootRule {
    /// For the next start only.
    OneShot,
    /// By the administrator, or by the last start.
    Saved,
    /// By the configuration.
    Default,
    /// It is the first one, and nothing chooses.
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
    /// The name by which the boot loader and its tools know it.
    pub id: String,
    /// As the menu shows it.
    pub title: String,
    /// The kernel, or the unified kernel image; `None` for something else.
    pub image: Option<Path>,
    /// As `uname -r` prints on the kernel, where the entry says it.
    pub release: Option<String>,
    /// Files of the initial RAM file system, in their order.
    pub initrds: Vec<Path>,
    /// The kernel's command line.
    pub command_line: Option<String>,
}

/// Which entry starts next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextBoot {
    /// The entry with this id.
    Entry {
        /// One of the menu's ids.
        id: String,
        /// Why it is this one.
        rule: BootRule,
        /// Where that is written.
        evidence: String,
    },
    /// It is not known, for this reason: a clause.
    Unknown(String),
}

/// The menu of a boot loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootMenu {
    /// The boot loader's name.
    pub loader: String,
    /// In the menu's order.
    pub entries: Vec<BootEntry>,
    /// What starts next.
    pub next: NextBoot,
    /// Where it is written that this boot loader started the running system.
    pub in_use: Option<String>,
}

/// Says what a boot loader starts.
pub trait BootLoader {
    /// The boot loader's menu; `unsupported` for a system without this boot loader.
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
