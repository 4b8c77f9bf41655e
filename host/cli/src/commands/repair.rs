//! Commands that find and repair what is broken.

use clap::CommandFactory;

use super::super::arguments::CheckArguments;
use super::{Command, Group, Takes};

pub const COMMANDS: &[Command] = &[Command {
    name: "check",
    group: Group::Repair,
    summary: "Find broken states of modules, and repair them",
    usage: &[
        "check [MODULE[/VERSION]] [-k KERNEL] [OPTION]...",
        "check --repair [--dry-run] [MODULE[/VERSION]] [-k KERNEL] [OPTION]...",
    ],
    about: &[
        "Looks for the states in which trees of modules break: a build that was killed, an installed file that is gone, a \
         kernel that was removed, a key that was replaced. Each is shown with what was read and what to do.",
        "`--repair` repairs what can be repaired without losing anything, then checks again. Files that a package \
         of the system may own are left and reported.",
    ],
    takes: Takes::Own(CheckArguments::command),
    examples: &[("check", "Every package and every kernel."), ("check --repair --dry-run", "What a repair would do.")],
    exit_codes: &[(35, "A broken state was found, or is left after the repair.")],
    see_also: &["status", "verify", "ready"],
    parts: &[],
}];
