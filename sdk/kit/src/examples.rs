//! The end of each command's help: examples, and exit codes.

use clap::Command;

/// Command lines without the program's name, and what each is for, by command.
const EXAMPLES: [(&str, [(&str, &str); 2]); 10] = [
    ("build", [("build", "The plugins of this folder, into dist."), ("build plugins --out /tmp/out", "A workspace.")]),
    ("test", [("test", "Build and test the plugins of this folder."), ("test --watch", "Again after each change.")]),
    ("check", [("check", "The plugins of this folder."), ("check --built dist", "Without building them.")]),
    ("new", [("new initrd acme", "A plugin in Rust that makes boot images."), ("new packager acme --lang c", "In C.")]),
    (
        "pack",
        [
            ("pack acme.wasm", "With the plugin.toml that is here."),
            ("pack core.wasm --manifest acme/plugin.toml --out dist/acme.wasm", "With another one."),
        ],
    ),
    (
        "wit",
        [("wit --out wit", "The files of the interface."), ("wit --bindings c --out src", "Bindings of the roles.")],
    ),
    (
        "publish",
        [
            ("publish dist/acme.wasm registry.example/team/acme", "Below the tag of its version."),
            ("publish dist/acme.wasm registry.example/team/acme --key team.key", "Signed."),
        ],
    ),
    ("docs", [("docs", "Of the plugin in this folder."), ("docs dist/acme.wasm", "Of a file.")]),
    (
        "plan",
        [
            ("plan", "What the plugin in this folder would do here."),
            ("plan dist/acme.wasm --root /srv/image", "In an image."),
        ],
    ),
    (
        "record",
        [("record", "Cases of the plugin in this folder."), ("record --name fedora-42 --probes", "With its probes.")],
    ),
];

const EXIT_CODES: &str = "Exit codes:
  0   Success.
  1   A wrong argument, a test that failed, or a defect that `check` found.
  30  A file, a tool chain or a registry that cannot be used.
  31  A plugin that failed.";

/// The commands, each with its examples.
pub fn with_examples(mut commands: Command) -> Command {
    let name = commands.get_name().to_owned();
    for (command, examples) in EXAMPLES {
        let lines = examples.map(|(line, text)| format!("  {name} {line}\n      {text}\n"));
        commands =
            commands.mut_subcommand(command, |c| c.after_help(format!("Examples:\n{}\n{EXIT_CODES}", lines.concat())));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_has_examples_that_it_can_read() {
        let commands = crate::Arguments::command();
        let names: Vec<&str> = commands.get_subcommands().map(Command::get_name).collect();
        assert_eq!(EXAMPLES.map(|(name, _)| name).to_vec(), names);
        for (line, _) in EXAMPLES.iter().flat_map(|(_, examples)| examples) {
            let words = ["modsmith-plugin"].into_iter().chain(line.split(' '));
            crate::Arguments::command().try_get_matches_from(words).unwrap_or_else(|e| panic!("{line}: {e}"));
        }
    }
}
