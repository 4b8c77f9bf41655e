//! Loading an archive into the tree.

use std::path::{Path, PathBuf};

use super::FormatRequest;
use super::shape::{Built, Shape};
use super::staging::Staging;
use super::unpack::{check_archive, unpack};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::actions::add::{nameless_conf, plan_registration, plan_source_copy, post_add, unregistered_conf};
use crate::flow::transaction::begin;
use crate::tree::{Package, PackageId, SourceState, Target};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, Undo, verbs};
use modsmith_plugins::LoadPurpose;

/// How many names a warning has.
const MOST_NAMES: usize = 5;

/// Loads an archive: its source is registered, and what it has built for
/// kernels becomes built here. `target` is the kernel that its dkms.conf is
/// evaluated for. `None`: its plans are only shown.
pub fn load_archive(
    run: &Invocation<'_>,
    archive: &Path,
    target: &Target,
    request: &FormatRequest,
) -> Result<Option<PackageId>> {
    check_archive(archive)?;
    let _lock = begin(run)?;
    let kernel = run.kernel(target);
    let staging = Staging::new(run)?;
    unpack(run, archive, request, &staging, LoadPurpose::ModulePackage)?;
    let shape = Shape::read(staging.path(), archive)?;
    let conf = nameless_conf(run, &shape.source, &kernel)?;
    let id = PackageId::new(&conf.name, &conf.version)?;
    let known = run.env.tree.entry(&id).map(|entry| entry.source);
    if known.is_some() && !run.env.options.force {
        return Err(Error::new(
            Kind::AlreadyLoaded,
            format!(
                "{id} is already in the tree {}, so {} was not loaded.",
                run.env.tree.path().display(),
                archive.display()
            ),
        )
        .hint("--force replaces the package with the contents of the archive."));
    }
    let staged = Package { id: id.clone(), source: shape.source.clone() };
    unregistered_conf(run, &staged, Some(conf), &kernel)?;

    let mut roots = run.env.system.roots.clone();
    roots.set(Root::Staging, staging.path());
    let mut plan = Builder::new(format!("load {id} from {}", archive.display()), roots);
    plan_source(run, &id, &shape, known, &request.format.name, &mut plan)?;
    plan_built(run, &id, &shape, &mut plan)?;
    run.runner.run(plan)?;
    let added = || match shape.binaries_only {
        true => Ok(id),
        false => post_add(run, &run.env.package(&id)?, &kernel).map(|()| id),
    };
    run.runner.after_success(added).transpose()
}

/// The source into the source tree, and its registration.
fn plan_source(
    run: &Invocation<'_>,
    id: &PackageId,
    shape: &Shape,
    known: Option<SourceState>,
    format: &str,
    plan: &mut Builder,
) -> Result<()> {
    let from = Location::new(Root::Staging, if shape.binaries_only { "binaries-only" } else { "source" });
    let from = from.expect("a plain name is a location");
    let registered = plan.roots().path(&id.source_dir()).unwrap_or_default();
    plan.push(verbs::MakeDirectory { location: id.version_dir() }, "this directory registers the version")
        .lines([String::new(), format!("Loading {format} for {id}")]);
    if shape.binaries_only {
        if registered.is_dir() {
            plan_registration(run, id, plan);
        } else if !matches!(known, Some(SourceState::Present(_))) {
            // The source is a directory with the dkms.conf and no link, as in dkms 2.x.
            plan_left_out(&from, &shape.beside_conf, plan)?;
            plan.push(
                verbs::Copy { from, to: id.source_link() },
                "an archive without source: its dkms.conf is kept in the tree",
            )
            .line(format!("Copying dkms.conf to {}", run.env.tree.real(&id.source_link()).display()));
        }
        return Ok(());
    }
    plan_source_copy(run, id, from, plan);
    plan_registration(run, id, plan);
    Ok(())
}

/// The steps that bring built modules into the tree. They rename a directory, so that a kernel's
/// modules appear all at once.
fn plan_built(run: &Invocation<'_>, id: &PackageId, shape: &Shape, plan: &mut Builder) -> Result<()> {
    for Built { target, left_out } in &shape.built {
        let to = id.target_dir(target);
        let shown = run.env.tree.real(&to);
        if shown.exists() && !run.env.options.force {
            run.runner.reporter.warning(&format!("{} already exists, skipping it.", shown.display()));
            continue;
        }
        let from = Location::new(Root::Staging, Path::new("built").join(&target.kernel).join(&target.arch))
            .map_err(|e| Error::new(Kind::ArchiveMalformed, e.to_string()))?;
        plan.push(verbs::MakeDirectory { location: id.kernel_dir(target) }, "built modules are kept by kernel");
        if shown.exists() {
            plan.push(verbs::Remove { location: to.clone() }, "--force replaces the built modules");
        }
        plan_left_out(&from, left_out, plan)?;
        warn_of(run, left_out, target);
        plan.push(verbs::Rename { from, to }, "the complete result gets its final name in one step")
            .line(format!("Loading {}...", shown.display()));
    }
    Ok(())
}

/// Steps that take files of the archive away before it gets into the tree.
fn plan_left_out(from: &Location, left_out: &[PathBuf], plan: &mut Builder) -> Result<()> {
    for path in left_out {
        let location = from.join(path).map_err(|e| Error::new(Kind::ArchiveMalformed, e.to_string()))?;
        plan.push(verbs::Remove { location }, "only files that are known by name get into the tree")
            .on_undo(Undo::Never);
    }
    Ok(())
}

/// Says what of an archive does not get into the tree.
fn warn_of(run: &Invocation<'_>, left_out: &[PathBuf], target: &Target) {
    if left_out.is_empty() {
        return;
    }
    let mut names: Vec<String> = left_out.iter().take(MOST_NAMES).map(|path| format!("`{}`", path.display())).collect();
    if left_out.len() > names.len() {
        names.push(format!("{} more", left_out.len() - names.len()));
    }
    run.runner.reporter.warning(&format!(
        "Of what the archive has for {target}, this is not loaded: {}. Modules, their symbols and the log of their build are.",
        names.join(", ")
    ));
}
