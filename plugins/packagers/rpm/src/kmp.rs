//! `mkkmp`: the source package of a kernel module package, as SUSE and Red Hat
//! have them, by a spec of the source.

use modsmith_plugin::packaging::{Contents, Files, write_tar};
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
    let mut source = Files::<Contents>::default();
    source.read(&Path::source(""), "")?;
    // The log of the preparation, with its date, is no source.
    source.remove("make.log");
    let source = source.below(&format!("{name}-{version}"));
    let mut archive = bzip2::write::BzEncoder::new(Pieces::new(), bzip2::Compression::best());
    write_tar(&source, "", source_date(), &mut archive)?;
    let sources = build::sources(staging);
    plan.make_directory(&sources)?;
    plan.concatenate(archive.finish()?, sources.join(&format!("{name}-{version}.tar.bz2")), 0o644)?;
    let macros = [("module_name", name), ("version", version), ("kernel_version", literal(&kernel.release()))];
    build::prepare(&spec, &spec.named_sources()?, &macros, staging, plan)?;
    build::run(&spec, &Stage::Source(&kernel.arch()), staging, plan)
}
