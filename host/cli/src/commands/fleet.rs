//! Commands for many machines.

use clap::CommandFactory;

use super::super::cell::CellArguments;
use super::super::identity::IdentityArguments;
use super::super::matrix::MatrixArguments;
use super::super::shared_builds::{PullArguments, PushArguments};
use super::super::store::StoreArguments;
use super::{Command, Group, Part, Takes};

pub const COMMANDS: &[Command] = &[
    Command {
        name: "cell",
        group: Group::Fleet,
        summary: "Build one module for one kernel, as a matrix has planned it",
        usage: &["cell --matrix FILE --index N --results DIR [OPTION]..."],
        about: &[
            "Takes the module from the store, or builds and verifies it and puts it there. Nothing is installed, and the \
             tree of the machine stays as it is: the cell has one of its own.",
            "The result and the log are files in the directory of results, named after the cell. What runs the cells \
             decides by the exit code whether to try again: only after 30.",
        ],
        takes: Takes::Own(CellArguments::command),
        examples: &[
            ("cell --matrix matrix.json --index 0 --results results", "The first cell."),
            (
                "cell --matrix matrix.json --index 7 --results /results --in-place",
                "In a container that is thrown away.",
            ),
        ],
        exit_codes: &[
            (
                10,
                "The module does not build for the kernel, or the kernel would not load it. Another attempt has the same result.",
            ),
            (21, "The kernel has no headers."),
            (30, "The machine is at fault: another attempt may succeed."),
            (77, "The package excludes the kernel."),
        ],
        see_also: &["matrix", "store", "identity"],
        parts: &[],
    },
    Command {
        name: "identity",
        group: Group::Fleet,
        summary: "Show what goes into a build, and what differs between two builds",
        usage: &[
            "identity MODULE/VERSION -k KERNEL [-k KERNEL] [OPTION]...",
            "identity MODULE/VERSION -k KERNEL --against FILE [OPTION]...",
        ],
        about: &[
            "The identity of a build is the digest of all that is declared to go into it: source, dkms.conf, headers, \
             compiler, environment. Two builds of one identity have the same modules.",
            "With two kernels, or with what `--json` wrote earlier, the inputs that differ are shown.",
        ],
        takes: Takes::Own(IdentityArguments::command),
        examples: &[
            ("identity bbswitch/0.8 -k 6.1.0-9-amd64", "The inputs, and the identity."),
            ("identity bbswitch/0.8 -k 6.1.0-9-amd64 -k 6.1.0-10-amd64", "What differs between two kernels."),
        ],
        exit_codes: &[(3, "The package is not in the tree."), (21, "The kernel has no headers.")],
        see_also: &["store", "build"],
        parts: &[],
    },
    Command {
        name: "matrix",
        group: Group::Fleet,
        summary: "Plan many builds, have an engine run them, and show what came of them",
        usage: &["matrix plan SPEC [OPTION]...", "matrix collect FILE [OPTION]..."],
        about: &[
            "A specification names modules, kernels and architectures. `plan` writes the list of cells, each a module for a \
             kernel, and with `--emit` the text by which make, Slurm, Kubernetes, GitHub or GitLab run `modsmith cell` for each.",
            "`collect` puts the results together: index.json, metrics.txt in the format of OpenMetrics, and index.html, one \
             page without network.",
        ],
        takes: Takes::Own(|| MatrixArguments::command().disable_help_subcommand(true)),
        examples: &[
            ("matrix plan farm.toml --emit make", "The list matrix.json, and a makefile on standard output."),
            (
                "matrix plan farm.toml --skip-existing --emit slurm",
                "A script that submits what the store does not have.",
            ),
            (
                "matrix collect matrix.json --results results --before last/index.json",
                "The page, with what has changed.",
            ),
        ],
        exit_codes: &[(1, "A specification or a matrix that cannot be used."), (30, "A file cannot be written.")],
        see_also: &["cell", "store", "identity"],
        parts: MATRIX_PARTS,
    },
    Command {
        name: "pull",
        group: Group::Fleet,
        summary: "Fetch a build that another machine has made",
        usage: &["pull MODULE/VERSION -k KERNEL [--from STORE --key FILE] [OPTION]..."],
        about: &[
            "The build of the same identity is fetched into this machine's store, if one of the keys has signed it; \
             `build` and `install` take it from there.",
            "Where a plugin of the role `store` names a store, build, install and autoinstall look there by themselves.",
        ],
        takes: Takes::Own(PullArguments::command),
        examples: &[
            ("pull bbswitch/0.8 -k 6.1.0-9-amd64 --from /mnt/m --key team.pub", "From a stick, without a network."),
            ("pull bbswitch/0.8 -k 6.1.0-9-amd64", "From the stores that plugins name."),
        ],
        exit_codes: &[
            (3, "The package is not in the tree."),
            (21, "The kernel has no headers."),
            (30, "The store has no such build, or one that is not believed."),
        ],
        see_also: &["push", "store", "identity"],
        parts: &[],
    },
    Command {
        name: "push",
        group: Group::Fleet,
        summary: "Offer a build to other machines",
        usage: &["push MODULE/VERSION -k KERNEL --key FILE [--to STORE] [OPTION]..."],
        about: &[
            "The build is sent from this machine's store to a directory or a registry, and signed. A machine with the \
             same source, headers and compiler fetches it instead of building.",
            "Nothing is sent if the same modules are there, signed with the same key.",
        ],
        takes: Takes::Own(PushArguments::command),
        examples: &[
            ("push bbswitch/0.8 -k 6.1.0-9-amd64 --to /mnt/m --key team.key", "To a stick."),
            (
                "push bbswitch/0.8 -k 6.1.0-9-amd64 --to oci://r.example/m --key t.key",
                "To a registry, as r.example/m/bbswitch.",
            ),
        ],
        exit_codes: &[
            (3, "The package is not in the tree."),
            (21, "The kernel has no headers."),
            (30, "The build is not in the store, or another build of its identity is there."),
        ],
        see_also: &["pull", "store", "identity"],
        parts: &[],
    },
    Command {
        name: "store",
        group: Group::Fleet,
        summary: "List, verify and remove the builds that are kept",
        usage: &["store list|verify|gc [OPTION]..."],
        about: &[
            "A module that was built once is not built again from the same inputs: it is taken from the store, signed \
             and installed. `build --force` passes over the store.",
            "The store is a cache: it is bounded, and may be deleted at any time.",
        ],
        takes: Takes::Own(|| StoreArguments::command().disable_help_subcommand(true)),
        examples: &[
            ("store list", "The builds, the one that was used last first."),
            ("store verify --rebuild bbswitch/0.8 -k 6.1.0-9-amd64", "Build twice, and compare with the store."),
        ],
        exit_codes: &[(30, "A build is damaged, or two builds differ.")],
        see_also: &["identity", "build", "push", "pull"],
        parts: STORE_PARTS,
    },
];

const MATRIX_PARTS: &[Part] = &[
    Part {
        name: "plan",
        examples: &[
            ("matrix plan farm.toml --emit make", "The list matrix.json, and a makefile on standard output."),
            (
                "matrix plan farm.toml --emit slurm --push /mnt/m --key team.key",
                "A script whose cells push what they have built.",
            ),
        ],
    },
    Part {
        name: "collect",
        examples: &[
            ("matrix collect matrix.json", "The page, the index and the metrics, in results."),
            ("matrix collect matrix.json --before last/index.json", "With what has changed."),
        ],
    },
];

const STORE_PARTS: &[Part] = &[
    Part {
        name: "list",
        examples: &[
            ("store list", "The builds, the one that was used last first."),
            ("store list --json", "For programs, with the size of all."),
        ],
    },
    Part {
        name: "gc",
        examples: &[
            ("store gc", "As the settings say."),
            ("store gc --size 100MiB", "Keep the builds that were used last, up to this much."),
        ],
    },
    Part {
        name: "verify",
        examples: &[
            ("store verify", "The files of all builds against their digests."),
            ("store verify --rebuild bbswitch/0.8 -k 6.1.0-9-amd64", "Build twice, and compare with the store."),
        ],
    },
];
