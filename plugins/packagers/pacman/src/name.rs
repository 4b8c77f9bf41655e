//! Names of packages. By pacman's rules (PKGBUILD(5)), not all names and versions of module
//! packages are possible.

use modsmith_plugin::prelude::*;

use crate::exit;

/// pacman's own number of attempts to package one version.
const RELEASE: &str = "1";
/// It is source: for every machine.
pub const ARCH: &str = "any";

/// A package's name and version, and those of the module package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// As pacman knows it: `bbswitch-dkms`.
    pub package: String,
    /// With the release: `0.8-1`.
    pub version: String,
    /// Where the source is: `usr/src/bbswitch-0.8`.
    pub source: String,
    /// For people.
    pub module: String,
}

impl Identity {
    /// A hyphen in the version becomes an underscore, as is customary.
    ///
    /// # Errors
    /// What cannot be said in pacman's terms.
    pub fn of(name: &str, version: &str) -> Result<Self> {
        let unnamed = name.strip_suffix("-dkms").unwrap_or(name);
        let valid = |text: &str, others: &[char]| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(&c))
        };
        if !valid(unnamed, &['@', '.', '_', '+', '-']) {
            return Err(refuse(exit::NAME, format!("`{name}` can be no name of a pacman package."))
                .hint("Letters, digits and `@._+-` are possible, with a letter or digit first: change PACKAGE_NAME in dkms.conf."));
        }
        let mapped = version.replace('-', "_");
        if !valid(&mapped, &['.', '_', '+', '~']) {
            return Err(refuse(exit::NAME, format!("`{version}` can be no version of a pacman package."))
                .hint("Letters, digits and `._+~-` are possible, with a letter or digit first: change PACKAGE_VERSION in dkms.conf."));
        }
        Ok(Self {
            package: format!("{unnamed}-dkms"),
            version: format!("{mapped}-{RELEASE}"),
            source: format!("usr/src/{name}-{version}"),
            module: unnamed.to_owned(),
        })
    }

    /// The file's name, without suffix.
    pub fn file(&self) -> String {
        format!("{}-{}-{ARCH}", self.package, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_pacmans() {
        let file = |name: &str, version: &str| Identity::of(name, version).map(|identity| identity.file());
        assert_eq!(file("bbswitch", "0.8").unwrap(), "bbswitch-dkms-0.8-1-any");
        assert_eq!(file("jool-dkms", "4.1.9-rc2").unwrap(), "jool-dkms-4.1.9_rc2-1-any");
        for (name, version) in [("-x", "1"), ("a b", "1"), ("", "1"), ("x", "1:2"), ("x", ""), ("x", "1 2"), ("ü", "1")]
        {
            assert_eq!(file(name, version).unwrap_err().code, Some(1), "{name} {version}");
        }
    }

    #[test]
    fn the_source_keeps_the_names_of_the_module_package() {
        assert_eq!(Identity::of("jool-dkms", "4.1.9-rc2").unwrap().source, "usr/src/jool-dkms-4.1.9-rc2");
    }
}
