//! Arch's packages: the source of a module package in `/usr/src`, where hooks of
//! pacman find it and have it built for each kernel.

mod arrange;
mod mtree;
mod name;
mod package;
mod zstd;

use modsmith_plugin::prelude::*;

/// What scripts see.
mod exit {
    /// A name or version that no package can have.
    pub const NAME: u8 = 1;
    pub const NOT_BUILT: u8 = 5;
    pub const FAILED: u8 = 7;
}

/// Of packages that are loaded. The first is what is made.
const SUFFIXES: [&str; 4] = [".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar.gz", ".pkg.tar"];

/// Where a package is unpacked, below the staging directory.
const UNPACKED: &str = "unpacked";

struct Pacman;

impl Packager for Pacman {
    fn formats() -> Result<Vec<Format>> {
        Ok(vec![Format {
            suffixes: SUFFIXES.map(str::to_owned).to_vec(),
            exit_codes: ExitCodes { not_built: exit::NOT_BUILT, failed: exit::FAILED },
            ..format("pacman", "mkpacman", "a package of the source for Arch and its kin", "Package")
        }])
    }

    fn requires(_: &FormatRequest) -> Result<Requirements> {
        Ok(Requirements { state: State::Added, kernels: KernelCount::None })
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        let (module, staging) = (request.package(), request.staging());
        let identity = name::Identity::of(&module.name(), &module.version())?;
        let package = package::make(&identity)?;
        let result = staging.join("result");
        plan.make_directory(&result)?;
        plan.concatenate(package, result.join(&format!("{}{}", identity.file(), SUFFIXES[0])), 0o644)
    }

    fn load(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        plan.unpack(request.archive(), request.staging().join(UNPACKED))
    }

    fn arrange(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        arrange::arrange(&request.staging(), plan)
    }
}

export!(Pacman: Packager);
