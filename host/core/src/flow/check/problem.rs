//! What a check is, and what it finds.

use std::path::PathBuf;

use serde::Serialize;

use super::scene::Scene;
use crate::tree::{PackageId, Target};
use modsmith_facts::Location;

/// One broken state of a tree.
#[derive(Debug)]
pub struct Check {
    /// Its stable name.
    pub id: &'static str,
    /// Its number in `docs/reference/check.md`.
    pub state: u8,
    /// The state in plain words.
    pub title: &'static str,
    /// When its repair has its turn.
    pub(super) stage: Stage,
    pub(super) find: fn(&Scene<'_, '_>) -> Vec<Problem>,
}

/// The order of repairs: each stands on those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Sources,
    Products,
    Installed,
    Links,
    Index,
    BootImage,
}

/// Whether a state was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// The state was found.
    Found,
    /// A fact could not be read: the evidence says which.
    Unknown,
}

/// What was found in one place.
#[derive(Debug, Clone)]
pub struct Problem {
    pub check: &'static str,
    pub state: u8,
    pub title: &'static str,
    pub sight: Sight,
    pub package: Option<PackageId>,
    pub target: Option<Target>,
    /// The file or directory that is not as it should be.
    pub path: Option<PathBuf>,
    /// `PLUGIN/FINDING`, where a plugin found it; `PLUGIN` where it could not be asked.
    pub finding: Option<String>,
    /// What was read, with paths and values.
    pub evidence: String,
    pub remedy: Remedy,
    pub(super) stage: Stage,
    pub(super) repair: Option<Repair>,
}

/// What is to be done about a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    pub kind: RemedyKind,
    /// What a repair does, or what the administrator does: one sentence.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyKind {
    /// A repair does it, and nothing can be lost.
    Automatic,
    /// A repair builds modules again.
    Rebuild,
    /// The administrator decides.
    Told,
}

/// A repair, chosen and not yet planned. The package and the kernel are the problem's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// The `source` link leads to the source directory again.
    LinkSource,
    /// The version goes from the tree, with what it installed.
    RemoveVersion,
    /// These directories go, if they are empty.
    RemoveEmpty(Vec<Location>),
    /// These leftovers of builds go.
    RemoveLeftovers(Vec<Location>),
    /// The log of a failed build becomes a record.
    RememberFailure,
    /// The package is built again, and installed again where it was installed.
    Rebuild,
    /// The package is built, if need be, and installed.
    Install,
    /// The installed files are copied from the tree again.
    Reinstall,
    /// The built modules are signed with today's key, and installed again.
    SignAgain,
    /// These installed files of the program's own go, below the kernel's directory.
    RemoveFiles(Vec<Location>),
    /// This version is the installed one, and the files of the others go.
    KeepVersion { keep: PackageId, others: Vec<Location> },
    /// Originals go back: from the archive, to the kernel's directory.
    RestoreOriginals(Vec<(Location, Location)>),
    /// The files and links that were installed for a kernel that is gone are removed.
    ForgetKernel,
    /// The link `kernel-K-A` goes.
    RemoveLink,
    /// The link `kernel-K-A` leads to this version again.
    PointLink(PackageId),
    /// These links to other kernels' modules go.
    RemoveWeakLinks(Vec<Location>),
    /// depmod runs.
    Depmod,
    /// The boot image is made again.
    BootImage,
}

impl Problem {
    /// What a check found; where and what is to be done follows.
    pub(super) fn of(check: &Check, evidence: impl Into<String>) -> Self {
        Self {
            check: check.id,
            state: check.state,
            title: check.title,
            sight: Sight::Found,
            package: None,
            target: None,
            path: None,
            finding: None,
            evidence: evidence.into(),
            remedy: Remedy { kind: RemedyKind::Told, text: String::new() },
            stage: check.stage,
            repair: None,
        }
    }

    /// A fact that could not be read, and what makes it readable.
    pub(super) fn unknown(check: &Check, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { sight: Sight::Unknown, ..Self::of(check, evidence).manual(remedy) }
    }

    pub(super) fn package(self, id: &PackageId) -> Self {
        Self { package: Some(id.clone()), ..self }
    }

    pub(super) fn target(self, target: &Target) -> Self {
        Self { target: Some(target.clone()), ..self }
    }

    pub(super) fn path(self, path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    pub(super) fn finding(self, id: String) -> Self {
        Self { finding: Some(id), ..self }
    }

    /// The administrator does it: `text` says how.
    pub(super) fn manual(self, text: impl Into<String>) -> Self {
        Self { remedy: Remedy { kind: RemedyKind::Told, text: text.into() }, ..self }
    }

    pub(super) fn automatic(self, text: impl Into<String>, repair: Repair) -> Self {
        Self { remedy: Remedy { kind: RemedyKind::Automatic, text: text.into() }, repair: Some(repair), ..self }
    }

    pub(super) fn rebuild(self, text: impl Into<String>, repair: Repair) -> Self {
        Self { remedy: Remedy { kind: RemedyKind::Rebuild, text: text.into() }, repair: Some(repair), ..self }
    }

    /// Whether `--repair` does something about it.
    pub fn is_repairable(&self) -> bool {
        self.repair.is_some()
    }

    /// Whether two readings found the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let place = |problem: &Self| {
            let Self { check, package, target, path, finding, .. } = problem;
            (*check, package.clone(), target.clone(), path.clone(), finding.clone())
        };
        place(self) == place(other)
    }
}
