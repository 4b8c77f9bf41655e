//! Which `sign-file` is used.

use modsmith_plugin::prelude::*;

/// The configured program, else the one that a distribution packages apart from
/// the headers, else the one among the kernel's headers.
pub fn find(release: &str) -> Result<Argument> {
    if let Some(configured) = signing::configured_program()? {
        return Ok(configured);
    }
    let packaged = kbuild_versions(release).map(|v| Path::usr(format!("lib/linux-kbuild-{v}/scripts/sign-file")));
    match signing::among_headers(packaged) {
        Ok(found) => Ok(found.into()),
        Err(places) => Err(signing::no_program(release, &places)),
    }
}

/// Names that packages of kernel build tools have: the version without the
/// flavour (`6.12.57+deb13`), and up to its last dot (`6.1`).
fn kbuild_versions(release: &str) -> [String; 2] {
    let unflavoured = release.split_once('-').map_or(release, |(version, _)| version);
    let series = release.rsplit_once('.').map_or(release, |(series, _)| series);
    [unflavoured.to_owned(), series.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::kbuild_versions;

    #[test]
    fn build_tools_are_named_by_version_or_by_series() {
        assert_eq!(kbuild_versions("6.1.0-56-amd64"), ["6.1.0", "6.1"]);
        assert_eq!(kbuild_versions("6.12.57+deb13-cloud-amd64"), ["6.12.57+deb13", "6.12"]);
        assert_eq!(kbuild_versions("mainline"), ["mainline", "mainline"]);
    }
}
