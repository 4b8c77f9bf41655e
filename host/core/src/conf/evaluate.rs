//! dkms.conf, then what overrides it, to text slots with their origins.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::directives::{is_directive, kept, parse_slot};
use super::environment::{Assignment, from_environment};
use super::source;
use super::{Evaluated, Origin, Reader, Request, Slot, Variables, is_override, processors};
use crate::environment::Environment;
use crate::error::{Error, Kind};
use bash_assign::{Input, State};
use modsmith_facts::inside;

/// How long reading one file may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Reads dkms.conf and each override file that exists, with the
/// `DKMS_DIRECTIVE*` variables of the environment after each, then applies `directives`.
///
/// Errors: `ConfUnreadable` when a file cannot be read; `ConfInvalid` when a
/// file does not come to an end, or the plain reader was demanded and cannot;
/// `Usage` for a directive that does not exist; `System` when bash is needed
/// and missing.
pub fn evaluate(request: &Request<'_>, environment: &Environment) -> Result<Evaluated, Error> {
    // Text that is not UTF-8 cannot be the value of a directive.
    evaluate_within(request, environment.texts(), TIME_LIMIT)
}

/// [`evaluate`] with a given environment and time limit per file.
pub fn evaluate_within(
    request: &Request<'_>,
    environment: impl IntoIterator<Item = (String, String)>,
    limit: Duration,
) -> Result<Evaluated, Error> {
    let environment = from_environment(environment);
    let mut scalars = request.variables.table();
    // Real files use it.
    scalars.insert("parallel_jobs".into(), processors().to_string());
    let names = kept();
    let mut out = Evaluated { file: request.conf.to_path_buf(), ..Evaluated::default() };
    for directory in request.overrides.iter().filter(|path| inside::is_dir(path)) {
        out.stderr.push_str(&format!("{} is a directory: no directive is read from it.\n", directory.display()));
    }
    let overrides = request.overrides.iter().map(AsRef::<Path>::as_ref).filter(|file| is_override(file));
    for file in std::iter::once(request.conf).chain(overrides) {
        let before = out.texts();
        let input = Input { file, names: &names, scalars: &scalars, state: &before };
        let outcome = source::read(&input, request.reader, limit)?;
        out.merge(outcome.state, file, outcome.reading.reader);
        out.stderr.push_str(&outcome.stderr);
        out.readings.push(outcome.reading);
        out.assign(&environment, Origin::Environment);
    }
    out.make_1x = make_1x(request.conf);
    for (name, value) in request.directives {
        let known = parse_slot(name).filter(|(name, _)| is_directive(name)).ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{name}` is not a directive of dkms.conf."))
                .hint("Write --directive NAME=VALUE with a name that dkms.conf(5) lists.")
        })?;
        out.assign(&[(known.0.to_owned(), known.1, value.clone())], Origin::CommandLine);
    }
    Ok(out)
}

/// `MAKE_<x>=` at the start of a line: their names are free, so that no reader
/// can list them beforehand.
fn make_1x(file: &Path) -> Vec<String> {
    let text = inside::read_configuration(file).unwrap_or_default();
    let names = String::from_utf8_lossy(&text);
    let name = |line: &str| {
        let (name, _) = line.trim_start().split_once('=')?;
        let word = name
            .strip_prefix("MAKE_")
            .is_some_and(|x| !x.is_empty() && x.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        (word && name != "MAKE_MATCH").then(|| name.to_owned())
    };
    names.lines().filter_map(name).collect()
}

impl Evaluated {
    /// A slot's text.
    pub fn get(&self, name: &str, slot: u32) -> Option<&str> {
        self.directives.get(name)?.get(&slot).map(|slot| slot.value.as_str())
    }

    fn texts(&self) -> State {
        let texts = |slots: &BTreeMap<u32, Slot>| slots.iter().map(|(i, slot)| (*i, slot.value.clone())).collect();
        self.directives.iter().map(|(name, slots)| (name.clone(), texts(slots))).collect()
    }

    /// Takes over what a file left; a slot that it did not change keeps its
    /// origin.
    fn merge(&mut self, state: State, file: &Path, reader: Reader) {
        for (name, slots) in state {
            let known = self.directives.entry(name).or_default();
            for (slot, value) in slots {
                if known.get(&slot).is_none_or(|old| old.value != value) {
                    let origin = Origin::File(file.to_path_buf());
                    known.insert(slot, Slot { value, origin, reader: Some(reader) });
                }
            }
        }
    }

    fn assign(&mut self, assignments: &[Assignment], origin: Origin) {
        for (name, slot, value) in assignments {
            let new = Slot { value: value.clone(), origin: origin.clone(), reader: None };
            self.directives.entry(name.clone()).or_default().insert(*slot, new);
        }
    }
}

impl Variables {
    /// The variables by their names in the shell.
    pub(super) fn table(&self) -> BTreeMap<String, String> {
        [
            ("kernelver", &self.kernelver),
            ("arch", &self.arch),
            ("kernel_source_dir", &self.kernel_source_dir),
            ("kernel_config", &self.kernel_config),
            ("dkms_tree", &self.dkms_tree),
            ("source_tree", &self.source_tree),
            ("install_tree", &self.install_tree),
            ("module", &self.module),
            ("module_version", &self.module_version),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::ReaderChoice;

    fn evaluated(files: &[(&str, &str)], environment: &[(&str, &str)], directives: &[(&str, &str)]) -> Evaluated {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let directives: Vec<_> = directives.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let request = Request {
            conf: &dir.path().join("dkms.conf"),
            overrides: vec![dir.path().join("missing.conf"), dir.path().join("over.conf")],
            variables: &Variables { kernelver: "6.1".into(), ..Variables::default() },
            directives: &directives,
            reader: ReaderChoice::Auto,
        };
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        evaluate_within(&request, environment, TIME_LIMIT).unwrap()
    }

    #[test]
    fn a_later_file_wins_per_slot_and_sees_the_values_before_it() {
        let e = evaluated(
            &[("dkms.conf", "STRIP=no\nSTRIP[1]=no\nMAKE=a"), ("over.conf", "STRIP[1]=yes\nMAKE+=\" b\"")],
            &[],
            &[],
        );
        assert_eq!((e.get("STRIP", 0), e.get("STRIP", 1), e.get("MAKE", 0)), (Some("no"), Some("yes"), Some("a b")));
        assert!(matches!(&e.directives["STRIP"][&1].origin, Origin::File(f) if f.ends_with("over.conf")));
        assert!(matches!(&e.directives["STRIP"][&0].origin, Origin::File(f) if f.ends_with("dkms.conf")));
        assert_eq!(e.readings.len(), 2);
    }

    #[test]
    fn the_environment_counts_after_each_file_and_the_command_line_last() {
        let e = evaluated(
            &[("dkms.conf", "AUTOINSTALL=no\nMAKE=a"), ("over.conf", "CLEAN=$AUTOINSTALL\nMAKE=b")],
            &[("DKMS_DIRECTIVE_1", "AUTOINSTALL=yes MAKE=c")],
            &[("MAKE", "d e")],
        );
        assert_eq!((e.get("CLEAN", 0), e.get("MAKE", 0)), (Some("yes"), Some("d e")));
        assert_eq!(e.directives["MAKE"][&0].origin, Origin::CommandLine);
        assert_eq!(e.directives["AUTOINSTALL"][&0].origin, Origin::Environment);
    }

    #[test]
    fn a_directory_in_place_of_an_override_file_is_ignored_with_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dkms.conf"), "MAKE=a\n").unwrap();
        std::fs::create_dir(dir.path().join("over.conf")).unwrap();
        let request = Request {
            conf: &dir.path().join("dkms.conf"),
            overrides: vec![dir.path().join("over.conf")],
            variables: &Variables::default(),
            directives: &[],
            reader: ReaderChoice::Auto,
        };
        let e = evaluate_within(&request, [], TIME_LIMIT).unwrap();
        assert_eq!((e.get("MAKE", 0), e.readings.len()), (Some("a"), 1));
        assert!(e.stderr.ends_with("over.conf is a directory: no directive is read from it.\n"), "{}", e.stderr);
    }

    #[test]
    fn an_override_file_makes_bash_evaluate_earlier_values_once_more() {
        // As dkms 3.0.10 does it, seen in the name of a missing patch.
        let e = evaluated(&[("dkms.conf", r"PATCH[0]='a\\\\\$kernelver'")], &[], &[]);
        assert_eq!(e.get("PATCH", 0), Some(r"a\\$kernelver"));
        let e = evaluated(&[("dkms.conf", r"PATCH[0]='a\\\\\$kernelver'"), ("over.conf", "STRIP=no")], &[], &[]);
        assert_eq!(e.get("PATCH", 0), Some(r"a\6.1"));
    }
}
