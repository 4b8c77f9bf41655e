//! The signature at the end of a module file, and what openssl thinks of it.
//!
//! Source: include/linux/module_signature.h of the kernel.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tool;

const MAGIC: &[u8] = b"~Module signature appended~\n";

/// A module without its signature.
///
/// # Panics
/// When it has none.
pub fn unsigned(module: &[u8]) -> Vec<u8> {
    Signed::of(module).expect("the module is signed").module
}

/// A module file, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub module: Vec<u8>,
    /// The PKCS#7 message, in DER form.
    pub message: Vec<u8>,
}

impl Signed {
    /// Takes a file apart; `None` for one without a signature.
    ///
    /// # Panics
    /// When there is no such file, or the signature's description is damaged.
    pub fn read(file: &Path) -> Option<Signed> {
        Signed::of(&fs::read(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display())))
    }

    /// Takes the bytes of a file apart; `None` without a signature.
    ///
    /// # Panics
    /// When the signature's description is damaged.
    pub fn of(bytes: &[u8]) -> Option<Signed> {
        let rest = bytes.strip_suffix(MAGIC)?;
        let (rest, description) = rest.split_at(rest.len() - 12);
        assert_eq!(description[..8], [0, 0, 2, 0, 0, 0, 0, 0], "a PKCS#7 message");
        let length = u32::from_be_bytes(description[8..].try_into().expect("four bytes")) as usize;
        let (module, message) = rest.split_at(rest.len() - length);
        Some(Signed { module: module.to_vec(), message: message.to_vec() })
    }

    /// Whether openssl finds that the certificate's key made the signature, of
    /// this very module.
    pub fn verifies(&self, certificate: &Path) -> bool {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let file = |name: &str, contents: &[u8]| {
            let location = dir.path().join(name);
            fs::write(&location, contents).expect("writable");
            location
        };
        let (module, message) = (file("module", &self.module), file("message", &self.message));
        let pem = dir.path().join("certificate");
        tool::run(Command::new(tool::path("openssl")).args(["x509", "-out"]).arg(&pem).arg("-in").arg(certificate));
        let out = Command::new(tool::path("openssl"))
            .args(["cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-out", "/dev/null"])
            .arg("-in")
            .arg(message)
            .arg("-content")
            .arg(module)
            .arg("-certfile")
            .arg(pem)
            .output()
            .expect("openssl runs");
        out.status.success()
    }
}
