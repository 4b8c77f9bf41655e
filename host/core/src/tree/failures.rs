//! Failed builds that are remembered: a record and the log for each package and
//! kernel, below the tree's private directory, where dkms does not look.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::layout::{PackageId, Target};
use super::record::RecordedConfinement;
use super::scan::{Tree, directories};
use build_diagnosis::{Class, ErrorLine};
use modsmith_facts::{Location, Root};
use modsmith_plan::PRIVATE_DIR;

/// `record.json` of a failed build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailureRecord {
    pub schema_version: u32,
    pub module: String,
    pub version: String,
    pub kernel: String,
    pub arch: String,
    /// When the build failed.
    #[serde(with = "rfc3339")]
    pub time: jiff::Timestamp,
    pub exit_code: u8,
    /// What the error said.
    pub message: String,
    pub class: Class,
    /// The first error in the log, if the log has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_error: Option<ErrorLine>,
    /// What to do about it, one sentence.
    pub remedy: String,
    /// How the build was confined; `None`: not at all, or it was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<RecordedConfinement>,
}

/// A remembered failure and what is kept of it.
#[derive(Debug, Clone)]
pub struct Failure {
    pub id: PackageId,
    pub target: Target,
    pub record: FailureRecord,
    /// The log, where the build got as far as to begin one.
    pub log: Option<PathBuf>,
}

/// Times as text.
mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(time: &jiff::Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<jiff::Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl FailureRecord {
    /// The record of a build that failed now, without a diagnosis.
    pub fn new(id: &PackageId, target: &Target, message: String, exit_code: u8) -> Self {
        Self {
            schema_version: 1,
            module: id.module.clone(),
            version: id.version.clone(),
            kernel: target.kernel.clone(),
            arch: target.arch.clone(),
            time: jiff::Timestamp::now(),
            exit_code,
            message,
            class: Class::Unknown,
            first_error: None,
            remedy: String::new(),
            confinement: None,
        }
    }

    /// The line that says most: of the log, else of the error.
    pub fn reason(&self) -> &str {
        self.first_error.as_ref().map_or(&self.message, |line| &line.text)
    }
}

fn private(path: &str) -> Location {
    Location::new(Root::Tree, format!("{PRIVATE_DIR}/failed{path}")).expect("checked names make a relative path")
}

impl PackageId {
    /// `T/.modsmith/failed/m/v`
    pub fn failures_dir(&self) -> Location {
        private(&format!("/{}/{}", self.module, self.version))
    }

    /// `T/.modsmith/failed/m/v/k/a`: `record.json` and, if there is one, `make.log`.
    pub fn failure_dir(&self, target: &Target) -> Location {
        private(&format!("/{}/{}/{}/{}", self.module, self.version, target.kernel, target.arch))
    }
}

/// The failures that a tree remembers.
#[derive(Clone, Copy)]
pub struct Failures<'t>(pub &'t Tree);

impl Failures<'_> {
    /// The failed builds that are remembered and still mean something, by module,
    /// version, kernel and architecture. A record that cannot be read is none.
    pub fn all(&self) -> Vec<Failure> {
        self.recorded().into_iter().filter_map(|(id, target)| self.of(&id, &target)).collect()
    }

    /// The last build of a package for a kernel, if it failed.
    pub fn of(&self, id: &PackageId, target: &Target) -> Option<Failure> {
        let file = |name: &str| id.failure_dir(target).join(name).expect("a plain name is a location");
        let record: FailureRecord = serde_json::from_slice(&self.0.believed(&file("record.json"))?).ok()?;
        if self.outdates(id, target, record.time.into()) {
            return None;
        }
        let log = file("make.log");
        let log = self.0.is_believed(&log).then(|| self.0.real(&log));
        Some(Failure { id: id.clone(), target: target.clone(), record, log })
    }

    /// Records that mean nothing any more.
    pub fn stale(&self) -> Vec<(PackageId, Target)> {
        self.recorded().into_iter().filter(|(id, target)| self.of(id, target).is_none()).collect()
    }

    /// The packages and kernels that have a record, be it out of date or not.
    pub fn recorded(&self) -> Vec<(PackageId, Target)> {
        let base = self.0.real(&private(""));
        let below = |path: &Path| directories(path).unwrap_or_default();
        let mut found = Vec::new();
        for module in below(&base) {
            for version in below(&base.join(&module)) {
                let id = PackageId { module: module.clone(), version };
                let kernels = self.0.real(&id.failures_dir());
                for kernel in below(&kernels) {
                    let archs = below(&kernels.join(&kernel)).into_iter();
                    found.extend(archs.map(|arch| (id.clone(), Target { kernel: kernel.clone(), arch })));
                }
            }
        }
        found
    }

    /// Whether dkms, which knows no records, has since taken the package out,
    /// added it again or built it.
    pub fn outdates(&self, id: &PackageId, target: &Target, failed: SystemTime) -> bool {
        let later = |path: PathBuf| {
            std::fs::symlink_metadata(path).and_then(|data| data.modified()).is_ok_and(|time| time > failed)
        };
        self.0.entry(id).is_none()
            || later(self.0.real(&id.source_link()))
            || later(self.0.real(&id.products_dir(target)))
    }
}
