//! Plugins.

use clap::CommandFactory;

use super::super::arguments::PluginArguments;
use super::{Command, Group, Part, Takes};

pub const COMMANDS: &[Command] = &[Command {
    name: "plugin",
    group: Group::Plugins,
    summary: "List, install and grant plugins; write, build and test them",
    usage: &["plugin COMMAND [ARGUMENT]..."],
    about: &[
        "Plugins know distributions, boot images, signers and package formats. They answer questions and add steps to \
         plans; they cannot change the system themselves. `plugin install` grants nothing: `plugin inspect` shows what \
         a plugin requests, and `plugin grant` grants it.",
        "`modsmith help plugin COMMAND` describes each command.",
    ],
    takes: Takes::Own(PluginArguments::command),
    examples: &[
        ("plugin list", "The plugins that are used on this system."),
        ("plugin install registry.example/team/mine:1.0.0", "From a registry; `plugin grant mine` follows."),
    ],
    exit_codes: &[(1, "There is no such plugin."), (30, "A registry does not answer."), (31, "A plugin failed.")],
    see_also: &["plugins", "explain"],
    parts: PARTS,
}];

/// In the order of the parser.
const PARTS: &[Part] = &[
    Part {
        name: "install",
        examples: &[
            ("plugin install registry.example/team/acme:1.0.0", "From a registry; `plugin grant acme` follows."),
            ("plugin install ./acme.wasm --root /srv/image", "A file, for the system below a directory."),
        ],
    },
    Part {
        name: "update",
        examples: &[
            ("plugin update", "All plugins that were installed from somewhere."),
            ("plugin update acme --more-rights", "Also if it asks for more; it is not used without a new grant."),
        ],
    },
    Part {
        name: "search",
        examples: &[
            ("plugin search initrd", "In the sources that registries.toml names."),
            ("plugin search --in https://plugins.example/", "Everything that one source has."),
        ],
    },
    Part {
        name: "dev",
        examples: &[
            ("plugin dev acme --for 30m", "Build the folder acme, and use the plugin for half an hour."),
            ("plugin dev --stop", "No plugin is used without a grant any more."),
        ],
    },
    Part {
        name: "remove",
        examples: &[
            ("plugin remove acme", "The file and its grant."),
            ("plugin remove acme --root /srv/image", "From the system below a directory."),
        ],
    },
    Part {
        name: "list",
        examples: &[
            ("plugin list", "Each with its version, where it is from, and whether it is granted."),
            ("plugin list --root /srv/image --of-root", "Those of an image."),
        ],
    },
    Part {
        name: "inspect",
        examples: &[
            ("plugin inspect acme", "A plugin that is installed."),
            ("plugin inspect ./acme.wasm --json", "A file that is not, for programs."),
        ],
    },
    Part {
        name: "hook-files",
        examples: &[
            ("plugin hook-files", "What the plugins that serve this system have."),
            ("plugin hook-files acme-hooks --into pkg", "Write the files of one plugin, for a package."),
        ],
    },
    Part {
        name: "grant",
        examples: &[
            ("plugin grant acme", "Show what is new since the last grant, and grant it."),
            ("plugin grant acme --root /srv/image --of-root", "In an image."),
        ],
    },
    Part {
        name: "revoke",
        examples: &[
            ("plugin revoke acme", "The plugin stays installed, and is not used."),
            ("plugin revoke acme --root /srv/image --of-root", "In an image."),
        ],
    },
];
