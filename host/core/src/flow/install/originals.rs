//! Modules that were there before: put aside on the first install, put back on
//! uninstall.

use std::path::{Path, PathBuf};

use crate::conf::PackageConf;
use crate::flow::Invocation;
use crate::flow::install::uninstall_plan::Originals;
use crate::tree::{Package, Target};
use modsmith_facts::Location;
use modsmith_facts::kernel::{Kernel, module_stem};

/// The originals that were put aside when a package was installed, and where each
/// goes.
pub(crate) fn originals(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    conf: &PackageConf,
) -> Originals {
    let archive = package.id.originals_dir(target);
    let real = run.env.tree.real(&archive);
    let names = std::fs::read_dir(&real).into_iter().flatten();
    let names = names.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let files = names.filter(|name| module_stem(name).is_some()).map(|name| {
        let path = path_of_original(run, &archive, &name, kernel, conf);
        (name, path)
    });
    Originals { files: files.collect(), has_archive: real.is_dir() }
}

/// Relative to the module directory: as recorded, else where the package
/// wanted its own (trees of older versions keep no record).
fn path_of_original(
    run: &Invocation<'_>,
    archive: &Location,
    name: &str,
    kernel: &Kernel,
    conf: &PackageConf,
) -> PathBuf {
    let recorded = archive.join(format!("{name}.origin")).ok().and_then(|location| run.env.tree.believed(&location));
    let recorded = recorded.and_then(|text| {
        let text = String::from_utf8(text).ok()?;
        let module_dir = run.env.system.inside(kernel.module_dir());
        Some(Path::new(text.trim()).strip_prefix(module_dir).ok()?.to_path_buf())
    });
    recorded.unwrap_or_else(|| {
        let stem = module_stem(name).map(|(stem, _)| stem);
        let record = conf.modules.iter().find(|m| Some(m.dest_name.as_str()) == stem);
        let directory = record.map(|m| m.dest_location.trim_matches('/')).unwrap_or("extra");
        Path::new(directory).join(name)
    })
}
