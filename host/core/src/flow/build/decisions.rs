//! The decisions that precede a build.

use crate::build::Toolchain;
use crate::conf::PackageConf;
use crate::flow::recipe::preconditions::Patch;
use crate::flow::recipe::workplace::Workplace;
use crate::flow::signing::SigningChoice;
use crate::flow::store::builds::Keeping;
use crate::tree::ConfFile;
use modsmith_facts::Compression;

/// The decisions that precede a build.
pub(crate) struct Decisions {
    pub(crate) conf: PackageConf,
    pub(super) toolchain: Toolchain,
    pub(crate) compression: Option<Compression>,
    pub(crate) signing: SigningChoice,
    pub(crate) place: Workplace,
    pub(super) patches: Vec<Patch>,
    /// The files that `conf` was read from.
    pub(crate) conf_files: Vec<ConfFile>,
    /// The identity of the build in the store; `None` if the build is not kept.
    pub(crate) keeping: Option<Keeping>,
}

impl Decisions {
    /// For a build whose products are only looked at.
    pub(crate) fn unsigned(conf: PackageConf, toolchain: Toolchain, place: Workplace, patches: Vec<Patch>) -> Self {
        let (compression, signing, keeping) = (None, SigningChoice::default(), None);
        Self { conf, toolchain, compression, signing, place, patches, conf_files: Vec::new(), keeping }
    }
}
