//! A kernel, as the modules that it is to load are compared with it.

use std::collections::BTreeMap;

use modsmith_facts::kernel::Exports;

use crate::fact::{Fact, Unknown};

/// Facts of one kernel, each with the place that it was read from.
#[derive(Debug, Clone)]
pub struct Image {
    /// As `uname -r` prints.
    pub release: String,
    /// What modules' `vermagic` is compared with.
    pub vermagic: Fact<String>,
    /// The number of the architecture, `EM_*`.
    pub machine: Fact<u16>,
    /// `sizeof(struct module)`, in bytes.
    pub struct_size: Fact<u64>,
    /// The symbols that the kernel itself exports.
    pub exports: Fact<Exports>,
    /// Whether exports have flags in a table (Linux 7.1 and newer).
    pub has_flag_table: Fact<bool>,
    /// The configuration, without `CONFIG_`.
    pub config: Fact<BTreeMap<String, String>>,
    /// Names of modules that are part of the kernel, each with what is
    /// known of it.
    pub builtin: Fact<BTreeMap<String, BuiltIn>>,
    /// The certificates that are part of the kernel, in DER form.
    pub certificates: Fact<Vec<Vec<u8>>>,
    /// Further certificates that the kernel is known to trust as it starts: those that the machine's owner
    /// has enrolled, in DER form.
    pub enrolled: Fact<Vec<Vec<u8>>>,
}

/// A module that is part of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuiltIn {
    /// The module has a version, and for that a directory in `/sys/module`.
    pub is_in_sysfs: bool,
}

impl Image {
    /// A kernel of which nothing is known, for this reason.
    pub fn unknown(release: &str, why: &str) -> Self {
        Self {
            release: release.to_owned(),
            vermagic: Fact::unknown(why),
            machine: Fact::unknown(why),
            struct_size: Fact::unknown(why),
            exports: Fact::unknown(why),
            has_flag_table: Fact::unknown(why),
            config: Fact::unknown(why),
            builtin: Fact::unknown(why),
            certificates: Fact::unknown(why),
            enrolled: Fact::unknown(why),
        }
    }

    /// Whether a symbol of the configuration is `y`.
    ///
    /// # Errors
    /// The configuration is not known.
    pub fn is_configured(&self, symbol: &str) -> Result<bool, Unknown> {
        Ok(self.config.get()?.get(symbol).is_some_and(|value| value == "y"))
    }

    /// Whether the kernel is of this version of Linux or a newer one, by its release.
    ///
    /// # Errors
    /// The release does not begin with two numbers.
    pub fn is_at_least(&self, major: u32, minor: u32) -> Result<bool, Unknown> {
        let known = numbers(&self.release).ok_or_else(|| {
            Unknown::because(format!("the release {} does not say which version of Linux it is", self.release))
        })?;
        Ok(known >= (major, minor))
    }
}

fn numbers(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_linux_are_compared_as_numbers() {
        let is = |release: &str| Image::unknown(release, "test").is_at_least(6, 4);
        assert_eq!(is("6.10.0-x"), Ok(true));
        assert_eq!(is("6.4-rc1"), Ok(true));
        assert_eq!(is("6.1.0-56-amd64"), Ok(false));
        assert_eq!(is("5.19.0"), Ok(false));
        assert!(is("custom").is_err());
    }
}
