//! Signed statements about a build: its provenance, and a list of its ingredients.
//!
//! Source: SLSA 1.0, "Provenance"; SPDX 2.3. Both are predicates of in-toto, signed with the same
//! key as the build. They are for those who ask; nothing here depends on them.

use serde_json::{Map, Value, json};

use crate::tree::{PackageId, Target};
use modsmith_registry::{Digest, Predicate};
use modsmith_store::{Entry, StoredFile, digest};

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const INGREDIENTS: &str = "https://spdx.dev/Document";
/// What the parameters below mean is written there.
const BUILD_TYPE: &str = "https://modsmith.org/kernel-module/v1";
/// Documents of the same build have the same name.
const NAMESPACE: &str = "https://modsmith.org/spdx";
/// Inputs that are materials: files, or what stands for many of them.
const MATERIALS: [&str; 6] = ["source", "overrides", "headers", "configuration", "programs", "files-of-programs"];

/// How the build was made.
pub fn provenance(entry: &Entry, id: &PackageId, target: &Target) -> Predicate<'static> {
    let materials: Vec<Value> =
        materials(entry).map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest } })).collect();
    let content = json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "module": id.module, "version": id.version, "kernel": target.kernel, "arch": target.arch,
            },
            "internalParameters": {
                "identity": entry.identity().to_string(),
                "confinement": entry.facts.get("confinement"),
            },
            "resolvedDependencies": materials,
        },
        "runDetails": {
            "builder": { "id": BUILD_TYPE, "version": { "modsmith": env!("CARGO_PKG_VERSION") } },
            "metadata": { "finishedOn": time(entry) },
        },
    });
    Predicate { kind: PROVENANCE, content: object(content) }
}

/// What the build consists of. `artefact`: the digest of its manifest.
pub fn ingredients(entry: &Entry, id: &PackageId, target: &Target, artefact: &Digest) -> Predicate<'static> {
    const DOCUMENT: &str = "SPDXRef-DOCUMENT";
    const MODULES: &str = "SPDXRef-modules";
    let package = |id: &str, name: &str, version: Option<&str>, digest: &str| {
        json!({
            "SPDXID": id, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "checksums": [{ "algorithm": "SHA256", "checksumValue": digest }],
        })
    };
    let name = format!("{id} for kernel {target}");
    let mut packages = vec![package(MODULES, &name, Some(&id.version), artefact.hex())];
    let mut relationships = vec![relation(DOCUMENT, "DESCRIBES", MODULES)];
    for (material, digest) in materials(entry) {
        let material_id = format!("SPDXRef-{material}");
        packages.push(package(&material_id, material, None, &digest));
        relationships.push(relation(&material_id, how(material), MODULES));
    }
    let files: Vec<Value> = entry.files.iter().enumerate().map(|(number, named)| file(number, named)).collect();
    relationships.extend((0..files.len()).map(|number| relation(MODULES, "CONTAINS", &file_id(number))));
    let content = json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": DOCUMENT, "name": name,
        "documentNamespace": format!("{NAMESPACE}/{}", artefact.hex()),
        "creationInfo": { "created": time(entry), "creators": [format!("Tool: modsmith-{}", env!("CARGO_PKG_VERSION"))] },
        "packages": packages, "files": files, "relationships": relationships,
    });
    Predicate { kind: INGREDIENTS, content: object(content) }
}

fn file(number: usize, (name, stored): (&String, &StoredFile)) -> Value {
    let sum = stored.digest.trim_start_matches("sha256:");
    json!({
        "SPDXID": file_id(number), "fileName": format!("./{name}"), "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION", "checksums": [{ "algorithm": "SHA256", "checksumValue": sum }],
    })
}

fn file_id(number: usize) -> String {
    format!("SPDXRef-file-{number}")
}

fn relation(from: &str, how: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": how, "relatedSpdxElement": to })
}

fn how(material: &str) -> &'static str {
    match material {
        "programs" | "files-of-programs" => "BUILD_TOOL_OF",
        _ => "BUILD_DEPENDENCY_OF",
    }
}

/// The inputs that are materials, each with the digest (64 digits) of its part of the inputs.
fn materials(entry: &Entry) -> impl Iterator<Item = (&str, String)> {
    entry.inputs.iter().filter(|(name, _)| MATERIALS.contains(name)).map(|(name, value)| {
        let digest = digest(&serde_json::to_vec(value).unwrap_or_default());
        (name, digest.trim_start_matches("sha256:").to_owned())
    })
}

/// When it was built, RFC 3339.
fn time(entry: &Entry) -> &str {
    entry.facts.get("time").and_then(Value::as_str).unwrap_or("1970-01-01T00:00:00Z")
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}
