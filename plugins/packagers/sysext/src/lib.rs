//! systemd system extensions: a disk image with built modules for systems whose `/usr` is
//! read-only. systemd lays it over `/usr`, where modprobe finds the modules by an index of all the
//! kernel's modules.

mod image;
mod release;

use modsmith_plugin::prelude::*;

/// What scripts see.
mod exit {
    /// The options contradict the request.
    pub const USAGE: u8 = 1;
    pub const NOT_BUILT: u8 = 5;
    /// The kernel's own modules are not here.
    pub const NO_INDEX: u8 = 6;
    pub const FAILED: u8 = 7;
}

struct Sysext;

impl Packager for Sysext {
    fn formats() -> Result<Vec<Format>> {
        Ok(vec![Format {
            exit_codes: ExitCodes { not_built: exit::NOT_BUILT, failed: exit::FAILED },
            options: vec![
                option("os", "SYSTEM", "The system that the image is for: ID:VERSION_ID of its os-release, or `any`"),
                option(
                    "with",
                    "LIST",
                    "Further packages whose modules the image has: NAME/VERSION, separated by commas",
                ),
            ],
            ..format("sysext", "mksysext", "a systemd system extension with the built modules", "System extension")
        }])
    }

    fn requires(request: &FormatRequest) -> Result<Requirements> {
        release::System::find(&request.options())?;
        image::Package::others(&request.options())?;
        Ok(Requirements { state: State::Built, kernels: KernelCount::Any })
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        let (module, kernels, options, staging) =
            (request.package(), request.kernels(), request.options(), request.staging());
        let system = release::System::find(&options)?;
        let mut packages = vec![image::Package { name: module.name(), version: module.version() }];
        packages.extend(image::Package::others(&options)?);
        image::check_kernels(&kernels)?;
        let result = staging.join("result");
        plan.make_directory(&result)?;
        for kernel in &kernels {
            let name = format!("{}-{}-{}", module.name(), module.version(), kernel.release());
            let image = image::make(&name, &packages, kernel, &system, plan)?;
            plan.write_file(result.join(&format!("{name}.raw")), image, 0o644)?;
        }
        Ok(())
    }
}

export!(Sysext: Packager);
