//! A grant on a real system: paths are compared after links are followed.
//!
//! [`Grant`] compares names. Here each name is followed first, as the target
//! system would, and every name of what it leads to is compared: through links,
//! below other roots, and for what is kept from the plugin also by device and
//! inode.

mod command;
mod secrecy;
mod watch;

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, OnceLock};

use super::secrets::{Secrets, Why};
use super::{Grant, refusal};
use crate::pattern::format_location;
use modsmith_facts::{Found, Last, Location, Places, Root};
use modsmith_plan::{Action, Source, Use};
use secrecy::{is_private, is_staging};

/// The grant of one plugin, in the places of one plan or call.
pub struct Reach {
    grant: Arc<Grant>,
    places: Arc<Places>,
    secrets: OnceLock<Secrets>,
}

/// Why something cannot be looked at.
#[derive(Debug)]
pub enum Closed {
    /// The plugin may not.
    Denied(String),
    /// The system could not tell where the name leads.
    Unclear(String),
}

impl From<String> for Closed {
    fn from(refusal: String) -> Self {
        Self::Denied(refusal)
    }
}

/// For a step, one is as good as the other.
impl From<Closed> for String {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Denied(why) | Closed::Unclear(why) => why,
        }
    }
}

impl Reach {
    pub fn new(grant: &Arc<Grant>, places: Arc<Places>) -> Self {
        Self { grant: grant.clone(), places, secrets: OnceLock::new() }
    }

    /// Whether a step may be in a plan, or run now.
    pub fn permits(&self, action: &Action) -> Result<(), String> {
        self.grant.permits(action)?;
        action.verb().uses().iter().try_for_each(|used| self.permits_use(used))
    }

    fn permits_use(&self, used: &Use<'_>) -> Result<(), String> {
        match used {
            Use::Reads(location, Source::Contents) => self.copied(location, Last::Follow),
            Use::Reads(location, Source::Entry) => self.copied(location, Last::Keep),
            Use::Reads(location, Source::Key) => self.signing_key(location).map(drop),
            Use::Makes(location) => self.target(location).map(drop),
            Use::Replaces(location) => self.displaced(location),
            Use::ReplacesEach { from, glob, to } => self.collected(from, glob, to),
            Use::Moves { from, to } => self.moved(from, to),
            Use::Links { location, target } => self.may_lead(location, target),
            Use::Runs(command) => command::may_start(self, command),
            Use::Invalid(_) => Ok(()),
        }
    }

    /// The file that a location leads to, if the plugin may read it. A plugin may know that a file
    /// is missing.
    pub fn readable(&self, location: &Location, last: Last) -> Result<Found, Closed> {
        self.grant.may_read(location)?;
        let found = self.find(location, last)?;
        if found.handle.is_some() && found.through_link && !self.covers(&found.names) {
            return Err(self.leads_out(location, &found).into());
        }
        self.is_open(&found, location)?;
        Ok(found)
    }

    /// The file of a name, if the plugin may ask for its kind; a key, too.
    pub fn visible(&self, location: &Location) -> Result<Found, Closed> {
        self.grant.may_look_at(location)?;
        let found = self.find(location, Last::Keep)?;
        let may_look = |name: &Location| self.grant.may_look_at(name).is_ok();
        if found.handle.is_some() && found.through_link && !found.names.iter().any(may_look) {
            return Err(self.leads_out(location, &found).into());
        }
        self.is_not_denied(&found, location)?;
        Ok(found)
    }

    /// A directory that the plugin may list, because it is granted or leads to
    /// something that is.
    pub(crate) fn listable(&self, location: &Location) -> Result<Found, Closed> {
        if !self.grant.may_look_through(location) {
            self.grant.may_read(location)?;
        }
        let found = self.find(location, Last::Follow)?;
        let may_list =
            |location: &Location| self.grant.may_look_through(location) || self.grant.may_read(location).is_ok();
        if found.handle.is_some() && found.through_link && !found.names.iter().any(may_list) {
            return Err(self.leads_out(location, &found).into());
        }
        self.is_not_denied(&found, location)?;
        Ok(found)
    }

    /// Whether an entry of a directory that was found is one of those that the
    /// plugin sees.
    pub fn sees(&self, directory: &Found, location: &Location, name: &OsStr) -> bool {
        let shown =
            |location: &Location| self.grant.may_look_at(location).is_ok() || self.grant.may_look_through(location);
        let names: Vec<Location> = directory.names.iter().filter_map(|location| location.join(name).ok()).collect();
        location.join(name).is_ok_and(|location| shown(&location))
            && (!directory.through_link || names.iter().any(shown))
            && !names.iter().any(|location| is_private(location) || self.grant.denials.denies_path(location).is_some())
    }

    fn find(&self, location: &Location, last: Last) -> Result<Found, Closed> {
        self.places.find(location, last).map_err(|e| Closed::Unclear(self.unclear(location, &e)))
    }

    /// A name that something is made at or taken from: no link may lead there.
    fn target(&self, location: &Location) -> Result<Found, String> {
        let found = self.find(location, Last::Keep)?;
        if found.through_link {
            return Err(format!(
                "plugin `{}` may not write `{}`: a symbolic link leads to it, from which it is {}; \
                 steps of plugins follow no links below a root",
                self.grant.plugin,
                format_location(location),
                found.path.display()
            ));
        }
        self.is_not_denied(&found, location)?;
        Ok(found)
    }

    /// Whether a step may move aside or remove the file that is there.
    fn displaced(&self, location: &Location) -> Result<(), String> {
        let found = self.target(location)?;
        if is_staging(&found.names) {
            return Ok(());
        }
        if !found.is_directory() {
            // Its second name would keep the contents, and nothing say that they
            // are a key's.
            return match self.secret(&found) {
                Some(Why::Key) if found.links() > 1 => Err(refusal::is_a_key(&self.grant.plugin, location)),
                _ => Ok(()),
            };
        }
        let holds_root = |root: &Root| {
            self.places.roots().get(*root).is_some()
                && self.places.real_root(*root).is_ok_and(|real| real.starts_with(&found.path))
        };
        if let Some(root) = Root::ALL.into_iter().filter(|root| *root != location.root).find(holds_root) {
            return Err(format!(
                "plugin `{}` may not move, replace or remove `{}`: the root `{root}` is in it",
                self.grant.plugin,
                format_location(location)
            ));
        }
        self.holds_no_secret(&found, location)
    }

    fn copied(&self, location: &Location, last: Last) -> Result<(), String> {
        let found = self.readable(location, last)?;
        if found.is_directory() { self.holds_no_secret(&found, location) } else { Ok(()) }
    }

    /// Whether each collected file may take the place of the file that has its name.
    fn collected(&self, from: &Location, glob: &str, to: &Location) -> Result<(), String> {
        let glob = globset::Glob::new(glob).map_err(|e| e.to_string())?.compile_matcher();
        let found = self.find(from, Last::Follow)?;
        let entries = std::fs::read_dir(&found.path).into_iter().flatten().filter_map(Result::ok);
        let names = entries.map(|entry| entry.file_name()).filter(|name| glob.is_match(name));
        names.filter_map(|name| to.join(name).ok()).try_for_each(|location| self.displaced(&location))
    }

    fn moved(&self, from: &Location, to: &Location) -> Result<(), String> {
        self.displaced(from)?;
        self.displaced(to)?;
        let (source, target) = (self.find(from, Last::Keep)?, self.find(to, Last::Keep)?);
        if let Some(Why::Key) = self.secret(&source)
            && !self.is_key(&target.names)
        {
            return Err(refusal::leaks(&self.grant.plugin, from, to));
        }
        if to.root == Root::Staging {
            return Ok(());
        }
        // Links lead elsewhere from another place.
        let links = walkdir::WalkDir::new(&source.path).into_iter().filter_map(Result::ok);
        for link in links.filter(|entry| entry.path_is_symlink()) {
            let below = link.path().strip_prefix(&source.path).unwrap_or(Path::new(""));
            let location = to.join(below).map_err(|e| e.to_string())?;
            let target = std::fs::read_link(link.path()).map_err(|e| self.unclear(from, &e))?;
            self.may_lead(&location, &target)?;
        }
        Ok(())
    }

    /// A link may lead only to what is granted or named by `link-targets`. It is
    /// followed as the target system would now; steps up are its first ones, so
    /// that no later link on the way can change what they mean.
    fn may_lead(&self, location: &Location, target: &Path) -> Result<(), String> {
        let found = self.places.find_target(location, target).map_err(|e| self.unclear(location, &e))?;
        let mut parts = target.components().skip_while(|part| *part == Component::ParentDir);
        let plain = !target.as_os_str().is_empty() && parts.all(|part| part != Component::ParentDir);
        let named = |location: &Location| {
            let path = self.places.roots().path(location);
            let path = path.and_then(|path| {
                let top = self.places.roots().get(Root::System).unwrap_or(Path::new("/"));
                Some(Path::new("/").join(path.strip_prefix(top).ok()?))
            });
            path.is_some_and(|path| self.grant.link_targets.iter().any(|glob| glob.is_match(&path)))
        };
        if !plain || !(self.covers(&found.names) || found.names.iter().any(named)) {
            return Err(format!(
                "plugin `{}` may not link `{}` to `{}`: that leads to {}, which neither `[read]`, `[write]` nor \
                 `link-targets` of its manifest grants; ask its author to name it there",
                self.grant.plugin,
                format_location(location),
                target.display(),
                found.path.display()
            ));
        }
        self.is_open(&found, location)?;
        if found.is_directory() { self.holds_no_secret(&found, location) } else { Ok(()) }
    }

    fn signing_key(&self, location: &Location) -> Result<Found, String> {
        let found = self.find(location, Last::Follow)?;
        if found.through_link && found.handle.is_some() && !self.is_key(&found.names) {
            return Err(self.leads_out(location, &found));
        }
        self.is_not_denied(&found, location)?;
        Ok(found)
    }

    /// Whether one of the names is granted for reading.
    fn covers(&self, names: &[Location]) -> bool {
        let grant = &self.grant;
        let granted = |location: &Location| grant.covers(&grant.read, location) || grant.covers(&grant.write, location);
        names
            .iter()
            .any(|location| granted(location) || grant.named.may_write(location) || grant.names_program(location))
    }

    fn leads_out(&self, location: &Location, found: &Found) -> String {
        format!(
            "plugin `{}` may not read `{}`: a symbolic link leads from it to {}, which its manifest does not grant; \
             ask its author to name that path there, or use another plugin",
            self.grant.plugin,
            format_location(location),
            found.path.display()
        )
    }

    fn unclear(&self, location: &Location, error: &io::Error) -> String {
        format!(
            "plugin `{}` may not touch `{}`: the path cannot be resolved: {error}",
            self.grant.plugin,
            format_location(location)
        )
    }
}

#[cfg(test)]
mod tests;
