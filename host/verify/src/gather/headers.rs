//! What a kernel's headers say, once they are shown to belong to the kernel.

use std::collections::BTreeMap;
use std::path::Path;

use modsmith_facts::inside;
use modsmith_facts::kernel::{Exports, parse_config, symvers};

use super::Places;
use super::sample::Sample;
use crate::fact::Fact;

/// The fewest versions that have to agree.
const FEWEST: usize = 5;

/// What the kernel itself exports, by `Module.symvers`. The versions in it have to be
/// those that the kernel's own modules were built with: a release alone proves nothing.
pub(super) fn exports(places: &Places, samples: &[Sample]) -> Fact<Exports> {
    let Some(headers) = &places.headers else { return Fact::unknown("the kernel has no headers") };
    let path = headers.join("Module.symvers");
    let Ok(bytes) = inside::read_file(&path) else {
        return Fact::unknown(format!("{} cannot be read", path.display()));
    };
    let text = String::from_utf8_lossy(&bytes);
    let exports: Exports = symvers(&text)
        .filter(|line| line.module == "vmlinux")
        .map(|line| (line.symbol.to_owned(), line.export))
        .collect();
    let mut compared = 0;
    for sample in samples {
        for (symbol, crc) in sample.versions.extended.iter().chain(&sample.versions.basic).flatten() {
            match exports.get(symbol).and_then(|export| export.crc) {
                Some(known) if known == *crc => compared += 1,
                Some(_) => {
                    return Fact::unknown(format!(
                        "{} is not of this kernel: its version of {symbol} is not that of {}",
                        path.display(),
                        sample.file
                    ));
                }
                None => {}
            }
        }
    }
    if compared < FEWEST {
        return Fact::unknown(format!("nothing shows that {} belongs to the kernel's image", path.display()));
    }
    Fact::known(exports, path.display().to_string())
}

/// The configuration beside the kernel's image or modules.
pub(super) fn config_beside(places: &Places) -> Fact<BTreeMap<String, String>> {
    match places.configs.iter().find(|path| inside::is_file(path)) {
        Some(path) => read_config(path),
        None => Fact::unknown("no configuration is kept with the kernel"),
    }
}

/// The configuration of headers that name the kernel's release.
pub(super) fn config(places: &Places) -> Fact<BTreeMap<String, String>> {
    let Some(headers) = &places.headers else { return Fact::unknown("the kernel has no headers") };
    let release = inside::read_configuration_text(&headers.join("include/generated/utsrelease.h")).unwrap_or_default();
    let release = release.lines().find_map(|line| line.strip_prefix("#define UTS_RELEASE "));
    if release.map(|release| release.trim().trim_matches('"')) != Some(places.release.as_str()) {
        return Fact::unknown("the headers do not name the kernel's release");
    }
    let candidates = [headers.join("include/config/auto.conf"), headers.join(".config")];
    match candidates.iter().find(|path| inside::is_file(path)) {
        Some(path) => read_config(path),
        None => Fact::unknown("the headers have no configuration"),
    }
}

fn read_config(path: &Path) -> Fact<BTreeMap<String, String>> {
    match inside::read_configuration_text(path) {
        Ok(text) => Fact::known(parse_config(&text), path.display().to_string()),
        Err(error) => Fact::unknown(format!("{} cannot be read: {error}", path.display())),
    }
}
