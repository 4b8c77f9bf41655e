//! Plugins.

use clap::CommandFactory;

use super::super::arguments::PluginArguments;
use super::{Command, Group, Takes};

pub const COMMANDS: &[Command] = &[Command {
    name: "plugin",
    group: Group::Plugins,
    summary: "List, install and grant plugins; write, build and test them",
    usage: &["plugin COMMAND [ARGUMENT]..."],
    about: &[
        "Plugins know distributions, boot images, signers and package formats. They answer questions and add steps to \
         plans; they cannot change the system themselves. `plugin install` grants nothing: `plugin inspect` shows what \
         a plugin requests, and `plugin grant` grants it.",
        "`modsmith plugin COMMAND --help` describes each command.",
    ],
    takes: Takes::Own(PluginArguments::command),
    examples: &[
        ("plugin list", "The plugins that are used on this system."),
        ("plugin install registry.example/team/mine:1.0.0", "From a registry; `plugin grant mine` follows."),
    ],
    exit_codes: &[(1, "There is no such plugin."), (30, "A registry does not answer."), (31, "A plugin failed.")],
    see_also: &["plugins", "explain"],
}];
