//! Rpm packages: of a package's source with what was built of it, of its source
//! for a kernel module package, and of its modules for a kernel; and from an rpm
//! into the tree.

mod arrange;
mod build;
mod built;
mod dkms_rpm;
mod kmod;
mod kmp;
mod package;
mod payload;
mod provides;
mod sources;
mod text;

use modsmith_plugin::prelude::*;

/// What the host's plan copies the archive to.
const ARCHIVE: &str = "archive";

struct Rpm;

impl Packager for Rpm {
    fn formats() -> Result<Vec<Format>> {
        let spec = || option("spec", "NAME", "A spec file of the source, to be used instead of the usual one");
        let only =
            |name: &str, other: &str, help: &str| OptionSpec { excludes: vec![other.into()], ..switch(name, help) };
        let common = |name: &str, action: &str, summary: &str| Format {
            directory: "rpm".into(),
            ..format(name, action, summary, "Package")
        };
        Ok(vec![
            Format {
                suffixes: vec![".rpm".into()],
                installer: installer()?,
                options: vec![
                    OptionSpec {
                        without_kernels: true,
                        ..only("source-only", "binaries-only", "The source without built modules")
                    },
                    only("binaries-only", "source-only", "The built modules without the source"),
                    option(
                        "legacy-postinst",
                        "0|1",
                        "Whether the package brings a script for systems whose dkms has none (1, if not given)",
                    ),
                    spec(),
                ],
                ..common("rpm", "mkrpm", "an rpm package of source and built modules, and its source package")
            },
            Format {
                options: vec![spec()],
                ..common("kmp", "mkkmp", "a source package of a kernel module package (KMP), by the source's own spec")
            },
            Format {
                options: vec![spec()],
                ..common("kmod", "mkkmod", "an rpm package of the built modules for each kernel")
            },
        ])
    }

    fn requires(request: &FormatRequest) -> Result<Requirements> {
        let options = &request.options();
        if !has_program("rpmbuild")? {
            return Err(refuse(1, "There is no rpmbuild on this system.")
                .hint("Install it: the package is called rpm-build, on Debian and what is made of it rpm."));
        }
        if let Some(value) = given(options, "legacy-postinst").filter(|value| !matches!(*value, "0" | "1")) {
            return Err(refuse(1, format!("--legacy-postinst is 0 or 1, not `{value}`.")));
        }
        if let Some(name) = given(options, "spec") {
            sources::check_spec_name(name)?;
        }
        Ok(match request.format().as_str() {
            "kmp" => Requirements { state: State::Prepared, kernels: KernelCount::One },
            _ if given(options, "source-only").is_some() => {
                Requirements { state: State::Added, kernels: KernelCount::None }
            }
            _ => Requirements { state: State::Built, kernels: KernelCount::Any },
        })
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        let (module, kernels, options, staging) =
            (request.package(), request.kernels(), request.options(), request.staging());
        match request.format().as_str() {
            "kmp" => kmp::assemble(&module, &kernels, &options, &staging, plan),
            "kmod" => kmod::assemble(&module, &kernels, &options, &staging, plan),
            _ => dkms_rpm::assemble(&module, &kernels, &options, &staging, plan),
        }
    }

    /// Everything is done once the copy of the archive can be read.
    fn load(_: &LoadRequest, plan: &mut Plan) -> Result<()> {
        plan.note("the files of the package are taken out without running its scripts");
        Ok(())
    }

    fn arrange(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        match request.wants_files()? {
            true => arrange::unpack_all(&request.staging(), plan),
            false => arrange::arrange(&request.staging(), plan),
        }
    }
}

/// Files of rpm's database, by the form that it has.
const DATABASES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// Rpm, where it is what this system is made with: where rpm itself belongs to a
/// package in its database. Rpm is not asked where it has none: it would make one.
fn installer() -> Result<Vec<String>> {
    let has_database = |name: &str| Path::var("lib/rpm").join(name).exists().unwrap_or(false);
    let is_own =
        has_program("rpm")? && DATABASES.iter().any(|name| has_database(name)) && probe("owner-of-rpm").is_ok();
    Ok(if is_own { vec!["rpm".into(), "-Uvh".into()] } else { Vec::new() })
}

export!(Rpm: Packager);
