//! Signing built modules again, with the key of today.

use std::sync::Arc;

use super::install::reinstall;
use crate::build::Compressor;
use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::package_facts::package_facts;
use crate::flow::record::plan_signed_record;
use crate::flow::signing::{plan_signing, signing};
use crate::tree::{PackageId, Target};
use modsmith_facts::kernel::{module_stem, read_module, signature};
use modsmith_plan::{Action, Builder, Bytes, verbs};

/// Signs the modules of a package that is built for a kernel, and installs them again.
///
/// # Errors
/// Nothing can sign here; a module cannot be read; those of the plans.
pub fn sign_again(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let package = run.env.package(id)?;
    let kernel = run.kernel(target);
    let conf = run.conf(&package, &kernel, Strictness::Lenient)?;
    let choice = signing(run, &package, &kernel)?;
    let Some(signing) = choice.signing.filter(|_| !choice.of_source) else {
        return Err(Error::new(
            Kind::System,
            format!("The modules of {id} were not signed again: nothing can sign here."),
        )
        .hint("The lines above say what is missing."));
    };
    let facts = Arc::new(package_facts(&package, &conf));
    let directory = id.products_dir(target);
    let work = id
        .kernel_dir(target)
        .join(format!(".tmp_{}_{}", target.arch, std::process::id()))
        .map_err(|e| Error::new(Kind::System, e.to_string()))?;
    let mut plan = Builder::new(format!("sign {id} for {target} again"), run.env.roots(&package, Some(&kernel)));
    plan.push(verbs::MakeDirectory { location: work.clone() }, "the modules are signed in a hidden directory");
    for product in run.env.tree.products(id, target) {
        let Some((stem, compression)) = module_stem(&product) else { continue };
        let bad = |e: modsmith_facts::BadLocation| Error::new(Kind::System, e.to_string());
        let place = directory.join(&product).map_err(bad)?;
        let file = work.join(format!("{stem}.ko")).map_err(bad)?;
        let real = run.env.tree.real(&place);
        let contents = read_module(&real).map_err(|e| Error::io("read", &real, e))?;
        let contents = Bytes(unsigned(&contents).to_vec());
        plan.push(
            verbs::WriteFile { location: file.clone(), contents, mode: 0o644 },
            "the module without its signature",
        );
        plan_signing(run, &signing, &facts, &kernel, &file, &real, &mut plan);
        if let Some(compression) = compression {
            let compressor = Compressor::new(compression, &run.env.framework);
            plan.push(Action::Run(compressor.command(&file)), "compressed as it was before");
        }
        let made = work.join(&product).map_err(bad)?;
        plan.push(verbs::Rename { from: made, to: place }, "the signed module takes the place of the old one")
            .fails_as(Kind::ProductMissing, format!("{product} of {id} could not be signed again."));
    }
    plan.push(verbs::Remove { location: work }, "the hidden directory is empty");
    plan_signed_record(run, id, target, &mut plan);
    run.runner.run(plan)?;
    reinstall(run, id, target)
}

/// A module without any of its signatures.
fn unsigned(mut module: &[u8]) -> &[u8] {
    while let Ok(Some(signature)) = signature(module) {
        module = signature.content;
    }
    module
}
