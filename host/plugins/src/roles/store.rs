//! The places where builds are kept elsewhere.

use modsmith_facts::text::line;

use crate::bindings::exports::modsmith::plugin::store::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::call::{CallOutcome, Subject, call_outcome};
use crate::facade::{Candidates, Plugins};
use crate::imports::{StorePlaceAnswer, StoreRequest};
use crate::index::IndexedPlugin;
use crate::manifest::Role;
use crate::settings::Values;

/// The scheme of addresses of registries.
const REGISTRY: &str = "oci://";

/// A build that is looked for, or is to be kept.
#[derive(Debug, Clone, Copy)]
pub struct StoreQuestion<'q> {
    /// `pull` or `push`.
    pub purpose: &'q str,
    pub module: &'q str,
    pub version: &'q str,
    pub kernel: &'q str,
    pub arch: &'q str,
    pub identity: &'q str,
}

/// A place with builds, which the administrator has named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlace {
    /// The plugin that gave it.
    pub plugin: String,
    /// An absolute path, an address of `https:`, or one of `oci:`.
    pub address: String,
    /// Names of keys in the administrator's directory of keys.
    pub keys: Vec<String>,
}

/// The role `store`: where to look, and whom to believe.
#[derive(Clone, Copy)]
pub struct Stores<'p>(pub &'p Plugins);

impl Stores<'_> {
    /// The places of all plugins of the role, in order.
    ///
    /// # Errors
    /// A plugin fails, or one that serves the system cannot be used; a plugin names a place or a key
    /// that the administrator has not named.
    pub fn places(&self, question: &StoreQuestion<'_>) -> Result<Vec<StorePlace>, Error> {
        let Candidates { entries, missed, .. } = self.0.candidates(Role::Store);
        if let Some(error) = missed {
            return Err(error);
        }
        let mut places = Vec::new();
        for entry in entries {
            places.extend(self.of_plugin(entry, question)?);
        }
        Ok(places)
    }

    fn of_plugin(&self, entry: &IndexedPlugin, question: &StoreQuestion<'_>) -> Result<Vec<StorePlace>, Error> {
        let settings = self.0.checked_settings(entry, None)?;
        let (roots, subject) = (&self.0.system.roots, Subject::default());
        let (answer, _) = self.0.call(entry, Role::Store, subject, roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = call.lend(request(question))?;
            let answers = match guest.call_places(&mut call.store, request)? {
                Ok(answers) => answers,
                Err(error) => return Ok(Err(error)),
            };
            let mut places = Vec::new();
            for answer in answers {
                match place(entry.id(), call.take(answer)?, &settings) {
                    Ok(place) => places.push(place),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(places))
        })?;
        match call_outcome(entry.id(), Role::Store.name(), subject, answer)? {
            CallOutcome::Value(places) => Ok(places),
            CallOutcome::Unsupported(_) => Ok(Vec::new()),
        }
    }
}

fn request(question: &StoreQuestion<'_>) -> StoreRequest {
    let StoreQuestion { purpose, module, version, kernel, arch, identity } = *question;
    StoreRequest {
        purpose: purpose.to_owned(),
        module: module.to_owned(),
        version: version.to_owned(),
        kernel: kernel.to_owned(),
        arch: arch.to_owned(),
        identity: identity.to_owned(),
    }
}

/// A place as the host goes there, if the administrator has named it and its keys.
fn place(plugin: &str, answer: StorePlaceAnswer, settings: &Values) -> Result<StorePlace, types::Error> {
    let StorePlaceAnswer { kind, address, keys } = answer;
    let named: Vec<&str> =
        settings.keys().filter_map(|key| settings.administrators(key)).flat_map(str::lines).collect();
    if !named.iter().any(|named| is_at_or_below(named, &address)) {
        let text = format!("it named the store {}, which its settings do not name", line(&address));
        return Err(types::Error::denied(text));
    }
    if let Some(key) = keys.iter().find(|key| !named.contains(&key.as_str())) {
        let text = format!("it named the key {}, which its settings do not name", line(key));
        return Err(types::Error::denied(text));
    }
    let is_right = match kind.as_str() {
        "directory" => address.starts_with('/'),
        "https" => address.starts_with("https://") || address.starts_with("http://"),
        "oci" => !without_scheme(&address).contains("://"),
        other => return Err(types::Error::invalid(format!("there is no kind `{}` of stores", line(other)))),
    };
    if !is_right {
        return Err(types::Error::invalid(format!("{} is no address of the kind `{kind}`", line(&address))));
    }
    let address = if kind == "oci" { format!("{REGISTRY}{}", without_scheme(&address)) } else { address };
    Ok(StorePlace { plugin: plugin.to_owned(), address, keys })
}

/// An address of a registry without `oci:`, any address without a slash at its end.
fn without_scheme(address: &str) -> &str {
    address.strip_prefix(REGISTRY).unwrap_or(address).trim_end_matches('/')
}

/// Whether an address is the one that is named, or leads below it by plain names: no part of the way
/// may mean something else to a server or a file system, such as `..`, `%2e%2e` or a query.
fn is_at_or_below(named: &str, address: &str) -> bool {
    let is_plain = |name: &str| {
        let is_special = |c: char| c.is_control() || c.is_whitespace() || "%?#\\@".contains(c);
        !matches!(name, "" | "." | "..") && !name.contains(is_special)
    };
    let (named, address) = (without_scheme(named), without_scheme(address));
    match address.strip_prefix(named) {
        Some("") => !named.is_empty(),
        Some(way) => !named.is_empty() && way.strip_prefix('/').is_some_and(|way| way.split('/').all(is_plain)),
        None => false,
    }
}
