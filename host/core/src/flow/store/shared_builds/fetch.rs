//! From a place that others push to into this machine's store.
//!
//! Nothing is read of an artefact before its signature is verified, nothing is unpacked before its
//! inputs have the identity that is wanted, and nothing is kept that is not as its list says.

use crate::conf::SettingsFile;
use crate::conf::revoked::Revoked;
use crate::conf::store::Settings;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::store::builds::open_or_make;
use crate::flow::store::compatible::{MOST_CANDIDATES, unlike};
use crate::flow::store::identity::identity;
use crate::flow::store::origin::note_origin;
use crate::flow::store::shared_builds::artefact::{
    LARGEST_CONFIG, any_entry, directory, entry, is_of_version, machine_tag, parts, people_tag,
};
use crate::flow::store::shared_builds::place::{Purpose, SharedStore, Wanted, configured};
use crate::flow::store::shared_builds::push::of_place;
use crate::tree::{Origin, PackageId, Target};
use modsmith_facts::text::line;
use modsmith_registry::manifest::RawManifest;
use modsmith_registry::{Shelf, verify};
use modsmith_store::{Entry, Identity, Inputs, New, Store, Value, unpack};

/// Makes the entry of a digest from the bytes that a store has for it, or says why it cannot.
type EntryReader<'a> = dyn Fn(&str, &[u8]) -> Result<Entry, String> + 'a;

/// What came of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub identity: Identity,
    pub origin: Origin,
}

/// Why a build was not fetched.
enum Failure {
    /// The place does not answer, or not as it has to.
    Place(modsmith_registry::Error),
    /// The place has a build that cannot be used; why, as a clause.
    Refused(String),
    /// This machine cannot keep it.
    Here(Error),
}

/// Whether a place has a build that one of the place's keys has signed.
///
/// # Errors
/// The place cannot be asked.
pub fn has(place: &SharedStore, wanted: Wanted<'_>) -> Result<bool> {
    if place.is_new() {
        return Ok(false);
    }
    let asked = place.shelf(wanted.package, Purpose::Pull).and_then(|shelf| {
        let raw = shelf.tagged(&machine_tag(wanted.identity))?;
        verify(shelf.as_ref(), &raw.digest, &place.keys).map(drop)
    });
    match asked {
        Ok(()) => Ok(true),
        Err(error) if error.is_not_found() || error.is_about_content() => Ok(false),
        Err(error) => Err(of_place(place, error)),
    }
}

/// Fetches the build of a package for a kernel into this machine's store. `None` in a dry run.
///
/// # Errors
/// The place has no such build, or one that is not believed; the place or the store cannot be used.
pub fn pull(run: &Invocation<'_>, id: &PackageId, target: &Target, from: &SharedStore) -> Result<Option<Pulled>> {
    let described = identity(run, id, target)?;
    let wanted = Wanted { package: id, target, identity: &described.identity };
    let fetched = run.runner.after_success(|| Revoked::read().map(|revoked| fetch(run, from, wanted, &revoked)));
    let Some(fetched) = fetched.transpose()? else { return Ok(None) };
    match fetched {
        Ok(Some(origin)) => Ok(Some(Pulled { identity: described.identity, origin })),
        Ok(None) => Err(Error::new(
            Kind::System,
            format!(
                "{} has no build of {id} for kernel {target} with the identity {}.",
                from.address(),
                described.identity
            ),
        )
        .hint("`modsmith identity --json` on the machine that has built it, and `--against` here, show what differs.")),
        Err(Failure::Place(error)) => Err(of_place(from, error)),
        Err(Failure::Refused(why)) => Err(refused(from, wanted, &why)),
        Err(Failure::Here(error)) => Err(error),
    }
}

fn refused(from: &SharedStore, wanted: Wanted<'_>, why: &str) -> Error {
    let Wanted { package, target, .. } = wanted;
    Error::new(
        Kind::System,
        format!("The build of {package} for kernel {target} in {} is not used: {}.", from.address(), line(why)),
    )
    .hint("Nothing of it is kept. `modsmith push --force` on a machine that is believed replaces it.")
}

/// Looks for a build that is due in the places that the administrator has named, and fetches it into
/// this machine's store. Nothing that goes wrong keeps the build from being made here: a warning says
/// what it was, and a place that does not answer is not asked again.
pub(crate) fn fetch_for_build(run: &Invocation<'_>, wanted: Wanted<'_>) -> Option<Origin> {
    let warn = |error: &Error| {
        let hints: String = error.hints.iter().map(|hint| format!(" {hint}")).collect();
        run.runner.warn_once(&format!("{} The modules are built.{hints}", error.message));
    };
    let places = configured(run, Purpose::Pull, wanted).inspect_err(warn).ok()?;
    if places.is_empty() {
        return None;
    }
    let revoked = Revoked::read().inspect_err(warn).ok()?;
    for place in places.iter().filter(|place| !run.facts.is_given_up(place.address())) {
        match fetch(run, place, wanted, &revoked) {
            Ok(Some(origin)) => return Some(origin),
            Ok(None) => {}
            Err(Failure::Place(error)) => {
                run.facts.give_up(place.address());
                warn(&of_place(place, error));
            }
            Err(Failure::Refused(why)) => warn(&refused(place, wanted, &why)),
            Err(Failure::Here(error)) => warn(&error),
        }
    }
    None
}

fn fetch(
    run: &Invocation<'_>,
    place: &SharedStore,
    wanted: Wanted<'_>,
    revoked: &Revoked,
) -> Result<Option<Origin>, Failure> {
    let Wanted { package, target, identity } = wanted;
    let shelf = place.shelf(package, Purpose::Pull).map_err(of_answer)?;
    let raw = match shelf.tagged(&machine_tag(identity)) {
        Err(error) if error.is_not_found() => return Ok(None),
        raw => raw.map_err(of_answer)?,
    };
    let read = |kind: &str, config: &[u8]| entry(kind, config, identity);
    take(run, place, shelf.as_ref(), &raw, target, revoked, &read).map(Some)
}

/// Looks for a build of other inputs, which the kernel is proven to load, in the places that the administrator
/// has named, and fetches it into this machine's store.
pub(crate) fn fetch_compatible(run: &Invocation<'_>, wanted: Wanted<'_>, inputs: &Inputs) -> Option<Origin> {
    let places = configured(run, Purpose::Pull, wanted).ok()?;
    let revoked = Revoked::read().ok()?;
    let open = |place: &&SharedStore| !run.facts.is_given_up(place.address());
    places.iter().filter(open).find_map(|place| {
        let fetched = fetch_compatible_from(run, place, wanted, inputs, &revoked);
        if let Err(Failure::Place(error)) = &fetched {
            run.facts.give_up(place.address());
            tracing::debug!("{}: {error}", place.address());
        }
        fetched.ok().flatten()
    })
}

fn fetch_compatible_from(
    run: &Invocation<'_>,
    place: &SharedStore,
    wanted: Wanted<'_>,
    inputs: &Inputs,
    revoked: &Revoked,
) -> Result<Option<Origin>, Failure> {
    let Wanted { package, target, .. } = wanted;
    let shelf = place.shelf(package, Purpose::Pull).map_err(of_answer)?;
    let names_package = !place.is_parted_by_package();
    let own = people_tag(package, target, names_package);
    let mut tags = shelf.tags().map_err(of_answer)?;
    tags.retain(|tag| is_of_version(tag, package, target, names_package));
    // The same kernel first, then the newest names.
    tags.sort_by(|a, b| (*b == own, b).cmp(&(*a == own, a)));
    for tag in tags.iter().take(MOST_CANDIDATES) {
        let raw = shelf.tagged(tag).map_err(of_answer)?;
        let read = |kind: &str, config: &[u8]| {
            let entry = any_entry(kind, config)?;
            match unlike(&entry.inputs, inputs) {
                Some(input) => Err(format!("it was made from another {input}")),
                None => Ok(entry),
            }
        };
        match take(run, place, shelf.as_ref(), &raw, target, revoked, &read) {
            Ok(origin) => return Ok(Some(origin)),
            Err(Failure::Refused(why)) => tracing::debug!("{tag} is not compatible: {why}"),
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

/// Keeps an artefact whose entry is read from its configuration by `read`.
fn take(
    run: &Invocation<'_>,
    place: &SharedStore,
    shelf: &dyn Shelf,
    raw: &RawManifest,
    target: &Target,
    revoked: &Revoked,
    read: &EntryReader<'_>,
) -> Result<Origin, Failure> {
    let signer = verify(shelf, &raw.digest, &place.keys).map_err(of_answer)?.fingerprint();
    let settings = Settings::read().map_err(Failure::Here)?;
    let (entry, files) = content(shelf, raw, target, settings.size(), revoked, read)?;
    let origin = Origin { address: place.address().to_owned(), artefact: raw.digest.to_string(), signer };
    let mut facts = entry.facts;
    note_origin(&mut facts, &origin);
    let store = store(run)?;
    let kept = store.keep(New { inputs: entry.inputs, facts, files }).and_then(|_| store.collect(settings.size()));
    kept.map_err(not_kept)?;
    Ok(origin)
}

/// The entry and the files of an artefact whose signature is verified.
fn content(
    shelf: &dyn Shelf,
    raw: &RawManifest,
    target: &Target,
    limit: u64,
    revoked: &Revoked,
    read: &EntryReader<'_>,
) -> Result<(Entry, std::collections::BTreeMap<String, Vec<u8>>), Failure> {
    let manifest = raw.manifest().map_err(Failure::Refused)?;
    let (config, layer) = parts(&manifest).map_err(Failure::Refused)?;
    let list = shelf.small_blob(config, LARGEST_CONFIG).map_err(of_answer)?;
    let entry = read(&config.media_type, &list).map_err(Failure::Refused)?;
    let identity = entry.identity().to_string();
    let digests = [raw.digest.as_str(), identity.as_str(), config.digest.as_str(), layer.digest.as_str()];
    let digests = digests.into_iter().chain(entry.files.values().map(|file| file.digest.as_str()));
    if let Some(digest) = revoked.first(digests) {
        return Err(Failure::Refused(format!("{digest} is revoked")));
    }
    if entry.size() > limit {
        return Err(Failure::Refused(format!(
            "it has {} bytes, and this machine's store at most {limit}",
            entry.size()
        )));
    }
    // What is compressed is no larger than what it was made from, but for the heads of its parts.
    let here = |error: std::io::Error| not_kept(modsmith_store::Error::Unfit(error.to_string()));
    let mut archive = tempfile::tempfile().map_err(here)?;
    shelf.blob(layer, limit.saturating_add(1 << 20), &mut archive).map_err(of_answer)?;
    std::io::Seek::rewind(&mut archive).map_err(here)?;
    let kernel = match entry.inputs.get("kernel") {
        Some(Value::Text(kernel)) => kernel.clone(),
        _ => target.kernel.clone(),
    };
    let directory = directory(&Target { kernel, arch: target.arch.clone() });
    let files = unpack(&entry, &directory, archive).map_err(|fault| Failure::Refused(fault.to_string()))?;
    Ok((entry, files))
}

/// What is wrong with an answer: the place, or what it has.
fn of_answer(error: modsmith_registry::Error) -> Failure {
    if error.is_about_content() {
        return Failure::Refused(error.to_string().trim_end_matches('.').to_owned());
    }
    match error {
        modsmith_registry::Error::Io { .. } => {
            Failure::Here(Error::new(Kind::System, format!("The fetched build cannot be put into the store. {error}")))
        }
        error => Failure::Place(error),
    }
}

fn store(run: &Invocation<'_>) -> Result<Store, Failure> {
    match open_or_make(&run.env) {
        Ok(Some(store)) => Ok(store),
        Ok(None) => Err(Failure::Here(Error::new(Kind::System, "This system has no directory for the store."))),
        Err(error) => Err(not_kept(error)),
    }
}

fn not_kept(error: modsmith_store::Error) -> Failure {
    Failure::Here(Error::new(Kind::from(&error), format!("The fetched build cannot be put into the store: {error}.")))
}
