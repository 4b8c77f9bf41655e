//! A grant on a real system: paths are compared after links are followed.
//!
//! [`Grant`] compares names. Here each name is followed first, as the target
//! system would, and every name of what it leads to is compared: through links,
//! below other roots, and for what is kept from the plugin also by device and
//! inode.

mod watch;

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, OnceLock};

use super::secrets::{Secrets, Why};
use super::{Grant, refusal};
use crate::pattern::format_location;
use modsmith_facts::{Found, Identity, Last, Location, Places, Root};
use modsmith_plan::{Action, Argument, Command, HIDDEN, PRIVATE_DIR, Program, Source, Use};

/// Below the private directory of a tree: where modules are built, which signers
/// may be granted. The rest is the host's alone.
const BUILDS: &str = "builds";

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
            Use::Runs(command) => self.may_start(command),
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
    pub fn listable(&self, location: &Location) -> Result<Found, Closed> {
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

    fn may_start(&self, command: &Command) -> Result<(), String> {
        if let Program::At(location) = &command.program
            && location.root != Root::System
        {
            let found = self.find(location, Last::Follow)?;
            if found.through_link && !found.names.iter().any(|location| self.grant.names_program(location)) {
                return Err(self.leads_out(location, &found));
            }
            self.is_not_denied(&found, location)?;
        }
        let locations = |given: &[Argument]| -> Vec<Location> {
            let locations = given.iter().filter_map(|argument| match argument {
                Argument::Location(location) => Some(location.clone()),
                Argument::Text(_) => None,
            });
            locations.collect()
        };
        for location in command.directory.iter().cloned().chain(locations(&command.input)) {
            self.readable(&location, Last::Follow)?;
        }
        for location in locations(&command.arguments) {
            let found = self.find(&location, Last::Follow)?;
            let granted = |name: &Location| {
                let renamed = command.arguments.iter().map(|argument| match argument {
                    Argument::Location(given) if *given == location => Argument::Location(name.clone()),
                    other => other.clone(),
                });
                let renamed = Command { arguments: renamed.collect(), ..command.clone() };
                self.grant.may_run(&renamed).is_ok()
            };
            if found.through_link && !self.covers(&found.names) && !found.names.iter().any(granted) {
                return Err(self.leads_out(&location, &found));
            }
            self.is_not_denied(&found, &location)?;
        }
        Ok(())
    }

    /// Whether one of the names is granted for reading.
    fn covers(&self, names: &[Location]) -> bool {
        let grant = &self.grant;
        let granted = |location: &Location| grant.covers(&grant.read, location) || grant.covers(&grant.write, location);
        names
            .iter()
            .any(|location| granted(location) || grant.named.may_write(location) || grant.names_program(location))
    }

    fn is_key(&self, names: &[Location]) -> bool {
        names.iter().any(|location| self.grant.is_key(location))
    }

    /// Whether neither key, policy nor host keeps it from being read.
    fn is_open(&self, found: &Found, location: &Location) -> Result<(), String> {
        if self.is_key(&found.names) || self.secret(found) == Some(Why::Key) {
            return Err(refusal::is_a_key(&self.grant.plugin, location));
        }
        self.is_not_denied(found, location)
    }

    fn is_not_denied(&self, found: &Found, location: &Location) -> Result<(), String> {
        if found.names.iter().any(is_private) {
            return Err(self.private(location));
        }
        // What is private to the call can have no other name.
        let denied =
            found.names.iter().find_map(|location| self.grant.denials.denies_path(location).map(str::to_owned));
        match (denied, self.secret(found)) {
            (Some(file), _) | (None, Some(Why::Denied(file))) => {
                Err(refusal::is_denied(&self.grant.plugin, location, &file))
            }
            _ => Ok(()),
        }
    }

    /// Why what was found, or a directory that it is in, is kept.
    fn secret(&self, found: &Found) -> Option<Why> {
        let secrets = self.secrets()?;
        let own = found.identity().ok().flatten();
        let own = own.and_then(|identity| secrets.find(identity, found.links(), found.is_directory()));
        own.or_else(|| found.above().iter().find_map(|above| secrets.find(*above, 1, true))).cloned()
    }

    /// `None` where nothing is kept: nothing has to be looked for.
    fn secrets(&self) -> Option<&Secrets> {
        let any = !self.grant.sign.is_empty() || self.grant.denials.roots().next().is_some();
        any.then(|| self.secrets.get_or_init(|| Secrets::of(&self.grant, &self.places)))
    }

    /// Refuses a directory with a key, a denied place, or the host's own files
    /// somewhere in it.
    fn holds_no_secret(&self, found: &Found, location: &Location) -> Result<(), String> {
        if is_staging(&found.names) {
            return Ok(());
        }
        if let Ok(tree) = self.places.real_root(Root::Tree) {
            let private = tree.join(PRIVATE_DIR);
            if private.starts_with(&found.path) && private.symlink_metadata().is_ok() {
                return Err(self.private(location));
            }
        }
        if self.secrets().is_none() {
            return Ok(());
        }
        for entry in walkdir::WalkDir::new(&found.path) {
            let entry = entry.map_err(|e| self.unclear(location, &e.into()))?;
            let metadata = entry.metadata().map_err(|e| self.unclear(location, &e.into()))?;
            use std::os::unix::fs::MetadataExt;
            let (identity, links) = ((metadata.dev(), metadata.ino()), metadata.nlink());
            let names = self.places.names(entry.path());
            if let Some(why) = self.kept(&names, identity, links, metadata.is_dir()) {
                return Err(self.holds(location, entry.path(), &why));
            }
        }
        Ok(())
    }

    fn kept(&self, names: &[Location], identity: Identity, links: u64, is_directory: bool) -> Option<Why> {
        let secrets = self.secrets()?;
        if self.is_key(names) {
            return Some(Why::Key);
        }
        let denied = names.iter().find_map(|location| self.grant.denials.denies_path(location));
        denied.map(|file| Why::Denied(file.to_owned())).or_else(|| secrets.find(identity, links, is_directory).cloned())
    }

    fn holds(&self, location: &Location, inside: &Path, why: &Why) -> String {
        let reason = match why {
            Why::Key => "is a key that it may sign with, and stays with the host; report this to its author".to_owned(),
            Why::Denied(file) => format!("is denied by {file}; change that policy to allow it"),
        };
        format!(
            "plugin `{}` may not touch `{}`: {} in it {reason}",
            self.grant.plugin,
            format_location(location),
            inside.display()
        )
    }

    fn private(&self, location: &Location) -> String {
        format!(
            "plugin `{}` may not touch `{}`: it is or holds what the host keeps for itself; report this to its author",
            self.grant.plugin,
            format_location(location)
        )
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
            "plugin `{}` may not touch `{}`: where it leads cannot be told: {error}",
            self.grant.plugin,
            format_location(location)
        )
    }
}

fn is_staging(names: &[Location]) -> bool {
    names.iter().any(|location| location.root == Root::Staging)
}

/// Whether a location is the host's own: files that it puts aside, and its directory in a tree,
/// without the builds there. Staging directories belong to their call.
fn is_private(location: &Location) -> bool {
    let mut parts = location.relative().iter();
    if parts.clone().any(|part| part.as_encoded_bytes().starts_with(HIDDEN.as_bytes())) {
        return true;
    }
    location.root == Root::Tree
        && parts.next().is_some_and(|part| part == PRIVATE_DIR)
        && parts.next().is_some_and(|part| part != BUILDS)
}
