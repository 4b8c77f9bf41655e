//! From an archive into the tree.

use std::path::Path;

use super::FormatRequest;
use super::shape::{Shape, malformed};
use super::staging::Staging;
use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::add::{identify, plan_registration, plan_source_copy, post_add};
use crate::flow::notices::notices;
use crate::flow::packages::confined::check_staged;
use crate::flow::transaction::begin;
use crate::tree::{Package, PackageId, SourceState, Target};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, Section, verbs};
use modsmith_plugins::Packager;

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
    unpack(run, archive, request, &staging)?;
    let shape = Shape::read(staging.path(), archive)?;
    let id = identify(run, &shape.source, &kernel)?;
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
    let conf = run.conf(&staged, &kernel, Strictness::Strict)?;
    notices(run, &conf);

    let mut roots = run.env.system.roots.clone();
    roots.set(Root::Staging, staging.path());
    let mut plan = Builder::new(format!("load {id} from {}", archive.display()), roots);
    plan_source(run, &id, &shape, known, &request.format.name, &mut plan);
    plan_built(run, &id, &shape, &mut plan)?;
    run.runner.run(plan)?;
    let added = || match shape.binaries_only {
        true => Ok(id),
        false => post_add(run, &run.env.package(&id)?, &conf, &kernel).map(|()| id),
    };
    run.runner.after_success(added).transpose()
}

/// Has the plugin unpack the archive. Done in a dry run too: what would be
/// loaded is not known before, and no place but the staging directory is
/// touched.
fn unpack(run: &Invocation<'_>, archive: &Path, request: &FormatRequest, staging: &Staging) -> Result<()> {
    let format = &request.format;
    let title = format!("unpack {}", archive.display());
    let mut roots = staging.roots(run.env.system.roots.clone());
    // The archive's directory: no plugin can reach this root.
    roots.set(Root::System, archive.parent().unwrap_or(Path::new("/")));
    let name = archive.file_name().unwrap_or_default();
    let place = |root, path: &Path| Location::new(root, path).map_err(|e| Error::new(Kind::Usage, e.to_string()));
    let (from, copy) = (place(Root::System, Path::new(name))?, place(Root::Staging, Path::new("archive"))?);

    let mut plan = Builder::new(title.as_str(), roots.clone());
    plan.push(verbs::MakeDirectory { location: Staging::top() }, "archives are unpacked in a private directory");
    plan.push(verbs::Copy { from, to: copy.clone() }, "the plugin reads a private copy, which does not change");
    let section = || Section::new().confined().fails_as(Kind::ArchiveMalformed, cannot_be_unpacked(archive));
    let loaded = plan.section(section(), |plan| {
        Packager(&run.env.plugins).load(format, &copy, &request.options, &Staging::top(), plan)
    })?;
    loaded.map_err(|why| malformed(archive, &format!("{}.", why.0)))?;
    check_staged(plan.steps())?;
    run.runner.run_in_staging(plan)?;

    let mut plan = Builder::new(title.as_str(), roots);
    let arranged = plan.section(section(), |plan| {
        Packager(&run.env.plugins).arrange(format, &copy, &request.options, &Staging::top(), plan)
    })?;
    arranged.map_err(|why| malformed(archive, &format!("{}.", why.0)))?;
    check_staged(plan.steps())?;
    run.runner.run_in_staging(plan)
}

/// The source into the source tree, and its registration.
fn plan_source(
    run: &Invocation<'_>,
    id: &PackageId,
    shape: &Shape,
    known: Option<SourceState>,
    format: &str,
    plan: &mut Builder,
) {
    let from = Location::new(Root::Staging, if shape.binaries_only { "binaries-only" } else { "source" });
    let from = from.expect("a plain name is a location");
    let registered = plan.roots().path(&id.source_dir()).unwrap_or_default();
    plan.push(verbs::MakeDirectory { location: id.version_dir() }, "this directory registers the version")
        .lines([String::new(), format!("Loading {format} for {id}")]);
    if shape.binaries_only {
        if registered.is_dir() {
            plan_registration(run, id, plan);
        } else if !matches!(known, Some(SourceState::Present(_))) {
            // As dkms 2.x has it: a directory with the dkms.conf, no link.
            plan.push(
                verbs::Copy { from, to: id.source_link() },
                "an archive without source: its dkms.conf is kept in the tree",
            )
            .line(format!("Copying dkms.conf to {}", run.env.tree.real(&id.source_link()).display()));
        }
        return;
    }
    plan_source_copy(run, id, from, plan);
    plan_registration(run, id, plan);
}

/// What is built, by renaming: a kernel's modules appear all at once.
fn plan_built(run: &Invocation<'_>, id: &PackageId, shape: &Shape, plan: &mut Builder) -> Result<()> {
    for target in &shape.built {
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
        plan.push(verbs::Rename { from, to }, "the complete result gets its final name in one step")
            .line(format!("Loading {}...", shown.display()));
    }
    Ok(())
}

fn cannot_be_unpacked(archive: &Path) -> String {
    format!("{} was not loaded: it cannot be unpacked.", archive.display())
}

/// Refuses what is not a file before anything is begun.
pub(super) fn check_archive(archive: &Path) -> Result<()> {
    match std::fs::metadata(archive) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(Error::new(Kind::ArchiveMalformed, format!("{} is not a file.", archive.display()))
            .hint("Name the archive to load.")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(Kind::SourceMissing, format!("The archive {} does not exist.", archive.display()))
                .hint("Name the archive to load; a relative path counts from the current directory."))
        }
        Err(e) => Err(Error::io("read", archive, e)),
    }
}
