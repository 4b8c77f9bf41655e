//! What kernels lack: packages that ask for AUTOINSTALL and are not built for them.

use std::collections::{BTreeMap, BTreeSet};

use crate::conf::{Strictness, version};
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::filter::Filter;
use crate::flow::status::listing::StatusLine;
use crate::tree::{Failure, Package, PackageEntry, PackageId, SourceState, Target};
use modsmith_facts::inside;
use modsmith_facts::kernel::{Kernel, machine};

/// A package that a kernel of this system lacks.
#[derive(Debug, Clone)]
pub struct Lacking {
    pub id: PackageId,
    pub target: Target,
    pub why: Lack,
}

/// Why it is not built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// `autoinstall` would build it, or fail where there are no headers.
    Missing { headers: bool },
    /// Its dkms.conf says that it is not for this kernel, and why.
    Excluded(String),
    /// Its dkms.conf cannot be read for this kernel.
    Unreadable(String),
}

/// What the kernels of the filter lack, by kernel and package: of each module the newest
/// version that matches the filter, unless the status has a line, or the tree a failure, of
/// a version for the kernel.
pub fn lacking(
    run: &Invocation<'_>,
    filter: &Filter,
    lines: &[StatusLine],
    failures: &[Failure],
) -> Result<Vec<Lacking>> {
    let matchers = filter.compile()?;
    let known: BTreeSet<(&str, &Target)> = lines
        .iter()
        .filter_map(|line| Some((line.id.module.as_str(), line.target.as_ref()?)))
        .chain(failures.iter().map(|failure| (failure.id.module.as_str(), &failure.target)))
        .collect();
    let newest = newest(run.env.tree.entries()?);
    let mut found = Vec::new();
    for target in kernels(run) {
        let kernel = run.kernel(&target);
        let lacks = |entry: &&PackageEntry| {
            matchers.take(&entry.id, &target)
                && !known.contains(&(entry.id.module.as_str(), &target))
                && run.env.tree.active_version(&entry.id.module, &target).is_none()
        };
        for entry in newest.iter().filter(lacks) {
            let SourceState::Present(source) = &entry.source else { continue };
            let package = Package { id: entry.id.clone(), source: source.clone() };
            if let Some(why) = why(run, &package, &kernel) {
                found.push(Lacking { id: package.id, target: target.clone(), why });
            }
        }
    }
    Ok(found)
}

/// Why a package is not built for a kernel; `None` where it does not ask to be.
fn why(run: &Invocation<'_>, package: &Package, kernel: &Kernel) -> Option<Lack> {
    match run.conf(package, kernel, Strictness::Lenient) {
        Ok(conf) if !conf.autoinstall => None,
        Ok(conf) => Some(match conf.excludes(kernel) {
            Some(reason) => Lack::Excluded(reason),
            None => Lack::Missing { headers: kernel.headers().is_some() },
        }),
        Err(error) => Some(Lack::Unreadable(error.message)),
    }
}

/// The newest version of each module, which `autoinstall` takes.
fn newest(entries: Vec<PackageEntry>) -> Vec<PackageEntry> {
    let mut newest: BTreeMap<String, PackageEntry> = BTreeMap::new();
    for entry in entries.into_iter().filter(|entry| entry.id.fault().is_none()) {
        let known = newest.get(&entry.id.module);
        if known.is_none_or(|known| version::compare(&known.id.version, &entry.id.version).is_lt()) {
            newest.insert(entry.id.module.clone(), entry);
        }
    }
    newest.into_values().collect()
}

/// The kernels whose own modules are on this system. (A directory that has none of these
/// was left by a kernel that is gone: kbuild(5) installs both files with a kernel.)
fn kernels(run: &Invocation<'_>) -> Vec<Target> {
    let directory = run.env.install_tree();
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| crate::tree::check_kernel_name("kernel", name).is_ok())
        .filter(|name| {
            ["modules.order", "modules.builtin"].iter().any(|file| inside::is_file(&directory.join(name).join(file)))
        })
        .collect();
    names.sort_by(|one, other| version::compare(one, other));
    names.into_iter().map(|kernel| Target { kernel, arch: machine() }).collect()
}
