//! The menus of boot loaders, and their choice for the next start.

use crate::bindings::exports::modsmith::plugin::boot_loader::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::call::{Call, CallOutcome, Subject, call_outcome, taken};
use crate::facade::{Candidates, Plugins};
use crate::imports::{BootEntryAnswer, BootMenuAnswer, BootRequest};
use crate::index::IndexedPlugin;
use crate::manifest::Role;
use modsmith_facts::Location;
use modsmith_facts::machine::Machine;

/// By which rule a boot loader chooses an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootRule {
    OneShot,
    Saved,
    Default,
    First,
}

impl BootRule {
    /// As the interface names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneShot => "one-shot",
            Self::Saved => "saved",
            Self::Default => "default",
            Self::First => "first",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::OneShot, Self::Saved, Self::Default, Self::First].into_iter().find(|rule| rule.name() == name)
    }
}

/// An entry of a boot loader's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootEntry {
    pub id: String,
    pub title: String,
    /// The file that is started; `None` for something else than a kernel of this system.
    pub image: Option<Location>,
    pub release: Option<String>,
    pub initrds: Vec<Location>,
    pub command_line: Option<String>,
}

/// Which entry starts next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextBoot {
    Known {
        entry: BootEntry,
        rule: BootRule,
        evidence: String,
    },
    /// With the reason, a clause.
    Unknown(String),
}

/// The menu of a boot loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootMenu {
    /// The plugin that read it.
    pub plugin: String,
    pub loader: String,
    pub entries: Vec<BootEntry>,
    pub next: NextBoot,
    /// The place that says that this boot loader started the running system.
    pub in_use: Option<String>,
}

/// The role `boot-loader`: what starts next.
#[derive(Clone, Copy)]
pub struct BootLoader<'p>(pub &'p Plugins);

impl BootLoader<'_> {
    /// The menus of all boot loaders of the system.
    ///
    /// # Errors
    /// A plugin fails, or one that serves the system cannot be used.
    pub fn menus(&self) -> Result<Vec<BootMenu>, Error> {
        let Candidates { entries, missed, .. } = self.0.candidates(Role::BootLoader);
        if let Some(error) = missed {
            return Err(error);
        }
        let mut menus = Vec::new();
        for entry in entries {
            menus.extend(self.menu(entry)?);
        }
        Ok(menus)
    }

    fn menu(&self, entry: &IndexedPlugin) -> Result<Option<BootMenu>, Error> {
        let (roots, subject) = (&self.0.system.roots, Subject::default());
        let (answer, _) = self.0.call(entry, Role::BootLoader, subject, roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(BootRequest { machine: Machine::of(&self.0.system.root) })?;
            let answer = guest.call_menu(&mut call.store, request)?;
            let answer = taken(call, answer)?;
            Ok(answer.and_then(|answer| menu(call, entry.id(), answer)))
        })?;
        match call_outcome(entry.id(), Role::BootLoader.name(), subject, answer)? {
            CallOutcome::Value(menu) => Ok(Some(menu)),
            CallOutcome::Unsupported(_) => Ok(None),
        }
    }
}

fn menu(call: &Call, plugin: &str, answer: BootMenuAnswer) -> Result<BootMenu, types::Error> {
    let BootMenuAnswer { loader, entries, next, unknown, in_use } = answer;
    let entries = entries.into_iter().map(|answer| entry(call, answer)).collect::<Result<Vec<_>, _>>()?;
    let next = match next {
        None => NextBoot::Unknown(unknown.unwrap_or_else(|| format!("{loader} does not say which entry starts next"))),
        Some(next) => {
            let rule = BootRule::of(&next.rule).ok_or_else(|| {
                types::Error::unsupported(format!("there is no rule `{}` for the next entry", next.rule))
            })?;
            let known = entries.iter().find(|entry| entry.id == next.id).cloned();
            let entry = known.ok_or_else(|| {
                types::Error::other(format!("the next entry is `{}`, and the menu has none of this id", next.id))
            })?;
            NextBoot::Known { entry, rule, evidence: next.evidence }
        }
    };
    Ok(BootMenu { plugin: plugin.to_owned(), loader, entries, next, in_use })
}

fn entry(call: &Call, answer: BootEntryAnswer) -> Result<BootEntry, types::Error> {
    let BootEntryAnswer { id, title, image, release, initrds, command_line } = answer;
    let location = |path: &types::Path| call.store.data().location(path);
    Ok(BootEntry {
        id,
        title,
        image: image.as_ref().map(location).transpose()?,
        release,
        initrds: initrds.iter().map(location).collect::<Result<_, _>>()?,
        command_line,
    })
}
