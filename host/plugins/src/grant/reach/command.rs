//! Checks a program, and the files that its arguments name.
//!
//! A program reads and writes these files with the rights of the user who runs modsmith. So a key or a
//! denied file is not an argument, neither as a location nor as a path in a text. Programs have more ways
//! to reach a file: a grant of the program permits these.

use std::path::Path;

use super::super::refusal;
use super::{Reach, secrecy::is_staging};
use crate::manifest::Probe;
use crate::pattern::argument_paths::paths_in;
use crate::pattern::format_location;
use modsmith_facts::{Found, Last, Location, Root, find_program};
use modsmith_plan::{Argument, Command, Environment, Program};

impl Reach {
    /// Whether the host may run a program for the plugin, with these arguments.
    pub(crate) fn may_ask(&self, program: &str, arguments: &[String]) -> Result<(), String> {
        self.grant.may_ask(program, arguments)?;
        let arguments = arguments.iter().cloned().map(Argument::Text).collect();
        may_start(self, &Command { arguments, environment: Environment::Clean(Vec::new()), ..Command::new(program) })
    }

    /// Whether a probe may be run, about these files.
    pub(crate) fn may_probe(&self, probe: &Probe, files: &[String]) -> Result<(), String> {
        is_of_others(self, &Program::Named(probe.program.clone()))?;
        let named = NamedFiles::new(self, None);
        let words = probe.arguments.iter().map(|word| (word, true)).chain(files.iter().map(|file| (file, false)));
        for (word, is_fixed) in words {
            if let Some(key) = named.text(word, is_fixed)? {
                return Err(refusal::is_a_key(&self.grant.plugin, &key.at));
            }
        }
        Ok(())
    }
}

/// Whether a command may be run.
pub(super) fn may_start(reach: &Reach, command: &Command) -> Result<(), String> {
    is_of_others(reach, &command.program)?;
    for location in command.directory.iter().chain(command.input.iter().filter_map(location)) {
        reach.readable(location, Last::Follow)?;
    }
    let named = NamedFiles::new(reach, command.directory.as_ref());
    let mut keys = Vec::new();
    for (index, argument) in command.arguments.iter().enumerate() {
        let is_fixed = reach.grant.fitting(command).any(|run| run.arguments.is_fixed(index));
        let key = match argument {
            Argument::Text(text) => named.text(text, is_fixed)?,
            Argument::Location(location) => {
                let found = find_argument(reach, command, location)?;
                let by_name = reach.grant.is_key(location);
                named.found(&found, location, is_fixed)?.then(|| Key { at: location.clone(), by_name })
            }
        };
        keys.extend(key.map(|key| (index, key)));
    }
    // A pattern with a star is not meant for the key, and a name that leads to it is not its own.
    let mut entries = reach.grant.fitting(command);
    let names_all = entries.any(|run| keys.iter().all(|(index, key)| key.by_name && run.arguments.is_fixed(*index)));
    let unnamed = keys.into_iter().next().filter(|_| !names_all).map(|(_, key)| key);
    let values: &[(String, String)] = match &command.environment {
        Environment::Clean(variables) | Environment::Inherited(variables) => variables,
    };
    let lines = command.input.iter().filter_map(|line| match line {
        Argument::Text(text) => Some(text),
        Argument::Location(_) => None,
    });
    let mut texts = lines.chain(values.iter().map(|(_, value)| value));
    let unnamed =
        unnamed.map_or_else(|| texts.find_map(|text| named.text(text, false).transpose()), |key| Some(Ok(key)));
    match unnamed.transpose()? {
        Some(key) => Err(refusal::passes_a_key(&reach.grant.plugin, &key.at)),
        None => Ok(()),
    }
}

fn location(argument: &Argument) -> Option<&Location> {
    match argument {
        Argument::Location(location) => Some(location),
        Argument::Text(_) => None,
    }
}

/// A location among the arguments: a link leads only to what is granted, or to what the arguments may
/// name as well.
fn find_argument(reach: &Reach, command: &Command, location: &Location) -> Result<Found, String> {
    let found = reach.find(location, Last::Follow)?;
    let granted = |name: &Location| {
        let renamed = command.arguments.iter().map(|argument| match argument {
            Argument::Location(given) if given == location => Argument::Location(name.clone()),
            other => other.clone(),
        });
        let renamed = Command { arguments: renamed.collect(), ..command.clone() };
        reach.grant.may_run(&renamed).is_ok()
    };
    if found.through_link && !reach.covers(&found.names) && !found.names.iter().any(granted) {
        return Err(reach.leads_out(location, &found));
    }
    Ok(found)
}

/// Whether a program is the code of others: no file that the plugin may write.
fn is_of_others(reach: &Reach, program: &Program) -> Result<(), String> {
    let shown;
    let found = match program {
        Program::Named(name) => {
            let root = reach.places.roots().get(Root::System);
            let Some(path) = root.and_then(|root| find_program(root, name)) else { return Ok(()) };
            let path = path.strip_prefix("/").unwrap_or(&path);
            let Ok(location) = Location::new(Root::System, path) else { return Ok(()) };
            shown = name.clone();
            reach.find(&location, Last::Follow)?
        }
        Program::At(location) => {
            let found = reach.find(location, Last::Follow)?;
            if location.root != Root::System {
                if found.through_link && !found.names.iter().any(|location| reach.grant.names_program(location)) {
                    return Err(reach.leads_out(location, &found));
                }
                reach.is_not_denied(&found, location)?;
            }
            shown = format_location(location);
            found
        }
    };
    let grant = &reach.grant;
    let may_write = |name: &Location| grant.covers(&grant.write, name) || grant.named.may_write(name);
    match found.names.iter().any(may_write) {
        true => Err(refusal::is_own_code(&grant.plugin, &shown)),
        false => Ok(()),
    }
}

/// A key among the words.
struct Key {
    at: Location,
    /// Whether the word is a name of the key, and not of what leads to it.
    by_name: bool,
}

/// The files that a program's words name; relative paths begin in its directory.
struct NamedFiles<'r> {
    reach: &'r Reach,
    /// An entry of the directory that the program works in.
    beside: Option<Location>,
}

impl<'r> NamedFiles<'r> {
    fn new(reach: &'r Reach, directory: Option<&Location>) -> Self {
        let beside = match directory {
            Some(directory) => directory.join("x"),
            None => Location::new(Root::System, "x"),
        };
        Self { reach, beside: beside.ok() }
    }

    /// The key that a text names, if it does. `is_fixed`: the word is the manifest's own.
    ///
    /// # Errors
    /// Refuses a word that names a denied file, or a directory with a file that is kept from the plugin.
    fn text(&self, text: &str, is_fixed: bool) -> Result<Option<Key>, String> {
        let Some(beside) = &self.beside else { return Ok(None) };
        let mut key = None;
        for path in paths_in(text) {
            // Most words are no paths.
            if !path.contains('/') && self.reach.secrets().is_none() {
                continue;
            }
            // A file that cannot be found cannot be opened either.
            let Ok(found) = self.reach.places.find_target(beside, Path::new(path)) else { continue };
            let known = found.names.iter().find(|name| name.root != Root::System).or(found.names.first());
            let Some(location) = known.cloned() else { continue };
            if self.found(&found, &location, is_fixed)? {
                let by_name = !found.through_link && self.reach.is_key(&found.names);
                key = Some(Key { at: location, by_name });
            }
        }
        Ok(key)
    }

    /// Whether what was found is a key.
    ///
    /// # Errors
    /// As [`NamedFiles::text`].
    fn found(&self, found: &Found, location: &Location, is_fixed: bool) -> Result<bool, String> {
        let reach = self.reach;
        if is_staging(&found.names) {
            return Ok(false);
        }
        reach.is_not_denied(found, location)?;
        if reach.leads_to_key(found) {
            return Ok(true);
        }
        // The word for the whole system is no word for what is in it.
        let is_top = || reach.places.real_root(Root::System).is_ok_and(|top| top == found.path);
        let spares_top = is_fixed || reach.secrets().is_none();
        if found.is_directory() && !(spares_top && is_top()) {
            reach.holds_no_secret(found, location)?;
        }
        Ok(false)
    }
}
