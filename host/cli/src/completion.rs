//! `modsmith completion`: what a shell needs to complete the command line.
//!
//! The options and their texts come from the command line's own definition, and
//! those of package formats from the plugins that are installed. What
//! only the system knows, its modules and kernels, is added by a small script
//! for each shell in `completion/`, which looks when a completion is asked for.

use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::{Shell, generate};

use super::arguments::{
    Arguments, CheckArguments, CompletionArguments, ConfArguments, LogArguments, ManualArguments, PluginArguments,
    Arguments, CompletionArguments, ConfArguments, LogArguments, ManualArguments, PluginArguments, ReadyArguments,
    ShellArgument, VerifyArguments,
};
use super::formats::Shown;
use super::identity::IdentityArguments;
use super::store::StoreArguments;
use super::{Persona, formats, output, summary};
use modsmith_core::Environment;
use modsmith_core::error::Result;
use modsmith_plugins::Format;

/// Prints the completion of one shell for one of the program's names.
pub fn run(arguments: &CompletionArguments, environment: &Environment) -> Result<()> {
    let CompletionArguments { shell, name, on_demand } = *arguments;
    match on_demand {
        true => output::lines(&loader(shell, name.name())),
        false => output::text(&script(shell, name, &formats::installed(environment))),
    }
    Ok(())
}

/// A script that makes the real one when the shell first completes the name.
fn loader(shell: ShellArgument, name: &str) -> String {
    let made = |shell| format!("modsmith completion {shell} --name {name}");
    match shell {
        ShellArgument::Bash => format!("source <({} 2>/dev/null)", made("bash")),
        ShellArgument::Zsh => {
            format!("#compdef {name}\neval \"$({} 2>/dev/null)\"\n_{name} \"$@\"", made("zsh"))
        }
        ShellArgument::Fish => format!("{} 2>/dev/null | source", made("fish")),
    }
}

fn script(shell: ShellArgument, persona: Persona, formats: &[Format]) -> String {
    let generator = match shell {
        ShellArgument::Bash => Shell::Bash,
        ShellArgument::Zsh => Shell::Zsh,
        ShellArgument::Fish => Shell::Fish,
    };
    let mut command = tree(persona, formats);
    let mut generated = Vec::new();
    generate(generator, &mut command, persona.name(), &mut generated);
    let generated = String::from_utf8_lossy(&generated);
    match shell {
        ShellArgument::Bash => format!("{generated}\n{}", fill(include_str!("completion/bash"), persona, &command)),
        ShellArgument::Zsh => zsh(&generated, &fill(include_str!("completion/zsh"), persona, &command)),
        ShellArgument::Fish => format!("{generated}\n{}", fill(include_str!("completion/fish"), persona, &command)),
    }
}

/// The command line as a tree of commands, which is what completions are made
/// from: the parser itself takes an action anywhere among the words.
pub(super) fn tree(persona: Persona, formats: &[Format]) -> Command {
    let plain = || {
        let options = Arguments::command().get_arguments().filter(|a| !a.is_positional()).cloned().collect::<Vec<_>>();
        Command::new(persona.name()).args(options).disable_version_flag(true)
    };
    let module = || Arg::new("packages").value_name("PACKAGE").num_args(0..).help("Module, as m or m/v");
    let action = |(name, about)| plain().name(name).about(about).arg(module());
    let mut tree = plain().about("Builds, installs and maintains out-of-tree kernel modules");
    tree = tree.subcommands(summary::actions().map(action)).disable_help_subcommand(true);
    for format in formats {
        let command = |word: &str| formats::with_options(plain().name(formats::kept(word)), format, Shown::Yes);
        tree = tree.subcommand(command(&format.action).about(format!("Make {}", format.summary)).arg(module()));
        if let Some(word) = &format.load_action {
            let file = Arg::new("file").value_name("FILE").value_hint(ValueHint::FilePath).help("The file to load");
            tree = tree.subcommand(command(word).about(format!("Load {}", format.summary)).arg(file));
        }
    }
    if persona == Persona::Modsmith {
        let own = [
            ConfArguments::command().name("conf"),
            LogArguments::command().name("log"),
            VerifyArguments::command().name("verify"),
            IdentityArguments::command().name("identity"),
            StoreArguments::command().name("store").disable_help_subcommand(true),
            CheckArguments::command().name("check"),
            ReadyArguments::command().name("ready"),
            PluginArguments::command().name("plugin").disable_help_subcommand(true),
            CompletionArguments::command().name("completion"),
            ManualArguments::command().name("manual"),
        ];
        tree = tree.subcommands(own);
    }
    hinted(tree)
}

/// Says of each value what it is, going by its name in the help.
fn hinted(command: Command) -> Command {
    let hint = |argument: Arg| {
        let name = argument.get_value_names().and_then(|names| names.first()).map(|name| name.as_str().to_owned());
        match name.as_deref() {
            Some("DIR" | "DIRECTORY") => argument.value_hint(ValueHint::DirPath),
            Some("FILE") => argument.value_hint(ValueHint::FilePath),
            _ => argument,
        }
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

/// Fills in a shell's script: the name, what may be the first word, the actions
/// after which a module may follow, and the options after which a value does.
fn fill(script: &str, persona: Persona, command: &Command) -> String {
    let of_packages = |command: &&Command| command.get_arguments().any(|argument| argument.get_id() == "packages");
    let actions: Vec<&str> = command.get_subcommands().filter(of_packages).map(Command::get_name).collect();
    let commands: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let mut valued = Vec::new();
    for option in command.get_arguments().filter(|a| a.get_action().takes_values()) {
        valued.extend(option.get_short().map(|short| format!("-{short}")));
        valued.extend(option.get_long().map(|long| format!("--{long}")));
    }
    script
        .replace("@NAME@", persona.name())
        .replace("@ACTIONS@", &actions.join(" "))
        .replace("@COMMANDS@", &commands.join(" "))
        .replace("@VALUED@", &valued.join("|"))
}

/// In zsh each value names the function that completes it.
fn zsh(generated: &str, functions: &str) -> String {
    let generated = [
        ("KERNEL:_default", "KERNEL:_modsmith_kernels"),
        ("MODULE:_default", "MODULE:_modsmith_modules"),
        ("VERSION:_default", "VERSION:_modsmith_versions"),
        ("ARCH:_default", "ARCH:_modsmith_archs"),
        // With two colons, options after a module would be taken for modules.
        ("*::packages -- Module, as m or m/v:_default", "*:module:_modsmith_packages"),
    ]
    .iter()
    .fold(generated.to_owned(), |text, (from, to)| text.replace(from, to));
    let (tag, rest) = generated.split_once('\n').unwrap_or((generated.as_str(), ""));
    format!("{tag}\n{functions}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_and_own_command_is_offered_under_the_name_that_has_it() {
        let names = |persona| tree(persona, &[]).get_subcommands().map(|c| c.get_name().to_owned()).collect::<Vec<_>>();
        assert!(names(Persona::Dkms).contains(&"install".to_owned()));
        assert!(!names(Persona::Dkms).contains(&"plugin".to_owned()));
        assert!(names(Persona::Modsmith).contains(&"plugin".to_owned()));
    }

    #[test]
    fn no_placeholder_is_left_in_any_script() {
        for persona in [Persona::Dkms, Persona::Modsmith] {
            for shell in [ShellArgument::Bash, ShellArgument::Zsh, ShellArgument::Fish] {
                let text = script(shell, persona, &[]);
                for placeholder in ["@NAME@", "@ACTIONS@", "@COMMANDS@", "@VALUED@"] {
                    assert!(!text.contains(placeholder), "{placeholder} in {shell:?} of {persona:?}");
                }
            }
        }
    }

    #[test]
    fn zsh_completes_kernels_and_modules_by_its_own_functions() {
        let text = script(ShellArgument::Zsh, Persona::Dkms, &[]);
        for function in ["kernels", "modules", "versions", "archs", "packages"] {
            assert!(text.contains(&format!(":_modsmith_{function}'")), "{function} is not used");
            assert!(text.contains(&format!("\n_modsmith_{function}() {{")), "{function} is not defined");
        }
    }
}
