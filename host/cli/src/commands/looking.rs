//! Commands that look, and change nothing.

use clap::CommandFactory;

use super::super::arguments::{
    ConfArguments, ExplainArguments, KeysArguments, LogArguments, ReadyArguments, VerifyArguments,
};
use super::options::{KERNELS, PACKAGE, VIEW};
use super::{Command, Group, Takes};

pub const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        group: Group::Look,
        summary: "Show what is installed, built, failed or missing, for which kernel",
        usage: &["status [MODULE[/VERSION]] [-k KERNEL]... [OPTION]..."],
        about: &[
            "On a terminal, packages are grouped by kernel, and those that need attention come first. `missing` is a \
             package that asks for AUTOINSTALL and is not built for a kernel of this machine; `excluded` is one whose \
             dkms.conf says that it is not for the kernel.",
            "Where standard output is no terminal, the lines are those of dkms, for scripts; `--view` chooses. Names \
             may be shell patterns.",
        ],
        takes: Takes::Shared {
            words: &[("MODULE[/VERSION]", "The package; default: all packages")],
            options: &[PACKAGE, KERNELS, VIEW],
        },
        examples: &[
            ("status", "The state of this machine."),
            ("status --failed --since '2 days'", "Builds that failed since the day before yesterday."),
            ("status bbswitch --by package", "One package for all kernels."),
        ],
        exit_codes: &[],
        see_also: &["log", "verify", "autoinstall", "kernels"],
        parts: &[],
    },
    Command {
        name: "log",
        group: Group::Look,
        summary: "Show why a build failed, and its log",
        usage: &["log MODULE[/VERSION] [-k KERNEL] [OPTION]..."],
        about: &[
            "Of a build that failed: when, why, the first error and what to do, then the log. Of one that succeeded: \
             its log. Without -k, the newest build.",
            "On a terminal, the program that the variable PAGER names shows it. `--follow` shows the log of a build that \
             is going on, until it is interrupted.",
        ],
        takes: Takes::Own(LogArguments::command),
        examples: &[
            ("log openrazer-driver", "The newest build, failed or not."),
            ("log bbswitch/0.8 -k 6.1.0-9-amd64 --previous", "The build before that one."),
            ("log bbswitch --path", "Only the path of the log."),
        ],
        exit_codes: &[(1, "The package has several versions, and none is named."), (3, "There is no such build.")],
        see_also: &["status", "explain", "exit codes"],
        parts: &[],
    },
    Command {
        name: "verify",
        group: Group::Look,
        summary: "Say whether kernels would load the modules that are built",
        usage: &["verify [MODULE[/VERSION]] [-k KERNEL | --all] [OPTION]..."],
        about: &[
            "Each check that a kernel's loader makes is made here, without loading anything: symbol versions, version \
             magic, signature, and others. The answer is yes, no or unknown; for a no there is the kernel's own \
             message, the cause and a remedy.",
        ],
        takes: Takes::Own(VerifyArguments::command),
        examples: &[
            ("verify", "All modules for the running kernel."),
            ("verify bbswitch/0.8 --all", "One package for all kernels that it is built for."),
        ],
        exit_codes: &[(3, "The package is not built for the kernel."), (33, "A kernel would not load a module.")],
        see_also: &["status", "keys", "signing", "kernels"],
        parts: &[],
    },
    Command {
        name: "ready",
        group: Group::Look,
        summary: "Say whether a restart is safe",
        usage: &["ready [-k KERNEL | --next] [OPTION]..."],
        about: &[
            "Judges the kernel that the boot loader starts next: what the machine depends on has to be there for it, has \
             to load, and has to be in its boot image where it is needed that early. The answer is safe, degraded, \
             unsafe or unknown, with its reasons.",
        ],
        takes: Takes::Own(ReadyArguments::command),
        examples: &[
            ("ready", "The kernel that starts next."),
            ("ready -k 6.1.0-9-amd64", "One kernel, whether it starts next or not."),
        ],
        exit_codes: &[(1, "Degraded."), (2, "Unsafe."), (3, "Unknown, or no answer.")],
        see_also: &["verify", "check", "status"],
        parts: &[],
    },
    Command {
        name: "keys",
        group: Group::Look,
        summary: "List the keys of module signatures, and which kernels trust them",
        usage: &["keys [-k KERNEL] [OPTION]..."],
        about: &[
            "Finds the certificate that modules are signed with, those that are part of kernels, and those in the lists of \
             the firmware: enrolled, forbidden, or waiting for the next start. For each kernel the answer is yes, no or \
             unknown, with the reason; a kernel that does not run is judged by its image, its configuration and the \
             firmware.",
        ],
        takes: Takes::Own(KeysArguments::command),
        examples: &[
            ("keys", "All certificates and all kernels."),
            ("keys -k 6.1.0-9-amd64 --json", "One kernel, for a program."),
        ],
        exit_codes: &[],
        see_also: &["verify", "generate_mok", "signing"],
        parts: &[],
    },
    Command {
        name: "conf",
        group: Group::Look,
        summary: "Show what a dkms.conf says, and where each value comes from",
        usage: &["conf MODULE/VERSION|PATH [-k KERNEL] [OPTION]..."],
        about: &[
            "Shows each directive with its value, the file and line that it comes from, and the reader that read it. \
             An invalid dkms.conf is shown with all its problems.",
        ],
        takes: Takes::Own(ConfArguments::command),
        examples: &[
            ("conf bbswitch/0.8 -k 6.1.0-9-amd64", "As it is read for this kernel."),
            ("conf ./dkms.conf --json", "A file that is in no tree, for a program."),
        ],
        exit_codes: &[(4, "dkms.conf cannot be read."), (8, "dkms.conf is invalid.")],
        see_also: &["add", "dkms.conf(5)"],
        parts: &[],
    },
    Command {
        name: "explain",
        group: Group::Look,
        summary: "Say what an error means, what causes it and what to do",
        usage: &["explain [ID|EXIT-CODE]"],
        about: &[
            "Each error has an id, which `--json` shows, and an exit code. Without an argument, all ids are listed.",
        ],
        takes: Takes::Own(ExplainArguments::command),
        examples: &[
            ("explain headers-missing", "One error."),
            ("explain 21", "The errors that the program ends with 21 for."),
        ],
        exit_codes: &[(1, "There is no such id.")],
        see_also: &["log", "exit codes"],
        parts: &[],
    },
];
