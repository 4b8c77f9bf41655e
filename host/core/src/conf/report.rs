//! The result of reading a dkms.conf: each value, its origin, and the reader used.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::{Evaluated, Origin, PackageConf, Reader, Reading};
use modsmith_facts::text::field;

/// The version of the JSON form; it grows when a member changes its meaning or
/// goes. `docs/reference/conf-schema.json` describes it.
pub const SCHEMA_VERSION: u32 = 1;

/// An evaluated configuration for one kernel.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub schema_version: u32,
    /// The dkms.conf.
    pub file: PathBuf,
    pub kernel: String,
    pub arch: String,
    /// How each file was read, in order.
    pub readings: Vec<Reading>,
    /// By name, then slot.
    pub directives: Vec<ConfSlot>,
    /// What the files wrote to standard error.
    pub stderr: String,
}

/// One slot of one directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfSlot {
    pub name: String,
    pub slot: u32,
    pub value: String,
    pub origin: Origin,
    /// `None` for values that no file gave.
    pub reader: Option<Reader>,
}

impl Report {
    /// `kernel` and `arch` are those that the files were evaluated for.
    pub fn new(evaluated: &Evaluated, kernel: &str, arch: &str) -> Self {
        let mut entries = BTreeMap::new();
        for (name, slot, value) in PackageConf::defaults(evaluated) {
            let entry = ConfSlot { name: name.to_owned(), slot, value, origin: Origin::Default, reader: None };
            entries.insert((name.to_owned(), slot), entry);
        }
        for (name, slots) in &evaluated.directives {
            for (slot, found) in slots {
                let (name, slot, value) = (name.clone(), *slot, found.value.clone());
                // Empty, a directive counts as not set: its default holds.
                if value.is_empty() && entries.get(&(name.clone(), slot)).is_some_and(|d| !d.value.is_empty()) {
                    continue;
                }
                let (origin, reader) = (found.origin.clone(), found.reader);
                entries.insert((name.clone(), slot), ConfSlot { name, slot, value, origin, reader });
            }
        }
        Self {
            schema_version: SCHEMA_VERSION,
            file: evaluated.file.clone(),
            kernel: kernel.to_owned(),
            arch: arch.to_owned(),
            readings: evaluated.readings.clone(),
            directives: entries.into_values().collect(),
            stderr: evaluated.stderr.clone(),
        }
    }

    /// Lines for people. Values are quoted for the shell where they need it; a
    /// newline in a value, and what a terminal would not show, is escaped.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let title = format!("{} for kernel {} ({})", self.file.display(), self.kernel, self.arch);
        writeln!(out, "{}", field(&title))?;
        for reading in &self.readings {
            let who = match (reading.reader, &reading.reason) {
                (Reader::Plain, _) => "read without a shell".to_owned(),
                (Reader::Bash, Some(reason)) => format!("read by bash, because of {reason}"),
                (Reader::Bash, None) => "read by bash".to_owned(),
            };
            write!(out, "  {}", field(&format!("{}: {who}", reading.file.display())))?;
            if let Some(measures) = &reading.confinement {
                write!(out, " ({measures})")?;
            }
            writeln!(out)?;
            if reading.exited {
                writeln!(out, "    it ended the shell (by `exit`, or at a limit), so its assignments are ignored")?;
            }
        }
        writeln!(out)?;
        let label = |entry: &ConfSlot| match entry.slot {
            0 => format!("{}={}", entry.name, quoted(&entry.value)),
            slot => format!("{}[{slot}]={}", entry.name, quoted(&entry.value)),
        };
        let labels: Vec<_> = self.directives.iter().map(|entry| field(&label(entry)).into_owned()).collect();
        let width = labels.iter().map(|l| l.chars().count()).filter(|n| *n <= 60).max().unwrap_or(0);
        for (entry, label) in self.directives.iter().zip(labels) {
            writeln!(out, "{label:width$}  # {}", field(&self.place(&entry.origin)))?;
        }
        if !self.stderr.is_empty() {
            writeln!(out, "\nstandard error while reading:")?;
            for line in self.stderr.lines() {
                writeln!(out, "  {}", modsmith_facts::text::line(line))?;
            }
        }
        Ok(())
    }

    fn place(&self, origin: &Origin) -> String {
        match origin {
            Origin::File(path) if *path == self.file => "dkms.conf".into(),
            Origin::File(path) => path.display().to_string(),
            Origin::Environment => "environment".into(),
            Origin::CommandLine => "--directive".into(),
            Origin::Default => "default".into(),
        }
    }
}

/// The value as one shell word.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+:@%,^".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.into()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{ReaderChoice, Request, Slot, TIME_LIMIT, Variables, evaluate_within};

    fn report(text: &str) -> Report {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("dkms.conf");
        std::fs::write(&conf, text).unwrap();
        let variables = Variables { kernelver: "6.1".into(), ..Variables::default() };
        let directives = [("STRIP".to_owned(), "no".to_owned())];
        let request = Request {
            conf: &conf,
            overrides: vec![],
            variables: &variables,
            directives: &directives,
            reader: ReaderChoice::Auto,
        };
        let mut evaluated = evaluate_within(&request, [], TIME_LIMIT).unwrap();
        // A place that is the same in every run.
        evaluated.file = "/src/dkms.conf".into();
        for reading in &mut evaluated.readings {
            reading.file = evaluated.file.clone();
            reading.confinement = reading.confinement.take().map(|_| "no network".into());
        }
        let slots = evaluated.directives.values_mut().flat_map(|slots| slots.values_mut());
        let from_file = |slot: &&mut Slot| matches!(slot.origin, Origin::File(_));
        slots.filter(from_file).for_each(|slot| slot.origin = Origin::File("/src/dkms.conf".into()));
        Report::new(&evaluated, "6.1", "x86_64")
    }

    #[test]
    fn the_text_names_the_reader_and_each_origin() {
        let text =
            report("PACKAGE_NAME=p\nPACKAGE_VERSION=1\nDEST_MODULE_LOCATION=/extra\nMAKE=\"make it's\"\n").to_text();
        let expected = r"
/src/dkms.conf for kernel 6.1 (x86_64)
  /src/dkms.conf: read without a shell

AUTOINSTALL=no               # default
BUILD_DEPENDS_REBUILD=no     # default
BUILT_MODULE_LOCATION=''     # default
BUILT_MODULE_NAME=p          # default
DEST_MODULE_LOCATION=/extra  # dkms.conf
DEST_MODULE_NAME=p           # default
MAKE='make it'\''s'          # dkms.conf
NO_WEAK_MODULES=no           # default
PACKAGE_NAME=p               # dkms.conf
PACKAGE_VERSION=1            # dkms.conf
STRIP=no                     # --directive
";
        assert_eq!(text, expected.trim_start());
    }

    #[test]
    fn the_text_says_why_bash_was_needed_and_what_it_complained_about() {
        let text = report("PACKAGE_NAME=p\necho oops >&2\n").to_text();
        assert!(text.contains("read by bash, because of line 2: a command (`echo`) (no network)"), "{text}");
        assert!(text.ends_with("standard error while reading:\n  oops\n"), "{text}");
    }

    #[test]
    fn json_carries_the_schema_version_and_tagged_origins() {
        let json = serde_json::to_value(report("PACKAGE_NAME=p\n")).unwrap();
        assert_eq!(json["schema_version"], 1);
        let entries = json["directives"].as_array().unwrap();
        let name = entries.iter().find(|e| e["name"] == "PACKAGE_NAME").unwrap();
        let expected = serde_json::json!({
            "name": "PACKAGE_NAME", "slot": 0, "value": "p", "origin": {"file": "/src/dkms.conf"}, "reader": "plain"
        });
        assert_eq!(*name, expected);
    }
}
