use super::Files;
use crate::{Kernel, ModulePackage, Path, Result};

/// The version of the layout, in a file that dkms 2.x asks for.
const VERSION: &str = "2.0.0\n";

/// modsmith's own note about a build: about the files in the tree, not in a
/// package.
const RECORD: &str = ".modsmith.json";

/// The script that packages call after installation, `/usr/lib/dkms/common.postinst`,
/// to be carried along for a system that has none.
pub const COMMON_POSTINST: &str = include_str!("common.postinst");

/// The content of dkms's tarball with `--binaries-only`: what was built for the
/// kernels and the dkms.conf, to be packed and later loaded with `ldtarball`.
/// Needs the manifest's `[read]` of `source` and `tree/*/*/*/*`.
///
/// # Errors
/// As reading has them.
pub fn binaries(module: &ModulePackage, kernels: &[Kernel]) -> Result<Files> {
    let (name, version) = (module.name(), module.version());
    let mut files = Files::new();
    files.add("dkms_main_tree/dkms_dbversion", VERSION, 0o644);
    for kernel in kernels {
        let (release, arch) = (kernel.release(), kernel.arch());
        let place = format!("dkms_main_tree/{release}/{arch}");
        files.read(&Path::tree(format!("{name}/{version}/{release}/{arch}")), &place)?;
        files.remove(&format!("{place}/{RECORD}"));
    }
    files.add("dkms_binaries_only/PACKAGE_NAME", format!("{name}\n"), 0o644);
    files.add("dkms_binaries_only/PACKAGE_VERSION", format!("{version}\n"), 0o644);
    files.read(&Path::source("dkms.conf"), "dkms_binaries_only/dkms.conf")?;
    Ok(files)
}
