//! What was built, as driver disks carry it: modules that are not compressed.

use modsmith_plugin::packaging::ModInfo;
use modsmith_plugin::prelude::*;

/// One module of one kernel.
#[derive(Debug)]
pub struct Module {
    /// Without `.ko`.
    pub name: String,
    pub contents: Vec<u8>,
    pub info: ModInfo,
}

impl Module {
    pub fn file_name(&self) -> String {
        format!("{}.ko", self.name)
    }
}

/// What was built for a kernel.
#[derive(Debug)]
pub struct Built {
    pub release: String,
    /// As the tree has it.
    pub arch: String,
    /// Sorted by name.
    pub modules: Vec<Module>,
}

impl Built {
    /// Reads the modules of a kernel from the tree.
    ///
    /// # Errors
    /// Refused, with 7, where there are none, or a file is no module.
    pub fn read(module: &ModulePackage, kernel: &Kernel) -> Result<Self> {
        let (release, arch) = (kernel.release(), kernel.arch());
        let (name, version) = (module.name(), module.version());
        let id = format!("{name}/{version} -k {release}/{arch}");
        let again = |reason: String| {
            refuse(7, reason).hint(format!("Build it again: `dkms unbuild {id}`, then `dkms build {id}`."))
        };
        let directory = module.build(kernel).join("module");
        let mut modules = Vec::new();
        for entry in directory.entries()? {
            let Some(name) = stem(&entry.name) else { continue };
            let file = directory.join(&entry.name);
            let contents = file.read_unpacked()?.unwrap_or_default();
            let info = match ModInfo::of(&contents) {
                Ok(info) => info,
                Err(why) => return Err(again(format!("{} is no kernel module: {why}.", file.absolute()?))),
            };
            modules.push(Module { name: name.into(), contents, info });
        }
        if modules.is_empty() {
            return Err(again(format!("{} holds no modules.", directory.absolute()?)));
        }
        Ok(Self { release, arch, modules })
    }

    /// The architecture as installers call it: all of Intel's 32-bit ones are one.
    pub fn installer_arch(&self) -> &str {
        match self.arch.as_bytes() {
            [b'i', _, b'8', b'6'] => "i386",
            _ => &self.arch,
        }
    }
}

/// The module's name, of a file's that may be compressed.
fn stem(file: &str) -> Option<&str> {
    let plain = ["", ".gz", ".xz", ".zst"].iter().find_map(|suffix| file.strip_suffix(suffix)?.strip_suffix(".ko"));
    plain.filter(|name| !name.is_empty())
}

/// The part of the disk's name that comes from its kernels, if it has one.
pub fn kernels_name(kernels: &[Built]) -> String {
    let names: Vec<String> = kernels.iter().map(|built| format!("kernel{}-{}", built.release, built.arch)).collect();
    match names.join("-") {
        list if list.len() > LONGEST => "manykernels".into(),
        list => list,
    }
}

/// Longest list of kernels in a name: dkms's limit.
const LONGEST: usize = 200;

/// A module's name as the kernel has it: file names may have dashes.
pub fn kernel_name(file: &str) -> String {
    file.replace('-', "_")
}

#[cfg(test)]
pub mod samples {
    use super::*;

    /// A kernel with modules of these names and nothing known about them.
    pub fn built(release: &str, arch: &str, modules: &[&str]) -> Built {
        let module = |name: &&str| Module {
            name: (*name).into(),
            contents: format!("{name} for {release} on {arch}").into(),
            info: ModInfo::default(),
        };
        Built { release: release.into(), arch: arch.into(), modules: modules.iter().map(module).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::built;
    use super::*;

    #[test]
    fn modules_are_known_by_their_files_compressed_or_not() {
        let names = ["a.ko", "b.ko.xz", "c-d.ko.zst", "e.ko.gz", "Module.symvers", ".ko", "f.ko.bz2", "g.o"];
        let stems: Vec<&str> = names.iter().filter_map(|name| stem(name)).collect();
        assert_eq!(stems, ["a", "b", "c-d", "e"]);
    }

    #[test]
    fn a_long_list_of_kernels_becomes_a_word() {
        let kernels = |number: usize| (0..number).map(|_| built("6.1.0", "i686", &[])).collect::<Vec<_>>();
        assert_eq!(kernels_name(&kernels(2)), "kernel6.1.0-i686-kernel6.1.0-i686");
        assert_eq!(kernels_name(&kernels(12)), "manykernels");
    }

    #[test]
    fn intels_32_bit_architectures_are_one() {
        let arch = |arch| built("6.1.0", arch, &[]).installer_arch().to_owned();
        assert_eq!(["i686", "i586", "x86_64", "ia64"].map(arch), ["i386", "i386", "x86_64", "ia64"]);
    }
}
