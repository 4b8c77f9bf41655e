//! Makes archives of the source of packages.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Packager for Plugin {
    fn formats() -> Vec<Format> {
        vec![format("{{name}}", "mk{{name}}", "an archive of the source", "Archive")]
    }

    fn requires(_format: &str, _options: &[Property]) -> Result<Requirements, Failure> {
        Ok(Requirements { state: State::Added, kernels: KernelCount::None })
    }

    fn assemble(
        _format: &str,
        module: &ModulePackage,
        _kernels: &[Kernel],
        _options: &[Property],
        staging: &Path,
        plan: &mut Plan,
    ) -> Result<(), Failure> {
        let result = staging.join("result");
        plan.make_directory(&result)?;
        let file = format!("{}-{}.tar.gz", module.name(), module.version());
        plan.pack(Path::source(""), result.join(&file), ArchiveFormat::Tar, Some(Compression::Gzip))?;
        Ok(())
    }
}

export!(Plugin: Packager);
