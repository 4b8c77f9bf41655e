//! Places with builds of many machines: a directory, static files over HTTPS, a registry.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::flow::store::shared_builds::artefact::repository_name;
use crate::flow::store::shared_builds::trust::key_of_administrator;
use crate::flow::{Env, Invocation};
use crate::tree::{PackageId, Target};
use modsmith_facts::text::line;
use modsmith_plugins::distribution::sources::Sources;
use modsmith_plugins::search::CONFIG;
use modsmith_plugins::{StoreQuestion, Stores};
use modsmith_registry::{Client, Directory, OfRegistry, PublicKey, Reference, SCHEME, Settings, Shelf, Website};
use modsmith_store::Identity;

/// What a place is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Pull,
    Push,
}

/// A build that is due.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    pub package: &'w PackageId,
    pub target: &'w Target,
    pub identity: &'w Identity,
}

/// A place, how it is spoken to, and whom it is believed.
pub struct SharedStore {
    address: String,
    kind: PlaceKind,
    /// Builds of the place must be signed with one of these keys.
    pub keys: Vec<PublicKey>,
    settings: Settings,
}

enum PlaceKind {
    Directory(PathBuf),
    Website,
    /// Host, and the path that repositories have in common.
    Registry(String),
}

impl SharedStore {
    /// As the administrator, or the command line, has written it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where the builds of one package are.
    ///
    /// # Errors
    /// Those of the place.
    pub(super) fn shelf(&self, package: &PackageId, purpose: Purpose) -> modsmith_registry::Result<Box<dyn Shelf>> {
        Ok(match &self.kind {
            PlaceKind::Directory(path) if purpose == Purpose::Push => Box::new(Directory::open_or_make(path)?),
            PlaceKind::Directory(path) => Box::new(Directory::open(path)?),
            PlaceKind::Website => Box::new(Website::new(self.settings.clone(), &self.address)),
            PlaceKind::Registry(base) => {
                let reference = Reference::parse(&format!("{base}/{}", repository_name(&package.module)))?;
                Box::new(OfRegistry::new(Client::new(self.settings.clone()), reference.repository))
            }
        })
    }

    /// Whether tags name a build of one package only.
    pub(super) fn is_parted_by_package(&self) -> bool {
        matches!(self.kind, PlaceKind::Registry(_))
    }

    /// Whether it is a directory that the first push begins.
    pub(super) fn is_new(&self) -> bool {
        let is_empty = |path: &Path| std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
        matches!(&self.kind, PlaceKind::Directory(path) if is_empty(path))
    }

    /// The place with short time limits, because a build waits for it.
    fn hasty(mut self) -> Self {
        (self.settings.attempts, self.settings.patience) = (2, Duration::from_secs(10));
        self
    }

    fn of(address: &str, keys: Vec<PublicKey>, settings: Settings) -> Self {
        let kind = match address.strip_prefix(SCHEME) {
            Some(base) => PlaceKind::Registry(base.trim_end_matches('/').to_owned()),
            None if address.contains("://") => PlaceKind::Website,
            None => PlaceKind::Directory(PathBuf::from(address)),
        };
        Self { address: address.to_owned(), kind, keys, settings }
    }
}

/// A place that is named on the command line: a directory, an address of `https:`, or one of `oci:`.
/// Beside `keys`, those count that registries.toml has for the address.
///
/// # Errors
/// registries.toml, or a key in it, cannot be used.
pub fn named(env: &Env, address: &str, keys: Vec<PublicKey>) -> Result<SharedStore> {
    let sources = sources(env)?;
    let keys = keys.into_iter().chain(sources.keys(address).iter().cloned()).collect();
    Ok(SharedStore::of(&absolute(address), keys, settings(&sources, &env.environment)))
}

/// The places that plugins of the role `store` name for a build, in order.
///
/// # Errors
/// A plugin fails, a place or a key that the administrator has not named, registries.toml.
pub fn configured(run: &Invocation<'_>, purpose: Purpose, wanted: Wanted<'_>) -> Result<Vec<SharedStore>> {
    let Wanted { package, target, identity } = wanted;
    let question = StoreQuestion {
        purpose: if purpose == Purpose::Pull { "pull" } else { "push" },
        module: &package.module,
        version: &package.version,
        kernel: &target.kernel,
        arch: &target.arch,
        identity: &identity.to_string(),
    };
    let answers = Stores(&run.env.plugins).places(&question)?;
    if answers.is_empty() {
        return Ok(Vec::new());
    }
    let sources = sources(&run.env)?;
    let place = |answer: modsmith_plugins::StorePlace| {
        let keys = answer.keys.iter().map(|name| key_of_administrator(name)).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() && purpose == Purpose::Pull {
            return Err(Error::new(
                Kind::System,
                format!("The plugin `{}` names the store {} without a key.", answer.plugin, line(&answer.address)),
            )
            .hint(format!("Write the names of keys in {CONFIG}/keys into {CONFIG}/settings/{}.toml.", answer.plugin)));
        }
        let settings = settings(&sources, &run.env.environment);
        Ok(SharedStore::of(&answer.address, keys, settings).hasty())
    };
    answers.into_iter().map(place).collect()
}

/// The image of an address: `oci://HOST[:PORT]/PATH[:TAG]`, or `DIRECTORY:TAG` of an image layout. The shelf
/// that has it, and its tag.
///
/// # Errors
/// registries.toml; an address that is none; a directory that is no layout.
pub(super) fn image(env: &Env, address: &str) -> Result<(Box<dyn Shelf>, String)> {
    let failed = |error| Error::from(modsmith_plugins::Error::from(error));
    if let Some(text) = address.strip_prefix(SCHEME) {
        let reference = Reference::parse(text).map_err(failed)?;
        let client = Client::new(settings(&sources(env)?, &env.environment));
        let tag = reference.tag.unwrap_or_else(|| "latest".to_owned());
        return Ok((Box::new(OfRegistry::new(client, reference.repository)), tag));
    }
    let Some((path, tag)) = address.rsplit_once(':').filter(|(path, tag)| !path.is_empty() && !tag.contains('/'))
    else {
        return Err(Error::new(Kind::Usage, format!("`{}` names no image.", line(address)))
            .hint("Write oci://HOST/PATH:TAG, or DIRECTORY:TAG of an image layout."));
    };
    Ok((Box::new(Directory::open(Path::new(&absolute(path))).map_err(failed)?), tag.to_owned()))
}

fn sources(env: &Env) -> Result<Sources> {
    Ok(Sources::read(Path::new(CONFIG), &env.system.root)?)
}

fn settings(sources: &Sources, environment: &Environment) -> Settings {
    sources.settings(|name| environment.text(name).map(str::to_owned))
}

/// A directory is meant as it is from where the program was started.
fn absolute(address: &str) -> String {
    match address.contains("://") || address.starts_with('/') {
        true => address.to_owned(),
        false => crate::environment::current_directory().join(address).display().to_string(),
    }
}
