//! What a package asks for.

use modsmith_plugin::prelude::*;

/// One module of the package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// As it is installed.
    pub name: String,
    /// `MODULES_CONF_ALIAS_TYPE`: what its aliases begin with, such as `eth`.
    pub alias_type: Option<String>,
    /// `MODULES_CONF_OBSOLETES`: modules that it takes the place of.
    pub obsoletes: Vec<String>,
    /// `MODULES_CONF_OBSOLETE_ONLY`: it takes places and makes none.
    pub only_obsoletes: bool,
}

/// What a package asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    pub package: String,
    pub modules: Vec<Module>,
    /// `MODULES_CONF`
    pub lines: Vec<String>,
    /// `REMAKE_INITRD`: its modules belong into the boot image.
    pub in_boot_image: bool,
}

impl Wishes {
    /// Those of a package. `unsupported` when there are none.
    pub fn of(package: &ModulePackage) -> Result<Self> {
        let is_yes = |value: &str| value.starts_with(['y', 'Y']);
        let (types, obsoletes) =
            (package.directive("MODULES_CONF_ALIAS_TYPE"), package.directive("MODULES_CONF_OBSOLETES"));
        let only = package.directive("MODULES_CONF_OBSOLETE_ONLY");
        let slot = |values: &[String], i: usize| values.get(i).map(|value| value.trim().to_owned()).unwrap_or_default();
        let module = |(i, name): (usize, String)| Module {
            name,
            alias_type: Some(slot(&types, i)).filter(|kind| is_word(kind)),
            obsoletes: slot(&obsoletes, i).split([',', ' ']).filter(|name| is_word(name)).map(str::to_owned).collect(),
            only_obsoletes: is_yes(&slot(&only, i)),
        };
        let lines = package.directive("MODULES_CONF").into_iter().map(|line| line.trim().to_owned());
        let wishes = Self {
            package: package.name(),
            modules: package.module_names().into_iter().enumerate().map(module).filter(|m| is_word(&m.name)).collect(),
            lines: lines.filter(|line| !line.is_empty() && !line.contains(['\n', '\r', '\0'])).collect(),
            in_boot_image: package.directive("REMAKE_INITRD").first().is_some_and(|value| is_yes(value)),
        };
        let asks = wishes.modules.iter().any(|m| m.alias_type.is_some() || !m.obsoletes.is_empty());
        if !asks && wishes.lines.is_empty() && !wishes.in_boot_image {
            return Err(unsupported("its dkms.conf asks for nothing in modprobe's configuration"));
        }
        Ok(wishes)
    }

    pub fn has_obsoletes(&self) -> bool {
        self.modules.iter().any(|module| !module.obsoletes.is_empty())
    }
}

/// Something that can be one word of a line.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\'')
}

/// Whether two names are of the same module: the kernel takes `-` for `_`.
pub fn same(a: &[u8], b: &str) -> bool {
    let plain = |byte: u8| if byte == b'-' { b'_' } else { byte };
    a.len() == b.len() && a.iter().zip(b.bytes()).all(|(a, b)| plain(*a) == plain(b))
}
