//! `publish`: a plugin into a registry, in the layout that `wkg` reads, and signed.

use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_plugins::distribution::artefact::{self, Artefact};
use modsmith_plugins::distribution::sources::{FILE, Sources};
use modsmith_plugins::form;
use modsmith_plugins::search::CONFIG;
use modsmith_registry::manifest::RawManifest;
use modsmith_registry::{Client, Reference, Sending, SigningKey};

use crate::error::{Error, Result};

/// The largest size of a private key, in bytes.
const LARGEST_KEY: u64 = 64 << 10;

/// The plugin that is published, and its destination.
#[derive(Debug, Clone)]
pub struct PublishOptions {
    /// A plugin with code, as `build` or `pack` made it.
    pub file: PathBuf,
    /// `HOST/NAME`; a tag, if there is one, is the plugin's version.
    pub reference: String,
    /// A private key on the curve P-256: PEM in the form PKCS#8, without a passphrase.
    pub key: Option<PathBuf>,
    /// How registries are spoken to; by default as this machine's administrator says.
    pub registries: Option<PathBuf>,
}

/// The result of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// With tag and digest.
    pub reference: String,
    /// The fingerprint of the key that has signed it.
    pub signer: Option<String>,
}

/// Publishes a plugin below the tag of its version. If the same plugin is published once more, only
/// a signature is added.
///
/// # Errors
/// `NotInOrder`: the file is not a component. `BadKey`. `PublishedAlready`: there is
/// another plugin of this version. Those of registries.
pub fn publish(options: &PublishOptions, variable: impl Fn(&str) -> Option<String>) -> Result<Published> {
    let file = &options.file;
    let wrong = |reason: String| Error::NotInOrder { file: file.clone(), reason };
    let component = inside::read_file(file).map_err(|e| modsmith_plugins::Error::io("read", file, e))?;
    let plugin = form::manifest(&component).map_err(|e| wrong(e.to_string()))?;
    form::check_world(&component, &plugin).map_err(|e| wrong(e.to_string()))?;
    let key = options.key.as_deref().map(read_key).transpose()?;
    let reference = target(&options.reference, &plugin.version)?;
    let sources = match &options.registries {
        Some(registries) => Sources::read_file(registries, Path::new("/"))?,
        None => Sources::read_file(&Path::new(CONFIG).join(FILE), Path::new("/"))?,
    };
    let client = Client::new(sources.settings(variable));
    let made = artefact::of_component(&component, &plugin).map_err(|e| wrong(e.to_string()))?;
    let raw = made.manifest.to_raw();
    let raw = match there(&client, &reference)? {
        Some(known) if is_same(&known, &made) => known,
        Some(_) => return Err(Error::PublishedAlready { reference: reference.to_string() }),
        None => {
            push(&client, &reference, &component, &made, &raw)?;
            raw
        }
    };
    if let Some(key) = &key {
        client.sign(&reference.repository, &raw.descriptor(), key).map_err(of_registry)?;
    }
    Ok(Published {
        reference: Reference { digest: Some(raw.digest), ..reference }.to_string(),
        signer: key.map(|key| key.public().fingerprint()),
    })
}

fn target(text: &str, version: &str) -> Result<Reference> {
    let reference = Reference::parse(text).map_err(of_registry)?;
    let wrong = |reason: String| Error::BadTarget { target: text.to_owned(), reason };
    if reference.digest.is_some() {
        return Err(wrong("it has a digest, which is what the registry is to answer".to_owned()));
    }
    match &reference.tag {
        Some(tag) if tag != version => {
            Err(wrong(format!("its tag is {tag}, and the plugin has the version {version}")))
        }
        Some(_) => Ok(reference),
        None => reference.repository.tagged(version).map_err(of_registry),
    }
}

fn there(client: &Client, reference: &Reference) -> Result<Option<RawManifest>> {
    match client.manifest(reference) {
        Ok(raw) => Ok(Some(raw)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(of_registry(error)),
    }
}

/// Other programs write other annotations: the component decides.
fn is_same(known: &RawManifest, made: &Artefact) -> bool {
    let known = known.manifest().ok();
    known.is_some_and(|manifest| {
        artefact::layer_of(&manifest).is_ok_and(|layer| layer.digest == made.layer_descriptor.digest)
    })
}

fn push(client: &Client, reference: &Reference, component: &[u8], made: &Artefact, raw: &RawManifest) -> Result<()> {
    let repository = &reference.repository;
    let blobs = [(&made.layer_descriptor, component), (&made.config_descriptor, made.config.as_slice())];
    for (descriptor, bytes) in blobs {
        client.push_blob(repository, descriptor, &bytes, Sending::Whole, None).map_err(of_registry)?;
    }
    client.push_manifest(reference, raw).map_err(of_registry)?;
    Ok(())
}

fn read_key(file: &Path) -> Result<SigningKey> {
    use std::io::Read;
    let io = |e| modsmith_plugins::Error::io("read", file, e);
    let mut pem = Vec::new();
    std::fs::File::open(file).map_err(io)?.take(LARGEST_KEY).read_to_end(&mut pem).map_err(io)?;
    SigningKey::from_pem(&pem).map_err(|e| Error::BadKey { file: file.to_path_buf(), reason: e.to_string() })
}

fn of_registry(error: modsmith_registry::Error) -> Error {
    Error::Plugins(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_version_of_the_plugin() {
        let of = |text: &str| target(text, "1.2.0").map(|reference| reference.to_string());
        assert_eq!(of("h.example/a").unwrap(), "h.example/a:1.2.0");
        assert_eq!(of("oci://h.example/a:1.2.0").unwrap(), "h.example/a:1.2.0");
        let digest = "0".repeat(64);
        for (text, why) in [
            ("h.example/a:1.1.0", "has the version 1.2.0"),
            (&format!("h.example/a@sha256:{digest}"), "has a digest"),
            ("a", "no repository"),
        ] {
            assert!(of(text).unwrap_err().to_string().contains(why), "{text}");
        }
        assert!(target("h.example/a", "1.2.0+x").is_err(), "tags have no `+`");
    }
}
