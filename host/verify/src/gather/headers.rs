//! Facts of a kernel's headers, once they are shown to belong to the kernel.

use std::collections::BTreeMap;
use std::path::Path;

use modsmith_facts::inside;
use modsmith_facts::kernel::{Exports, parse_config, symvers};

use super::Places;
use super::sample::Sample;
use crate::fact::Fact;

/// The fewest versions that have to agree.
const FEWEST: usize = 5;

/// The exports of the kernel itself, by `Module.symvers`. The versions in it have to be those that
/// the kernel's own modules were built with: a release alone proves nothing.
pub(super) fn exports(places: &Places, samples: &[Sample]) -> Fact<Exports> {
    let Some(headers) = &places.headers else { return Fact::unknown("the kernel has no headers") };
    let path = headers.join("Module.symvers");
    let unproven = || Fact::unknown(format!("nothing shows that {} belongs to the kernel's image", path.display()));
    // The file is large, and without versions to compare with it proves nothing.
    if samples.iter().flat_map(Sample::versions).count() < FEWEST {
        return unproven();
    }
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
        for (symbol, crc) in sample.versions() {
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
        return unproven();
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

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::kernel::VersionTables;

    fn sample(crc: u32) -> Sample {
        let entry = |number: u32| (format!("f{number}"), crc + number);
        let versions = VersionTables { basic: Some((0..8).map(entry).collect()), ..VersionTables::default() };
        Sample { file: "kernel/own.ko".into(), vermagic: None, machine: 62, struct_size: None, versions }
    }

    fn headers(release: &str) -> (tempfile::TempDir, Places) {
        let dir = tempfile::tempdir().unwrap();
        let lines: String =
            (0..10).map(|number| format!("{:#010x}\tf{number}\tvmlinux\tEXPORT_SYMBOL\t\n", 0x100 + number)).collect();
        let line_of_module = "0x00000001\tg\tdrivers/g\tEXPORT_SYMBOL\t\n";
        std::fs::write(dir.path().join("Module.symvers"), lines + line_of_module).unwrap();
        std::fs::create_dir_all(dir.path().join("include/generated")).unwrap();
        std::fs::write(
            dir.path().join("include/generated/utsrelease.h"),
            format!("#define UTS_RELEASE \"{release}\"\n"),
        )
        .unwrap();
        std::fs::write(dir.path().join(".config"), "CONFIG_MODVERSIONS=y\n").unwrap();
        let places = Places { release: "6.1.0-x".into(), headers: Some(dir.path().into()), ..Places::default() };
        (dir, places)
    }

    #[test]
    fn headers_count_when_their_versions_are_those_of_the_kernels_own_modules() {
        let (_dir, places) = headers("6.1.0-x");
        let known = exports(&places, &[sample(0x100)]);
        assert_eq!(known.get().map(|exports| (exports.len(), exports.contains_key("g"))), Ok((10, false)));
        let foreign = exports(&places, &[sample(0x101)]);
        assert!(foreign.get().unwrap_err().0.contains("is not of this kernel"), "{foreign:?}");
        let unproven = exports(&places, &[]);
        assert!(unproven.get().unwrap_err().0.contains("nothing shows"), "{unproven:?}");
    }

    #[test]
    fn a_configuration_is_that_of_headers_that_name_the_release() {
        let (_dir, places) = headers("6.1.0-x");
        assert_eq!(config(&places).get().map(|config| config.get("MODVERSIONS").cloned()), Ok(Some("y".into())));
        let (_dir, places) = headers("6.1.0-y");
        assert!(config(&places).get().is_err());
    }
}
