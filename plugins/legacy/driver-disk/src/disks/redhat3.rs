//! Red Hat's third form: a repository of packages for each architecture. The
//! packages are those that were made with mkkmod, or are written here.

use std::collections::BTreeMap;

use modsmith_plugin::packaging::Files;
use modsmith_plugin::prelude::*;

use super::{DRIVERS, Disk, FileSystem, shell_word};
use crate::built::Built;
use rpm_format::{Dependency, Package, RpmFile, repodata, tags};

/// Says which form the disk has.
const MARKER: &str = "rhdd3";

/// Kernels whose symbols stay the same have a list of them.
const STABLE: &str = "Whether the kernel keeps the symbols that these modules use was not looked at: \
                      the packages are for the kernels that they were built for.";

/// A disk with a package for each kernel. `found` are packages that were made of
/// this module package; with a spec, only these count.
///
/// # Errors
/// Refused, with 5, for a spec where a kernel has no such package.
pub fn disk(
    name: &str,
    version: &str,
    kernels: &[Built],
    found: Vec<RpmFile>,
    spec: Option<&str>,
    date: u32,
) -> Result<Disk> {
    let mut found: Vec<Option<RpmFile>> = found.into_iter().map(Some).collect();
    let mut by_arch: BTreeMap<String, Vec<RpmFile>> = BTreeMap::new();
    let mut notes = vec![STABLE.to_owned()];
    for built in kernels {
        let arch = built.installer_arch();
        let fits = |file: &RpmFile| file.is_for(&built.release) && file.arch() == package_arch(&built.arch);
        if by_arch.get(arch).is_some_and(|packages| packages.iter().any(&fits)) {
            continue;
        }
        let made = found.iter_mut().find(|file| file.as_ref().is_some_and(&fits)).and_then(Option::take);
        let package = match (made, spec) {
            (Some(package), _) => {
                notes.push(format!("{} was made before and is taken as it is.", package.name));
                package
            }
            (None, Some(spec)) => return Err(unmade(name, version, built, spec)),
            (None, None) => {
                let package = package(name, version, built, date);
                RpmFile::read(package.file_name(), package.bytes()).map_err(other)?
            }
        };
        by_arch.entry(arch.to_owned()).or_default().push(package);
    }
    let mut files = Files::new();
    files.add(MARKER, format!("{name}-{version} driver disk\n"), 0o644);
    for (arch, mut packages) in by_arch {
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        let directory = format!("rpms/{arch}");
        files.extend(repodata(&packages, date).below(&format!("{directory}/repodata")));
        for package in packages {
            files.add(format!("{directory}/{}", package.name), package.bytes, 0o644);
        }
    }
    let name = format!("{name}-{version}-dd");
    Ok(Disk { name, files, system: FileSystem::Fat, label: Some(DRIVERS), notes })
}

fn unmade(name: &str, version: &str, built: &Built, spec: &str) -> Error {
    let Built { release, arch, .. } = built;
    refuse(5, format!("No package of {name}/{version} for kernel {release} ({arch}) was made by {spec}."))
        .hint(format!("Make it first: dkms mkkmod {name}/{version} -k {release}/{arch} --spec {spec}."))
        .hint("Without --spec, the driver disk gets a package without a spec file.")
}

/// The package of a kernel's modules.
fn package(name: &str, version: &str, built: &Built, date: u32) -> Package {
    let directory = format!("lib/modules/{}/extra/{name}", built.release);
    let mut files = Files::new();
    for module in &built.modules {
        files.add(format!("{directory}/{}", module.file_name()), module.contents.clone(), 0o644);
    }
    let shared = directory.match_indices('/').map(|(end, _)| directory[..end].to_owned()).collect();
    let info = &built.modules[0].info;
    let (version, release) = (part(version), format!("1.{}", part(&built.release)));
    let package = format!("kmod-{name}");
    let mut provides = vec![
        Dependency::new("kernel-modules", tags::GREATER | tags::EQUAL, &built.release),
        Dependency::new(&package, tags::EQUAL, format!("{version}-{release}")),
    ];
    let modules = built.modules.iter().map(|module| format!("kmod({})", module.file_name()));
    provides.extend(modules.map(|module| Dependency::new(module, 0, "")));
    Package {
        summary: info.first("description").map_or_else(|| format!("{name} kernel modules"), str::to_owned),
        description: format!("The kernel modules of {name} {version}, for kernel {}.", built.release),
        license: info.first("license").unwrap_or("Unknown").to_owned(),
        name: package,
        version,
        release,
        arch: package_arch(&built.arch),
        scripts: scripts(built, &files),
        files,
        shared,
        provides,
        date,
    }
}

/// The scripts for the installation and the removal of the package. They make the module index, and
/// links for kernels that can use the modules too.
fn scripts(built: &Built, files: &Files) -> [String; 2] {
    let release = shell_word(&built.release);
    let modules: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".ko"))
        .map(|(path, _)| shell_word(&format!("/{path}")))
        .collect();
    let modules = modules.join(" ");
    let depmod = format!("[ ! -d /lib/modules/{release} ] || depmod -a {release} || :\n");
    let links = |option: &str| {
        format!(
            "if command -v weak-modules >/dev/null; then\n    \
             printf '%s\\n' {modules} | weak-modules {option} || :\nfi\n"
        )
    };
    [
        format!("{depmod}{}", links("--add-modules")),
        format!("[ \"$1\" = 0 ] || exit 0\n{depmod}{}", links("--remove-modules")),
    ]
}

/// A version or release as rpm allows them.
fn part(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "._+~^".contains(c) { c } else { '_' }).collect()
}

/// rpm's name for the architecture.
fn package_arch(arch: &str) -> String {
    match arch {
        "armv7l" => "armv7hl".to_owned(),
        arch => part(arch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built::samples::built;

    fn paths(disk: &Disk) -> Vec<String> {
        disk.files.iter().map(|(path, _)| path.to_owned()).filter(|path| path.contains('.') || path == MARKER).collect()
    }

    #[test]
    fn each_kernel_has_a_package_in_its_architectures_repository() {
        let kernels = [built("5.14.0-1.el9.x86_64", "x86_64", &["a"]), built("2.6.18-8.el5", "i686", &["a"])];
        let disk = disk("demo", "1.0-rc1", &kernels, Vec::new(), None, 7).unwrap();
        let packages: Vec<String> = paths(&disk).into_iter().filter(|path| path.ends_with(".rpm")).collect();
        let expected = [
            "rpms/i386/kmod-demo-1.0_rc1-1.2.6.18_8.el5.i686.rpm",
            "rpms/x86_64/kmod-demo-1.0_rc1-1.5.14.0_1.el9.x86_64.x86_64.rpm",
        ];
        assert_eq!(packages, expected);
        assert!(paths(&disk).contains(&"rpms/i386/repodata/repomd.xml".to_owned()));
    }

    #[test]
    fn a_package_that_was_made_is_taken_and_a_spec_asks_for_one() {
        let kernel = || [built("6.1.0", "x86_64", &["a"])];
        let mut made = package("demo", "1.0", &kernel()[0], 7);
        made.release = "99".into();
        let file = RpmFile::read(made.file_name(), made.bytes()).unwrap();
        let taken = disk("demo", "1.0", &kernel(), vec![file], Some("x.spec"), 7).unwrap();
        assert!(paths(&taken).contains(&"rpms/x86_64/kmod-demo-1.0-99.x86_64.rpm".to_owned()), "{:?}", paths(&taken));
        let Err(refusal) = disk("demo", "1.0", &kernel(), Vec::new(), Some("x.spec"), 7) else {
            panic!("a spec without its package");
        };
        assert_eq!(refusal.code, Some(5));
        assert!(refusal.hints[0].contains("dkms mkkmod demo/1.0 -k 6.1.0/x86_64 --spec x.spec"));
    }
}
