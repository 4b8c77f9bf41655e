//! Lists of modules whose installation the system forces.

use crate::flow::Invocation;
use modsmith_facts::{Location, Root, inside};

/// What is overruled when a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overrides {
    /// `--force`: all reasons against the installation.
    pub everything: bool,
    /// `--force-version-override`: a version that is not newer.
    pub version: bool,
}

/// The command line's word and that of the files in
/// `/usr/share/dkms/modules_to_force_install`, whose words are `m` for
/// everything and `m_version-override` for the version check.
pub(crate) fn overrides_of(run: &Invocation<'_>, module: &str) -> Overrides {
    let lists = Location::new(Root::Usr, "share/dkms/modules_to_force_install").expect("a relative path");
    let directory = run.env.system.roots.path(&lists).unwrap_or_default();
    let files = std::fs::read_dir(inside::real(&directory)).into_iter().flatten().filter_map(Result::ok);
    let texts: Vec<String> = files.filter_map(|file| inside::read_configuration_text(&file.path()).ok()).collect();
    let listed = |name: &str| texts.iter().any(|text| text.split_whitespace().any(|word| word == name));
    Overrides {
        everything: run.env.options.force || listed(module),
        version: run.env.options.force_version_override || listed(&format!("{module}_version-override")),
    }
}
