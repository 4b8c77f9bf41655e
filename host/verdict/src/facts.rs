//! Facts about a kernel that may be started.

use crate::answer::Grade;
use crate::reason::Reason;

/// Everything that the verdict about one kernel goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelFacts {
    /// The release, as `uname -r` prints it.
    pub release: String,
    pub image: KernelFile,
    pub boot_image: BootImageState,
    /// The modules that did not come with the kernel, and those that the machine cannot
    /// start or be reached without.
    pub modules: Vec<ModuleFacts>,
    /// Further reasons, such as findings of plugins.
    pub findings: Vec<Reason>,
}

/// The file that the boot loader starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelFile {
    Good,
    /// None is where one should be: with these places.
    Missing(String),
    Damaged {
        file: String,
        why: String,
    },
    Unknown(String),
}

/// The initial RAM file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootImageState {
    /// The image was read to its end.
    Whole {
        file: String,
    },
    /// The image is named, and does not exist.
    Missing {
        file: String,
        /// Whether the system cannot start without one; `None` where that is not known.
        is_needed: Option<bool>,
    },
    Damaged {
        file: String,
        why: String,
    },
    /// No image is named, or the image cannot be read.
    Unknown(String),
}

/// A module that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFacts {
    pub name: String,
    pub origin: Origin,
    pub grade: Grade,
    /// The use of the module, which the grade follows from.
    pub why: String,
    pub provided: Provided,
    pub loads: Loads,
    pub in_image: InImage,
}

/// Where a module comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A package makes it: `NAME/VERSION`.
    Package(String),
    /// The module did not come with the running kernel, and no package is known.
    SharedStore,
    /// The kernel itself.
    Kernel,
}

/// Whether the kernel's module directory has a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provided {
    /// modprobe(8) would load this file; it is the package's, or the kernel's own.
    Indexed,
    /// The module is part of the kernel.
    BuiltIn,
    /// modprobe(8) would load another file than the package's.
    Shadowed {
        by: String,
        file: String,
    },
    /// The file is there, and modprobe(8) does not know it.
    NotIndexed {
        file: String,
    },
    Missing,
    Unknown(String),
}

/// Whether the kernel would load the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loads {
    Yes,
    No {
        evidence: String,
        remedy: String,
    },
    Unknown(String),
    /// The module is the kernel's own, or has no file.
    NotAsked,
}

/// Whether the boot image has a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InImage {
    Same,
    /// The image has a module of the same name with other code. `by` names what was compared.
    Different {
        file: String,
        by: String,
    },
    /// The image's own index does not name the file.
    NotIndexed {
        file: String,
    },
    Absent,
    Unknown(String),
}
