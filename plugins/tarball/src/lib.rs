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
    fn formats() -> Vec<Format> {
        let switch = |name: &str, help: &str, without_kernels, excludes: &str| OptionSpec {
            name: name.into(),
            value: None,
            help: help.into(),
            without_kernels,
            excludes: vec![excludes.into()],
        };
        vec![Format {
            name: "tarball".into(),
            action: "mktarball".into(),
            load_action: Some("ldtarball".into()),
            suffixes: assemble::SUFFIXES.iter().map(|(suffix, _)| (*suffix).into()).collect(),
            summary: "a tarball of source and built modules".into(),
            source_only: false,
            archive_option: Some("archive".into()),
            options: vec![
                OptionSpec {
                    name: "archive".into(),
                    value: Some("FILE".into()),
                    help: "The tarball to make or to load; its suffix tells how it is compressed".into(),
                    without_kernels: false,
                    excludes: Vec::new(),
                },
                switch("source-only", "The source without built modules", true, "binaries-only"),
                switch("binaries-only", "The built modules without the source", false, "source-only"),
            ],
        }]
    }

    fn assemble(
        _format: String,
        module: &ModulePackage,
        kernels: Vec<Kernel>,
        options: Vec<Property>,
        staging: Path,
        plan: &mut Plan,
    ) -> Result<()> {
        assemble::assemble(module, &kernels, &options, &staging, plan)
    }

    fn load(_format: String, archive: Path, _options: Vec<Property>, staging: Path, plan: &mut Plan) -> Result<()> {
        plan.unpack(archive, staging.join(UNPACKED))
    }

    fn arrange(_format: String, _options: Vec<Property>, staging: Path, plan: &mut Plan) -> Result<()> {
        arrange::arrange(&staging, plan)
    }
}

export!(Tarball: Packager);
