//! `modsmith completion`: what a shell needs to complete the command line.
//!
//! The options and their texts come from the command line's own definition, and
//! those of package formats from the plugins that are installed. For each shell, a small script in
//! `completion/` adds names of modules and kernels, which it reads from the system when a
//! completion is asked for.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use clap_complete::{Shell, generate};

use super::arguments::{CompletionArguments, ShellArgument};
use super::commands::{self, topics};
use super::formats::Shown;
use super::{Persona, explain, formats, output};
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
        ShellArgument::Fish => fish(&generated, &fill(include_str!("completion/fish"), persona, &command), persona),
    }
}

/// The command line as a tree of commands, which is what completions are made
/// from: the parser itself takes an action anywhere among the words.
pub(super) fn tree(persona: Persona, formats: &[Format]) -> Command {
    let all = commands::shared_options(persona);
    let plain = || Command::new(persona.name()).args(&all).disable_version_flag(true);
    let module = || Arg::new("packages").value_name("PACKAGE").num_args(0..).help("Module, as m or m/v");
    // `dkms` knows no option by its action.
    let action = |command: &commands::Command| match persona {
        Persona::Dkms => plain().name(command.name).about(command.summary).arg(module()),
        Persona::Modsmith => command.clap().arg(module()),
    };
    let mut tree = plain().about("Builds, installs and maintains out-of-tree kernel modules");
    tree = tree.subcommands(commands::all().filter(|command| !command.is_own()).map(action));
    tree = tree.disable_help_subcommand(true);
    for format in formats {
        let command = |word: &str| formats::with_options(plain().name(formats::kept(word)), format, Shown::Yes);
        tree = tree.subcommand(command(&format.action).about(format!("Make {}", format.summary)).arg(module()));
        if let Some(word) = &format.load_action {
            let file = Arg::new("file").value_name("FILE").value_hint(ValueHint::FilePath).help("The file to load");
            tree = tree.subcommand(command(word).about(format!("Load {}", format.summary)).arg(file));
        }
    }
    if persona == Persona::Modsmith {
        tree = tree.subcommands(commands::own().map(|command| offering(command.clap(), formats)));
    }
    hinted(tree)
}

/// A command of the program's own with the words that may follow it, where the program
/// knows them all.
fn offering(command: Command, formats: &[Format]) -> Command {
    let command = command.disable_help_subcommand(true);
    match command.get_name() {
        "explain" => command.mut_arg("id", |id| id.value_parser(choices(explain::ids()))),
        "help" => {
            let names = commands::all().map(|command| command.name).chain(formats::words(formats));
            // Two words would be two arguments.
            let topics = topics::TOPICS.iter().map(|topic| topic.name.replace(' ', "-"));
            let all: Vec<String> = names.map(str::to_owned).chain(topics).collect();
            command.mut_arg("words", |words| words.num_args(1).value_parser(choices(all)))
        }
        _ => command,
    }
}

fn choices(words: Vec<String>) -> PossibleValuesParser {
    PossibleValuesParser::new(words.iter().map(|word| formats::kept(word)))
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
    let words_after = |name: &str| {
        let values = command.find_subcommand(name).into_iter().flat_map(Command::get_positionals);
        let names = values.flat_map(|word| word.get_possible_values()).map(|value| value.get_name().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let looking = if persona == Persona::Modsmith { "conf log verify" } else { "" };
    script
        .replace("@NAME@", persona.name())
        .replace("@LOOKING@", looking)
        .replace("@MESSAGES@", &words_after("explain"))
        .replace("@TOPICS@", &words_after("help"))
        .replace("@ACTIONS@", &actions.join(" "))
        .replace("@COMMANDS@", &commands.join(" "))
        .replace("@VALUED@", &valued.join("|"))
}

/// In fish each option has a condition, and all conditions are asked for each line. Options of
/// a command become options of a name of its own, which are looked at with that command only.
fn fish(generated: &str, functions: &str, persona: Persona) -> String {
    let name = persona.name();
    let function = |what: &str| format!("function __fish_{name}_{what}");
    let finding = generated.replacen(&function("needs_command"), &function("find_command"), 1);
    let generated = match (finding.split_once(&function("using_subcommand")), finding.find("\ncomplete ")) {
        (Some((finding_only, _)), Some(options)) => format!("{finding_only}{}", &finding[options..]),
        _ => finding,
    };
    let condition = format!("complete -c {name} -n \"__fish_{name}_using_subcommand ");
    let of_command = |line: &str| {
        let (command, rest) = line.strip_prefix(&condition)?.split_once([';', '"'])?;
        let further = rest.strip_prefix(" and ").map(|further| format!("-n \"{further}"));
        Some(format!("complete -c __{name}_{command} {}", further.as_deref().unwrap_or(rest.trim_start())))
    };
    let lines = generated.lines().map(|line| of_command(line).unwrap_or_else(|| line.to_owned()) + "\n");
    format!("{functions}\n{}", lines.collect::<String>())
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
    let generated = generated.lines().map(positional).collect::<Vec<_>>().join("\n");
    let (tag, rest) = generated.split_once('\n').unwrap_or((generated.as_str(), ""));
    format!("{tag}\n{functions}{rest}")
}

/// A line of the generated script, with our function where the line completes a package or a
/// plugin.
fn positional(line: &str) -> String {
    let names =
        [("package -- ", "packages"), ("what -- ", "packages"), ("plugin -- ", "plugins"), ("plugins -- ", "plugins")];
    let is_of = |name: &str| line.trim_start_matches(['\'', '*', ':']).starts_with(name);
    match names.iter().find(|(name, _)| line.starts_with('\'') && is_of(name)) {
        Some((_, function)) => line.replace(":_default'", &format!(":_modsmith_{function}'")),
        None => line.to_owned(),
    }
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
                for placeholder in
                    ["@NAME@", "@ACTIONS@", "@COMMANDS@", "@VALUED@", "@LOOKING@", "@MESSAGES@", "@TOPICS@"]
                {
                    assert!(!text.contains(placeholder), "{placeholder} in {shell:?} of {persona:?}");
                }
            }
        }
    }

    #[test]
    fn zsh_completes_kernels_and_modules_by_its_own_functions() {
        let text = script(ShellArgument::Zsh, Persona::Modsmith, &[]);
        for function in ["kernels", "modules", "versions", "archs", "packages", "plugins"] {
            assert!(text.contains(&format!(":_modsmith_{function}'")), "{function} is not used");
            assert!(text.contains(&format!("\n_modsmith_{function}() {{")), "{function} is not defined");
        }
    }
}
