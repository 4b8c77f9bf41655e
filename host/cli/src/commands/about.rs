//! Commands about the program itself.

use clap::CommandFactory;

use super::super::arguments::{CompletionArguments, HelpArguments, ManualArguments};
use super::{Command, Group, Takes};

pub const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        group: Group::About,
        summary: "Show the help of a command or of a topic",
        usage: &["help [COMMAND|TOPIC]"],
        about: &["Without an argument, lists the commands and the options that all of them share. Topics are: trees, \
             kernels, signing, plugins, undo, dkms, exit codes."],
        takes: Takes::Own(HelpArguments::command),
        examples: &[("help install", "One command."), ("help exit codes", "What exit codes mean.")],
        exit_codes: &[(1, "There is no such command or topic.")],
        see_also: &["explain", "manual"],
        parts: &[],
    },
    Command {
        name: "completion",
        group: Group::About,
        summary: "Print the script by which a shell completes the command line",
        usage: &["completion bash|zsh|fish [--name modsmith|dkms] [--on-demand]"],
        about: &["Packages install these scripts; this prints them for a shell that is set up by hand."],
        takes: Takes::Own(CompletionArguments::command),
        examples: &[
            ("completion bash", "For modsmith, in bash."),
            ("completion zsh --name dkms --on-demand", "A short script that asks for the other one when it is needed."),
        ],
        exit_codes: &[(1, "There is no such shell.")],
        see_also: &["manual"],
        parts: &[],
    },
    Command {
        name: "manual",
        group: Group::About,
        summary: "Print a manual page",
        usage: &["manual [--name modsmith|dkms|dkms.conf]"],
        about: &["Prints the page in the format of man(1): `modsmith manual | man -l -` shows it."],
        takes: Takes::Own(ManualArguments::command),
        examples: &[("manual", "modsmith(8)."), ("manual --name dkms.conf", "dkms.conf(5).")],
        exit_codes: &[(1, "There is no such page.")],
        see_also: &["help", "dkms.conf(5)"],
        parts: &[],
    },
];
