//! Links by which one kernel has modules that are installed for another.
//!
//! They are in `I/K/weak-updates`, whichever program made them. Only kernels that
//! have such a directory are read; there are few of those.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::flow::Invocation;
use crate::flow::install::installed::WEAK_LINKS;
use crate::flow::product_files::same_contents;
use crate::tree::{PackageId, Target};
use modsmith_facts::kernel::module_stem;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, verbs};

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WeakLink {
    /// The kernel that has it.
    pub kernel: String,
    /// Below that kernel's module directory.
    pub path: PathBuf,
    /// The kernel that the module is installed for.
    pub from: String,
    /// Below that one's module directory.
    pub file: PathBuf,
}

/// All links of the system, by the kernel that they lead to.
#[derive(Debug, Default)]
pub(crate) struct WeakLinks(BTreeMap<String, Vec<WeakLink>>);

impl WeakLinks {
    /// Looks through the module directories below an install tree, which the
    /// target system knows as `known_as`.
    pub fn read(install_tree: &Path, known_as: &Path) -> Self {
        let mut links = Self::default();
        for kernel in std::fs::read_dir(install_tree).into_iter().flatten().flatten() {
            let Ok(kernel) = kernel.file_name().into_string() else { continue };
            let directory = install_tree.join(&kernel).join(WEAK_LINKS);
            // Most kernels have none, and are done with here.
            if !directory.is_dir() {
                continue;
            }
            let entries = walkdir::WalkDir::new(&directory).sort_by_file_name().into_iter().filter_map(Result::ok);
            for entry in entries.filter(|entry| entry.path_is_symlink()) {
                let leads_to = std::fs::read_link(entry.path()).unwrap_or_default();
                let Ok(path) = entry.path().strip_prefix(install_tree.join(&kernel)) else { continue };
                let from = Path::new(&kernel).join(path);
                if let Some((from, file)) = place(&from, &leads_to, install_tree, known_as) {
                    let link = WeakLink { kernel: kernel.clone(), path: path.to_path_buf(), from, file };
                    if link.from != link.kernel {
                        links.0.entry(link.from.clone()).or_default().push(link);
                    }
                }
            }
        }
        links.0.values_mut().for_each(|links| links.sort_by(|a, b| (&a.kernel, &a.path).cmp(&(&b.kernel, &b.path))));
        links
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by the kernel that they lead to.
    pub fn all(&self) -> impl Iterator<Item = &WeakLink> {
        self.0.values().flatten()
    }

    /// The links that lead to a kernel's modules.
    pub fn to(&self, kernel: &str) -> &[WeakLink] {
        self.0.get(kernel).map_or(&[], Vec::as_slice)
    }
}

/// The kernel and the file below its module directory that a link leads to;
/// `link` is below the install tree.
fn place(link: &Path, leads_to: &Path, install_tree: &Path, known_as: &Path) -> Option<(String, PathBuf)> {
    let below = if leads_to.is_absolute() {
        leads_to.strip_prefix(known_as).or_else(|_| leads_to.strip_prefix(install_tree)).ok()?.to_path_buf()
    } else {
        let mut below = link.parent()?.to_path_buf();
        for part in leads_to.components() {
            match part {
                Component::ParentDir => below.pop().then_some(())?,
                Component::Normal(name) => below.push(name),
                _ => {}
            }
        }
        below
    };
    let kernel = below.iter().next()?.to_str()?.to_owned();
    let file = below.strip_prefix(&kernel).ok()?.to_path_buf();
    file.file_name().and_then(|name| module_stem(name.to_str()?))?;
    Some((kernel, file))
}

/// All links of the system.
pub(crate) fn weak_links(run: &Invocation<'_>) -> WeakLinks {
    let install_tree = run.env.install_tree();
    WeakLinks::read(install_tree, &run.env.system.inside(install_tree))
}

/// The links that lead to what a package has installed for a kernel: to a
/// file that is a product of it.
pub(crate) fn links_to<'l>(
    run: &Invocation<'_>,
    links: &'l WeakLinks,
    id: &PackageId,
    target: &Target,
) -> Vec<&'l WeakLink> {
    let candidates = links.to(&target.kernel);
    if candidates.is_empty() {
        return Vec::new();
    }
    let products = run.env.tree.products(id, target);
    let directory = run.env.tree.real(&id.products_dir(target));
    let module_dir = run.env.install_tree().join(&target.kernel);
    let is_ours = |link: &&WeakLink| {
        let name = link.file.file_name().unwrap_or_default();
        products.iter().any(|product| name == product.as_str())
            && same_contents(&directory.join(name), &module_dir.join(&link.file))
    };
    candidates.iter().filter(is_ours).collect()
}

/// Whether a kernel has links to what a package has installed for another.
pub(crate) fn is_weakly_installed(run: &Invocation<'_>, id: &PackageId, target: &Target, links: &WeakLinks) -> bool {
    let installed = |other: &Target| other.arch == target.arch && run.env.tree.is_installed(id, other);
    let leads = |other: Target| links_to(run, links, id, &other).iter().any(|link| link.kernel == target.kernel);
    !links.is_empty() && run.env.tree.targets(id).into_iter().filter(installed).any(leads)
}

/// Takes the links away that a kernel has to modules of the tree.
pub(crate) fn remove_weak_links(run: &Invocation<'_>, kernel: &str) -> crate::error::Result<()> {
    let links = weak_links(run);
    if links.is_empty() {
        return Ok(());
    }
    let mut plan =
        Builder::new(format!("remove links to other kernels' modules from {kernel}"), run.env.system.roots.clone());
    for name in run.env.tree.modules()? {
        let module = run.env.tree.module(&name)?;
        for entry in run.env.tree.entries_of(&module, |_| true) {
            for target in run.env.tree.active_targets(&module, &entry.id) {
                for link in links_to(run, &links, &entry.id, &target).iter().filter(|link| link.kernel == kernel) {
                    let Ok(location) = Location::new(Root::InstallTree, Path::new(kernel).join(&link.path)) else {
                        continue;
                    };
                    let parent = location.parent();
                    plan.push(verbs::Remove { location }, format!("it leads to {} for {target}", entry.id));
                    prune(&mut plan, parent);
                }
            }
        }
    }
    run.runner.run(plan)
}

/// Removes a directory if it is empty.
fn prune(plan: &mut Builder, location: Option<Location>) {
    if let Some(location) = location {
        plan.push(verbs::Prune::from(location), "no empty directory is left");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(link: &str, leads_to: &str) -> Option<(String, String)> {
        let place =
            place(Path::new(link), Path::new(leads_to), Path::new("/mnt/lib/modules"), Path::new("/lib/modules"));
        place.map(|(kernel, file)| (kernel, file.display().to_string()))
    }

    #[test]
    fn a_link_leads_to_a_kernel_and_a_file_of_it() {
        let there = Some(("6.1".to_owned(), "extra/x.ko.xz".to_owned()));
        assert_eq!(led("6.2/weak-updates/x.ko.xz", "/lib/modules/6.1/extra/x.ko.xz"), there);
        assert_eq!(led("6.2/weak-updates/x.ko.xz", "/mnt/lib/modules/6.1/extra/x.ko.xz"), there);
        assert_eq!(led("6.2/weak-updates/x.ko.xz", "../../6.1/extra/x.ko.xz"), there);
        assert_eq!(led("6.2/weak-updates/a/x.ko.xz", "../.././../6.1/extra/x.ko.xz"), there);
    }

    #[test]
    fn other_links_are_none() {
        for leads_to in ["/etc/passwd", "../../../../etc/x.ko", "/lib/modules/6.1/extra/x.txt", "", "/lib/modules/6.1"]
        {
            assert_eq!(led("6.2/weak-updates/x.ko", leads_to), None, "{leads_to}");
        }
    }
}
