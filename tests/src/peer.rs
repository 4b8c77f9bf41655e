//! Side by side with Debian's dkms: the same commands on the same sources in
//! two worlds, what each left behind, and which differences are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use crate::{Output, World, modinfo, tool};

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Debian's dkms.
    Peer,
    /// modsmith under the name `dkms`.
    Ours,
}

impl Program {
    pub fn run(self, world: &World, line: &str) -> Output {
        match self {
            Program::Peer => world.peer(line),
            Program::Ours => world.dkms(line).expect_no_panic(),
        }
    }

    /// As [`Program::run`], with the output of `status` afterwards: on the same mounts, because
    /// these take longer than many a command.
    fn run_and_ask(self, world: &World, line: &str) -> (Output, String) {
        let program = match self {
            Program::Peer => tool::path("dkms"),
            Program::Ours => world.path("bin/dkms"),
        };
        let answer = world.path("status");
        let script = format!("\"$0\" \"$@\"; code=$?; \"$0\" status >{} 2>&-; exit $code", answer.display());
        let asked = world.shell(&script).arg(program.display().to_string()).words(line).run();
        let output = Output { command: format!("{} {line}", program.display()), ..asked };
        let status = fs::read_to_string(answer).expect("the shell made it");
        (output.expect_no_panic(), status)
    }
}

/// What can be seen after one command: subject → what it is.
///
/// Subjects are `exit code`, `status`, `standard output` (of a `status` command), `file PATH`, `FIELD of PATH` and `modules.dep of KERNEL`.
pub type Facts = BTreeMap<String, String>;

/// A command, and what could be seen after it.
#[derive(Debug)]
pub struct Step {
    pub command: String,
    pub facts: Facts,
    /// For messages: what the program said.
    pub output: Output,
}

/// Runs the commands one after the other and looks at the world after each.
pub fn observe(program: Program, world: &World, commands: &[String]) -> Vec<Step> {
    commands
        .iter()
        .map(|command| {
            let (output, status) = program.run_and_ask(world, command);
            let mut facts = facts(world);
            facts.insert("status".into(), status);
            facts.insert("exit code".into(), output.code.to_string());
            if command.split_whitespace().any(|word| word == "status") {
                facts.insert("standard output".into(), output.stdout.clone());
            }
            Step { command: command.clone(), facts, output }
        })
        .collect()
}

fn facts(world: &World) -> Facts {
    let mut facts = Facts::new();
    let files = world.snapshot().without(is_intermediate);
    for (path, entry) in &files.0 {
        facts.insert(format!("file {}", path.display()), entry.shape());
    }
    for module in files.modules() {
        for line in modinfo::identity(&world.path(module)) {
            let (field, value) = line.split_once(": ").expect("identity lines have a colon");
            facts.insert(format!("{field} of {}", module.display()), value.into());
        }
    }
    for kernel in fs::read_dir(world.path("lib/modules")).expect("a world has it").filter_map(Result::ok) {
        if let Ok(text) = fs::read_to_string(kernel.path().join("modules.dep")) {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            facts.insert(format!("modules.dep of {}", kernel.file_name().display()), lines.join("\n"));
        }
    }
    facts
}

/// Whether a failed build left the file in its build directory, except for the log.
fn is_intermediate(path: &Path) -> bool {
    path.iter().any(|part| part == "build") && !path.ends_with("build") && !path.ends_with("build/make.log")
}

/// A fact in which the two programs differ.
#[derive(Debug, Clone)]
pub struct Difference {
    pub command: String,
    pub subject: String,
    pub peer: Option<String>,
    pub ours: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |side: &Option<String>| side.as_deref().map_or("(not there)".into(), |s| format!("{s:?}"));
        write!(
            f,
            "after `{}`: {}\n    dkms 3.0.10: {}\n    modsmith:    {}",
            self.command,
            self.subject,
            show(&self.peer),
            show(&self.ours)
        )
    }
}

/// All facts in which two runs of the same commands differ.
pub fn differences(peer: &[Step], ours: &[Step]) -> Vec<Difference> {
    let mut out = Vec::new();
    for (theirs, mine) in peer.iter().zip(ours) {
        let subjects: BTreeSet<&String> = theirs.facts.keys().chain(mine.facts.keys()).collect();
        for subject in subjects {
            let (p, o) = (theirs.facts.get(subject), mine.facts.get(subject));
            if p != o {
                out.push(Difference {
                    command: theirs.command.clone(),
                    subject: subject.clone(),
                    peer: p.cloned(),
                    ours: o.cloned(),
                });
            }
        }
    }
    out
}

/// A difference that is wanted. Its name is a heading of
/// `docs/reference/differences-from-dkms.md`, where the reason is.
pub struct Accepted {
    pub name: &'static str,
    explains: fn(&Difference) -> bool,
}

/// Every difference that is wanted, and how to recognise it.
pub const ACCEPTED: &[Accepted] = &[
    Accepted {
        name: "The kernel's configuration is not copied beside the log",
        // With --config, it is that file.
        explains: |d| {
            d.subject.starts_with("file ")
                && d.subject.contains("/log/")
                && d.ours.is_none()
                && !d.subject.ends_with("/make.log")
        },
    },
    Accepted {
        name: "Module.symvers is kept",
        explains: |d| {
            d.subject.starts_with("file ") && d.subject.ends_with("/module/Module.symvers") && d.peer.is_none()
        },
    },
    Accepted {
        name: "modsmith's own records",
        explains: |d| {
            d.subject.starts_with("file var/lib/dkms/") && d.subject.contains("/.modsmith") && d.peer.is_none()
        },
    },
    Accepted {
        name: "`remove --all` with a missing `-c` is refused",
        explains: |d| d.command.contains("--all -c /boot/none") && codes(d, "0", "4"),
    },
    Accepted { name: "Missing headers are exit code 21", explains: |d| codes(d, "1", "21") },
    Accepted { name: "An excluded kernel is exit code 77", explains: |d| codes(d, "9", "77") },
    Accepted { name: "A missing dependency is exit code 13", explains: |d| d.command.contains("needy/") },
    Accepted { name: "A failing PRE_BUILD stops the build", explains: |d| d.command.contains("prebuild/") },
    Accepted { name: "A failing POST_BUILD is the build's exit code", explains: |d| d.command.contains("postbuild/") },
    Accepted {
        name: "A package without its source is broken",
        explains: |d| d.command.contains("gone/") && d.ours.as_deref() != Some("0"),
    },
    Accepted {
        name: "The signing key is made for a kernel that is built for",
        explains: |d| {
            let key = d.subject == "file var/lib/dkms/mok.key" || d.subject == "file var/lib/dkms/mok.pub";
            key && d.ours.is_none()
        },
    },
    Accepted {
        name: "A module that is not replaced is an error",
        explains: |d| d.command.contains("older/") || codes(d, "0", "6") || activates(d),
    },
    Accepted {
        name: "An empty kernel or architecture is exit code 16",
        explains: |d| d.subject == "standard output" || d.subject == "exit code" && d.ours.as_deref() == Some("16"),
    },
    Accepted {
        name: "A broken package does not keep `autoinstall` from the others",
        explains: |d| {
            let refused = [Some("4"), Some("8")].contains(&d.peer.as_deref());
            d.command.starts_with("autoinstall") && (refused || d.subject != "exit code")
        },
    },
    Accepted {
        name: "A kernel configuration that is missing is not used",
        explains: |d| d.command.contains("--config") && d.subject.starts_with("sig_hashalgo of"),
    },
    Accepted { name: "An archive without a dkms.conf is exit code 3", explains: |d| codes(d, "7", "3") },
    Accepted {
        name: "`autoinstall` keeps to the newest version",
        explains: |d| d.command.starts_with("autoinstall") && activates(d),
    },
    Accepted {
        name: "`autoinstall` takes one kernel",
        explains: |d| {
            d.command.starts_with("autoinstall") && (d.subject != "exit code" || d.ours.as_deref() != Some("0"))
        },
    },
    Accepted {
        name: "Actions that dkms learned later",
        explains: |d| {
            let is_new = |word| ["kernel_preinst", "kernel_postinst", "kernel_prerm", "generate_mok"].contains(&word);
            d.subject == "exit code" && d.peer.as_deref() == Some("0") && d.command.split_whitespace().any(is_new)
        },
    },
    Accepted {
        name: "Overrides count everywhere",
        explains: |d| {
            let is_shown = |side: &Option<String>| side.as_deref().is_some_and(|text| text.contains(": added"));
            (d.command.starts_with("autoinstall") && d.subject != "exit code") || (is_status(d) && is_shown(&d.peer))
        },
    },
    Accepted {
        name: "A rebuild that fails leaves what was built",
        explains: |d| d.command.contains("--force") && (d.peer.is_none() || is_status(d)),
    },
    Accepted { name: "Short options may have their value in the same word", explains: |d| codes(d, "2", "0") },
    Accepted {
        name: "The signing key is in the tree that is used",
        explains: |d| {
            d.subject.starts_with("signer of")
                || d.subject.starts_with("file ") && d.subject.contains("/mok.") && d.peer.is_none()
        },
    },
    Accepted {
        name: "Headers are found without the kernel's link to them",
        explains: |d| codes(d, "1", "0") || d.peer.is_none() || is_status(d) || d.subject.ends_with("/build/make.log"),
    },
    Accepted {
        name: "Status has the words of dkms 3.1.3",
        explains: |d| {
            let (old, new) = (
                "(WARNING! Diff between built and installed module!)",
                "(Differences between built and installed modules)",
            );
            is_status(d) && d.peer.as_ref().map(|text| text.replace(old, new)) == d.ours
        },
    },
    Accepted { name: "Several actions on one line are done in order", explains: |d| d.command.contains("several/") },
    Accepted {
        name: "A patch that does not apply is in the log",
        explains: |d| d.command.contains("patched/") && d.subject.ends_with("/build/make.log") && d.peer.is_none(),
    },
    Accepted {
        name: "MODULES_CONF is heeded",
        explains: |d| d.subject.starts_with("file etc/modprobe.d/") && d.peer.is_none(),
    },
    Accepted {
        name: "The modules that a package replaces are kept",
        explains: |d| {
            d.subject.contains("original_module")
                || is_status(d) && d.ours.as_deref().is_some_and(|s| s.contains("(Original modules exist)"))
                || d.peer.is_some() && d.ours.is_none() && d.subject.contains("lib/modules/")
                || d.subject.starts_with("modules.dep of")
        },
    },
];

fn is_status(d: &Difference) -> bool {
    d.subject == "status" || d.subject == "standard output"
}

/// The record of which version is installed, and what status makes of it.
fn activates(d: &Difference) -> bool {
    is_status(d) || d.subject.rsplit('/').next().is_some_and(|name| name.starts_with("kernel-"))
}

fn codes(d: &Difference, peer: &str, ours: &str) -> bool {
    d.subject == "exit code" && d.peer.as_deref() == Some(peer) && d.ours.as_deref() == Some(ours)
}

/// The differences between two runs.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Differences that are not accepted.
    pub unexplained: Vec<Difference>,
    /// Names of the accepted differences that were seen.
    pub seen: BTreeSet<&'static str>,
}

/// Compares two runs of the same commands; the named differences are wanted.
///
/// # Panics
/// When a name is not in [`ACCEPTED`].
#[track_caller]
pub fn judge(peer: &[Step], ours: &[Step], expected: &[&str]) -> Verdict {
    for name in expected {
        assert!(ACCEPTED.iter().any(|a| a.name == *name), "{name:?} is not an accepted difference");
    }
    let mut verdict = Verdict::default();
    for difference in differences(peer, ours) {
        let because = ACCEPTED.iter().filter(|a| expected.contains(&a.name)).find(|a| (a.explains)(&difference));
        match because {
            Some(accepted) => drop(verdict.seen.insert(accepted.name)),
            None => verdict.unexplained.push(difference),
        }
    }
    verdict
}

/// Fails the test unless the two runs differ in exactly the accepted ways that
/// are named: no other difference, and none of these gone unnoticed.
#[track_caller]
pub fn assert_differs_only_in(peer: &[Step], ours: &[Step], expected: &[&str]) {
    let Verdict { unexplained, seen } = judge(peer, ours, expected);
    if !unexplained.is_empty() {
        let told: Vec<String> = unexplained.iter().map(Difference::to_string).collect();
        let said: Vec<String> = ours.iter().map(|s| s.output.to_string()).collect();
        panic!(
            "{} differences from dkms 3.0.10 that nobody wanted:\n{}\n\nmodsmith said:\n{}",
            told.len(),
            told.join("\n"),
            said.join("\n")
        );
    }
    let gone: Vec<&&str> = expected.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(gone.is_empty(), "expected differences that were not seen: {gone:?}");
}
