//! The names of the package, and the values for its template.

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::changelog;
use crate::naming;
use crate::template::Tokens;

/// Names of one package, checked.
#[derive(Debug, Clone)]
pub struct Names {
    pub module: String,
    pub version: String,
    /// The module in Debian's names.
    pub package: String,
    /// The module's version as dpkg accepts it.
    pub debian_version: String,
    pub architecture: String,
    /// Release of the first kernel; empty without one.
    pub kernel: String,
    /// Base names of the kernel modules.
    pub modules: Vec<String>,
    pub maintainer: String,
    /// Seconds since 1970.
    pub date: u64,
}

impl Names {
    /// # Errors
    /// A refusal with 1 for a name, version or machine that Debian has no name for.
    pub fn of(module: &ModulePackage, kernels: &[Kernel]) -> Result<Self> {
        let names = Self {
            package: naming::package(&module.name())?,
            debian_version: naming::version(&module.version())?,
            module: module.name(),
            version: module.version(),
            architecture: naming::architecture(kernels)?,
            kernel: kernels.first().map(Kernel::release).unwrap_or_default(),
            modules: module.module_names(),
            maintainer: maintainer(&setting_or("maintainer", "")?)?,
            date: source_date(),
        };
        if !names.kernel.is_empty() {
            naming::package(&names.kernel)?;
        }
        Ok(names)
    }

    /// The directory of the source: `NAME-VERSION`.
    pub fn directory(&self) -> String {
        format!("{}-{}", self.module, self.version)
    }

    /// The tarball of what was built.
    pub fn tarball(&self) -> String {
        format!("{}.dkms.tar.gz", self.directory())
    }

    /// The tokens of a user's template, for one of its files. A text that dpkg reads as a version
    /// has to be a version of Debian's form.
    pub fn tokens(&self, file: &str) -> Tokens {
        let for_dpkg = matches!(file, "control" | "changelog");
        vec![
            ("DEBIAN_PACKAGE", self.package.clone()),
            ("DEBIAN_BUILD_ARCH", self.architecture.clone()),
            ("KERNEL_VERSION", self.kernel.clone()),
            ("MODULE_NAME", self.module.clone()),
            ("MODULE_VERSION", if for_dpkg { self.debian_version.clone() } else { self.version.clone() }),
            ("DATE_STAMP", changelog::date(self.date)),
        ]
    }

    /// The tokens of the templates that are built in.
    pub fn own_tokens(&self, file: &str) -> Tokens {
        let mut tokens = self.tokens(file);
        // In these templates it is said to people, but for what follows.
        tokens.retain(|(token, _)| *token != "MODULE_VERSION");
        tokens.extend([
            ("MODULE_VERSION", self.version.clone()),
            ("DEBIAN_VERSION", self.debian_version.clone()),
            ("DEBIAN_KERNEL", naming::package(&self.kernel).unwrap_or_default()),
            ("DEBIAN_MAINTAINER", self.maintainer.clone()),
            ("MODULE_LIST", listed(&self.modules)),
        ]);
        tokens
    }
}

/// For the end of a description, in which no line may be empty.
fn listed(modules: &[String]) -> String {
    match modules {
        [] => " none is named in its dkms.conf.".into(),
        names => names.iter().map(|name| format!("  * {name}")).collect::<Vec<_>>().join("\n"),
    }
}

/// `Name <address>`.
fn maintainer(setting: &str) -> Result<String> {
    let address = setting.split_once(" <").and_then(|(_, rest)| rest.strip_suffix('>'));
    match address {
        Some(address) if address.contains('@') && !address.contains(['<', '>', ' ']) && !setting.contains('\n') => {
            Ok(setting.to_owned())
        }
        _ => Err(refuse(1, format!("The setting `maintainer` is `{setting}`, which is not `Name <address>`."))
            .hint("Correct it in /etc/modsmith/settings/deb.toml.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintainer_is_a_name_and_an_address() {
        assert!(maintainer("A B <a@example.org>").is_ok());
        for bad in ["", "A B", "a@b.org", "A <a>", "A\nX: y <a@b.org>", "A <a@b.org> x"] {
            assert_eq!(maintainer(bad).unwrap_err().code, Some(1), "{bad}");
        }
    }
}
