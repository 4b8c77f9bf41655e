//! Modules that are part of the kernel itself.
//!
//! Source: the kernel's `scripts/Makefile.vmlinux` (`modules.builtin` and
//! `modules.builtin.modinfo`) and `kernel/params.c`: every built-in module with a
//! version has a directory in `/sys/module`.

use std::collections::BTreeMap;
use std::path::Path;

use modsmith_facts::kernel::index_file;

use crate::fact::Fact;
use crate::image::BuiltIn;
use crate::module::kernel_name;

pub(super) fn of_kernel(module_dir: &Path) -> Fact<BTreeMap<String, BuiltIn>> {
    let path = module_dir.join("modules.builtin");
    let Ok(list) = index_file(module_dir, "modules.builtin") else {
        return Fact::unknown(format!("{} cannot be read", path.display()));
    };
    let stem = |line: &str| {
        let name = line.trim().rsplit('/').next()?;
        Some(kernel_name(name.strip_suffix(".ko").or_else(|| name.strip_suffix(".o"))?))
    };
    let mut builtin: BTreeMap<String, BuiltIn> =
        list.lines().filter_map(stem).map(|name| (name, BuiltIn::default())).collect();
    let info = index_file(module_dir, "modules.builtin.modinfo").unwrap_or_default();
    for field in info.split('\0') {
        let Some((name, rest)) = field.split_once('.') else { continue };
        let tag = rest.split('=').next().unwrap_or_default();
        if let Some(module) = builtin.get_mut(&kernel_name(name)) {
            module.is_in_sysfs |= tag == "version";
        }
    }
    Fact::known(builtin, path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_in_the_kernel_with_a_version_has_its_name_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("modules.builtin"), "kernel/a/x-y.ko\nkernel/b/z.ko\n").unwrap();
        let info = "x_y.license=GPL\0x_y.version=1.0\0z.parm=p:a parameter\0";
        std::fs::write(dir.path().join("modules.builtin.modinfo"), info).unwrap();
        let builtin = of_kernel(dir.path());
        let builtin = builtin.get().unwrap();
        assert_eq!(builtin.get("x_y"), Some(&BuiltIn { is_in_sysfs: true }));
        assert_eq!(builtin.get("z"), Some(&BuiltIn { is_in_sysfs: false }));
        assert!(of_kernel(&dir.path().join("none")).get().is_err());
    }
}
