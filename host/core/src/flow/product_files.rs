//! Files of modules in the tree: which is a module's, and whether two are the same.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::conf::ModuleRecord;
use modsmith_facts::inside;
use modsmith_facts::kernel::module_stem;

/// Whether two files hold the same. One that cannot be read is like no other.
pub fn same_contents(a: &Path, b: &Path) -> bool {
    let same = || -> std::io::Result<bool> {
        let (Some(mut a), Some(mut b)) = (inside::open(a)?, inside::open(b)?) else { return Ok(false) };
        let (x, y) = (a.metadata()?, b.metadata()?);
        if x.len() != y.len() {
            return Ok(false);
        }
        if (x.dev(), x.ino()) == (y.dev(), y.ino()) {
            return Ok(true);
        }
        let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut rest = x.len();
        while rest > 0 {
            let n = usize::try_from(rest).map_or(left.len(), |rest| rest.min(left.len()));
            a.read_exact(&mut left[..n])?;
            b.read_exact(&mut right[..n])?;
            if left[..n] != right[..n] {
                return Ok(false);
            }
            rest -= n as u64;
        }
        Ok(true)
    };
    same().unwrap_or(false)
}

/// `x.ko` and its compressed names.
pub fn module_file_names(module: &str) -> impl Iterator<Item = String> {
    let compressed = modsmith_facts::Compression::ALL.map(|c| format!("{module}.ko{}", c.suffix()));
    std::iter::once(format!("{module}.ko")).chain(compressed)
}

/// The file of a module in a products directory.
pub fn product_of<'p>(products: &'p [String], record: &ModuleRecord) -> Option<&'p String> {
    product_named(products, &record.dest_name)
}

/// The module file in a products directory, by the module's installed name.
pub fn product_named<'p>(products: &'p [String], module: &str) -> Option<&'p String> {
    products.iter().find(|name| module_stem(name).is_some_and(|(stem, _)| stem == module))
}
