//! From this machine's store to a place that others fetch from.
//!
//! Content comes first, then signatures and statements, and last the tag by which the build is
//! found: who is killed on the way leaves blobs that nobody finds.

use crate::error::{Error, Kind, Result};
use crate::flow::shared_builds::artefact::{
    LARGEST_CONFIG, Profile, describe, directory, entry, layer, machine_tag, parts, people_tag,
};
use crate::flow::shared_builds::place::{Purpose, SharedStore};
use crate::flow::shared_builds::statements::{ingredients, provenance};
use crate::flow::store::{LOG, open};
use crate::flow::{Described, Invocation, identity};
use crate::tree::{PackageId, Target};
use modsmith_registry::manifest::RawManifest;
use modsmith_registry::{Digest, Shelf, SigningKey, attest, sign, verify};
use modsmith_store::{Entry, Identity, Store, pack, unpacked_digest};

/// How a build is pushed.
pub struct PushOptions<'k> {
    /// The key that signs the artefact, and the statements about it.
    pub key: &'k SigningKey,
    pub profile: Profile,
    /// Another build of the same identity is replaced.
    pub force: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    pub identity: Identity,
    /// Of the artefact's manifest.
    pub digest: String,
    /// Where it is found, as `PLACE:TAG`.
    pub reference: String,
    /// `false`: the same modules are there already, signed with the same key.
    pub is_new: bool,
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
        let pushed = |digest: &Digest, is_new| Pushed {
            identity: identity.clone(),
            digest: digest.to_string(),
            reference: format!("{}:{tag}", shelf.name()),
            is_new,
        };
        if !options.force
            && let Some(digest) = self.is_there(to, shelf, &tag)?
        {
            return Ok(pushed(&digest, false));
        }
        let archive = self.archive()?;
        let diff_id = unpacked_digest(archive.as_slice()).map_err(|error| self.unfit(&error))?;
        let layer = layer(&archive);
        let (config, manifest) =
            describe(entry, id, target, options.profile, layer.clone(), diff_id).map_err(|why| self.unfit(&why))?;
        let raw = manifest.to_raw();
        shelf.put_blob(&layer, &archive.as_slice()).map_err(of_place)?;
        shelf.put_blob(&manifest.config, &config.as_slice()).map_err(of_place)?;
        shelf.put_manifest(None, &raw).map_err(of_place)?;
        self.attach(shelf, &raw).map_err(of_place)?;
        for tag in [people_tag(id, target, !to.is_parted_by_package()), tag.clone()] {
            shelf.put_manifest(Some(&tag), &raw).map_err(of_place)?;
        }
        Ok(pushed(&raw.digest, true))
    }

    /// Signs the artefact, and attaches the statements: provenance, and a list of ingredients.
    fn attach(&self, shelf: &dyn Shelf, raw: &RawManifest) -> modsmith_registry::Result<()> {
        let Self { entry, id, target, options, .. } = self;
        let subject = raw.descriptor();
        sign(shelf, &subject, options.key)?;
        attest(shelf, &subject, &provenance(entry, id, target), options.key)?;
        attest(shelf, &subject, &ingredients(entry, id, target, &subject.digest), options.key)
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

    fn archive(&self) -> Result<Vec<u8>> {
        let read = |name: &String| Ok((name.clone(), self.store.read(self.entry, name)?));
        let files = self.entry.files.keys().map(read).collect::<Result<_, modsmith_store::Fault>>();
        let files = files.map_err(|fault| self.unfit(&fault))?;
        let mut archive = Vec::new();
        pack(&files, &directory(self.target), &mut archive).map_err(|error| self.unfit(&error))?;
        Ok(archive)
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
