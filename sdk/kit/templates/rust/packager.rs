//! Makes archives of the source of packages.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Packager for Plugin {
    fn formats() -> Result<Vec<Format>> {
        Ok(vec![format("{{name}}", "mk{{name}}", "an archive of the source", "Archive")])
    }

    fn requires(_request: &FormatRequest) -> Result<Requirements> {
        Ok(Requirements { state: State::Added, kernels: KernelCount::None })
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        let package = request.package();
        let result = request.staging().join("result");
        plan.make_directory(&result)?;
        let file = format!("{}-{}.tar.gz", package.name(), package.version());
        plan.pack(Path::source(""), result.join(&file), Some(Compression::Gzip))
    }
}

export!(Plugin: Packager);
