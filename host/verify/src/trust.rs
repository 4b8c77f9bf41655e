//! Whose signatures a kernel takes: a certificate is compared with what the kernel has of its own,
//! with the firmware's lists, and, for the kernel that runs, with its rings.
//!
//! The answer is about the kernel as it starts. Keys that are added to a ring later, and changes of
//! a distribution to its kernels, cannot be read from files: then the answer is *unknown*.
//!
//! Source: the kernel's `kernel/module/signing.c`, `certs/system_keyring.c` and
//! `security/integrity/platform_certs`.

use std::collections::{BTreeMap, BTreeSet};

use modsmith_facts::efi::{EfiSignature, Store};
use serde::Serialize;

use crate::certificate::{Certificate, hexadecimal};
use crate::fact::{Fact, Unknown};
use crate::finding::Answer;
use crate::image::Image;

/// The rings that the module loader asks.
const ASKED: [&str; 3] = [".builtin_trusted_keys", ".secondary_trusted_keys", ".machine"];

/// The ring that it does not ask, unless the distribution has changed that.
const PLATFORM: &str = ".platform";

/// The facts about a kernel's trust, beside its image.
#[derive(Debug, Clone)]
pub struct TrustFacts<'f> {
    pub image: &'f Image,
    pub firmware: &'f FirmwareFacts,
    /// For the kernel that runs.
    pub running: Option<&'f RunningFacts>,
}

/// The facts of the firmware.
#[derive(Debug, Clone)]
pub struct FirmwareFacts {
    /// Whether Secure Boot is on.
    pub secure_boot: Fact<bool>,
    /// Whether the kernel may take the owner's certificates for its own.
    pub is_owner_trusted: Fact<bool>,
    pub stores: BTreeMap<Store, Fact<Vec<EfiSignature>>>,
}

/// The facts of the kernel that runs.
#[derive(Debug, Clone)]
pub struct RunningFacts {
    /// The identifiers of the keys of each ring.
    pub rings: Fact<BTreeMap<String, BTreeSet<String>>>,
    /// The words of its list of what is trusted no more.
    pub forbidden: BTreeSet<String>,
    /// Whether the kernel takes signed modules only: `sig_enforce`.
    pub enforced: Fact<bool>,
    /// Its lockdown: `none`, `integrity` or `confidentiality`.
    pub lockdown: Fact<String>,
}

/// An answer with what was compared; for *unknown*, which fact is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    pub answer: Answer,
    pub evidence: String,
}

impl Trust {
    fn new(answer: Answer, evidence: impl Into<String>) -> Self {
        Self { answer, evidence: evidence.into() }
    }
}

impl From<Unknown> for Trust {
    fn from(Unknown(why): Unknown) -> Self {
        Trust::new(Answer::Unknown, why)
    }
}

/// Whether a kernel takes modules that are signed with a certificate's key.
pub fn trusts(facts: &TrustFacts<'_>, certificate: &Certificate) -> Trust {
    match facts.image.is_configured("MODULE_SIG") {
        Ok(false) => return Trust::new(Answer::No, "the kernel reads no signatures (CONFIG_MODULE_SIG)"),
        Err(why) => return why.into(),
        Ok(true) => {}
    }
    if let Some(refused) = facts.forbidden(certificate) {
        return refused;
    }
    let rings = facts.running.map(|running| running.rings.get());
    match rings {
        Some(Ok(rings)) => by_rings(rings, certificate),
        None => facts.by_files(certificate),
        Some(Err(Unknown(why))) => match facts.by_files(certificate) {
            Trust { answer: Answer::No, evidence } => Trust::new(Answer::Unknown, format!("{evidence}; {why}")),
            known => known,
        },
    }
}

/// The certificates that the machine's owner has enrolled and that a kernel trusts as it starts, in DER form.
pub fn enrolled(image: &Image, firmware: &FirmwareFacts) -> Fact<Vec<Vec<u8>>> {
    let facts = TrustFacts { image, firmware, running: None };
    let listed = match facts.store(Store::Owner) {
        Ok(listed) => listed,
        Err(why) => return Fact::Unknown(why),
    };
    let certificates = listed.iter().filter_map(|entry| match entry {
        EfiSignature::Certificate(der) => Certificate::of(der),
        _ => None,
    });
    let trusted = certificates.filter(|certificate| trusts(&facts, certificate).answer == Answer::Yes);
    Fact::known(trusted.map(|certificate| certificate.der).collect(), Store::Owner.name())
}

/// Whether a kernel takes no module without a signature of a key that it trusts.
pub fn requires_signatures(facts: &TrustFacts<'_>) -> Trust {
    facts.requires().unwrap_or_else(Trust::from)
}

fn by_rings(rings: &BTreeMap<String, BTreeSet<String>>, certificate: &Certificate) -> Trust {
    let holding = |name: &str| rings.get(name).is_some_and(|ids| ids.iter().any(|id| certificate.is_called(id)));
    if let Some(ring) = ASKED.into_iter().find(|name| holding(name)) {
        return Trust::new(Answer::Yes, format!("the running kernel has the key in its ring {ring}"));
    }
    match holding(PLATFORM) {
        true => Trust::new(
            Answer::Unknown,
            format!("the running kernel has the key in its ring {PLATFORM}; {OUR_PLATFORM}"),
        ),
        false => Trust::new(Answer::No, "no ring that the running kernel asks about modules has the key"),
    }
}

/// Why a key of the ring `.platform` settles nothing.
const OUR_PLATFORM: &str = "Linux does not ask that ring about modules, and the kernels of several distributions do";

impl TrustFacts<'_> {
    /// Whether the certificate is trusted no more.
    fn forbidden(&self, certificate: &Certificate) -> Option<Trust> {
        let word = format!("tbs:{}", hexadecimal(&certificate.signed_part));
        if self.running.is_some_and(|running| running.forbidden.contains(&word)) {
            return Some(Trust::new(Answer::No, "the running kernel has the certificate in its ring .blacklist"));
        }
        [Store::Forbidden, Store::OwnerForbidden].into_iter().find_map(|store| self.forbidden_by(store, certificate))
    }

    fn forbidden_by(&self, store: Store, certificate: &Certificate) -> Option<Trust> {
        let entries = self.store(store).ok()?;
        let found = entries.iter().find_map(|entry| match entry {
            EfiSignature::Certificate(der) if *der == certificate.der => Some("SYSTEM_REVOCATION_LIST"),
            EfiSignature::CertificateDigest(digest) if *digest == certificate.signed_part[..] => {
                Some("SYSTEM_BLACKLIST_KEYRING")
            }
            _ => None,
        });
        let symbol = found?;
        let is_read = || {
            let by_kernel = self.image.is_configured("LOAD_UEFI_KEYS")? && self.image.is_configured(symbol)?;
            Ok::<bool, Unknown>(by_kernel && (store != Store::OwnerForbidden || *self.firmware.secure_boot.get()?))
        };
        match is_read() {
            Ok(true) => {
                Some(Trust::new(Answer::No, format!("{} of the firmware forbids the certificate", store.name())))
            }
            Ok(false) => None,
            Err(Unknown(why)) => Some(Trust::new(
                Answer::Unknown,
                format!("{} of the firmware forbids the certificate; {why}", store.name()),
            )),
        }
    }

    /// The trust that the kernel would have when it starts, by files.
    fn by_files(&self, certificate: &Certificate) -> Trust {
        let ways = [self.of_its_own(certificate), self.of_owner(certificate), self.of_firmware(certificate)];
        let of = |answer| ways.iter().find(|way| way.answer == answer).cloned();
        if let Some(yes) = of(Answer::Yes) {
            return yes;
        }
        let joined = |answer| {
            let said = ways.iter().filter(|way| way.answer == answer).map(|way| way.evidence.as_str());
            Trust::new(answer, said.collect::<Vec<_>>().join("; "))
        };
        joined(if of(Answer::Unknown).is_some() { Answer::Unknown } else { Answer::No })
    }

    fn of_its_own(&self, certificate: &Certificate) -> Trust {
        match self.image.certificates.get() {
            Ok(own) if own.contains(&certificate.der) => Trust::new(
                Answer::Yes,
                format!("the certificate is part of the kernel ({})", self.image.certificates.source()),
            ),
            Ok(_) => Trust::new(Answer::No, "it is not part of the kernel"),
            Err(Unknown(why)) => {
                Trust::new(Answer::Unknown, format!("the kernel's own certificates are not known: {why}"))
            }
        }
    }

    fn of_owner(&self, certificate: &Certificate) -> Trust {
        let list = Store::Owner.name();
        match self.has(Store::Owner, certificate) {
            Ok(true) => self
                .listed_by_owner()
                .unwrap_or_else(|Unknown(why)| Trust::new(Answer::Unknown, format!("{list} has it; {why}"))),
            Ok(false) => {
                Trust::new(Answer::No, format!("{list} of the firmware does not have it{}", self.waiting(certificate)))
            }
            Err(why) => why.into(),
        }
    }

    /// A certificate that the machine's owner trusts.
    fn listed_by_owner(&self) -> Result<Trust, Unknown> {
        let list = Store::Owner.name();
        if !self.image.is_configured("LOAD_UEFI_KEYS")? {
            return Ok(Trust::new(
                Answer::No,
                format!("{list} has it, and the kernel does not read it (CONFIG_LOAD_UEFI_KEYS)"),
            ));
        }
        if !*self.firmware.secure_boot.get()? {
            return Ok(Trust::new(Answer::No, format!("{list} has it, and is not read while Secure Boot is off")));
        }
        let has_ring = self.image.is_configured("INTEGRITY_MACHINE_KEYRING")?
            && self.image.is_configured("SECONDARY_TRUSTED_KEYRING")?
            && *self.firmware.is_owner_trusted.get()?;
        if !has_ring {
            return Ok(Trust::new(Answer::Unknown, format!("{list} has it, for the ring {PLATFORM}; {OUR_PLATFORM}")));
        }
        if self.image.is_configured("INTEGRITY_CA_MACHINE_KEYRING")? {
            let only = "the kernel takes only authorities from there (CONFIG_INTEGRITY_CA_MACHINE_KEYRING)";
            return Ok(Trust::new(Answer::Unknown, format!("{list} has it, and {only}")));
        }
        Ok(Trust::new(Answer::Yes, format!("{list} has it, Secure Boot is on, and the kernel has the ring .machine")))
    }

    fn of_firmware(&self, certificate: &Certificate) -> Trust {
        let list = Store::Allowed.name();
        match self.has(Store::Allowed, certificate) {
            Ok(false) => Trust::new(Answer::No, format!("{list} of the firmware does not have it")),
            Err(why) => why.into(),
            Ok(true) => match self.image.is_configured("LOAD_UEFI_KEYS") {
                Ok(false) => Trust::new(
                    Answer::No,
                    format!("{list} has it, and the kernel does not read it (CONFIG_LOAD_UEFI_KEYS)"),
                ),
                Ok(true) => {
                    Trust::new(Answer::Unknown, format!("{list} has it, for the ring {PLATFORM}; {OUR_PLATFORM}"))
                }
                Err(why) => why.into(),
            },
        }
    }

    /// The question of the next start to the machine's owner, as the end of a clause.
    fn waiting(&self, certificate: &Certificate) -> &'static str {
        match self.has(Store::OwnerRequested, certificate) {
            Ok(true) => ", and the next start asks whether it is to be trusted",
            _ => "",
        }
    }

    fn has(&self, store: Store, certificate: &Certificate) -> Result<bool, Unknown> {
        let is_it = |entry: &EfiSignature| matches!(entry, EfiSignature::Certificate(der) if *der == certificate.der);
        Ok(self.store(store)?.iter().any(is_it))
    }

    fn store(&self, store: Store) -> Result<&[EfiSignature], Unknown> {
        match self.firmware.stores.get(&store) {
            Some(fact) => Ok(fact.get()?),
            None => Err(Unknown::because(format!("{} was not read", store.name()))),
        }
    }

    fn requires(&self) -> Result<Trust, Unknown> {
        if !self.image.is_configured("MODULE_SIG")? {
            return Ok(Trust::new(Answer::No, "the kernel reads no signatures (CONFIG_MODULE_SIG)"));
        }
        for symbol in ["MODULE_SIG_FORCE", "LOCK_DOWN_KERNEL_FORCE_INTEGRITY", "LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY"]
        {
            if self.image.is_configured(symbol)? {
                return Ok(Trust::new(Answer::Yes, format!("it is configured so (CONFIG_{symbol})")));
            }
        }
        match self.running {
            Some(running) => running.requires(self.image),
            None => self.requires_when_it_starts(),
        }
    }

    fn requires_when_it_starts(&self) -> Result<Trust, Unknown> {
        for symbol in ["IMA_ARCH_POLICY", "LOCK_DOWN_IN_EFI_SECURE_BOOT", "LOCK_DOWN_IN_SECURE_BOOT"] {
            if self.image.is_configured(symbol)? && *self.firmware.secure_boot.get()? {
                return Ok(Trust::new(Answer::Yes, format!("Secure Boot is on, and CONFIG_{symbol} is set")));
            }
        }
        let open = "neither its configuration nor Secure Boot requires them; its command line can (module.sig_enforce, lockdown)";
        Err(Unknown::because(open))
    }
}

impl RunningFacts {
    fn requires(&self, image: &Image) -> Result<Trust, Unknown> {
        if *self.enforced.get()? {
            return Ok(Trust::new(Answer::Yes, format!("the running kernel says so ({})", self.enforced.source())));
        }
        if !image.is_configured("SECURITY_LOCKDOWN_LSM")? {
            return Ok(Trust::new(Answer::No, format!("the running kernel says so ({})", self.enforced.source())));
        }
        let mode = self.lockdown.get()?;
        let answer = if mode == "none" { Answer::No } else { Answer::Yes };
        Ok(Trust::new(answer, format!("the lockdown of the running kernel is `{mode}`")))
    }
}

#[cfg(test)]
mod tests;
