//! Commands for many machines.

use clap::CommandFactory;

use super::super::identity::IdentityArguments;
use super::super::store::StoreArguments;
use super::{Command, Group, Takes};

pub const COMMANDS: &[Command] = &[
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
        see_also: &["identity", "build"],
    },
];
