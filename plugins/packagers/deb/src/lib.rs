//! Debian's packages: of the source, which dkms builds where it is installed; of
//! built modules; and source packages.

mod binary;
mod changelog;
mod container;
mod content;
mod control;
mod helper;
mod load;
mod names;
mod naming;
mod source;
mod sums;
mod template;

use binary::{Kind, Made};
use modsmith_plugin::prelude::*;
use names::Names;
use template::Template;

struct Deb;

impl Packager for Deb {
    fn formats() -> Result<Vec<Format>> {
        Ok(vec![
            Format {
                suffixes: vec![".deb".into()],
                from_directory: true,
                options: options(),
                ..format("deb", "mkdeb", "a Debian package of the source, with what is built", "Debian package")
            },
            Format {
                from_directory: true,
                options: options(),
                ..format("dsc", "mkdsc", "a Debian source package", "Debian source package")
            },
            format("bmdeb", "mkbmdeb", "a Debian package of the modules for one kernel", "Debian package"),
        ])
    }

    fn requires(request: &FormatRequest) -> Result<Requirements> {
        let options = &request.options();
        if let Some(value) = given(options, "legacy-postinst").filter(|value| !matches!(*value, "0" | "1")) {
            return Err(
                refuse(1, format!("--legacy-postinst is `{value}`, and it can be 0 or 1.")).hint("Leave it out for 1.")
            );
        }
        if given(options, "source-only").is_some() {
            return Ok(Requirements { state: State::Added, kernels: KernelCount::None });
        }
        let kernels = if request.format() == "bmdeb" { KernelCount::One } else { KernelCount::Any };
        Ok(Requirements { state: State::Built, kernels })
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        let (module, kernels, options, staging) =
            (request.package(), request.kernels(), request.options(), request.staging());
        let kernels = if given(&options, "source-only").is_some() { Vec::new() } else { kernels };
        let names = Names::of(&module, &kernels)?;
        if names.debian_version != names.version {
            plan.note(format!(
                "The package's version is {}: {} is none of Debian's",
                names.debian_version, names.version
            ));
        }
        let made = match request.format().as_str() {
            "dsc" => {
                let beside = content::beside_debian(&module, &kernels, &options, &names)?;
                source::make(&Template::find("mkdsc", &names)?, &names, &beside)?
            }
            "bmdeb" => {
                let kernel = kernels.first().ok_or_else(|| refuse(5, "A package of modules is made for a kernel."))?;
                let modules = content::modules(&module, kernel)?;
                let template = Template::find("mkbmdeb", &names)?;
                vec![told(binary::make(Kind::Modules, &template, &names, &modules, |_| modules.clone())?, plan)]
            }
            _ => {
                let beside = content::beside_debian(&module, &kernels, &options, &names)?;
                let template = Template::find("mkdeb", &names)?;
                let installed = |package: &str| content::installed(&beside, package, &names);
                vec![told(binary::make(Kind::Source, &template, &names, &beside, installed)?, plan)]
            }
        };
        let result = staging.join("result");
        plan.make_directory(&result)?;
        for (file, contents) in made {
            plan.concatenate(contents, result.join(&file), 0o644)?;
        }
        Ok(())
    }

    fn load(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        plan.rename(request.archive(), request.staging().join(load::ARCHIVE))
    }

    fn arrange(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        match request.wants_files()? {
            true => load::unpack_all(&request.staging(), plan),
            false => load::arrange(&request.staging(), plan),
        }
    }
}

/// The options of packages of the source.
fn options() -> Vec<OptionSpec> {
    let alone = |name: &str, other: &str, help: &str| OptionSpec { excludes: vec![other.into()], ..switch(name, help) };
    vec![
        OptionSpec {
            without_kernels: true,
            ..alone("source-only", "binaries-only", "The source without built modules")
        },
        alone("binaries-only", "source-only", "The built modules without the source"),
        option("legacy-postinst", "0|1", "Whether the package brings the script that it calls, for a dkms without (1)"),
    ]
}

/// The file, once what there is to say of it is said.
fn told(made: Made, plan: &mut Plan) -> (String, Pieces) {
    for note in made.notes {
        plan.note(note);
    }
    (made.file, made.contents)
}

export!(Deb: Packager);
