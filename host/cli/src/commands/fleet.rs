//! Commands for many machines.

use clap::CommandFactory;

use super::super::elsewhere::{PullArguments, PushArguments};
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
    },
];
