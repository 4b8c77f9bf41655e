//! dkms's tarballs: source and built modules of a package, to be loaded into
//! the tree of another machine.

mod arrange;
mod assemble;

use modsmith_plugin::prelude::*;

/// Names in a tarball, as dkms 2.x and 3.x know them.
const MAIN_TREE: &str = "dkms_main_tree";
const SOURCE_TREE: &str = "dkms_source_tree";
const BINARIES_ONLY: &str = "dkms_binaries_only";
/// In the main tree: the version of its layout. dkms 2.x asks for it.
const VERSION_FILE: &str = "dkms_dbversion";
const VERSION: &str = "2.0.0";

/// Where a tarball is unpacked, below the staging directory.
const UNPACKED: &str = "unpacked";

struct Tarball;

impl Packager for Tarball {
    fn formats() -> Result<Vec<Format>> {
        let alone =
            |name: &str, other: &str, help: &str| OptionSpec { excludes: vec![other.into()], ..switch(name, help) };
        Ok(vec![Format {
            load_action: Some("ldtarball".into()),
            suffixes: assemble::SUFFIXES.map(String::from).to_vec(),
            archive_option: Some("archive".into()),
            exit_codes: ExitCodes { not_built: 6, failed: 6 },
            options: vec![
                option("archive", "FILE", "The tarball to make or to load; its suffix tells how it is compressed"),
                OptionSpec {
                    without_kernels: true,
                    ..alone("source-only", "binaries-only", "The source without built modules")
                },
                alone("binaries-only", "source-only", "The built modules without the source"),
            ],
            ..format("tarball", "mktarball", "a tarball of source and built modules", "Tarball")
        }])
    }

    fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
        assemble::assemble(request, plan)
    }

    fn load(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        plan.unpack(request.archive(), request.staging().join(UNPACKED))
    }

    fn arrange(request: &LoadRequest, plan: &mut Plan) -> Result<()> {
        arrange::arrange(&request.staging(), plan)
    }
}

export!(Tarball: Packager);
