//! Driver updates of SUSE and UnitedLinux: for each module a directory that is
//! an update by itself. Source: SUSE's Update Media HOWTO.

use std::collections::{BTreeMap, BTreeSet};

use modsmith_plugin::packaging::{Files, gzip, tar};
use modsmith_plugin::prelude::*;

use super::{Disk, FileSystem, shell_word};
use crate::built::Built;
use crate::built::kernel_name;

/// What ends the release of the kernel that the installer runs.
const INSTALLED_FROM: &str = "-default";

/// A driver update for a release of the distribution, of which `distro` is the
/// name on the disk. `destinations` are the directories below `/lib/modules/K`
/// that modules go to, by name.
pub fn disk(
    title: &str,
    distro: &str,
    release: &str,
    kernels: &[Built],
    destinations: &BTreeMap<String, String>,
    date: u32,
) -> Result<Disk> {
    let mut files = Files::new();
    let mut notes = Vec::new();
    let own: BTreeSet<&str> = kernels.iter().flat_map(|built| &built.modules).map(|module| &*module.name).collect();
    let mut by_arch: BTreeMap<&str, Vec<&Built>> = BTreeMap::new();
    for built in kernels {
        by_arch.entry(built.installer_arch()).or_default().push(built);
    }
    let needed: BTreeMap<&str, Vec<String>> =
        by_arch.iter().map(|(arch, kernels)| (*arch, needed_modules(kernels, &own))).collect();
    // What others bring is loaded by an update of its own, before the first.
    let first = if needed.values().any(|modules| !modules.is_empty()) { 2 } else { 1 };
    for (arch, kernels) in &by_arch {
        let place = |number: usize| format!("{number:02}/linux/{distro}/{arch}-{release}");
        if let Some(modules) = needed.get(arch).filter(|modules| !modules.is_empty()) {
            files.add(format!("{}/modules/module.order", place(1)), modules.join("\n") + "\n", 0o644);
        }
        for (index, name) in own.iter().enumerate() {
            let update = Update { name, kernels, destinations };
            if update.contents().next().is_none() {
                continue;
            }
            let place = place(first + index);
            files.add(
                format!("{place}/install/update.tar.gz"),
                gzip(&tar(&update.installed(), "", date.into())?),
                0o644,
            );
            files.add(format!("{place}/install/update.post"), update.post(), 0o755);
            match update.loaded() {
                Some(contents) => files.add(format!("{place}/modules/{name}.ko"), contents, 0o644),
                None => notes.push(format!(
                    "Warning: the disk has {name} for no {arch} kernel of the kind *{INSTALLED_FROM}, \
                     so the installer itself does not load it."
                )),
            }
        }
    }
    let name = format!("{title}-{distro}-{release}-dd");
    Ok(Disk { name, files, system: FileSystem::Ext2, label: None, notes })
}

/// Modules that ours need and that are not ours, in the order of the first need.
fn needed_modules(kernels: &[&Built], own: &BTreeSet<&str>) -> Vec<String> {
    let own: BTreeSet<String> = own.iter().map(|name| kernel_name(name)).collect();
    let mut needed = Vec::new();
    for module in kernels.iter().flat_map(|built| &built.modules) {
        for name in module.info.depends().map(kernel_name) {
            if !own.contains(&name) && !needed.contains(&name) {
                needed.push(name);
            }
        }
    }
    needed
}

/// One module, for the kernels of one architecture.
struct Update<'u> {
    name: &'u str,
    kernels: &'u [&'u Built],
    destinations: &'u BTreeMap<String, String>,
}

impl Update<'_> {
    /// The module of each kernel that has it.
    fn contents(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> {
        self.kernels.iter().flat_map(|built| {
            let module = built.modules.iter().find(|module| module.name == self.name);
            module.map(|module| (built.release.as_str(), &module.contents))
        })
    }

    fn installed(&self) -> Files {
        let mut files = Files::new();
        let destination = self.destinations.get(self.name).map_or("updates", String::as_str);
        for (release, contents) in self.contents() {
            files.add(format!("lib/modules/{release}/{destination}/{}.ko", self.name), contents.clone(), 0o644);
        }
        files
    }

    /// Run in the system that was installed.
    fn post(&self) -> String {
        let mut script = "#!/bin/sh\n".to_owned();
        for (release, _) in self.contents() {
            let release = shell_word(release);
            script += &format!("[ ! -d /lib/modules/{release} ] || depmod -a {release}\n");
        }
        script
    }

    /// The module that the installer loads.
    fn loaded(&self) -> Option<Vec<u8>> {
        self.contents().find(|(release, _)| release.ends_with(INSTALLED_FROM)).map(|(_, contents)| contents.clone())
    }
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::{Entry, gunzip, untar};

    use super::*;
    use crate::built::samples::built;

    fn paths(files: &Files) -> Vec<&str> {
        files.iter().filter(|(_, entry)| !matches!(entry, Entry::Directory)).map(|(path, _)| path).collect()
    }

    fn contents<'f>(files: &'f Files, path: &str) -> &'f [u8] {
        match files.get(path) {
            Some(Entry::File { contents, .. }) => contents,
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn each_module_is_an_update_for_each_architecture() {
        let kernels = [
            built("2.6.5-7.97-default", "i686", &["a", "b"]),
            built("2.6.5-7.97-smp", "i586", &["a", "b"]),
            built("2.6.5-7.97-smp", "x86_64", &["a"]),
        ];
        let destinations = BTreeMap::from([("a".to_owned(), "kernel/drivers/net".to_owned())]);
        let disk = disk("demo-1.0", "suse", "sles9", &kernels, &destinations, 0).unwrap();
        assert_eq!(disk.name, "demo-1.0-suse-sles9-dd");
        let expected = [
            "01/linux/suse/i386-sles9/install/update.post",
            "01/linux/suse/i386-sles9/install/update.tar.gz",
            "01/linux/suse/i386-sles9/modules/a.ko",
            "01/linux/suse/x86_64-sles9/install/update.post",
            "01/linux/suse/x86_64-sles9/install/update.tar.gz",
            "02/linux/suse/i386-sles9/install/update.post",
            "02/linux/suse/i386-sles9/install/update.tar.gz",
            "02/linux/suse/i386-sles9/modules/b.ko",
        ];
        assert_eq!(paths(&disk.files), expected);
        let archive = untar(&gunzip(contents(&disk.files, expected[1])).unwrap()).unwrap();
        let installed = ["2.6.5-7.97-default", "2.6.5-7.97-smp"];
        assert_eq!(paths(&archive), installed.map(|release| format!("lib/modules/{release}/kernel/drivers/net/a.ko")));
        let post = String::from_utf8(contents(&disk.files, expected[0]).to_vec()).unwrap();
        assert_eq!(post.matches("depmod -a").count(), 2);
        assert_eq!(disk.notes.len(), 1);
    }
}
