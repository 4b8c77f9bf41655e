//! Driver disks, with which installers of distributions get drivers that they
//! do not have.

mod built;
mod disks;
mod medium;
mod request;

use std::collections::BTreeMap;

use modsmith_plugin::packaging::Files;
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;
use rpm_format::RpmFile;

use crate::built::Built;
use crate::disks::{Disk, redhat, redhat3, suse, ubuntu};
use crate::request::{Distro, Request};

struct DriverDisk;

impl Packager for DriverDisk {
    fn formats() -> Result<Vec<Format>> {
        Ok(vec![Format {
            directory: "driver_disk".into(),
            options: vec![
                OptionSpec {
                    short: Some('d'),
                    ..option(
                        "distro",
                        "DISTRO",
                        "Whose installer reads it: redhat1, redhat2, redhat3, suse, UnitedLinux, ubuntu",
                    )
                },
                OptionSpec {
                    short: Some('r'),
                    ..option("release", "RELEASE", "The distribution's release, for suse and UnitedLinux: 9.3, sles10")
                },
                option("media", "MEDIUM", "What it is put on: floppy (without this option), iso or tar"),
                option("size", "KB", "The floppy's size; 1440 without this option"),
                option("spec", "FILE", "The spec file that mkkmod made the packages of a redhat3 disk with"),
            ],
            ..format("driver-disk", "mkdriverdisk", "a driver disk for a distribution's installer", "Disk image")
        }])
    }

    fn requires(request: &FormatRequest) -> Result<Requirements> {
        let request = Request::of(&request.options())?;
        let state = if request.distro == Distro::Ubuntu { State::BuiltOnDemand } else { State::Built };
        Ok(Requirements { state, kernels: KernelCount::Any })
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        let (module, kernels, staging) = (request.package(), request.kernels(), request.staging());
        let request = Request::of(&request.options())?;
        if kernels.is_empty() {
            return Err(refuse(1, "A driver disk is for at least one kernel, and none was named.")
                .hint("Name kernels with -k."));
        }
        let date = u32::try_from(source_date()).unwrap_or(u32::MAX);
        let disk = disk(&request, &module, &kernels, date)?;
        for note in &disk.notes {
            plan.note(note);
        }
        let (name, contents) = medium::write(&disk, request.media, &module.name(), date)?;
        let result = staging.join("result");
        plan.make_directory(&result)?;
        plan.write_file(result.join(&name), contents, 0o644)?;
        Ok(())
    }
}

fn disk(request: &Request, module: &ModulePackage, kernels: &[Kernel], date: u32) -> Result<Disk> {
    let built = kernels.iter().map(|kernel| Built::read(module, kernel)).collect::<Result<Vec<_>, _>>()?;
    let (name, version) = (module.name(), module.version());
    let title = format!("{name}-{version}");
    let release = request.release.as_deref().unwrap_or_default();
    let destinations = || destinations(module);
    Ok(match request.distro {
        Distro::RedHat1 => redhat::disk(redhat::Layout::One, &title, &built, date)?,
        Distro::RedHat2 => redhat::disk(redhat::Layout::Two, &title, &built, date)?,
        Distro::RedHat3 => {
            let found = packages(&name, &version)?;
            redhat3::disk(&name, &version, &built, found, request.spec.as_deref(), date)?
        }
        Distro::Suse => suse::disk(&title, "suse", release, &built, &destinations()?, date)?,
        Distro::UnitedLinux => suse::disk(&title, "UnitedLinux", release, &built, &destinations()?, date)?,
        Distro::Ubuntu => {
            let mut source = Files::new();
            source.read(&Path::source(""), "")?;
            ubuntu::disk(&name, &version, &built, source, date)?
        }
    })
}

/// Directories below `/lib/modules/K` where the dkms.conf wants modules, by name.
fn destinations(module: &ModulePackage) -> Result<BTreeMap<String, String>> {
    let wanted = module.directive("DEST_MODULE_LOCATION");
    let mut destinations = BTreeMap::new();
    for (name, wanted) in module.module_names().into_iter().zip(wanted) {
        let parts: Vec<&str> = wanted.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(refuse(
                8,
                format!("DEST_MODULE_LOCATION of {name}, {wanted}, is not below the module directory."),
            )
            .hint("Correct it in dkms.conf: /updates or /extra."));
        }
        if !parts.is_empty() {
            destinations.insert(name, parts.join("/"));
        }
    }
    Ok(destinations)
}

/// Packages with modules that were made of this one, in the tree.
fn packages(name: &str, version: &str) -> Result<Vec<RpmFile>> {
    let directory = Path::tree(format!("{name}/{version}/rpm"));
    let mut packages = Vec::new();
    for entry in directory.entries()? {
        if entry.name.starts_with("kmod-") && entry.name.ends_with(".rpm") && !entry.name.ends_with(".src.rpm") {
            let file = directory.join(&entry.name);
            let contents = file.read()?.unwrap_or_default();
            match RpmFile::read(entry.name, contents) {
                Ok(package) => packages.push(package),
                Err(why) => {
                    let reason = format!("{} is no package of rpm: {why}.", file.absolute()?);
                    return Err(refuse(7, reason).hint("Make it again with mkkmod, or delete it."));
                }
            }
        }
    }
    Ok(packages)
}

export!(DriverDisk: Packager);
