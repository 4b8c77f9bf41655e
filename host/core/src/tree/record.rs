//! The record of a build and an installation, beside the products, in
//! `T/m/v/k/a/.modsmith.json`.
//!
//! States are computed from paths, not from it. It saves looking closely at
//! files that have not changed since: as soon as one of them is not as
//! recorded, it says nothing. And it says where modules were installed, whatever
//! a system's policy says today.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::{PackageId, Target};
use super::scan::Tree;
use modsmith_facts::{Location, Root, Stamp};

const SCHEMA_VERSION: u32 = 1;

/// The modules that a build made and, once they are installed, where they went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    schema_version: u32,
    /// What the list of modules came from: dkms.conf, then the override files
    /// that were there. Empty when it came from the command line, too.
    conf: Vec<ConfFile>,
    pub modules: Vec<RecordedModule>,
    /// How the build was confined; `None`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<RecordedConfinement>,
    /// The build in the store; `None` if the build is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<RecordedStore>,
    /// Why the administrator's policy kept the modules unsigned, as a clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// The products and the installed files that were found to be the same, by
    /// location. The step that writes the record fills it in.
    #[serde(default, skip_serializing)]
    files: BTreeMap<String, Stamp>,
}

/// A file that directives were read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfFile {
    pub path: PathBuf,
    /// `None` for one that was being written just then.
    pub stamp: Option<Stamp>,
}

/// How far a build was confined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedConfinement {
    /// `full`, `confined`, `dropped` or `none`.
    pub level: String,
    /// The walls that did not stand, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingWall>,
}

/// A wall that did not stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingWall {
    pub wall: String,
    /// The kernel's error, or the setting that removed the wall.
    pub why: String,
}

impl RecordedConfinement {
    /// In one line.
    pub fn words(&self) -> String {
        let missing: Vec<String> =
            self.missing.iter().map(|missing| format!("{}: {}", missing.wall, missing.why)).collect();
        match missing.is_empty() {
            true => self.level.clone(),
            false => format!("{}; missing walls: {}", self.level, missing.join("; ")),
        }
    }
}

/// What a build has to do with the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedStore {
    /// `sha256:` and 64 digits: the digest of all that it was made from.
    pub identity: String,
    /// Whether the products came from the store; otherwise they were made.
    pub reused: bool,
    /// The place that the build was pulled from; `None` if it was made on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The build of other inputs that was taken instead of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatible: Option<RecordedCompatible>,
}

/// A build of other inputs whose modules the kernel is proven to load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCompatible {
    /// `sha256:` and 64 digits.
    pub identity: String,
    /// What was compared, as a clause.
    pub reason: String,
}

/// The place that a build was fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address of the store.
    pub address: String,
    /// The digest of the artefact.
    pub artefact: String,
    /// The fingerprint of the key that has signed it.
    pub signer: String,
}

/// One module of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedModule {
    /// As it is installed, without suffix.
    pub name: String,
    /// Its file in the products directory.
    pub product: String,
    /// Its file below the kernel's module directory: a location whose root is
    /// [`Root::Modules`], and can be no other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<PathBuf>,
    /// The digest of the installed file's contents, uncompressed and without signature, by which
    /// the file is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The rules by which the kernel would not load it, and which were overruled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overruled: Vec<String>,
}

impl RecordedModule {
    /// Where its installed file is. A path that would leave the kernel's module
    /// directory is none.
    pub fn installed_at(&self) -> Option<Location> {
        Location::new(Root::Modules, self.installed.as_ref()?).ok()
    }
}

impl BuildRecord {
    /// The record's name: hidden, and none that dkms knows.
    pub const NAME: &str = ".modsmith.json";

    pub fn new(conf: Vec<ConfFile>, modules: Vec<RecordedModule>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            conf,
            modules,
            confinement: None,
            store: None,
            unsigned: None,
            files: BTreeMap::new(),
        }
    }

    /// The record, with the confinement of the build.
    pub fn confined(self, confinement: Option<RecordedConfinement>) -> Self {
        Self { confinement, ..self }
    }

    /// The record, with the build's identity in the store.
    pub fn stored(self, store: Option<RecordedStore>) -> Self {
        Self { store, ..self }
    }

    /// The record, with the reason why the modules are not signed.
    pub fn unsigned(self, unsigned: Option<String>) -> Self {
        Self { unsigned, ..self }
    }

    /// Where the record of a build is, below the directory that will be or is
    /// `T/m/v/k/a`.
    pub fn location(target_dir: &Location) -> Location {
        target_dir.join(Self::NAME).expect("a plain name is a location")
    }

    /// The JSON object that the step writes. `None` if a path is no text and so cannot be written.
    pub fn facts(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(facts)) => Some(facts),
            _ => None,
        }
    }

    /// Whether the list of modules is still that of these files: all of them
    /// are as they were, and no other has come.
    pub fn comes_from(&self, files: &[ConfFile]) -> bool {
        !self.conf.is_empty() && self.conf == files && files.iter().all(|file| file.stamp.is_some())
    }

    /// Whether a file is as it was when the record was written. Links count as
    /// what they lead to.
    pub fn is_unchanged(&self, location: &Location, now: Option<Stamp>) -> bool {
        now.is_some() && self.files.get(&location.to_string()).copied() == now
    }
}

impl Tree {
    /// The record of what was built for a kernel. One that is missing, damaged,
    /// not believed, or of another version of the program is none.
    pub fn record(&self, id: &PackageId, target: &Target) -> Option<BuildRecord> {
        let text = self.believed(&BuildRecord::location(&id.target_dir(target)))?;
        serde_json::from_slice(&text).ok().filter(|record: &BuildRecord| record.schema_version == SCHEMA_VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, inode: u64) -> ConfFile {
        ConfFile { path: path.into(), stamp: Some(Stamp { size: 1, mtime: 2, ctime: 3, inode }) }
    }

    #[test]
    fn a_list_counts_only_for_the_very_files_that_it_came_from() {
        let record = |conf: &[ConfFile]| BuildRecord::new(conf.to_vec(), Vec::new());
        let one = [file("dkms.conf", 1)];
        let two = [file("dkms.conf", 1), file("m.conf", 2)];
        assert!(record(&one).comes_from(&one));
        assert!(!record(&one).comes_from(&[file("dkms.conf", 9)]));
        assert!(!record(&one).comes_from(&two));
        assert!(!record(&two).comes_from(&one));
        assert!(!record(&[]).comes_from(&[]), "a list that came from the command line");
        let unknown = [ConfFile { stamp: None, ..file("dkms.conf", 1) }];
        assert!(!record(&unknown).comes_from(&unknown), "a file that was being written");
    }

    #[test]
    fn a_file_counts_as_unchanged_only_when_both_stamps_are_known() {
        let location = Location::new(Root::Modules, "extra/x.ko").unwrap();
        let stamp = file("x", 1).stamp;
        let mut record = BuildRecord::new(Vec::new(), Vec::new());
        assert!(!record.is_unchanged(&location, None) && !record.is_unchanged(&location, stamp));
        record.files.extend(stamp.map(|stamp| (location.to_string(), stamp)));
        assert!(record.is_unchanged(&location, stamp));
        assert!(!record.is_unchanged(&location, None) && !record.is_unchanged(&location, file("x", 2).stamp));
    }
}
