//! Signatures of modules, compared with the certificate that builds sign with today.

use std::path::{Path, PathBuf};

use super::ours::same_module;
use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::flow::recipe::preconditions::check_source;
use crate::flow::signing::{MaySign, may_sign, unsigned_by_choice};
use crate::tree::{Package, RecordedModule};
use modsmith_facts::inside;
use modsmith_facts::kernel::{Elf, SignatureFault, read_module, signature};
use modsmith_plan::cms::names_signer;
use modsmith_plan::{Argument, Builder};
use modsmith_plugins::{Answer, Signer};

pub(super) const SIGNATURE: Check = Check {
    id: "signature",
    state: 14,
    title: "the module is not signed with the key that modules are signed with",
    stage: Stage::Products,
    find: unsigned,
};

/// The certificate of the key that modules for a kernel are signed with.
struct Certificate {
    shown: String,
    bytes: Vec<u8>,
}

fn unsigned(scene: &Scene<'_, '_>) -> Vec<Problem> {
    if unsigned_by_choice(scene.run).is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for kernel in &scene.kernels {
        let mut active = scene.active();
        active.retain(|(_, known)| known.target == kernel.target);
        // A signer is asked only where there is something to compare.
        let Some(certificate) = active.first().and_then(|_| certificate(scene, kernel)) else { continue };
        let problems = active.iter().filter_map(|(package, kernel)| of_package(scene, package, kernel, &certificate));
        found.extend(problems);
    }
    found
}

/// `None` where modules for this kernel are not signed, where the key is not there yet,
/// and where only the signing program knows its certificate.
fn certificate(scene: &Scene<'_, '_>, kernel: &KernelScene) -> Option<Certificate> {
    if kernel.kernel.config("MODULE_SIG") != Some("y") {
        return None;
    }
    let mut plan = Builder::new(String::new(), scene.run.env.kernel_roots(&kernel.kernel));
    let Ok(Answer::Given { value, .. }) = Signer(&scene.run.env.plugins).prepare(&kernel.kernel, &mut plan) else {
        return None;
    };
    value.digest.as_ref()?;
    let path = match value.certificate? {
        Argument::Location(location) => plan.roots().path(&location)?,
        Argument::Text(path) => path.into(),
    };
    let bytes = inside::read_configuration(&path).ok()?;
    Some(Certificate { shown: path.display().to_string(), bytes })
}

fn of_package(
    scene: &Scene<'_, '_>,
    package: &Package,
    kernel: &KernelScene,
    certificate: &Certificate,
) -> Option<Problem> {
    // A package without a source was built on another machine, with that machine's key.
    check_source(package).ok()?;
    let allowed = may_sign(package);
    if allowed == MaySign::None {
        return None;
    }
    let (id, target) = (&package.id, &kernel.target);
    let directory = scene.products_dir(id, kernel);
    let products: Vec<PathBuf> =
        scene.run.env.tree.products(id, target).into_iter().map(|product| directory.join(product)).collect();
    let record = scene.run.env.tree.record(id, target);
    let installed = record.iter().flat_map(|record| &record.modules).filter_map(RecordedModule::installed_at);
    let installed = installed.map(|location| kernel.kernel.module_dir().join(location.relative()));
    // A file that is not the built one is a state of its own.
    let installed = installed.filter(|file| products.iter().any(|product| same_module(file, product)));
    let installed: Vec<PathBuf> = installed.collect();
    let mut files = products.into_iter().chain(installed);
    let (file, why) = files.find_map(|file| Some((file.clone(), fault(&file, certificate)?)))?;
    let evidence = format!("{}: {why}", file.display());
    let problem = Problem::of(&SIGNATURE, evidence).package(id).target(target).path(file);
    if allowed == MaySign::NewBuilds {
        let text = format!("Build it again, signed with the key of {}, and install it.", certificate.shown);
        return Some(problem.rebuild(text, Repair::Rebuild));
    }
    let text = format!("Sign it again with the key of {}, and copy it from the tree again.", certificate.shown);
    Some(problem.automatic(text, Repair::SignAgain))
}

/// What is wrong with a file's signature; `None` also for a file that cannot be read,
/// which is a state of its own.
fn fault(file: &Path, certificate: &Certificate) -> Option<String> {
    let bytes = read_module(file).ok().filter(|bytes| Elf::parse(bytes).is_ok())?;
    match signature(&bytes) {
        Ok(None) => Some("it has no signature".to_owned()),
        Ok(Some(signature)) => match names_signer(signature.message, &certificate.bytes) {
            Ok(true) => None,
            Ok(false) => Some(format!("it is signed with another key than that of {}", certificate.shown)),
            Err(why) => Some(why),
        },
        Err(SignatureFault::OtherKind(kind)) => {
            Some(format!("its signature is of the kind {kind}, which no kernel takes"))
        }
        Err(SignatureFault::Malformed) => Some("its signature has an impossible description".to_owned()),
    }
}
