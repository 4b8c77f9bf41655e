//! Which installed files are the program's own: only those may a repair delete.
//!
//! A file is the program's own when its contents are those of a module in the tree, or
//! those that a record has. The owner of any other file
//! is not known.

use std::collections::BTreeMap;
use std::path::Path;

use super::scene::{KernelScene, Scene};
use crate::flow::product_files::same_contents;
use crate::tree::PackageId;
use modsmith_facts::inside;
use modsmith_facts::kernel::{content_digest, module_stem};

/// The version that made a module, by the digest of the module's contents.
pub struct Ours(BTreeMap<String, PackageId>);

impl Ours {
    /// What the versions of a module have built or installed for a kernel.
    pub fn of_module(scene: &Scene<'_, '_>, module: &str, kernel: &KernelScene) -> Self {
        let mut digests = BTreeMap::new();
        for version in scene.modules.iter().filter(|known| known.name == module).flat_map(|known| &known.versions) {
            let id = PackageId { module: module.to_owned(), version: version.clone() };
            let directory = scene.products_dir(&id, kernel);
            for product in scene.run.env.tree.products(&id, &kernel.target) {
                if let Some(digest) = digest(&directory.join(product)) {
                    digests.entry(digest).or_insert_with(|| id.clone());
                }
            }
            let record = scene.run.env.tree.record(&id, &kernel.target);
            for recorded in record.into_iter().flat_map(|record| record.modules) {
                if let Some(digest) = recorded.digest {
                    digests.entry(digest).or_insert_with(|| id.clone());
                }
            }
        }
        Self(digests)
    }

    /// The version that a file is of; `None` for a file that is not the program's own.
    pub fn version_of(&self, file: &Path) -> Option<&PackageId> {
        self.0.get(&digest(file)?)
    }
}

/// The digest of a regular file; `None` if the file cannot be read.
fn digest(file: &Path) -> Option<String> {
    let real = inside::real(file);
    inside::is_file(&real).then(|| content_digest(&real).ok()).flatten()
}

/// Whether two module files have the same contents, compression and signature aside.
pub fn same_module(a: &Path, b: &Path) -> bool {
    same_contents(a, b) || digest(a).is_some_and(|digest_of_a| Some(digest_of_a) == digest(b))
}

/// The product of a version that has the name of a module file.
pub fn product_like<'p>(products: &'p [String], file: &Path) -> Option<&'p String> {
    let name = file.file_name()?.to_str()?;
    let (stem, _) = module_stem(name)?;
    products.iter().find(|product| module_stem(product).is_some_and(|(known, _)| known == stem))
}
