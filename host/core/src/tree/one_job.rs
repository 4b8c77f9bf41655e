//! Packages that build only with one job at a time: a file for each version, below
//! the tree's private directory, where dkms does not look.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::PackageId;
use super::scan::{Tree, directories};
use modsmith_facts::{Location, Root};
use modsmith_plan::PRIVATE_DIR;

const SCHEMA_VERSION: u32 = 1;

/// The record about a version that must be built with one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneJob {
    schema_version: u32,
    /// For which kernel it failed with several jobs, and was built with one.
    pub kernel: String,
    pub arch: String,
}

impl OneJob {
    pub fn new(kernel: &str, arch: &str) -> Self {
        Self { schema_version: SCHEMA_VERSION, kernel: kernel.to_owned(), arch: arch.to_owned() }
    }
}

fn private(path: &str) -> Location {
    Location::new(Root::Tree, format!("{PRIVATE_DIR}/one-job{path}")).expect("checked names make a relative path")
}

impl PackageId {
    /// `T/.modsmith/one-job/m/v/record.json`
    pub fn one_job_record(&self) -> Location {
        private(&format!("/{}/{}/record.json", self.module, self.version))
    }

    /// `T/.modsmith/one-job/m/v`
    pub fn one_job_dir(&self) -> Location {
        private(&format!("/{}/{}", self.module, self.version))
    }
}

impl Tree {
    /// Whether a version is known to need one job at a time. One that was taken
    /// out or added again since is another source.
    pub fn needs_one_job(&self, id: &PackageId) -> bool {
        let file = id.one_job_record();
        let record = self.believed(&file).and_then(|text| serde_json::from_slice::<OneJob>(&text).ok());
        let written = |path: PathBuf| std::fs::symlink_metadata(path).and_then(|data| data.modified()).ok();
        let added = written(self.real(&id.source_link()));
        record.is_some_and(|record| record.schema_version == SCHEMA_VERSION)
            && added.zip(written(self.real(&file))).is_some_and(|(added, learnt)| added <= learnt)
    }

    /// Versions of which a record is left that means nothing any more.
    pub fn stale_one_jobs(&self) -> Vec<PackageId> {
        let base = self.real(&private(""));
        let below = |path: PathBuf| directories(&path).unwrap_or_default();
        let versions = |module: String| {
            let versions = below(base.join(&module)).into_iter();
            versions.map(move |version| PackageId { module: module.clone(), version }).collect::<Vec<_>>()
        };
        let all = below(base.clone()).into_iter().flat_map(versions);
        all.filter(|id| !self.needs_one_job(id)).collect()
    }
}
