//! OCI image layouts: manifests and blobs as files.
//!
//! Source: image-layout.md of image-spec 1.1.1. `index.json` lists manifests, with their tags in
//! an annotation; `blobs/sha256/DIGITS` has everything by digest. Manifests that refer to another
//! one are listed below the tag that registries without an API for referrers have.

mod directory;
mod files;
mod folder;
mod website;

pub use directory::Directory;
pub use website::Website;
