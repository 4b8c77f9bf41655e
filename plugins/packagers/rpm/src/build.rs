//! A run of rpmbuild: everything that it reads and writes is below the staging
//! directory, which is its home.

use modsmith_plugin::packaging::Files;
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::sources::Spec;

/// The macros of every run. Packages are the same at every time, on every machine and for every
/// user.
const MACROS: &str = include_str!("templates/rpmmacros");

/// rpmbuild's directories.
const TOP: &str = "rpm";

/// What rpmbuild makes.
pub enum Stage<'s> {
    /// The source package and those of all architectures.
    All,
    /// The source package, for an architecture.
    Source(&'s str),
    /// The packages of an architecture.
    Binary(&'s str),
}

/// Puts spec, sources and macros into place.
///
/// # Errors
/// As adding steps has them.
pub fn prepare(spec: &Spec, files: &Files, macros: &[(&str, String)], staging: &Path, plan: &mut Plan) -> Result<()> {
    let top = staging.join(TOP);
    for directory in ["BUILD", "RPMS", "SOURCES", "SPECS", "SRPMS"] {
        plan.make_directory(top.join(directory))?;
    }
    plan.make_directory(staging.join("result"))?;
    let mut text = MACROS.to_owned();
    for (name, value) in macros {
        let value = if value.is_empty() { "%{nil}" } else { value };
        text.push_str(&format!("%{name} {value}\n"));
    }
    plan.write_file(staging.join(".rpmmacros"), text, 0o644)?;
    plan.write_file(spec_path(spec, staging), &spec.text, 0o644)?;
    place(files, &sources(staging), plan)
}

/// Where a spec's sources are.
pub fn sources(staging: &Path) -> Path {
    staging.join(TOP).join("SOURCES")
}

/// Writes files below a directory that is there.
pub fn place(files: &Files, at: &Path, plan: &mut Plan) -> Result<()> {
    use modsmith_plugin::packaging::Entry;
    for (path, entry) in files.iter() {
        let to = at.join(path);
        match entry {
            Entry::Directory => plan.make_directory(to)?,
            Entry::File { contents, mode } => plan.write_file(to, contents, *mode)?,
            Entry::Link(target) => plan.symlink(to, target)?,
        }
    }
    Ok(())
}

/// Runs rpmbuild on a spec that was prepared, and collects what it makes.
pub fn run(spec: &Spec, stage: &Stage<'_>, staging: &Path, plan: &mut Plan) -> Result<()> {
    let (what, target) = match stage {
        Stage::All => ("-ba", None),
        Stage::Source(target) => ("-bs", Some(*target)),
        Stage::Binary(target) => ("-bb", Some(*target)),
    };
    // What a spec needs for its build is no matter of the rpm database: it has to
    // be there, however it came.
    let mut command = cmd!("rpmbuild", what, "--nodeps");
    if let Some(target) = target {
        command = command.args(["--target", target]);
    }
    command = command.arg(spec_path(spec, staging)).env("SOURCE_DATE_EPOCH", source_date().to_string());
    plan.run(command.in_directory(staging))?;
    let result = staging.join("result");
    if !matches!(stage, Stage::Source(_)) {
        plan.collect(staging.join(TOP).join("RPMS"), "*.rpm", &result)?;
    }
    if !matches!(stage, Stage::Binary(_)) {
        plan.collect(staging.join(TOP).join("SRPMS"), "*.rpm", &result)?;
    }
    Ok(())
}

fn spec_path(spec: &Spec, staging: &Path) -> Path {
    staging.join(TOP).join("SPECS").join(&spec.name)
}
