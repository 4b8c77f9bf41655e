//! `mkkmod`: the built modules as a package for each kernel, which needs no dkms.

use modsmith_plugin::packaging::{Files, gzip, tar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::build::{self, Stage};
use crate::built::{self, Module};
use crate::provides::modaliases;
use crate::sources::{self, Spec};
use crate::text::{check, filled, literal, package_name, package_version};

const SPEC: &str = include_str!("templates/kmod.spec");

pub fn assemble(
    module: &ModulePackage,
    kernels: &[Kernel],
    options: &[Property],
    staging: &Path,
    plan: &mut Plan,
) -> Result<()> {
    let (name, version) = (module.name(), module.version());
    check("name", &name)?;
    check("version", &version)?;
    let candidates = [Path::source(format!("{name}-kmod.spec")), Path::etc("dkms/template-dkms-mkkmod.spec")];
    for kernel in kernels {
        let release = kernel.release();
        check("kernel", &release)?;
        let modules = built::modules(module, kernel)?;
        let mut files = Files::new();
        for module in &modules {
            files.read(&module.path, &module.file)?;
        }
        let archive = format!("{name}-{version}-{release}.tar.gz");
        let mut sources = Files::new();
        sources.add(archive, gzip(&tar(&files, "", source_date())?), 0o644);
        let own = sources::spec(options, &candidates)?;
        if let Some(own) = &own {
            sources.extend(own.named_sources()?);
        }
        let spec = own.map_or_else(|| spec(&name, &version, &release, &modules), Ok)?;
        let macros = [("module_name", name.clone()), ("version", version.clone()), ("kernel_version", release)];
        build::prepare(&spec, &sources, &macros, staging, plan)?;
        build::run(&spec, &Stage::Binary(&kernel.arch()), staging, plan)?;
    }
    Ok(())
}

fn spec(name: &str, version: &str, release: &str, modules: &[Module]) -> Result<Spec> {
    let mut provides: Vec<String> = modules.iter().map(|module| format!("kmod({})", module.object())).collect();
    provides.extend(modaliases(modules.iter().map(|module| &module.info)));
    let provides: String = provides.iter().map(|line| format!("Provides: {}\n", literal(line))).collect();
    let text = filled(
        SPEC,
        &[
            ("MODULE", name),
            ("VERSION", version),
            ("KERNEL", release),
            ("KERNEL_NAME", &package_name(release)),
            ("REQUIRES", &requires(release)),
            ("NAME", &package_name(name)),
            ("PACKAGE_VERSION", &package_version(version)),
            ("LICENSE", &literal(&built::license(modules)?)),
            ("PROVIDES", &provides),
        ],
    );
    Ok(Spec { name: format!("kmod-{name}.spec"), text })
}

/// The kernel's own capability. A release with several dashes is no version to rpm:
/// no kernel provides it.
fn requires(release: &str) -> String {
    match release.matches('-').count() {
        0 | 1 => format!("Requires:       kernel-uname-r = {release}\n"),
        _ => String::new(),
    }
}
