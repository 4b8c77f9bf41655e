//! A build as an artefact of OCI.
//!
//! The layer is a layer of an image: `opt/lib/modules/KERNEL/` with the entry's files, so that the
//! same blob can be part of an image that is run. The entry itself is the configuration of the
//! typed form; in the form of a plain image, for registries that take nothing else, it is a label.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::tree::{PackageId, Target};
use modsmith_registry::manifest::{Descriptor, Manifest};
use modsmith_store::{Entry, Identity, unpacked_digest};

pub const ARTEFACT: &str = "application/vnd.modsmith.module.v1+json";
const CONFIG: &str = "application/vnd.modsmith.module.config.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The label of an image that has the entry.
const LABEL: &str = "org.modsmith.entry";
/// Annotations of both forms.
const IDENTITY: &str = "org.modsmith.identity";
const PACKAGE: &str = "org.modsmith.package";
const KERNEL: &str = "org.modsmith.kernel";

/// The largest size of a configuration, in bytes. It names each file of a source.
pub const LARGEST_CONFIG: u64 = 32 << 20;
/// The largest length of a tag, in characters.
const LONGEST_TAG: usize = 128;

/// The form of an artefact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// An artefact with media types of its own.
    #[default]
    Typed,
    /// An image, for registries that refuse other types.
    Image,
}

/// What is read of an image's configuration. Source: config.md of image-spec 1.1.1.
#[derive(Deserialize)]
struct ImageConfig {
    config: ImageSettings,
}

#[derive(Deserialize)]
struct ImageSettings {
    #[serde(rename = "Labels", default)]
    labels: BTreeMap<String, String>,
}

/// A layer, and the digest of the tar in it.
#[derive(Debug, Clone)]
pub struct Layer {
    pub descriptor: Descriptor,
    pub diff_id: String,
}

impl Layer {
    /// Of an archive's bytes.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub fn of(archive: &[u8]) -> std::io::Result<Self> {
        Ok(Self { descriptor: Descriptor::of(LAYER, archive), diff_id: unpacked_digest(archive)? })
    }
}

/// The parts of an image beside the layer of its modules.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The layers of the base image, which come first.
    pub base: Vec<Descriptor>,
    /// The configuration of the base image; empty without one.
    pub config: Map<String, Value>,
    /// The layer with the module index.
    pub index: Option<Layer>,
}

/// Where the files of a build are in its layer.
pub fn directory(target: &Target) -> String {
    format!("opt/lib/modules/{}", target.kernel)
}

/// The configuration and the manifest of an entry whose files are in the layer `modules`.
///
/// # Errors
/// Why there is none, as a clause.
pub fn describe(
    entry: &Entry,
    package: &PackageId,
    target: &Target,
    profile: Profile,
    modules: Layer,
    around: &Around,
) -> Result<(Vec<u8>, Manifest), String> {
    let unfit = |error: serde_json::Error| format!("it cannot be described: {error}");
    let list = entry.to_bytes().map_err(unfit)?;
    let mut layers = Vec::new();
    let (kind, config) = match profile {
        Profile::Typed => (CONFIG, list),
        Profile::Image => {
            layers.clone_from(&around.base);
            layers.extend(around.index.iter().map(|index| index.descriptor.clone()));
            let text = String::from_utf8(list).map_err(|error| error.to_string())?;
            let own: Vec<&str> = around.index.iter().chain([&modules]).map(|layer| layer.diff_id.as_str()).collect();
            let config = image_config(&around.config, target, &text, &own);
            (IMAGE_CONFIG, serde_json::to_vec(&config).map_err(unfit)?)
        }
    };
    layers.push(modules.descriptor);
    let mut manifest = Manifest::new(Descriptor::of(kind, &config), layers);
    manifest.artifact_type = (profile == Profile::Typed).then(|| ARTEFACT.to_owned());
    for (name, value) in
        [(IDENTITY, entry.identity().to_string()), (PACKAGE, package.to_string()), (KERNEL, target.kernel.clone())]
    {
        manifest.annotations.insert(name.to_owned(), value);
    }
    Ok((config, manifest))
}

/// The configuration of an image: that of its base, with the layers `own` and the label of an entry.
fn image_config(base: &Map<String, Value>, target: &Target, entry: &str, own: &[&str]) -> Map<String, Value> {
    let mut config = base.clone();
    config.insert("architecture".to_owned(), image_architecture(&target.arch).into());
    config.insert("os".to_owned(), "linux".into());
    let mut settings = config.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut labels = settings.get("Labels").and_then(Value::as_object).cloned().unwrap_or_default();
    labels.insert(LABEL.to_owned(), entry.into());
    settings.insert("Labels".to_owned(), labels.into());
    config.insert("config".to_owned(), settings.into());
    let known = base.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array);
    let diff_ids: Vec<Value> =
        known.into_iter().flatten().cloned().chain(own.iter().map(|id| Value::from(*id))).collect();
    config.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": diff_ids }));
    // One entry for each layer, where the base has some.
    if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut).filter(|all| !all.is_empty()) {
        history.extend(own.iter().map(|_| json!({ "created_by": "modsmith push" })));
    }
    config
}

/// Which form an artefact with this configuration has.
pub fn profile_of(config: &Descriptor) -> Profile {
    if config.media_type == CONFIG { Profile::Typed } else { Profile::Image }
}

/// The descriptors of an artefact's configuration and layer.
///
/// # Errors
/// Why it is no build, as a clause.
pub fn parts(manifest: &Manifest) -> Result<(&Descriptor, &Descriptor), String> {
    if !matches!(manifest.config.media_type.as_str(), CONFIG | IMAGE_CONFIG) {
        return Err("it is an artefact of another kind".to_owned());
    }
    // An image that is run has the layers of its base first.
    let layer = manifest.layers.last().filter(|layer| layer.media_type == LAYER);
    Ok((&manifest.config, layer.ok_or("it has no layer with modules")?))
}

/// The entry in a configuration.
///
/// # Errors
/// Why it is no build of this identity, as a clause.
pub fn entry(kind: &str, config: &[u8], identity: &Identity) -> Result<Entry, String> {
    Entry::from_bytes(&list_in(kind, config)?, identity)
}

/// The entry of a build of any identity.
///
/// # Errors
/// Why it is no build, as a clause.
pub fn any_entry(kind: &str, config: &[u8]) -> Result<Entry, String> {
    Entry::of_any(&list_in(kind, config)?)
}

fn list_in(kind: &str, config: &[u8]) -> Result<Vec<u8>, String> {
    if kind == CONFIG {
        return Ok(config.to_vec());
    }
    let image: ImageConfig = serde_json::from_slice(config).map_err(|error| format!("its configuration: {error}"))?;
    let list = image.config.labels.get(LABEL).ok_or_else(|| format!("its configuration has no label {LABEL}"))?;
    Ok(list.as_bytes().to_vec())
}

/// The tag by which programs find a build.
pub fn machine_tag(identity: &Identity) -> String {
    let digits = identity.digits();
    format!("id-{}", digits.get(..32).unwrap_or(digits))
}

/// The tag by which people find the newest build.
pub fn people_tag(package: &PackageId, target: &Target, names_package: bool) -> String {
    let module = if names_package { format!("{}-", package.module) } else { String::new() };
    let text = format!("{module}{}-{}-{}", package.version, target.kernel, target.arch);
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let tag: String = text.chars().map(|c| if is_allowed(&c) { c } else { '_' }).take(LONGEST_TAG).collect();
    match tag.starts_with(['.', '-']) {
        true => tag.replacen(['.', '-'], "_", 1),
        false => tag,
    }
}

/// Whether a tag for people is that of a build of this version for any kernel of the architecture.
pub fn is_of_version(tag: &str, package: &PackageId, target: &Target, names_package: bool) -> bool {
    const ANY: &str = "KERNEL";
    let pattern = people_tag(package, &Target { kernel: ANY.to_owned(), arch: target.arch.clone() }, names_package);
    pattern.rsplit_once(ANY).is_some_and(|(begin, end)| tag.starts_with(begin) && tag.ends_with(end))
}

/// The last part of the repository of a package: lower case, with single separators inside.
pub fn repository_name(module: &str) -> String {
    let mut name = String::new();
    for c in module.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.ends_with(['.', '_', '-']) || name.is_empty() => {}
            '.' | '_' => name.push(c),
            _ => name.push('-'),
        }
    }
    let name = name.trim_end_matches(['.', '_', '-']);
    if name.is_empty() { "module".to_owned() } else { name.to_owned() }
}

/// As images name architectures, which is as Go does. Source: GOARCH of `go tool dist list`.
pub fn image_architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "i386" | "i486" | "i586" | "i686" => "386",
        "armv5tel" | "armv6l" | "armv7l" => "arm",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(module: &str, version: &str) -> PackageId {
        PackageId { module: module.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn tags_and_repositories_are_those_that_registries_take() {
        let target = Target { kernel: "6.1.0+~x".to_owned(), arch: "x86_64".to_owned() };
        assert_eq!(people_tag(&id("a", "1:2~rc+1"), &target, false), "1_2_rc_1-6.1.0__x-x86_64");
        assert_eq!(people_tag(&id(".a", "1"), &target, true), "_a-1-6.1.0__x-x86_64");
        assert_eq!(people_tag(&id("a", &"9".repeat(200)), &target, false).len(), LONGEST_TAG);
        assert!(is_of_version("1_2_rc_1-6.1.0__x-x86_64", &id("a", "1:2~rc+1"), &target, false));
        assert!(!is_of_version("1_2_rc_2-6.1.0__x-x86_64", &id("a", "1:2~rc+1"), &target, false));
        assert!(!is_of_version("1_2_rc_1-6.1.0__x-aarch64", &id("a", "1:2~rc+1"), &target, false));
        for (module, name) in [("Kept", "kept"), ("r8168_x", "r8168_x"), ("a+-b", "a-b"), ("_x.", "x"), ("+", "module")]
        {
            assert_eq!(repository_name(module), name);
        }
    }
}
