//! The facts of a kernel that its modules are compared with. Those that come from its image
//! are kept: an image takes seconds to unpack.

use std::path::{Path, PathBuf};

use crate::flow::invocation::cache::Cache;
use crate::flow::invocation::env::Env;
use crate::flow::invocation::file_facts::read_cached;
use crate::flow::invocation::trust_facts::firmware_facts;
use modsmith_facts::kernel::{Kernel, Vmlinux};
use modsmith_facts::{Root, inside};
use modsmith_verify::{Image, Places, enrolled, gather, read_image};

/// Increased when the facts of an image or their meaning change.
const SCHEMA_VERSION: u32 = 2;

/// Gathers the facts of a kernel.
pub(crate) fn image_of(env: &Env, kernel: &Kernel) -> Image {
    let mut image = gather(&places(env, kernel), known);
    image.enrolled = enrolled(&image, &firmware_facts(&env.system.root));
    image
}

/// What a kernel image says.
pub(crate) fn known(image: &Path) -> Result<Vmlinux, String> {
    read_cached(&Cache::of_machine("images"), SCHEMA_VERSION, image, read_image)
}

/// Whether a kernel has an image.
pub(crate) fn has_image(env: &Env, kernel: &Kernel) -> bool {
    places(env, kernel).images.iter().any(|image| inside::is_file(image))
}

/// Where a kernel's files are by the customs of Linux.
fn places(env: &Env, kernel: &Kernel) -> Places {
    let (release, module_dir) = (kernel.release(), kernel.module_dir());
    let boot = env.system.roots.get(Root::Boot).unwrap_or(Path::new("/boot"));
    Places {
        release: release.to_owned(),
        module_dir: module_dir.to_path_buf(),
        images: image_places(env, kernel),
        configs: vec![boot.join(format!("config-{release}")), module_dir.join("config")],
        headers: kernel.headers().map(Path::to_path_buf),
    }
}

/// Where a kernel's image is by the customs of Linux: the first that exists counts.
pub(crate) fn image_places(env: &Env, kernel: &Kernel) -> Vec<PathBuf> {
    let boot = env.system.roots.get(Root::Boot).unwrap_or(Path::new("/boot"));
    let images = ["vmlinuz", "kernel", "bzImage", "vmlinux"];
    let images = images.map(|name| boot.join(format!("{name}-{}", kernel.release())));
    images.into_iter().chain([kernel.module_dir().join("vmlinuz")]).collect()
}
