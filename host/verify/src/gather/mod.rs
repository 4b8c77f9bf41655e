//! The facts of a kernel, each from the best of the places that say so: its image,
//! its own modules, and headers that are shown to belong to it.

mod builtin;
mod headers;
mod sample;

use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_facts::kernel::{Vmlinux, image_release, parse_config, unpack_image};

use crate::fact::Fact;
use crate::image::Image;
use sample::Sample;

/// The files of a kernel.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// As `uname -r` prints.
    pub release: String,
    /// `/lib/modules/K`.
    pub module_dir: PathBuf,
    /// Where its image may be: the first one that is there counts.
    pub images: Vec<PathBuf>,
    /// Where its configuration may be, beside its image and headers.
    pub configs: Vec<PathBuf>,
    /// Its build directory.
    pub headers: Option<PathBuf>,
}

/// Reads a kernel image.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read_image(path: &Path) -> Result<Vmlinux, String> {
    let image = inside::read_file(path).map_err(|error| error.to_string())?;
    let kernel = unpack_image(&image).map_err(|error| error.to_string())?;
    let mut facts = Vmlinux::parse(&kernel)?;
    facts.release = facts.release.or_else(|| image_release(&image));
    Ok(facts)
}

/// Gathers the facts of a kernel. `read_image` is [`read_image`], or what keeps its
/// answers.
pub fn gather(places: &Places, read_image: impl FnOnce(&Path) -> Result<Vmlinux, String>) -> Image {
    let release = &places.release;
    let image = image_of(places, read_image);
    let samples = Sample::of_kernel(places);
    let has_flag_table = from_image(&image, |vmlinux| Some(vmlinux.has_flag_table));
    let config_of_image = image.as_ref().ok().and_then(|(source, vmlinux)| {
        vmlinux.config.as_ref().map(|text| Fact::known(parse_config(text), source.clone()))
    });
    Image {
        release: release.clone(),
        vermagic: from_image(&image, |vmlinux| vmlinux.vermagic.clone())
            .or_else(|| sample::agreed(&samples, "vermagic", |sample| sample.vermagic.clone())),
        machine: from_image(&image, |vmlinux| Some(vmlinux.machine))
            .or_else(|| sample::agreed(&samples, "the architecture", |sample| Some(sample.machine))),
        struct_size: from_image(&image, |vmlinux| vmlinux.struct_size)
            .or_else(|| sample::agreed(&samples, "the size of struct module", |sample| sample.struct_size)),
        exports: from_image(&image, |vmlinux| vmlinux.exports.clone()).or_else(|| headers::exports(places, &samples)),
        has_flag_table,
        config: config_of_image.unwrap_or_else(|| headers::config_beside(places)).or_else(|| headers::config(places)),
        builtin: builtin::of_kernel(&places.module_dir),
        certificates: from_image(&image, |vmlinux| vmlinux.certificates.clone()),
        enrolled: Fact::unknown("what the firmware lists was not read"),
    }
}

/// A fact that the image states.
fn from_image<T>(image: &Result<(String, Vmlinux), String>, field: impl Fn(&Vmlinux) -> Option<T>) -> Fact<T> {
    match image {
        Err(why) => Fact::unknown(why.as_str()),
        Ok((source, vmlinux)) => match field(vmlinux) {
            Some(value) => Fact::known(value, source.as_str()),
            None => Fact::unknown(format!("{source} does not say")),
        },
    }
}

/// The image of the kernel, with its path.
fn image_of(places: &Places, read: impl FnOnce(&Path) -> Result<Vmlinux, String>) -> Result<(String, Vmlinux), String> {
    let Some(path) = places.images.iter().find(|path| inside::is_file(path)) else {
        return Err(format!("there is no image of kernel {}", places.release));
    };
    let source = path.display().to_string();
    let vmlinux = read(path).map_err(|why| format!("{source} cannot be read: {why}"))?;
    match &vmlinux.release {
        Some(release) if *release == places.release => Ok((source, vmlinux)),
        Some(other) => Err(format!("{source} is the image of kernel {other}")),
        None => Err(format!("{source} does not say which release it is")),
    }
}
