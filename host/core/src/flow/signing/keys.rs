//! Which keys there are, and which kernels trust them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::invocation::trust_facts::{firmware_facts, running_facts};
use crate::flow::kernel::installed::installed_kernels;
use crate::tree::Target;
use modsmith_facts::efi::{EfiSignature, Store};
use modsmith_facts::inside;
use modsmith_facts::kernel::{Kernel, machine};
use modsmith_facts::keyrings::{RingKey, keyrings};
use modsmith_plan::{Argument, Builder};
use modsmith_plugins::{Answer as Asked, Signer};
use modsmith_verify::{
    Answer, Certificate, Fact, FirmwareFacts, Image, RunningFacts, Trust, TrustFacts, requires_signatures, trusts,
};

/// All that is known of keys.
#[derive(Debug, Clone)]
pub struct Keys {
    pub secure_boot: Trust,
    pub kernels: Vec<KernelKeys>,
    pub certificates: Vec<Known>,
    /// Keys in rings of the running kernel whose certificates were found nowhere.
    pub only_in_rings: Vec<(String, RingKey)>,
    /// The sources that could not be read, each with the reason.
    pub unread: Vec<(String, String)>,
}

/// A kernel that was asked about.
#[derive(Debug, Clone)]
pub struct KernelKeys {
    pub release: String,
    pub is_running: bool,
    /// Whether it takes only modules with a signature of a key that it trusts.
    pub requires: Trust,
}

/// A certificate that was found.
#[derive(Debug, Clone)]
pub struct Known {
    pub certificate: Certificate,
    pub places: Vec<Place>,
    /// Whether kernels trust its key, in the order of [`Keys::kernels`].
    pub answers: Vec<Trust>,
}

/// Where a certificate was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Modules are signed with its key; the file.
    Signing(PathBuf),
    /// A list of the firmware.
    Store(Store),
    /// Part of a kernel's image; its release.
    Kernel(String),
}

/// The certificates of the firmware, of kernels and of this system's signer, with the answers of
/// these kernels, or of all installed ones where none is named.
///
/// # Errors
/// A plugin cannot be read. What is missing of the facts is an *unknown*, or is listed.
pub fn keys(run: &Invocation<'_>, release: Option<&str>) -> Result<Keys> {
    let firmware = firmware_facts(&run.env.system.root);
    let releases = release.map_or_else(|| installed_kernels(run.env.install_tree()), |named| vec![named.to_owned()]);
    let kernels: Vec<(Arc<Kernel>, Arc<Image>)> =
        releases.into_iter().map(|release| kernel_and_image(run, release)).collect();
    let is_running = kernels.iter().any(|(kernel, _)| kernel.running());
    let rings = is_running.then(keyrings);
    let running = rings.as_ref().map(running_facts);
    let facts: Vec<TrustFacts<'_>> =
        kernels.iter().map(|(kernel, image)| facts_of(kernel, image, &firmware, running.as_ref())).collect();

    let mut found = Found::default();
    for (kernel, image) in &kernels {
        found.signing(run, kernel)?;
        found.of_kernel(image);
    }
    found.of_firmware(&firmware);
    let mut unread = found.unread;
    unread.extend(unread_rings(rings.as_ref()));
    let certificates: Vec<Known> = found.certificates.into_values().map(|known| known.judged(&facts)).collect();
    let in_rings = rings.and_then(std::result::Result::ok).map(|rings| rings.rings).unwrap_or_default();
    let keys_in_rings = in_rings
        .into_iter()
        .flat_map(|(ring, keys)| keys.unwrap_or_default().into_iter().map(move |key| (ring.clone(), key)));
    let has_no_certificate =
        |(_, key): &(String, RingKey)| !certificates.iter().any(|known| known.certificate.is_called(&key.id));
    Ok(Keys {
        secure_boot: state_of(&firmware.secure_boot),
        kernels: kernels
            .iter()
            .zip(&facts)
            .map(|((kernel, _), facts)| KernelKeys {
                release: kernel.release().to_owned(),
                is_running: kernel.running(),
                requires: requires_signatures(facts),
            })
            .collect(),
        only_in_rings: keys_in_rings.filter(has_no_certificate).collect(),
        certificates,
        unread,
    })
}

fn kernel_and_image(run: &Invocation<'_>, release: String) -> (Arc<Kernel>, Arc<Image>) {
    let target = Target { kernel: release, arch: machine() };
    let kernel = run.kernel(&target);
    let image = run.facts.image(&run.env, &target, &kernel);
    (kernel, image)
}

fn facts_of<'f>(
    kernel: &Kernel,
    image: &'f Image,
    firmware: &'f FirmwareFacts,
    running: Option<&'f RunningFacts>,
) -> TrustFacts<'f> {
    TrustFacts { image, firmware, running: running.filter(|_| kernel.running()) }
}

fn state_of(secure_boot: &Fact<bool>) -> Trust {
    match secure_boot {
        Fact::Known { value, source } => {
            Trust { answer: if *value { Answer::Yes } else { Answer::No }, evidence: source.clone() }
        }
        Fact::Unknown(why) => Trust { answer: Answer::Unknown, evidence: why.0.clone() },
    }
}

fn unread_rings(rings: Option<&Result<modsmith_facts::keyrings::Keyrings, String>>) -> Vec<(String, String)> {
    match rings {
        None => Vec::new(),
        Some(Err(why)) => vec![("the rings of the running kernel".to_owned(), why.clone())],
        Some(Ok(rings)) => {
            let unread =
                rings.rings.iter().filter_map(|(name, keys)| Some((name.clone(), keys.as_ref().err()?.clone())));
            unread.collect()
        }
    }
}

/// Certificates by their digests: one is listed once, with all its places.
#[derive(Default)]
struct Found {
    certificates: BTreeMap<String, Known>,
    unread: Vec<(String, String)>,
}

impl Found {
    fn add(&mut self, der: &[u8], place: Place) {
        let Some(certificate) = Certificate::of(der) else {
            let where_it_is = place.words();
            return self.note(where_it_is, "a certificate there has no form that is read".to_owned());
        };
        let new = Known { certificate, places: Vec::new(), answers: Vec::new() };
        let known = self.certificates.entry(new.certificate.sha256.clone()).or_insert(new);
        if !known.places.contains(&place) {
            known.places.push(place);
            known.places.sort();
        }
    }

    fn note(&mut self, what: String, why: String) {
        let note = (what, why);
        if !self.unread.contains(&note) {
            self.unread.push(note);
        }
    }

    /// The certificate that modules for a kernel are signed with.
    fn signing(&mut self, run: &Invocation<'_>, kernel: &Arc<Kernel>) -> Result<()> {
        let roots = run.env.kernel_roots(kernel);
        let mut plan = Builder::new("choose the key", roots.clone());
        let what = "the signing key".to_owned();
        let certificate = match Signer(&run.env.plugins).prepare(kernel, &mut plan)? {
            Asked::Given { value, .. } => value.certificate,
            Asked::Unsupported(reasons) => {
                reasons.into_iter().for_each(|(_, why)| self.note(what.clone(), why));
                return Ok(());
            }
        };
        match certificate {
            None => self.note(what, "the signing program alone knows its certificate".to_owned()),
            Some(certificate @ Argument::Text(_)) => {
                let shown = plan.shown(&certificate);
                self.note(shown, "a certificate on a token is not read".to_owned());
            }
            Some(Argument::Location(location)) => match roots.path(&location) {
                Some(file) => self.of_file(&file),
                None => self.note(location.to_string(), "it is below a root that this system does not have".to_owned()),
            },
        }
        Ok(())
    }

    fn of_file(&mut self, file: &Path) {
        match inside::read_configuration(file) {
            Ok(der) => self.add(&der, Place::Signing(file.to_path_buf())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let why = "there is no certificate yet: the next build, or `modsmith generate_mok`, makes a pair";
                self.note(file.display().to_string(), why.to_owned());
            }
            Err(error) => self.note(file.display().to_string(), error.to_string()),
        }
    }

    fn of_kernel(&mut self, image: &Image) {
        match image.certificates.get() {
            Ok(own) => own.iter().for_each(|der| self.add(der, Place::Kernel(image.release.clone()))),
            Err(why) => self.note(format!("the certificates of kernel {}", image.release), why.0),
        }
    }

    fn of_firmware(&mut self, firmware: &FirmwareFacts) {
        for (store, entries) in &firmware.stores {
            match entries.get() {
                Err(why) => self.note(store.name().to_owned(), why.0),
                Ok(entries) => entries.iter().for_each(|entry| {
                    if let EfiSignature::Certificate(der) = entry {
                        self.add(der, Place::Store(*store));
                    }
                }),
            }
        }
    }
}

impl Known {
    fn judged(mut self, facts: &[TrustFacts<'_>]) -> Self {
        self.answers = facts.iter().map(|facts| trusts(facts, &self.certificate)).collect();
        self
    }
}

impl Place {
    /// In words, for people.
    pub fn words(&self) -> String {
        match self {
            Place::Signing(file) => format!("signs modules ({})", file.display()),
            Place::Store(store) => store.words().to_owned(),
            Place::Kernel(release) => format!("part of kernel {release}"),
        }
    }
}
