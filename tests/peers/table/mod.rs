//! Side by side with Debian's dkms: states × actions × ways to say it. Each row
//! starts from a copy of its table's state, reached once by each program.
//!
//! A row is modsmith's exit code, the command, and the differences that have to
//! be seen; everything else has to be the same. Several commands, separated by
//! ` ; `, are run one after the other, and the code is the last one's. Where
//! 3.0.10 has no such action, `THEIRS => OURS` says which lines come to the same.

mod archives;
mod automatic;
mod kernels;
mod lines;
mod originals;
mod settings;
mod several;
mod single;

use modsmith_tests::World;
use modsmith_tests::peer::{self, Program, Step};
use modsmith_tests::state::{State, fill};

/// Exit code, command, expected differences.
type Row = (i32, &'static str, &'static [&'static str]);

/// Rows that start from the same state.
struct Table {
    state: State,
    /// Differences that the way to this state makes: they may be seen.
    known: &'static [&'static str],
    rows: &'static [Row],
}

const RECORDS: &str = "modsmith's own records";
const CONFIG: &str = "The kernel's configuration is not copied beside the log";
const LATER: &str = "Actions that dkms learned later";

impl Table {
    /// Runs every row by both programs, and tells about all that fail.
    fn check(&self) {
        let (peer, ours) = (self.state.reach(Program::Peer), self.state.reach(Program::Ours));
        let mut failures = Vec::new();
        for row in self.rows {
            let run = |program, start: &World, line: &str| {
                let commands: Vec<String> = line.split(" ; ").map(fill).collect();
                peer::observe(program, &start.duplicate(), &commands)
            };
            let (theirs, mine) = match row.1.split_once(" => ") {
                None => (run(Program::Peer, &peer, row.1), run(Program::Ours, &ours, row.1)),
                Some((left, right)) => {
                    let (mut theirs, mut mine) = (run(Program::Peer, &peer, left), run(Program::Ours, &ours, right));
                    // How they come there may differ.
                    (theirs.split_off(theirs.len() - 1), mine.split_off(mine.len() - 1))
                }
            };
            failures.extend(self.failure(row, &theirs, &mine));
        }
        println!("{}: {} rows", self.state.name, self.rows.len());
        assert!(failures.is_empty(), "{} of {} rows:\n\n{}", failures.len(), self.rows.len(), failures.join("\n\n"));
    }

    fn failure(&self, (code, line, expected): &Row, peer: &[Step], ours: &[Step]) -> Option<String> {
        let all: Vec<&str> = expected.iter().chain(self.known).copied().chain([RECORDS]).collect();
        let verdict = peer::judge(peer, ours, &all);
        let mut problems: Vec<String> = verdict.unexplained.iter().map(ToString::to_string).collect();
        let unseen = expected.iter().filter(|name| !verdict.seen.contains(*name));
        problems.extend(unseen.map(|name| format!("a difference that was expected and not seen: {name}")));
        if ours.last().is_none_or(|last| last.output.code != *code) {
            problems.push(format!("modsmith's exit code is not {code}"));
        }
        if problems.is_empty() {
            return None;
        }
        let said = |steps: &[Step]| steps.iter().map(|s| s.output.to_string()).collect::<Vec<_>>().join("\n");
        let (problems, theirs, mine) = (problems.join("\n"), said(peer), said(ours));
        Some(format!("=== from the state `{}`: {line}\n{problems}\n{theirs}\n{mine}", self.state.name))
    }
}

/// A test for each table, and the list of all.
macro_rules! tables {
    ($($test:ident: $table:expr;)*) => {
        const ALL: &[&Table] = &[$(&$table),*];

        $(#[test]
        fn $test() {
            $table.check();
        })*
    };
}

tables! {
    absent: single::ABSENT;
    added: single::ADDED;
    built: single::BUILT;
    installed: single::INSTALLED;
    broken: single::BROKEN;
    broken_while_installed: single::BROKEN_INSTALLED;
    installed_over_an_original: originals::INSTALLED;
    built_beside_an_original: originals::BUILT;
    another_package_with_the_same_module: originals::RIVALS;
    the_older_of_two_versions_is_active: several::OLDER_ACTIVE;
    the_newer_of_two_versions_is_active: several::NEWER_ACTIVE;
    two_kernels: several::TWO_KERNELS;
    installed_for_two_kernels: several::BOTH_INSTALLED;
    two_modules: several::TWO_MODULES;
    overridden: settings::OVERRIDDEN;
    overridden_and_installed: settings::OVERRIDDEN_INSTALLED;
    trees_in_framework_conf: settings::FRAMEWORK;
    without_headers: kernels::WITHOUT_HEADERS;
    without_link_to_the_headers: kernels::WITHOUT_LINK;
    without_kernel_directory: kernels::WITHOUT_KERNEL;
    the_running_kernel: kernels::AT_HOME;
    ways_to_name_a_package: lines::NAMES;
    options: lines::OPTIONS;
    odd_names: lines::ODD_NAMES;
    by_path: lines::BY_PATH;
    autoinstall: automatic::DEPENDENT;
    kernel_events: automatic::DEPENDENT_INSTALLED;
    autoinstall_beside_a_broken_package: automatic::BESIDE_BROKEN;
    autoinstall_beside_a_package_without_dkms_conf: automatic::BESIDE_UNREADABLE;
    autoinstall_beside_a_package_with_a_bad_dkms_conf: automatic::BESIDE_INVALID;
    archives: archives::BUILT;
    damaged_archives: archives::DAMAGED;
}

#[test]
fn there_are_at_least_150_rows() {
    let rows: usize = ALL.iter().map(|table| table.rows.len()).sum();
    println!("{rows} rows in {} tables", ALL.len());
    assert!(rows >= 150, "only {rows} rows");
}
