//! A plugin as an artefact of a registry: the layout for WebAssembly that `wkg` reads and
//! writes.
//!
//! Source: "Wasm OCI Artifact" of the CNCF's working group on WebAssembly, as `oci-wasm`
//! 0.6 writes it: a configuration of the type [`CONFIG`], and exactly one layer of the
//! type [`LAYER`]. The plugin's own manifest is inside the component.

use modsmith_registry::manifest::{Annotations, Descriptor, Manifest as ArtefactManifest};
use serde::{Deserialize, Serialize};

use crate::form;
use crate::manifest::Manifest;

pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";
pub const LAYER: &str = "application/wasm";
/// The largest size of the configuration, in bytes.
pub const LARGEST_CONFIG: u64 = 1 << 20;

/// The moment that every artefact was made: the same plugin is the same artefact,
/// whenever it is published.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The configuration of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    created: String,
    architecture: String,
    /// `wasip2`, which stands for a component.
    os: String,
    layer_digests: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<Names>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    #[serde(default)]
    exports: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// The blobs and the manifest that are pushed for a plugin.
pub struct Artefact {
    pub config: Vec<u8>,
    pub config_descriptor: Descriptor,
    pub layer_descriptor: Descriptor,
    pub manifest: ArtefactManifest,
}

/// The artefact of a component.
///
/// # Errors
/// The bytes are not a component.
pub fn of_component(component: &[u8], plugin: &Manifest) -> Result<Artefact, form::BadForm> {
    let (imports, exports) = form::outer_names(component)?;
    let layer = Descriptor::of(LAYER, component);
    let config = Config {
        created: CREATED.to_owned(),
        architecture: "wasm".to_owned(),
        os: "wasip2".to_owned(),
        layer_digests: vec![layer.digest.to_string()],
        component: Some(Names { exports, imports, target: None }),
    };
    // Text alone: there is nothing that JSON cannot express.
    let config = serde_json::to_vec(&config).unwrap_or_default();
    let described = Descriptor::of(CONFIG, &config);
    let mut manifest = ArtefactManifest::new(described.clone(), vec![layer.clone()]);
    manifest.annotations = annotations(plugin);
    Ok(Artefact { config, config_descriptor: described, layer_descriptor: layer, manifest })
}

/// The annotations that `wkg` shows of a package. Source: annotations.md of image-spec 1.1.1.
fn annotations(plugin: &Manifest) -> Annotations {
    let texts = [
        ("title", &plugin.id),
        ("version", &plugin.version),
        ("description", &plugin.description),
        ("licenses", &plugin.license),
    ];
    let given = texts.into_iter().filter(|(_, text)| !text.is_empty());
    given.map(|(name, text)| (format!("org.opencontainers.image.{name}"), text.clone())).collect()
}

/// The layer with the component.
///
/// # Errors
/// A clause that says why the artefact is not a plugin.
pub fn layer_of(manifest: &ArtefactManifest) -> Result<&Descriptor, String> {
    if manifest.config.media_type != CONFIG {
        return Err(format!("its configuration has the type {} instead of {CONFIG}", manifest.config.media_type));
    }
    match manifest.layers.as_slice() {
        [layer] if layer.media_type == LAYER => Ok(layer),
        [layer] => Err(format!("its layer has the type {} instead of {LAYER}", layer.media_type)),
        layers => Err(format!("it has {} layers instead of one", layers.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "id = \"x\"\nversion = \"1.2.3\"\napi = \"1.0\"\nlicense = \"MIT\"\n[roles]\nprovides = [\"initrd\"]\n";

    fn artefact() -> Artefact {
        let component = crate::manifest::tests::embedded(MANIFEST);
        of_component(&component, &Manifest::parse(MANIFEST).unwrap()).unwrap()
    }

    #[test]
    fn an_artefact_has_one_layer_and_says_what_it_is() {
        let artefact = artefact();
        assert_eq!(layer_of(&artefact.manifest).unwrap(), &artefact.layer_descriptor);
        let config: Config = serde_json::from_slice(&artefact.config).unwrap();
        assert_eq!(config.layer_digests, [artefact.layer_descriptor.digest.as_str()]);
        assert_eq!((config.os.as_str(), config.architecture.as_str()), ("wasip2", "wasm"));
        let annotations = &artefact.manifest.annotations;
        assert_eq!(annotations["org.opencontainers.image.version"], "1.2.3");
        assert!(!annotations.contains_key("org.opencontainers.image.description"), "it has none");
        assert_eq!(super::tests::artefact().manifest.to_raw(), artefact.manifest.to_raw(), "the same each time");
    }

    #[test]
    fn another_artefact_is_distinguished() {
        let made = artefact().manifest;
        let mut two = made.clone();
        two.layers.push(Descriptor::of(LAYER, b"x"));
        assert_eq!(layer_of(&two).unwrap_err(), "it has 2 layers instead of one");
        let mut none = made.clone();
        none.layers.clear();
        assert_eq!(layer_of(&none).unwrap_err(), "it has 0 layers instead of one");
        let mut image = made.clone();
        image.config.media_type = "application/vnd.oci.image.config.v1+json".into();
        assert!(layer_of(&image).unwrap_err().contains("instead of application/vnd.wasm.config.v0+json"));
        let mut other = made;
        other.layers[0].media_type = "text/plain".into();
        assert!(layer_of(&other).unwrap_err().contains("text/plain"));
    }
}
