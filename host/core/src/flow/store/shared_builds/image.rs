//! What makes an image that is run of a build: a base image with a shell, and the module index.
//!
//! Source: kmod_image.md of KMM 2.6: an image has `/bin/sh`, `mkdir`, `cp`, the modules below
//! `/opt/lib/modules/RELEASE`, and the files of depmod.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::flow::Env;
use crate::flow::depmod::index_of;
use crate::flow::store::shared_builds::artefact::{LARGEST_CONFIG, image_architecture};
use crate::flow::store::shared_builds::place::image;
use crate::tree::Target;
use modsmith_facts::text::line;
use modsmith_registry::manifest::{Descriptor, RawManifest};
use modsmith_registry::{Digest, Shelf};

/// The largest size of a layer of a base image, in bytes.
const LARGEST_LAYER: u64 = 4 << 30;
/// Files of depmod, and what it wants to find.
const INDEX: &str = "modules.";
const WANTED: [&str; 2] = ["modules.order", "modules.builtin"];

/// An image on which others are based.
pub struct Base {
    shelf: Box<dyn Shelf>,
    pub(super) layers: Vec<Descriptor>,
    pub(super) config: Map<String, Value>,
}

impl Base {
    /// The image of an address, for the architecture of a target.
    ///
    /// # Errors
    /// It is not there, or no image.
    pub fn open(env: &Env, address: &str, target: &Target) -> Result<Self> {
        let (shelf, tag) = image(env, address)?;
        let unusable = |why: String| {
            Error::new(Kind::System, format!("The base image {} cannot be used: {}.", line(address), line(&why)))
                .hint("Name an image for Linux that has /bin/sh, mkdir and cp.")
        };
        let of_place = |error: modsmith_registry::Error| unusable(error.to_string().trim_end_matches('.').to_owned());
        let raw = shelf.tagged(&tag).map_err(of_place)?;
        let raw = match of_platform(&raw, target).map_err(unusable)? {
            Some(digest) => shelf.by_digest(&digest).map_err(of_place)?,
            None => raw,
        };
        let manifest = raw.manifest().map_err(unusable)?;
        let config = shelf.small_blob(&manifest.config, LARGEST_CONFIG).map_err(of_place)?;
        let config: Map<String, Value> =
            serde_json::from_slice(&config).map_err(|error| unusable(format!("its configuration: {error}")))?;
        let architecture = config.get("architecture").and_then(Value::as_str).unwrap_or_default();
        if architecture != image_architecture(&target.arch) {
            return Err(unusable(format!("it is one for {architecture}, and the modules are for {}", target.arch)));
        }
        Ok(Self { shelf, layers: manifest.layers, config })
    }

    /// Copies the layers to where the image will be.
    ///
    /// # Errors
    /// Those of reading and of writing.
    pub(super) fn copy_to(&self, to: &dyn Shelf) -> modsmith_registry::Result<()> {
        let io = |error| modsmith_registry::Error::Io { doing: "keep a layer of the base image", error };
        for layer in &self.layers {
            let mut file = tempfile::tempfile().map_err(io)?;
            self.shelf.blob(layer, LARGEST_LAYER, &mut file)?;
            to.put_blob(layer, &file)?;
        }
        Ok(())
    }
}

/// The manifest for an architecture in a list of several; `None`: it is no list.
fn of_platform(raw: &RawManifest, target: &Target) -> Result<Option<Digest>, String> {
    if raw.index().is_err() {
        return Ok(None);
    }
    let list: Value = serde_json::from_slice(&raw.bytes).map_err(|error| error.to_string())?;
    let wanted = image_architecture(&target.arch);
    let manifests = list["manifests"].as_array().into_iter().flatten();
    let own = manifests.filter(|listed| {
        listed["platform"]["os"].as_str() == Some("linux")
            && listed["platform"]["architecture"].as_str() == Some(wanted)
    });
    let digest = own.filter_map(|listed| listed["digest"].as_str()).next();
    digest.map_or_else(|| Err(format!("it has none for {wanted}")), |digest| Digest::parse(digest).map(Some))
}

/// The files that depmod makes for modules, by name.
///
/// # Errors
/// Why there are none, as a clause.
pub(super) fn module_index(
    modules: &BTreeMap<String, Vec<u8>>,
    target: &Target,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let scratch = tempfile::tempdir().map_err(|error| format!("no directory can be made: {error}"))?;
    let directory = scratch.path().join("lib/modules").join(&target.kernel);
    let failed = |error: std::io::Error| format!("its module index cannot be made: {error}");
    std::fs::create_dir_all(&directory).map_err(failed)?;
    for (name, bytes) in modules.iter().filter(|(name, _)| name.ends_with(".ko")) {
        std::fs::write(directory.join(name), bytes).map_err(failed)?;
    }
    for name in WANTED {
        std::fs::write(directory.join(name), "").map_err(failed)?;
    }
    let mut command = index_of(scratch.path(), &target.kernel);
    let out = command.stdin(Stdio::null()).output().map_err(|error| format!("depmod cannot be run: {error}"))?;
    if !out.status.success() {
        return Err(format!("depmod failed: {}", line(String::from_utf8_lossy(&out.stderr).trim())));
    }
    read(&directory).map_err(failed)
}

fn read(directory: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(INDEX) {
            files.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}
