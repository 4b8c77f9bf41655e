//! `mkkmp`: the source package of a kernel module package, as SUSE and Red Hat
//! have them, by a spec of the source.

use std::io::Write;

use modsmith_plugin::packaging::{Files, tar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::build::{self, Stage};
use crate::sources;
use crate::text::{check, literal};

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
    let kernel = kernels.first().ok_or_else(|| other("a kernel module package is made for one kernel"))?;
    let usual = format!("{name}-kmp.spec");
    let Some(spec) = sources::spec(options, &[Path::source(&usual)])? else {
        return Err(refuse(5, format!("The source of {name}/{version} has no {usual}."))
            .hint("A kernel module package is made by a spec of its own: put it into the source under that name, or name it with --spec."));
    };
    let mut source = Files::new();
    source.read(&Path::source(""), "")?;
    // The log of the preparation, with its date, is no source.
    source.remove("make.log");
    let archive = tar(&source.below(&format!("{name}-{version}")), "", source_date())?;
    let mut files = spec.named_sources()?;
    files.add(format!("{name}-{version}.tar.bz2"), bzip2(&archive), 0o644);
    let macros = [("module_name", name), ("version", version), ("kernel_version", literal(&kernel.release()))];
    build::prepare(&spec, &files, &macros, staging, plan)?;
    build::run(&spec, &Stage::Source(&kernel.arch()), staging, plan)
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}
