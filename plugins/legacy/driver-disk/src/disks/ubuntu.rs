//! Ubuntu's driver injection disks: a package for each kernel of an installer,
//! and the source. Source: debian-installer's `driver-injection-disk`, which
//! reads packages with `control.tar.gz` only.

use modsmith_plugin::packaging::{Files, ar, gzip, tar};
use modsmith_plugin::prelude::*;

use super::{DRIVERS, Disk, FileSystem, shell_word};
use crate::built::Built;

/// Below `/lib/modules/K`.
const DIRECTORY: &str = "updates/dkms";

/// A disk with a package for each kernel, and the source of it all.
pub fn disk(name: &str, version: &str, kernels: &[Built], source: Files, date: u32) -> Result<Disk> {
    let mut files = source.below(&format!("ubuntu/{name}-{version}"));
    for built in kernels {
        let package = Package { name, version, built };
        // The installer's kernel is known by what is before the first dash.
        let base = built.release.split('-').next().unwrap_or_default();
        files.add(format!("ubuntu-drivers/{base}/{}", package.file_name()), package.deb(date)?, 0o644);
    }
    let name = format!("{name}-{version}-ubuntu-dd");
    Ok(Disk { name, files, system: FileSystem::Ext2, label: Some(DRIVERS), notes: Vec::new() })
}

/// The modules of one kernel.
struct Package<'p> {
    name: &'p str,
    version: &'p str,
    built: &'p Built,
}

impl Package<'_> {
    fn file_name(&self) -> String {
        format!("{}_{}-{}_{}.deb", self.name, self.version, self.built.release, self.arch())
    }

    /// Debian's name for the architecture.
    fn arch(&self) -> &str {
        match self.built.installer_arch() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "armv7l" => "armhf",
            "ppc" => "powerpc",
            "ppc64le" => "ppc64el",
            "loongarch64" => "loong64",
            arch => arch,
        }
    }

    fn deb(&self, date: u32) -> Result<Vec<u8>> {
        let directory = format!("lib/modules/{}/{DIRECTORY}", self.built.release);
        let mut data = Files::new();
        for module in &self.built.modules {
            data.add(format!("{directory}/{}", module.file_name()), module.contents.clone(), 0o644);
        }
        let mut control = Files::new();
        control.add("control", self.control(data.size()), 0o644);
        for (script, text) in self.scripts() {
            control.add(script, text, 0o755);
        }
        let members = [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", gzip(&tar(&control, "./", date.into())?)),
            ("data.tar.gz", gzip(&tar(&data, "./", date.into())?)),
        ];
        ar(&members.each_ref().map(|(name, contents)| (*name, contents.as_slice())), date.into())
    }

    fn control(&self, bytes: u64) -> String {
        let release = &self.built.release;
        let package = package_name(&format!("{}-modules-{release}", self.name));
        let described: Vec<String> =
            self.built.modules.iter().map(|module| format!(" {}", module.file_name())).collect();
        format!(
            "Package: {package}\nVersion: {}\nArchitecture: {}\nMaintainer: {MAINTAINER}\nInstalled-Size: {}\n\
             Section: kernel\nPriority: optional\nDescription: {} {} for kernel {release}\n{}\n",
            package_version(&format!("{}-{release}", self.version)),
            self.arch(),
            bytes.div_ceil(1024),
            self.name,
            self.version,
            described.join("\n"),
        )
    }

    /// It is for the kernel that the installer runs, and for no other.
    fn scripts(&self) -> [(&'static str, String); 3] {
        let release = shell_word(&self.built.release);
        let preinst = format!(
            "#!/bin/sh\nset -e\nif [ \"$(uname -r)\" != {release} ]; then\n    \
             echo \"This package is for kernel \"{release}\", and $(uname -r) is running.\" >&2\n    exit 1\nfi\n"
        );
        let depmod = format!("#!/bin/sh\nset -e\n[ ! -d /lib/modules/{release} ] || depmod -a {release}\n");
        [("preinst", preinst), ("postinst", depmod.clone()), ("postrm", depmod)]
    }
}

/// The maintainer of a package that a machine made.
const MAINTAINER: &str = "root <root@localhost>";

/// Debian's names have lower-case letters, digits and `+-.`.
fn package_name(text: &str) -> String {
    let convert = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || "+-.".contains(c) => c,
        _ => '-',
    };
    text.chars().map(convert).collect()
}

/// Debian's versions begin with a digit and have letters, digits and `.+-~`.
fn package_version(text: &str) -> String {
    let convert = |c: char| if c.is_ascii_alphanumeric() || ".+-~".contains(c) { c } else { '.' };
    let version: String = text.chars().map(convert).collect();
    if version.starts_with(|c: char| c.is_ascii_digit()) { version } else { format!("0{version}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built::samples::built;

    #[test]
    fn packages_are_by_the_kernels_version_and_the_source_beside_them() {
        let kernels = [built("5.15.0-25-generic", "x86_64", &["a"]), built("2.6.24", "i686", &["a"])];
        let mut source = Files::new();
        source.add("dkms.conf", "", 0o644);
        let disk = disk("demo", "1.0", &kernels, source, 0).unwrap();
        for path in [
            "ubuntu-drivers/5.15.0/demo_1.0-5.15.0-25-generic_amd64.deb",
            "ubuntu-drivers/2.6.24/demo_1.0-2.6.24_i386.deb",
            "ubuntu/demo-1.0/dkms.conf",
        ] {
            assert!(
                disk.files.get(path).is_some(),
                "{path} is not in {:?}",
                disk.files.iter().map(|(path, _)| path).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn names_and_versions_are_those_of_debian() {
        assert_eq!(package_name("My_Driver-modules-6.1"), "my-driver-modules-6.1");
        assert_eq!(package_version("v1.0_rc1-6.1.el9_x86_64"), "0v1.0.rc1-6.1.el9.x86.64");
    }
}
