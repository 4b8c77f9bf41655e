//! Registering a package's source.

use std::path::{Path, PathBuf};

use crate::build::Toolchain;
use crate::conf::{PackageConf, Placeholder, Strictness, is_override};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::actions::safe_upgrade::lock_upgrade;
use crate::flow::recipe::notices::notices;
use crate::flow::recipe::script;
use crate::flow::recipe::system_script::system_script;
use crate::flow::transaction::begin;
use crate::tree::{Package, PackageId, SourceState};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root, inside};
use modsmith_plan::{Builder, verbs};

/// What the command line names as the package.
#[derive(Debug, Clone)]
pub enum PackageSource {
    /// By name: registered, or to be registered from `S/m-v`.
    Named(PackageId),
    /// A directory with a dkms.conf, copied to `S/m-v` first.
    Directory(PathBuf),
}

/// The `add` action.
pub fn add(run: &Invocation<'_>, what: &PackageSource, kernel: &Kernel) -> Result<Package> {
    let _lock = begin(run)?;
    if run.env.options.safe_upgrade {
        // A version that is in the tree is locked, too: it must survive the removal of the older one.
        match what {
            PackageSource::Named(id) => lock_upgrade(run, id)?,
            PackageSource::Directory(directory) => lock_upgrade(run, &identify(run, directory, kernel)?)?,
        }
    }
    let (package, post_add) = add_package(run, what, kernel)?;
    post_add.map(|()| package)
}

/// Registers a package that is not registered yet; the lock is held. A POST_ADD that fails is a
/// warning: the package is added, and what it is added for goes on, as with dkms.
pub(crate) fn ensure_added(run: &Invocation<'_>, what: &PackageSource, kernel: &Kernel) -> Result<Package> {
    match what {
        PackageSource::Named(id) if run.env.tree.entry(id).is_some() => run.env.package(id),
        // A directory is refused where its package is registered: the registered
        // source may be another one, and would be built in silence.
        PackageSource::Named(_) | PackageSource::Directory(_) => {
            let (package, post_add) = add_package(run, what, kernel)?;
            match post_add {
                Err(error) if matches!(error.kind, Kind::Script(_)) => run.runner.reporter.warning(&error.message),
                other => other?,
            }
            Ok(package)
        }
    }
}

/// The package that is registered, and what came of its POST_ADD.
fn add_package(run: &Invocation<'_>, what: &PackageSource, kernel: &Kernel) -> Result<(Package, Result<()>)> {
    let (id, imported, nameless) = match what {
        PackageSource::Named(id) => (id.clone(), None, None),
        PackageSource::Directory(directory) => {
            let conf = nameless_conf(run, directory, kernel)?;
            (PackageId::new(&conf.name, &conf.version)?, Some(directory.as_path()), Some(conf))
        }
    };
    let registered = run.env.system.roots.path(&id.source_dir()).unwrap_or_default();
    match run.env.tree.entry(&id).map(|entry| entry.source) {
        Some(SourceState::Present(_)) => {
            let error = Error::new(
                Kind::AlreadyAdded,
                format!("{id} is already in the tree {}.", run.env.tree.path().display()),
            );
            let error = match imported {
                Some(from) => error
                    .detail(format!("The source in {} was not used.", from.display()))
                    .hint(format!("To work with the source that is registered, name the package: `{id}`.")),
                None => error,
            };
            return Err(error.hint(format!("To add its source again, run `dkms remove {id} --all` first.")));
        }
        Some(SourceState::Broken) | None => {}
    }
    // In place already: `add /usr/src/m-v`.
    let imported = imported.filter(|from| !is_same_directory(from, &registered));
    let read_from = imported.map_or(registered.clone(), Path::to_path_buf);
    if !read_from.is_dir() {
        return Err(Error::new(
            Kind::SourceMissing,
            format!("The source of {id} is missing: {} is not a directory.", read_from.display()),
        )
        .details(similar_sources(run, &id))
        .hint("Put it there, or name its directory: `dkms add DIRECTORY`."));
    }
    let read = Package { id: id.clone(), source: read_from };
    let conf = unregistered_conf(run, &read, nameless, kernel)?;
    if conf.placeholders.iter().any(Placeholder::is_of_name) {
        let text = format!("The package is added as {}.", read.id);
        run.facts.notice_once(&conf.evaluated, &text, &run.runner.reporter);
    }

    let package = Package { id, source: registered };
    run.runner.run(plan_add(run, &package, imported)?)?;
    let source = run.runner.path_after_plans(read.source, package.source);
    let package = Package { id: package.id, source };
    let post_add = post_add(run, &package, kernel);
    Ok((package, post_add))
}

fn plan_add(run: &Invocation<'_>, package: &Package, imported: Option<&Path>) -> Result<Builder> {
    let id = &package.id;
    let mut roots = run.env.system.roots.clone();
    if let Some(from) = imported {
        roots.set(Root::Source, from);
    }
    let mut plan = Builder::new(format!("add {id}"), roots);
    if imported.is_some() {
        let from = Location::new(Root::Source, "").expect("the root itself");
        plan_source_copy(run, id, from, &mut plan);
    }
    plan_registration(run, id, &mut plan);
    Ok(plan)
}

/// The step that brings a source into the source tree, which small systems
/// lack.
pub(crate) fn plan_source_copy(run: &Invocation<'_>, id: &PackageId, from: Location, plan: &mut Builder) {
    let top = Location::new(Root::SourceTree, "").expect("the root itself");
    if !plan.roots().path(&top).is_some_and(|top| top.is_dir()) {
        plan.push(verbs::MakeDirectory { location: top }, "the source tree does not exist yet");
    }
    if run.env.options.force {
        plan.push(verbs::Remove { location: id.source_dir() }, "--force replaces an older copy of the source");
    }
    let target = plan.roots().path(&id.source_dir()).unwrap_or_default();
    plan.push(verbs::Import { from, to: id.source_dir() }, "registered sources are kept in the source tree")
        .line(format!("Copying the source to {}", target.display()));
}

/// The steps that make a source in its place a package of the tree.
pub(crate) fn plan_registration(run: &Invocation<'_>, id: &PackageId, plan: &mut Builder) {
    let target = plan.roots().path(&id.source_dir()).unwrap_or_default();
    plan.push(verbs::MakeDirectory { location: id.build_dir() }, "this directory registers the version");
    let link = run.env.tree.real(&id.source_link());
    let target = run.env.system.inside(&target);
    plan.push(
        verbs::Symlink { location: id.source_link(), target: target.to_path_buf() },
        "the link leads to the source",
    )
    .line(format!("Creating symlink {} -> {}", link.display(), target.display()));
}

/// POST_ADD: its exit code becomes the action's, the package stays added.
pub(crate) fn post_add(run: &Invocation<'_>, package: &Package, kernel: &Kernel) -> Result<()> {
    let conf = run.conf(package, kernel, Strictness::Strict)?;
    let Some(text) = &conf.scripts.post_add else { return Ok(()) };
    let environment = script::environment(package, kernel, &Toolchain::default());
    let Some(script) = system_script(run, package, text, environment)? else { return Ok(()) };
    let mut plan = Builder::new(format!("run the post_add script of {}", package.id), run.env.roots(package, None));
    script
        .push("POST_ADD", &mut plan)
        .progress("Running the post_add script")
        .fails_as(Kind::Script(1), format!("The post_add script of {} failed; the package stays added.", package.id));
    run.runner.run(plan)
}

/// The name and version in a directory's dkms.conf.
///
/// Errors: `NoConfInPath`; those of reading a dkms.conf.
pub fn identify(run: &Invocation<'_>, directory: &Path, kernel: &Kernel) -> Result<PackageId> {
    let conf = nameless_conf(run, directory, kernel)?;
    PackageId::new(conf.name, conf.version)
}

/// A directory's dkms.conf, validated, where the package is not known yet: `$module` and
/// `$module_version` are empty. Once its package is registered, the conf is read there.
///
/// Errors: `NoConfInPath`; those of reading a dkms.conf.
pub(crate) fn nameless_conf(run: &Invocation<'_>, directory: &Path, kernel: &Kernel) -> Result<PackageConf> {
    let nameless =
        Package { id: PackageId { module: String::new(), version: String::new() }, source: directory.to_path_buf() };
    let conf = directory.join("dkms.conf");
    if (!inside::exists(&conf) || inside::is_dir(&conf)) && run.env.options.conf.is_none() {
        return Err(Error::new(Kind::NoConfInPath, format!("{} has no dkms.conf.", directory.display()))
            .hint("Name a directory whose source has one, or give one with -c."));
    }
    let conf = run.conf(&nameless, kernel, Strictness::Strict)?;
    notices(run, &conf);
    Ok(conf)
}

/// The dkms.conf of a source that is about to be registered. What was read without the package's
/// name counts unless there are override files, which go by the name: so mistakes in them are
/// found before anything is changed, and without them bash starts once less.
pub(crate) fn unregistered_conf(
    run: &Invocation<'_>,
    package: &Package,
    nameless: Option<PackageConf>,
    kernel: &Kernel,
) -> Result<PackageConf> {
    let overrides = run.env.override_files(package, kernel.release(), kernel.arch());
    match nameless {
        Some(conf) if !overrides.iter().any(|file| is_override(file)) => Ok(conf),
        _ => run.conf(package, kernel, Strictness::Strict).inspect(|conf| notices(run, conf)),
    }
}

/// Other versions that could be meant, as a line of a message.
fn similar_sources(run: &Invocation<'_>, id: &PackageId) -> Option<String> {
    let directory = run.env.system.roots.get(Root::SourceTree).unwrap_or(Path::new("/usr/src"));
    let prefix = format!("{}-", id.module);
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter_map(|name| Some(name.strip_prefix(&prefix)?.to_owned()))
        .collect();
    names.sort();
    (!names.is_empty()).then(|| format!("Versions of {} there: {}.", id.module, names.join(", ")))
}

fn is_same_directory(a: &Path, b: &Path) -> bool {
    matches!((std::fs::canonicalize(a), std::fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}
