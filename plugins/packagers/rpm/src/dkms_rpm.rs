//! `mkrpm`: a package that brings source and built modules to dkms.

use modsmith_plugin::packaging::{COMMON_POSTINST, Contents, Files, binaries, gzip, gzip_to, tar, write_tar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::build::{self, Stage};
use crate::built::{self, Module};
use crate::provides::modaliases;
use crate::sources::{self, Spec};
use crate::text::{check, filled, literal, package_name, package_version};

const SPEC: &str = include_str!("templates/dkms.spec");
/// The stand-ins for a spec that was written for dkms.
const STAGE: &str = include_str!("templates/stage");
const DKMS: &str = include_str!("templates/dkms");
const FIND_PROVIDES: &str = include_str!("templates/find-provides");

/// The material of the package.
struct Parts {
    name: String,
    version: String,
    /// The source, with its directory.
    source: Option<Files<Contents>>,
    /// dkms's tarball of what was built.
    tarball: Option<Vec<u8>>,
    postinst: bool,
    provides: Vec<String>,
    license: String,
}

pub fn assemble(
    module: &ModulePackage,
    kernels: &[Kernel],
    options: &[Property],
    staging: &Path,
    plan: &mut Plan,
) -> Result<()> {
    let parts = Parts::collect(module, kernels, options)?;
    let candidates =
        [Path::source(format!("{}-dkms-mkrpm.spec", parts.name)), Path::etc("dkms/template-dkms-mkrpm.spec")];
    let spec = match sources::spec(options, &candidates)? {
        Some(spec) => {
            let mut files = parts.files();
            files.extend(spec.named_sources()?);
            parts.place_source(staging, plan)?;
            build::prepare(&spec, &files, &parts.macros(kernels)?, staging, plan)?;
            parts.stand_in_for_dkms(staging, plan)?;
            spec
        }
        None => {
            let spec = parts.spec();
            parts.place_source(staging, plan)?;
            build::prepare(&spec, &parts.files(), &[], staging, plan)?;
            spec
        }
    };
    build::run(&spec, &Stage::All, staging, plan)
}

impl Parts {
    fn collect(module: &ModulePackage, kernels: &[Kernel], options: &[Property]) -> Result<Self> {
        let (name, version) = (module.name(), module.version());
        check("name", &name)?;
        check("version", &version)?;
        let date = source_date();
        let source = match given(options, "binaries-only") {
            None => Some(sources::resolved()?.below(&format!("{name}-{version}"))),
            Some(_) => None,
        };
        let tarball = match given(options, "source-only") {
            None => Some(gzip(&tar(&binaries(module, kernels)?, "./", date)?)),
            Some(_) => None,
        };
        let mut modules: Vec<Module> = Vec::new();
        for kernel in kernels {
            modules.extend(built::modules(module, kernel)?);
        }
        Ok(Self {
            name,
            version,
            source,
            tarball,
            postinst: given(options, "legacy-postinst") != Some("0"),
            provides: modaliases(modules.iter().map(|module| &module.info)),
            license: built::license(&modules)?,
        })
    }

    /// Name and version, as files are called.
    fn stem(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Puts the source where a spec takes from.
    fn place_source(&self, staging: &Path, plan: &mut Plan) -> Result<()> {
        let Some(source) = &self.source else { return Ok(()) };
        let mut archive = Pieces::new();
        gzip_to(&mut archive, |to| write_tar(source, "", source_date(), to))?;
        let sources = build::sources(staging);
        plan.make_directory(&sources)?;
        plan.concatenate(archive, sources.join(&format!("{}.tar.gz", self.stem())), 0o644)
    }

    /// The other files that a spec takes from.
    fn files(&self) -> Files {
        let mut files = Files::new();
        if let Some(tarball) = &self.tarball {
            files.add(format!("{}.dkms.tar.gz", self.stem()), tarball.clone(), 0o644);
        }
        if self.postinst {
            files.add("common.postinst", COMMON_POSTINST, 0o755);
        }
        files
    }

    fn spec(&self) -> Spec {
        let number = |with: bool| if with { "1" } else { "0" };
        let provides: String = self.provides.iter().map(|line| format!("Provides: {}\n", literal(line))).collect();
        let text = filled(
            SPEC,
            &[
                ("MODULE", &self.name),
                ("VERSION", &self.version),
                ("NAME", &package_name(&self.name)),
                ("PACKAGE_VERSION", &package_version(&self.version)),
                ("LICENSE", &literal(&self.license)),
                ("SOURCE", number(self.source.is_some())),
                ("MODULES", number(self.tarball.is_some())),
                ("POSTINST", number(self.postinst)),
                ("PROVIDES", &provides),
            ],
        );
        Spec { name: format!("{}-dkms.spec", self.name), text }
    }

    /// The macros that dkms defines for a spec.
    fn macros(&self, kernels: &[Kernel]) -> Result<Vec<(&'static str, String)>> {
        let list = |form: fn(&Kernel) -> String| kernels.iter().map(form).collect::<Vec<_>>().join(" ");
        let line = match self.tarball {
            None => "none".to_owned(),
            Some(_) => {
                let kernels = list(|kernel| format!("-k {} -a {}", kernel.release(), kernel.arch()));
                format!("{kernels} --binaries-only")
            }
        };
        let stage = "/bin/sh %{getenv:HOME}/tools/stage";
        let mut macros = vec![
            ("version", self.version.clone()),
            ("module_name", self.name.clone()),
            ("kernel_versions", literal(&list(Kernel::release))),
            ("mktarball_line", literal(&line)),
            ("__find_provides", "/bin/sh %{getenv:HOME}/tools/find-provides".into()),
            ("_use_internal_dependency_generator", "0".into()),
            ("__spec_prep_cmd", stage.into()),
            ("__spec_build_cmd", stage.into()),
            ("__spec_install_cmd", stage.into()),
        ];
        if let Some(license) = setting("license")? {
            macros.push(("license", literal(&license)));
        }
        Ok(macros)
    }

    /// Adds the files that a spec written for dkms uses beside its sources: the source as a
    /// directory, and dkms itself.
    fn stand_in_for_dkms(&self, staging: &Path, plan: &mut Plan) -> Result<()> {
        if let Some(source) = &self.source {
            let (archive, unpacked) = (staging.join("source.tar"), staging.join("unpacked"));
            let mut pieces = Pieces::new();
            write_tar(source, "", source_date(), &mut pieces)?;
            plan.concatenate(pieces, &archive, 0o644)?;
            plan.unpack(&archive, &unpacked)?;
            plan.rename(unpacked.join(&self.stem()), staging.join("rpm/SOURCES").join(&self.stem()))?;
        }
        let values = [("MODULE", self.name.as_str()), ("VERSION", &self.version)];
        let mut files = Files::new();
        files.add("tools/stage", filled(STAGE, &values), 0o755);
        files.add("tools/dkms", filled(DKMS, &values), 0o755);
        files.add("tools/find-provides", FIND_PROVIDES, 0o755);
        files.add("tools/provides", self.provides.iter().map(|line| format!("{line}\n")).collect::<String>(), 0o644);
        let tree = format!("tree/{}/{}/tarball", self.name, self.version);
        files.directory(tree.clone());
        if let Some(tarball) = &self.tarball {
            files.add(format!("{tree}/{}.dkms.tar.gz", self.stem()), tarball.clone(), 0o644);
        }
        build::place(&files, staging, plan)
    }
}
