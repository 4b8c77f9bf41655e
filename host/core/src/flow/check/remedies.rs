//! Remedies that several checks have: which repair is possible here.

use super::problem::{Problem, Repair};
use super::scene::{KernelScene, Scene};
use crate::flow::recipe::preconditions::check_source;
use crate::tree::Package;
use modsmith_plugins::KernelLayout;

/// Building again, where there is what a build needs; else what is missing.
pub fn rebuild(problem: Problem, scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Problem {
    let (id, release) = (&package.id, &kernel.target.kernel);
    if check_source(package).is_err() {
        let text = format!(
            "The source of {id} has nothing to build: install or load the package again, then run \
             `modsmith install {id} -k {release} --force`."
        );
        return problem.manual(text);
    }
    if kernel.kernel.headers().is_none() {
        let text = format!("{} Then run `modsmith check --repair`.", install_headers(scene, kernel));
        return problem.manual(text);
    }
    let again = match scene.run.env.tree.is_installed(id, &kernel.target) {
        true => "Build it again and install it again",
        false => "Build it again",
    };
    problem.rebuild(format!("{again} for kernel {release}."), Repair::Rebuild)
}

/// What to do about missing headers, as a sentence.
pub fn install_headers(scene: &Scene<'_, '_>, kernel: &KernelScene) -> String {
    match KernelLayout(&scene.run.env.plugins).header_package(&kernel.kernel).ok().flatten() {
        Some(package) => format!("Install the package {package}."),
        None => format!("Install the headers of kernel {}.", kernel.target.kernel),
    }
}

/// Copying the product again, where the kernel would load it; else building again.
pub fn reinstall(problem: Problem, scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Problem {
    match kernel.refuses(scene, &package.id) {
        true => rebuild(problem, scene, package, kernel),
        false => problem.automatic("Copy it from the tree again, and run depmod.", Repair::Reinstall),
    }
}
