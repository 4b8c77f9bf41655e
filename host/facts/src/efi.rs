//! What the firmware of a machine says: whether Secure Boot is on, and which certificates it and
//! the machine's owner trust.
//!
//! Everything is read below `sys/firmware/efi` of a system's root. An answer says whether the firmware
//! has a list, has none, or has one that cannot be read.
//!
//! Source: UEFI Specification 2.10, chapter 32; the kernel's `Documentation/filesystems/efivarfs.rst`.

mod list;
mod stores;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::inside;
pub use list::{EfiSignature, ListFault, entries};
pub use stores::{Store, StoreContents};

/// Variables of the specification itself: `EFI_GLOBAL_VARIABLE`.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Variables of the boot loader that keeps the keys of the machine's owner (`SHIM_LOCK_GUID`).
const OWNER: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";

/// `EFI_VARIABLE_NON_VOLATILE`
const NON_VOLATILE: u32 = 1;

/// The firmware of the machine whose `/sys` is below a root.
#[derive(Debug, Clone)]
pub struct Firmware {
    root: PathBuf,
}

/// A variable of the firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// `EFI_VARIABLE_*`
    pub attributes: u32,
    pub value: Vec<u8>,
}

/// Whether the kernel finds that Secure Boot is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecureBoot {
    pub is_on: bool,
    /// The state that was read, as a clause.
    pub evidence: String,
}

impl Firmware {
    /// The firmware of the machine whose `/sys` is below this directory.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// A variable, by its name and GUID as one word; `None` where the firmware has none of this
    /// name.
    ///
    /// # Errors
    /// Why it cannot be read, as a clause.
    pub fn variable(&self, name: &str) -> Result<Option<Variable>, String> {
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_plain {
            return Err(format!("`{}` is no name of a variable", crate::text::line(name)));
        }
        let path = self.path(&format!("sys/firmware/efi/efivars/{name}"));
        let contents = match inside::read_configuration(&path) {
            Ok(contents) => contents,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.are_variables_known().map(|()| None),
            Err(error) => return Err(format!("{name} cannot be read: {error}")),
        };
        match contents.split_first_chunk() {
            Some((attributes, value)) => {
                Ok(Some(Variable { attributes: u32::from_le_bytes(*attributes), value: value.to_vec() }))
            }
            None => Err(format!("{name} is shorter than its attributes")),
        }
    }

    /// Whether Secure Boot is on, by the kernel's own rule: it is not while the firmware is in setup mode,
    /// and not where the machine's owner has switched validation off.
    ///
    /// # Errors
    /// Why that is not known, as a clause.
    ///
    /// Source: the kernel's `drivers/firmware/efi/libstub/secureboot.c` and `include/linux/efi.h`.
    pub fn secure_boot(&self) -> Result<SecureBoot, String> {
        let state = |is_on, evidence: &str| Ok(SecureBoot { is_on, evidence: evidence.to_owned() });
        if self.is_absent() {
            return state(false, "the machine was not started by EFI firmware");
        }
        let is_one =
            |variable: &Option<Variable>| variable.as_ref().is_some_and(|known| known.value.first() == Some(&1));
        if !is_one(&self.variable(&format!("SecureBoot-{GLOBAL}"))?) {
            return state(false, "the variable SecureBoot of the firmware does not say 1");
        }
        if is_one(&self.variable(&format!("SetupMode-{GLOBAL}"))?) {
            return state(false, "the firmware is in setup mode");
        }
        let validation = self.variable(&format!("MokSBStateRT-{OWNER}"))?;
        // A variable that outlives a restart was not made by the boot loader.
        if is_one(&validation.filter(|known| known.attributes & NON_VOLATILE == 0)) {
            return state(false, "validation is switched off (MokSBStateRT)");
        }
        state(true, "the variable SecureBoot of the firmware says 1")
    }

    /// Whether the kernel may take the owner's certificates for as good as its own: the variable
    /// `MokListTrustedRT`.
    ///
    /// # Errors
    /// Why that is not known, as a clause.
    ///
    /// Source: the kernel's `security/integrity/platform_certs/machine_keyring.c`.
    pub fn is_owner_trusted(&self) -> Result<bool, String> {
        if self.is_absent() {
            return Ok(false);
        }
        if inside::is_file(&self.path("sys/firmware/efi/mok-variables/MokListTrustedRT")) {
            return Ok(true);
        }
        let trusted = self.variable(&format!("MokListTrustedRT-{OWNER}"))?;
        Ok(trusted.is_some_and(|known| known.attributes & NON_VOLATILE == 0 && known.value.first() == Some(&1)))
    }

    /// Whether the kernel says that there is no EFI firmware.
    fn is_absent(&self) -> bool {
        inside::is_dir(&self.path("sys/kernel")) && !inside::exists(&self.path("sys/firmware/efi"))
    }

    /// A directory of variables that is missing or empty says nothing of any variable.
    fn are_variables_known(&self) -> Result<(), String> {
        let directory = self.path("sys/firmware/efi/efivars");
        let is_there = std::fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_some());
        if is_there || self.is_absent() {
            return Ok(());
        }
        Err("the variables of the firmware (sys/firmware/efi/efivars) are not there".to_owned())
    }

    /// The real path of one below the root, links followed inside of the root.
    fn path(&self, path: &str) -> PathBuf {
        inside::locate_in_root(&self.root, Path::new(path))
    }
}

#[cfg(test)]
mod tests;
