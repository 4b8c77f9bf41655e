//! The extension-release file: which systems systemd merges an extension with.

use modsmith_plugin::prelude::*;

/// What is written for images that fit every system.
const ANY: &str = "any";

/// The system that an image is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    id: String,
    /// The field that is compared, and its value. None: the ID is enough.
    version: Option<(&'static str, String)>,
}

impl System {
    /// As the option, the setting or else this system's os-release has it.
    pub fn find(options: &[Property]) -> Result<Self> {
        let named = given(options, "os").map_or_else(|| setting("os"), |os| Ok(Some(os.to_owned())))?;
        if let Some(named) = named {
            return Self::named(&named).ok_or_else(|| {
                refuse(1, format!("`{named}` is no system: an ID and a VERSION_ID as in its os-release are expected."))
                    .hint("Give them as ID:VERSION_ID, such as `debian:12`, or give `any`.")
            });
        }
        let level = os_release("SYSEXT_LEVEL").map(|level| ("SYSEXT_LEVEL", level));
        let version = level.or_else(|| os_release("VERSION_ID").map(|version| ("VERSION_ID", version)));
        match os_release("ID") {
            Some(id) => Ok(Self { id, version }),
            None => Err(refuse(1, "It is not known which system the image is for: there is no os-release with an ID.")
                .hint("Name the system: --os ID:VERSION_ID, or --os any.")),
        }
    }

    fn named(text: &str) -> Option<Self> {
        if text == ANY {
            return Some(Self { id: "_any".into(), version: None });
        }
        let (id, version) = text.split_once(':').map_or((text, None), |(id, version)| (id, Some(version)));
        let plain = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        };
        let valid = plain(id) && version.is_none_or(plain);
        valid.then(|| Self { id: id.to_owned(), version: version.map(|version| ("VERSION_ID", version.to_owned())) })
    }

    /// The file's text for a machine as `uname -m` names it.
    pub fn text(&self, machine: &str) -> String {
        let mut text = format!("ID={}\n", self.id);
        if let Some((key, value)) = &self.version {
            text.push_str(&format!("{key}={value}\n"));
        }
        if let Some(architecture) = architecture(machine) {
            text.push_str(&format!("ARCHITECTURE={architecture}\n"));
        }
        text
    }
}

/// systemd's name for a machine; none for one that it is not sure to know by the
/// same name.
fn architecture(machine: &str) -> Option<&str> {
    Some(match machine {
        "x86_64" => "x86-64",
        "i386" | "i486" | "i586" | "i686" => "x86",
        "aarch64" => "arm64",
        "armv6l" | "armv7l" => "arm",
        "ppc64le" => "ppc64-le",
        "ppc64" | "riscv64" | "s390x" | "loongarch64" => machine,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_system_is_written_as_systemd_reads_it() {
        let text = |named: &str, machine: &str| System::named(named).map(|system| system.text(machine));
        assert_eq!(text("any", "x86_64").unwrap(), "ID=_any\nARCHITECTURE=x86-64\n");
        assert_eq!(text("debian:12", "aarch64").unwrap(), "ID=debian\nVERSION_ID=12\nARCHITECTURE=arm64\n");
        assert_eq!(text("arch", "mips").unwrap(), "ID=arch\n");
        for broken in ["", ":", "debian:", "a b", "debian:12\nX=1", "a:b:c"] {
            assert_eq!(text(broken, "x86_64"), None, "{broken}");
        }
    }
}
