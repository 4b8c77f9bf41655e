//! What a boot image holds: read once, and kept while its file stays as it is.

use std::path::Path;

use crate::flow::invocation::cache::Cache;
use crate::flow::invocation::file_facts::read_cached;
use modsmith_facts::boot_image::{BootImage, BootImageError, ModuleIdentity, Sameness, read};
use modsmith_facts::inside;
use modsmith_facts::kernel::section_of_pe;
use modsmith_verdict::InImage;

/// Increased when the facts of a boot image or their meaning change.
const SCHEMA_VERSION: u32 = 1;

/// Reads a boot image, or the one inside of a unified kernel image.
///
/// # Errors
/// [`BootImageError`].
pub(super) fn boot_contents(file: &Path) -> Result<BootImage, BootImageError> {
    read_cached(&Cache::of_machine("boot-images"), SCHEMA_VERSION, file, read_file)
}

fn read_file(file: &Path) -> Result<BootImage, BootImageError> {
    let unreadable = BootImageError::Unreadable;
    let Some(mut opened) = inside::open(file).map_err(unreadable)? else { return read(std::io::empty()) };
    let mut first = [0; 2];
    let count = std::io::Read::read(&mut opened, &mut first).map_err(unreadable)?;
    if &first[..count] == b"MZ" {
        let bytes = inside::read_file(file).map_err(unreadable)?;
        return read(section_of_pe(&bytes, b".initrd\0").unwrap_or_default());
    }
    std::io::Seek::rewind(&mut opened).map_err(unreadable)?;
    read(opened)
}

/// Whether a kernel finds a module in a boot image, with the code of the installed file.
pub(super) fn in_image(contents: &BootImage, release: &str, name: &str, installed: Option<&Path>) -> InImage {
    let modules = contents.kernels.get(release);
    let Some((path, identity)) = modules.and_then(|modules| modules.named(name).last()) else {
        return match contents.nested.first() {
            Some(nested) => {
                InImage::Unknown(format!("the boot image has its files in {nested}, which is not read here"))
            }
            None => InImage::Absent,
        };
    };
    let installed = installed.and_then(|file| ModuleIdentity::of(inside::read_file(file).ok()?));
    let (Some(installed), Some(identity)) = (installed, identity) else {
        return InImage::Unknown(format!("{name} in the boot image cannot be compared with the installed file"));
    };
    let is_listed = modules.and_then(|modules| modules.indexed.as_ref()).is_none_or(|index| index.contains(path));
    match installed.compare(identity) {
        Sameness::Different(by) => InImage::Different { file: path.to_owned(), by: by.to_owned() },
        Sameness::Unknown => InImage::Unknown(format!(
            "{path} in the boot image is another file than the installed one, and nothing says whether its code is"
        )),
        Sameness::Same(_) if is_listed => InImage::Same,
        Sameness::Same(_) => InImage::NotIndexed { file: path.to_owned() },
    }
}
