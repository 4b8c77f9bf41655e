//! `modsmith keys`: which keys there are, and which kernels trust them.

use serde::Serialize;

use super::arguments::KeysArguments;
use super::output;
use super::setup::looking;
use modsmith_core::Environment;
use modsmith_core::error::Result;
use modsmith_core::flow::{KernelKeys, Keys, Known, Place, keys};
use modsmith_core::tree::check_kernel_name;
use modsmith_facts::efi::Store;
use modsmith_facts::text::line;
use modsmith_verify::Trust;

/// `modsmith keys --json`; described by `docs/reference/keys-schema.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    secure_boot: &'a Trust,
    kernels: Vec<KernelDocument<'a>>,
    certificates: Vec<CertificateDocument<'a>>,
    only_in_rings: Vec<RingDocument<'a>>,
    unread: Vec<UnreadDocument<'a>>,
}

/// A kernel that was asked about.
#[derive(Debug, Serialize)]
struct KernelDocument<'a> {
    kernel: &'a str,
    running: bool,
    requires_signatures: &'a Trust,
}

/// A certificate, and which kernels trust it.
#[derive(Debug, Serialize)]
struct CertificateDocument<'a> {
    subject: &'a str,
    issuer: &'a str,
    serial: &'a str,
    key_id: Option<&'a str>,
    sha256: &'a str,
    places: Vec<PlaceDocument<'a>>,
    kernels: Vec<AnswerDocument<'a>>,
}

/// The place of a certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
enum PlaceDocument<'a> {
    Signing { file: String },
    Firmware { store: Store, variable: &'static str },
    Kernel { kernel: &'a str },
}

/// Whether a kernel trusts a certificate.
#[derive(Debug, Serialize)]
struct AnswerDocument<'a> {
    kernel: &'a str,
    #[serde(flatten)]
    trusts: &'a Trust,
}

/// A key whose certificate was found nowhere.
#[derive(Debug, Serialize)]
struct RingDocument<'a> {
    ring: &'a str,
    name: &'a str,
    id: &'a str,
}

/// A place that could not be read.
#[derive(Debug, Serialize)]
struct UnreadDocument<'a> {
    subject: &'a str,
    why: &'a str,
}

impl<'a> From<&'a Keys> for Document<'a> {
    fn from(found: &'a Keys) -> Self {
        let kernel = |kernel: &'a KernelKeys| KernelDocument {
            kernel: &kernel.release,
            running: kernel.is_running,
            requires_signatures: &kernel.requires,
        };
        Self {
            schema_version: 1,
            secure_boot: &found.secure_boot,
            kernels: found.kernels.iter().map(kernel).collect(),
            certificates: found.certificates.iter().map(|known| CertificateDocument::of(found, known)).collect(),
            only_in_rings: found
                .only_in_rings
                .iter()
                .map(|(ring, key)| RingDocument { ring, name: &key.name, id: &key.id })
                .collect(),
            unread: found.unread.iter().map(|(subject, why)| UnreadDocument { subject, why }).collect(),
        }
    }
}

impl<'a> CertificateDocument<'a> {
    fn of(found: &'a Keys, known: &'a Known) -> Self {
        let certificate = &known.certificate;
        let answers = found.kernels.iter().zip(&known.answers);
        Self {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            serial: &certificate.serial,
            key_id: certificate.key_id.as_deref(),
            sha256: &certificate.sha256,
            places: known.places.iter().map(PlaceDocument::from).collect(),
            kernels: answers.map(|(kernel, trusts)| AnswerDocument { kernel: &kernel.release, trusts }).collect(),
        }
    }
}

impl<'a> From<&'a Place> for PlaceDocument<'a> {
    fn from(place: &'a Place) -> Self {
        match place {
            Place::Signing(file) => PlaceDocument::Signing { file: file.display().to_string() },
            Place::Store(store) => PlaceDocument::Firmware { store: *store, variable: store.name() },
            Place::Kernel(kernel) => PlaceDocument::Kernel { kernel },
        }
    }
}

/// Prints what was found.
pub fn run(arguments: &KeysArguments, environment: &Environment) -> Result<()> {
    if let Some(kernel) = &arguments.kernel {
        check_kernel_name("kernel", kernel)?;
    }
    let run = looking(&arguments.directories, environment)?;
    let found = keys(&run, arguments.kernel.as_deref())?;
    match arguments.json {
        true => output::json(&Document::from(&found)),
        false => {
            output::lines(&text(&found));
            Ok(())
        }
    }
}

/// Secure Boot, the kernels, then each certificate: where it is, and each kernel's answer.
fn text(found: &Keys) -> String {
    let mut rows = vec![format!("Secure Boot: {}", answer(&found.secure_boot))];
    for kernel in &found.kernels {
        let running = if kernel.is_running { ", which runs," } else { "" };
        rows.push(format!("{}{running} requires signatures: {}", kernel.release, answer(&kernel.requires)));
    }
    for known in &found.certificates {
        rows.push(String::new());
        rows.push(known.certificate.subject.clone());
        rows.push(format!("  sha256 {}", known.certificate.sha256));
        rows.extend(known.places.iter().map(|place| format!("  {}", place.words())));
        let answers = found.kernels.iter().zip(&known.answers);
        rows.extend(answers.map(|(kernel, trust)| format!("  {} trusts it: {}", kernel.release, answer(trust))));
    }
    if !found.only_in_rings.is_empty() {
        rows.push(String::new());
        rows.push("Keys of the running kernel whose certificates were found nowhere:".to_owned());
        rows.extend(found.only_in_rings.iter().map(|(ring, key)| format!("  {ring}: {} ({})", key.name, key.id)));
    }
    if !found.unread.is_empty() {
        rows.push(String::new());
        rows.push("Not known:".to_owned());
        rows.extend(found.unread.iter().map(|(subject, why)| format!("  {subject}: {why}")));
    }
    rows.iter().map(|row| line(row)).collect::<Vec<_>>().join("\n")
}

fn answer(trust: &Trust) -> String {
    format!("{} ({})", trust.answer.word(), trust.evidence)
}
