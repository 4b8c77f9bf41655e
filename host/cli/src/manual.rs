//! `modsmith manual`: the manual pages, from the command line's own definition and
//! from the reference.

mod reference;

use std::io;

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::arguments::{Arguments, ManualArguments, ManualPage};
use super::commands::{self, Group, topics};
use super::page::Block;
use super::{Persona, formats, help, output};
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};

/// Prints the manual page of one of the program's names, for `man`.
pub fn run(arguments: &ManualArguments, environment: &Environment) -> Result<()> {
    let mut page = Vec::new();
    let written = match arguments.name {
        ManualPage::Modsmith => write(Persona::Modsmith, environment, &mut page),
        ManualPage::Dkms => write(Persona::Dkms, environment, &mut page),
        ManualPage::DkmsConf => write_dkms_conf(&mut page),
    };
    written.map_err(|e| Error::new(Kind::System, format!("Could not write the manual page: {e}.")))?;
    output::text(&String::from_utf8_lossy(&page));
    Ok(())
}

fn write(persona: Persona, environment: &Environment, out: &mut Vec<u8>) -> io::Result<()> {
    let name = persona.name();
    let command = match persona {
        Persona::Dkms => Arguments::command(),
        Persona::Modsmith => Arguments::for_people(),
    };
    let command = command.name(name).after_help(None::<&str>).mut_arg("words", |words| words.hide(true));
    let man = Man::new(command)
        .title(name.to_uppercase())
        .section("8")
        .source(concat!("modsmith ", env!("CARGO_PKG_VERSION")))
        .manual("System administration");
    man.render_title(out)?;
    man.render_name_section(out)?;
    opening(persona).to_writer(out)?;
    match persona {
        Persona::Dkms => {
            let actions = commands::all().filter(|command| !command.is_own());
            list("ACTIONS", actions.map(|action| (action.name, action.summary))).to_writer(out)?;
        }
        Persona::Modsmith => Group::ALL.into_iter().try_for_each(|group| of_group(group).to_writer(out))?,
    }
    list("ACTIONS OF PLUGINS", of_plugins(environment)).to_writer(out)?;
    man.render_options_section(out)?;
    list("FILES", FILES).to_writer(out)?;
    if persona == Persona::Modsmith {
        topics::TOPICS.iter().try_for_each(|topic| of_blocks(&help::of_topic(topic)).to_writer(out))?;
    }
    closing(persona).to_writer(out)
}

/// The commands of a group, each with all that its help says.
fn of_group(group: Group) -> Roff {
    let mut roff = Roff::new();
    let mut commands = commands::all().filter(|command| command.group == group).peekable();
    if commands.peek().is_some() {
        roff.control("SH", [group.title().to_uppercase().as_str()]);
    }
    for command in commands {
        roff.control("SS", [command.name]);
        let blocks = help::of_command(command);
        of_part(&mut roff, &blocks);
    }
    roff
}

/// A topic as a section.
fn of_blocks(blocks: &[Block]) -> Roff {
    let mut roff = Roff::new();
    if let Some((Block::Heading(title), rest)) = blocks.split_first() {
        roff.control("SH", [title.to_uppercase().as_str()]);
        of_part(&mut roff, rest);
    }
    roff
}

fn of_part(roff: &mut Roff, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Heading(text) => {
                roff.control("PP", []).text([bold(format!("{text}:"))]);
            }
            Block::Text(text) => {
                roff.control("PP", []).text([roman(text.as_str())]);
            }
            Block::Verbatim(lines) => {
                for line in lines {
                    roff.control("br", []).text([roman(line.as_str())]);
                }
            }
            Block::Entries(entries) | Block::Examples(entries) => {
                for (name, text) in entries {
                    roff.control("TP", []).text([bold(name.as_str())]).text([roman(text.as_str())]);
                }
            }
        }
    }
}

const DKMS_CONF: &str = include_str!("../../../docs/reference/dkms-conf.md");

/// dkms.conf(5).
fn write_dkms_conf(out: &mut Vec<u8>) -> io::Result<()> {
    let mut head = Roff::new();
    let source = concat!("modsmith ", env!("CARGO_PKG_VERSION"));
    head.control("TH", ["DKMS.CONF", "5", "", source, "File formats"]);
    // Names of directives are searched for and copied: none is broken, and lines are as long as they are.
    head.control("nh", []).control("ad", ["l"]);
    head.control("SH", ["NAME"]).text([roman(
        "dkms.conf - description of a package of kernel modules: its name, its build and its installation",
    )]);
    head.to_writer(out)?;
    reference::sections(DKMS_CONF).to_writer(out)?;
    let mut end = Roff::new();
    end.control("SH", ["SEE ALSO"]).text([bold("dkms"), roman("(8), "), bold("modsmith"), roman("(8)")]);
    end.to_writer(out)
}

/// Package formats, made and loaded, as the plugins declare them.
fn of_plugins(environment: &Environment) -> Vec<(String, String)> {
    let mut actions = Vec::new();
    for format in formats::installed(environment) {
        let options = format.options.iter().map(|option| match &option.value {
            Some(value) => format!(" --{} {value}: {}.", option.name, option.help.trim_end_matches('.')),
            None => format!(" --{}: {}.", option.name, option.help.trim_end_matches('.')),
        });
        actions.push((format.action.clone(), format!("Make {}.{}", format.summary, options.collect::<String>())));
        actions.extend(format.load_action.iter().map(|word| (word.clone(), format!("Load {}.", format.summary))));
    }
    actions
}

const FILES: [(&str, &str); 7] = [
    ("/usr/src/NAME-VERSION/dkms.conf", "The description of a package."),
    ("/var/lib/dkms", "The tree: the packages that are added, built and installed."),
    ("/etc/dkms/framework.conf, /etc/dkms/framework.conf.d/*.conf", "Settings."),
    ("/etc/dkms/NAME.conf", "Directives that override those of a package's dkms.conf."),
    (
        "/etc/dkms/NAME/, /etc/dkms/NAME/patches/",
        "Scripts and patches that replace the package's own of the same name.",
    ),
    ("/etc/dkms/no-autoinstall", "While this file exists, no module is built at boot or for a new kernel."),
    ("/usr/lib/modsmith/plugins, /etc/modsmith", "Plugins, and their settings, grants and policy."),
];

/// A section in which each name has a text.
fn list(title: &str, entries: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (name, text) in entries {
        roff.control("TP", []).text([bold(name)]).text([roman(text)]);
    }
    roff
}

fn opening(persona: Persona) -> Roff {
    let mut roff = Roff::new();
    let name = || bold(persona.name());
    roff.control("SH", ["SYNOPSIS"]).text([
        name(),
        roman(" "),
        italic("ACTION"),
        roman(" ["),
        italic("MODULE"),
        roman("/"),
        italic("VERSION"),
        roman("] ["),
        italic("OPTION"),
        roman("]..."),
    ]);
    if persona == Persona::Modsmith {
        roff.control("br", []).text([
            name(),
            roman(" "),
            italic("COMMAND"),
            roman(" ["),
            italic("ARGUMENT"),
            roman("]..."),
        ]);
    }
    roff.control("SH", ["DESCRIPTION"]).text([roman(
        "Builds kernel modules that are not part of the kernel from their sources, installs them, and does so again for \
         each new kernel. A module package is source with a dkms.conf that says how it is built. It is named as \
         MODULE/VERSION, with -m and -v, or by a directory that holds a dkms.conf. What differs from one distribution to \
         the next is decided by plugins; every change is planned first, and undone when it fails.",
    )]);
    roff
}

fn closing(persona: Persona) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]).text([roman(
        "0 when the system is as was asked for, also if it already was. 10: make failed. 21: the kernel's headers \
         are missing. 77: the package is not for this kernel. The documentation has the others.",
    )]);
    if persona == Persona::Modsmith {
        roff.text([roman("See also the section EXIT CODES.")]);
    }
    roff.control("SH", ["SEE ALSO"]).text([
        bold("dkms.conf"),
        roman("(5), "),
        bold("depmod"),
        roman("(8), "),
        bold("modinfo"),
        roman("(8), "),
        bold("modprobe"),
        roman("(8)"),
    ]);
    roff
}
