//! Building a package again, to see whether the result is the same.

use std::collections::BTreeMap;

use crate::conf::Strictness;
use crate::error::{Error, Result};
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::build::plan::plan_unsigned;
use crate::flow::invocation::kernel_inputs::digest_of_file;
use crate::flow::recipe::preconditions::{check_dependencies, check_headers, check_patches, check_source};
use crate::flow::recipe::toolchain::toolchain_of;
use crate::flow::recipe::workplace::workplace;
use crate::flow::store::builds::{file_name, open};
use crate::flow::store::identity::declare;
use crate::flow::transaction::begin;
use crate::tree::{PackageId, Target};
use modsmith_plan::{Builder, verbs};

/// The result of a rebuild.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// Whether the store had a build of the same identity to compare with.
    pub stored: bool,
    /// Modules that differ.
    pub differing: Vec<String>,
}

/// Builds a package twice, and compares the unsigned modules with each other and with those of the
/// store. States of packages do not change.
///
/// # Errors
/// Those of a build.
pub fn rebuild(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<Rebuilt> {
    let _lock = begin(run)?;
    let package = run.env.package(id)?;
    let kernel = run.kernel(target);
    let conf = run.conf(&package, &kernel, Strictness::Strict)?;
    check_source(&package)?;
    check_headers(run, &kernel)?;
    check_dependencies(run, &package, &conf, target)?;
    let patches = check_patches(run, &package, &conf)?;
    let toolchain = toolchain_of(run, &kernel)?;
    let place = workplace(run, &package, &conf, &kernel, target)?;
    let declared = declare(run, &package, &kernel, target, &conf, &toolchain, &place);
    let store = open(&run.env).ok().flatten();
    let stored = declared.ok().and_then(|declared| store?.find(&declared.identity).ok().flatten());
    let decisions = Decisions::unsigned(conf, toolchain, place, patches);

    let directory = decisions.place.location.clone();
    let was_there = run.env.tree.real(&directory).is_dir();
    let mut builds = Vec::new();
    for _ in 0..2 {
        let mut plan = Builder::new(format!("build {id} for {target} again"), run.env.roots(&package, Some(&kernel)));
        let built = plan_unsigned(run, &package, &kernel, target, &decisions, &mut plan)?;
        run.runner.run(plan)?;
        let mut digests = BTreeMap::new();
        for (module, location) in built {
            let path = run.env.tree.real(&location);
            digests.insert(file_name(&module), digest_of_file(&path).map_err(|error| Error::io("read", &path, error))?);
        }
        builds.push(digests);
        let mut plan = Builder::new(format!("end the build of {id}"), run.env.roots(&package, Some(&kernel)));
        plan.push(verbs::Remove { location: directory.clone() }, "it was only made to be compared");
        if was_there {
            plan.push(verbs::MakeDirectory { location: directory.clone() }, "it was there before");
        }
        run.runner.run(plan)?;
    }
    let mut differing = Vec::new();
    if let [first, second] = builds.as_slice() {
        for (file, digest) in first {
            let kept = stored.as_ref().and_then(|entry| entry.files.get(file)).map(|file| &file.digest);
            if second.get(file) != Some(digest) || kept.is_some_and(|kept| kept != digest) {
                differing.push(file.clone());
            }
        }
    }
    Ok(Rebuilt { stored: stored.is_some(), differing })
}
