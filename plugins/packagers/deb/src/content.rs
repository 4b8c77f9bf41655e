//! The contents of packages: the source, the built modules, dkms's own script.

use modsmith_plugin::packaging::{COMMON_POSTINST, Content, Contents, Files, binaries, gzip, tar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

use crate::names::Names;

/// How it lies beside the `debian` directory of a source package: the source in
/// `NAME-VERSION`, what was built in `NAME-VERSION.dkms.tar.gz`, and
/// `common.postinst`.
pub fn beside_debian(
    module: &ModulePackage,
    kernels: &[Kernel],
    options: &[Property],
    names: &Names,
) -> Result<Files<Contents>> {
    let mut files = Files::default();
    if given(options, "binaries-only").is_none() {
        files.directory(names.directory());
        for entry in Path::source("").entries()? {
            files.read(&Path::source(entry.name.as_str()), &format!("{}/{}", names.directory(), entry.name))?;
        }
    }
    if !kernels.is_empty() {
        let tarball = gzip(&tar(&binaries(module, kernels)?, "./", names.date)?);
        files.add(names.tarball(), tarball, 0o644);
    }
    if given(options, "legacy-postinst") != Some("0") {
        files.add("common.postinst", COMMON_POSTINST, 0o755);
    }
    Ok(files)
}

/// The same files in their places in the binary package. `package` is its name.
pub fn installed(beside: &Files<Contents>, package: &str, names: &Names) -> Files<Contents> {
    let directory = names.directory();
    let mut files = Files::default();
    for (path, entry) in beside.iter() {
        let to = if path == "common.postinst" {
            format!("usr/share/{package}/postinst")
        } else if path == names.tarball() {
            format!("usr/share/{package}/{path}")
        } else if path == directory || path.starts_with(&format!("{directory}/")) {
            format!("usr/src/{path}")
        } else {
            continue;
        };
        files.insert(to, entry.clone());
    }
    files
}

/// The modules that were built for a kernel, where they are installed.
pub fn modules(module: &ModulePackage, kernel: &Kernel) -> Result<Files<Contents>> {
    let (release, arch) = (kernel.release(), kernel.arch());
    let built = module.build(kernel).join("module");
    let mut files = Files::<Contents>::default();
    for entry in built.entries()? {
        if entry.kind == EntryKind::File && is_module(&entry.name) {
            let to = format!("lib/modules/{release}/updates/dkms/{}", entry.name);
            files.add(to, Contents::at(&built.join(&entry.name))?, 0o644);
        }
    }
    if files.size() == 0 {
        let id = format!("{}/{}", module.name(), module.version());
        return Err(refuse(5, format!("{id} has no modules for kernel {release} ({arch})."))
            .hint(format!("Build it anew: `dkms build {id} -k {release}/{arch} --force`.")));
    }
    Ok(files)
}

fn is_module(name: &str) -> bool {
    [".ko", ".ko.gz", ".ko.xz", ".ko.zst"].iter().any(|suffix| name.ends_with(suffix))
}
