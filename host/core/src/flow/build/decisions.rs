//! What a build decided before it began.

use crate::build::Toolchain;
use crate::conf::PackageConf;
use crate::flow::recipe::preconditions::Patch;
use crate::flow::recipe::workplace::Workplace;
use crate::flow::signing::SigningChoice;
use crate::flow::store::builds::Keeping;
use crate::tree::ConfFile;
use modsmith_facts::Compression;

/// What a build decided before it began.
pub(crate) struct Decisions {
    pub(crate) conf: PackageConf,
    pub(super) toolchain: Toolchain,
    pub(crate) compression: Option<Compression>,
    pub(crate) signing: SigningChoice,
    pub(crate) place: Workplace,
    pub(super) patches: Vec<Patch>,
    /// What `conf` came from.
    pub(crate) conf_files: Vec<ConfFile>,
    /// By what the build is known in the store; `None`: it is not kept.
    pub(crate) keeping: Option<Keeping>,
}

impl Decisions {
    /// For a build whose products are only looked at.
    pub(crate) fn unsigned(conf: PackageConf, toolchain: Toolchain, place: Workplace, patches: Vec<Patch>) -> Self {
        let (compression, signing, keeping) = (None, SigningChoice::default(), None);
        Self { conf, toolchain, compression, signing, place, patches, conf_files: Vec::new(), keeping }
    }
}
