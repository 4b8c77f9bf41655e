//! Pushing builds of this machine's store to a place from which other machines pull.
//!
//! Content comes first, then signatures and statements, and last the tag by which the build is
//! found: a push that is killed leaves blobs that no tag refers to.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::flow::store::builds::{LOG, open};
use crate::flow::store::identity::identity;
use crate::flow::store::shared_builds::artefact::{
    Around, LARGEST_CONFIG, Layer, Profile, describe, directory, entry, machine_tag, parts, people_tag, profile_of,
};
use crate::flow::store::shared_builds::image::{Base, module_index};
use crate::flow::store::shared_builds::place::{Purpose, SharedStore};
use crate::flow::store::shared_builds::statements::{ingredients, provenance};
use crate::flow::{Described, Invocation};
use crate::tree::{PackageId, Target};
use modsmith_facts::text::line;
use modsmith_registry::manifest::{Manifest, RawManifest};
use modsmith_registry::{Digest, Shelf, SigningKey, attest, sign, verify};
use modsmith_store::{Entry, Identity, Store, pack};

/// How a build is pushed.
pub struct PushOptions<'k> {
    /// The key that signs the artefact, and the statements about it.
    pub key: &'k SigningKey,
    /// `None`: with types of its own, or as an image where the place takes no such types.
    pub profile: Option<Profile>,
    /// What an image is based on.
    pub base: Option<&'k Base>,
    /// Another build of the same identity is replaced.
    pub force: bool,
}

/// The result of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    pub identity: Identity,
    /// The digest of the artefact's manifest.
    pub digest: String,
    /// Where it is found, as `PLACE:TAG`.
    pub reference: String,
    /// `false`: the same modules are there already, signed with the same key.
    pub is_new: bool,
    /// What the place does not take, as sentences.
    pub refused: Vec<String>,
}

/// Pushes the build of a package for a kernel, as this machine's store has it.
///
/// `None` in a dry run, which sends nothing.
///
/// # Errors
/// The store has no such build; another build of the same identity is there; those of the place.
pub fn push(
    run: &Invocation<'_>,
    id: &PackageId,
    target: &Target,
    to: &SharedStore,
    options: &PushOptions<'_>,
) -> Result<Option<Pushed>> {
    let described = identity(run, id, target)?;
    let (store, entry) = kept(run, &described)?;
    let of_place = |error| of_place(to, error);
    run.runner
        .after_success(|| {
            let sent = Sent { store: &store, entry: &entry, id, target, options };
            let shelf = to.shelf(id, Purpose::Push).map_err(of_place)?;
            sent.send(to, shelf.as_ref())
        })
        .transpose()
}

/// The build of an identity in this machine's store.
fn kept(run: &Invocation<'_>, described: &Described) -> Result<(Store, Entry)> {
    let Described { id, target, identity, not_kept, .. } = described;
    let unusable = |why: String| Error::new(Kind::System, format!("The build of {id} for kernel {target} {why}."));
    let store = open(&run.env).map_err(|error| unusable(format!("cannot be read from the store: {error}")))?;
    let entry = match &store {
        Some(store) => store.find(identity).map_err(|fault| unusable(format!("is damaged in the store: {fault}")))?,
        None => None,
    };
    match (store.zip(entry), not_kept) {
        (Some(found), _) => Ok(found),
        (None, Some(why)) => Err(unusable(format!("is not kept in the store: {why}"))),
        (None, None) => Err(unusable("is not in the store".to_owned())
            .hint(format!("Build it first: `modsmith build {id} -k {}`.", target.kernel))),
    }
}

/// Why a build is not pushed.
enum Failure {
    Place(modsmith_registry::Error),
    /// As a clause.
    Unfit(String),
}

impl From<modsmith_registry::Error> for Failure {
    fn from(error: modsmith_registry::Error) -> Self {
        Self::Place(error)
    }
}

/// A build on its way.
struct Sent<'s> {
    store: &'s Store,
    entry: &'s Entry,
    id: &'s PackageId,
    target: &'s Target,
    options: &'s PushOptions<'s>,
}

impl Sent<'_> {
    fn send(&self, to: &SharedStore, shelf: &dyn Shelf) -> Result<Pushed> {
        let Self { entry, id, target, options, .. } = self;
        let of_place = |error| of_place(to, error);
        let identity = entry.identity();
        let tag = machine_tag(&identity);
        let pushed = |digest: &Digest, is_new, refused| Pushed {
            identity: identity.clone(),
            digest: digest.to_string(),
            reference: format!("{}:{tag}", shelf.name()),
            is_new,
            refused,
        };
        if !options.force
            && let Some(digest) = self.is_there(to, shelf, &tag)?
        {
            return Ok(pushed(&digest, false, Vec::new()));
        }
        let mut refused = Vec::new();
        let raw = match self.put(shelf, options.profile.unwrap_or_default()) {
            Err(Failure::Place(error)) if options.profile.is_none() && error.is_about_kind() => {
                refused.push(format!("{} The build is pushed as a plain image.", line(&error.to_string())));
                self.put(shelf, Profile::Image)
            }
            put => put,
        };
        let raw = raw.map_err(|failure| match failure {
            Failure::Place(error) => of_place(error),
            Failure::Unfit(why) => self.unfit(&why),
        })?;
        refused.extend(self.attach(shelf, &raw).map_err(of_place)?);
        for tag in [people_tag(id, target, !to.is_parted_by_package()), tag.clone()] {
            shelf.put_manifest(Some(&tag), &raw).map_err(of_place)?;
        }
        Ok(pushed(&raw.digest, true, refused))
    }

    /// Content and manifest, without a tag.
    fn put(&self, shelf: &dyn Shelf, profile: Profile) -> Result<RawManifest, Failure> {
        let Self { entry, id, target, options, .. } = self;
        let unfit = |error: &dyn std::fmt::Display| Failure::Unfit(error.to_string());
        let files = self.files().map_err(|fault| unfit(&fault))?;
        let archive = self.archive(&files).map_err(|error| unfit(&error))?;
        let modules = Layer::of(&archive).map_err(|error| unfit(&error))?;
        let mut around = Around::default();
        if profile == Profile::Image {
            let index = module_index(&files, target).map_err(Failure::Unfit)?;
            let archive = self.archive(&index).map_err(|error| unfit(&error))?;
            let index = Layer::of(&archive).map_err(|error| unfit(&error))?;
            shelf.put_blob(&index.descriptor, &archive.as_slice())?;
            around.index = Some(index);
            if let Some(base) = options.base {
                base.copy_to(shelf)?;
                (around.base, around.config) = (base.layers.clone(), base.config.clone());
            }
        }
        let layer = modules.descriptor.clone();
        let (config, manifest) = describe(entry, id, target, profile, modules, &around).map_err(Failure::Unfit)?;
        let raw = manifest.to_raw();
        shelf.put_blob(&layer, &archive.as_slice())?;
        shelf.put_blob(&manifest.config, &config.as_slice())?;
        shelf.put_manifest(None, &raw)?;
        Ok(raw)
    }

    /// Signs the artefact, and attaches the statements: provenance, and a list of ingredients. What
    /// the place does not take of that, as sentences; a signature in the form of a tag has to be.
    fn attach(&self, shelf: &dyn Shelf, raw: &RawManifest) -> modsmith_registry::Result<Vec<String>> {
        let Self { entry, id, target, options, .. } = self;
        let subject = raw.descriptor();
        if let Some(error) = sign(shelf, &subject, options.key)? {
            let text = line(&error.to_string()).into_owned();
            return Ok(vec![format!("{text} The build is signed without a bundle, and has no statements.")]);
        }
        attest(shelf, &subject, &provenance(entry, id, target), options.key)?;
        attest(shelf, &subject, &ingredients(entry, id, target, &subject.digest), options.key)?;
        Ok(Vec::new())
    }

    /// The digest of the artefact with the same modules, if it is there with the same signer.
    ///
    /// # Errors
    /// There is another build of this identity.
    fn is_there(&self, to: &SharedStore, shelf: &dyn Shelf, tag: &str) -> Result<Option<Digest>> {
        let of_place = |error| of_place(to, error);
        let raw = match shelf.tagged(tag) {
            Err(error) if error.is_not_found() => return Ok(None),
            raw => raw.map_err(of_place)?,
        };
        let Ok(manifest) = raw.manifest() else { return Ok(None) };
        let Ok((config, _)) = parts(&manifest) else { return Ok(None) };
        if !self.has_form(&manifest) {
            return Ok(None);
        }
        let list = match shelf.small_blob(config, LARGEST_CONFIG) {
            Err(error) if error.is_about_content() || error.is_not_found() => return Ok(None),
            list => list.map_err(of_place)?,
        };
        let Ok(there) = entry(&config.media_type, &list, &self.entry.identity()) else { return Ok(None) };
        let other = |what: String| {
            Error::new(
                Kind::System,
                format!("{} has another build of {} for kernel {}: {what}.", to.address(), self.id, self.target),
            )
            .hint("`--force` replaces it. `modsmith store verify --rebuild` says whether the recipe makes the same modules each time.")
        };
        let names = there.files.keys().chain(self.entry.files.keys()).filter(|name| *name != LOG);
        let unlike = |name: &&String| there.files.get(*name) != self.entry.files.get(*name);
        if let Some(name) = names.into_iter().find(unlike) {
            return Err(other(format!("{name} is not the same")));
        }
        match verify(shelf, &raw.digest, &[self.options.key.public()]) {
            Ok(_) => Ok(Some(raw.digest)),
            // An interrupted push left the artefact, or another program did that has no key.
            Err(modsmith_registry::Error::Unsigned { .. }) => Ok(None),
            Err(modsmith_registry::Error::OtherSigner { .. }) => Err(other("another key has signed it".to_owned())),
            Err(error) => Err(of_place(error)),
        }
    }

    /// The files of the entry by name.
    fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, modsmith_store::Fault> {
        self.entry.files.keys().map(|name| Ok((name.clone(), self.store.read(self.entry, name)?))).collect()
    }

    /// Files as a layer: where a kernel's modules are.
    fn archive(&self, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
        let mut archive = Vec::new();
        pack(files, &directory(self.target), &mut archive)?;
        Ok(archive)
    }

    /// Whether the artefact in the store has the form that the push is to make.
    fn has_form(&self, manifest: &Manifest) -> bool {
        let is_form = self.options.profile.is_none_or(|profile| profile == profile_of(&manifest.config));
        is_form && self.options.base.is_none_or(|base| manifest.layers.starts_with(&base.layers))
    }

    fn unfit(&self, why: &dyn std::fmt::Display) -> Error {
        Error::new(Kind::System, format!("The build of {} for kernel {} is not pushed: {why}.", self.id, self.target))
    }
}

/// What a place has answered, as an error of this program.
pub(super) fn of_place(place: &SharedStore, error: modsmith_registry::Error) -> Error {
    let mut error = Error::from(modsmith_plugins::Error::from(error));
    error.message = format!("The store {} cannot be used. {}", place.address(), error.message);
    error
}
