//! Actions that build and install one package.

use super::options::{AFTERWARDS, ALL, BUILD, CONF, INSTALL, KERNELS, OUTPUT, PACKAGE, SCRIPTLETS};
use super::{Command, Group, Takes};

const SOURCE: (&str, &str) =
    ("MODULE/VERSION", "The package: by name, by a directory with a dkms.conf, by a dkms.conf, or by an archive");
const NAMED: (&str, &str) = ("MODULE/VERSION", "The package");

pub const COMMANDS: &[Command] = &[
    Command {
        name: "add",
        group: Group::Build,
        summary: "Add a package to the tree",
        usage: &["add MODULE/VERSION|DIRECTORY|ARCHIVE [OPTION]..."],
        about: &[
            "Registers a source in the tree. A directory is copied to /usr/src first. Nothing is built: `install` adds \
             a package by itself.",
        ],
        takes: Takes::Shared { words: &[SOURCE], options: &[PACKAGE, KERNELS, CONF, SCRIPTLETS, OUTPUT] },
        examples: &[
            ("add ./bbswitch", "A directory that holds a dkms.conf."),
            ("add bbswitch/0.8", "A source that is in /usr/src/bbswitch-0.8."),
        ],
        exit_codes: &[
            (2, "There is no such source."),
            (3, "The package is in the tree already."),
            (8, "dkms.conf is invalid."),
        ],
        see_also: &["install", "remove", "trees"],
        parts: &[],
    },
    Command {
        name: "build",
        group: Group::Build,
        summary: "Build a package's modules for a kernel",
        usage: &["build MODULE/VERSION|DIRECTORY|ARCHIVE [-k KERNEL]... [OPTION]..."],
        about: &[
            "Builds the modules and keeps them in the tree; no kernel is changed. The package is added if it is not in \
             the tree. Without -k, it is built for the running kernel; with several kernels, for all at the same time.",
        ],
        takes: Takes::Shared { words: &[SOURCE], options: &[PACKAGE, KERNELS, CONF, BUILD, OUTPUT] },
        examples: &[
            ("build bbswitch/0.8 -k 6.1.0-9-amd64", "For a kernel that need not run."),
            ("build bbswitch/0.8 --dry-run", "What would be done, and why."),
        ],
        exit_codes: &[
            (10, "make failed: `modsmith log` says why."),
            (21, "The kernel's headers are missing."),
            (77, "The package is not for this kernel."),
        ],
        see_also: &["log", "install", "kernels"],
        parts: &[],
    },
    Command {
        name: "install",
        group: Group::Build,
        summary: "Install the modules for a kernel; adds and builds the package if necessary",
        usage: &["install MODULE/VERSION|DIRECTORY|ARCHIVE [-k KERNEL]... [OPTION]..."],
        about: &[
            "Puts the modules into the kernel's directory, keeps the originals that they replace, runs depmod and \
             makes the boot image anew where one holds such a module. A module that the kernel is proven not to load \
             is not installed. When a step fails, the whole change is undone.",
        ],
        takes: Takes::Shared {
            words: &[SOURCE],
            options: &[PACKAGE, KERNELS, CONF, BUILD, INSTALL, AFTERWARDS, OUTPUT],
        },
        examples: &[
            ("install bbswitch/0.8", "For the running kernel."),
            ("install ./bbswitch -k 6.1.0-9-amd64 --dry-run", "What would be done, and why."),
        ],
        exit_codes: &[
            (6, "The kernel has newer modules, or files could not be installed."),
            (10, "make failed."),
            (21, "The kernel's headers are missing."),
            (33, "The kernel would not load a module; nothing is installed."),
            (77, "The package is not for this kernel."),
        ],
        see_also: &["uninstall", "autoinstall", "signing"],
        parts: &[],
    },
    Command {
        name: "uninstall",
        group: Group::Build,
        summary: "Remove installed modules, and restore the originals",
        usage: &["uninstall MODULE/VERSION [-k KERNEL | --all] [OPTION]..."],
        about: &["Takes the modules out of the kernel's directory. What is built stays in the tree."],
        takes: Takes::Shared { words: &[NAMED], options: &[PACKAGE, KERNELS, ALL, AFTERWARDS, OUTPUT] },
        examples: &[
            ("uninstall bbswitch/0.8 -k 6.1.0-9-amd64", "For one kernel."),
            ("uninstall bbswitch/0.8 --all", "For all kernels."),
        ],
        exit_codes: &[(3, "The package is not in the tree.")],
        see_also: &["install", "unbuild", "remove"],
        parts: &[],
    },
    Command {
        name: "unbuild",
        group: Group::Build,
        summary: "Delete built modules; uninstalls them first",
        usage: &["unbuild MODULE/VERSION [-k KERNEL | --all] [OPTION]..."],
        about: &["Deletes what was built. The package stays in the tree, and can be built again."],
        takes: Takes::Shared { words: &[NAMED], options: &[PACKAGE, KERNELS, ALL, AFTERWARDS, OUTPUT] },
        examples: &[
            ("unbuild bbswitch/0.8 -k 6.1.0-9-amd64", "For one kernel."),
            ("unbuild bbswitch/0.8 --all", "For all kernels."),
        ],
        exit_codes: &[(3, "The package is not in the tree.")],
        see_also: &["build", "uninstall", "remove"],
        parts: &[],
    },
    Command {
        name: "remove",
        group: Group::Build,
        summary: "Remove a package from the tree, for some kernels or for all",
        usage: &["remove MODULE/VERSION [-k KERNEL | --all] [OPTION]..."],
        about: &[
            "Uninstalls the modules, deletes what was built, and takes the package out of the tree once it is built for \
             no kernel. The source in /usr/src stays.",
        ],
        takes: Takes::Shared { words: &[NAMED], options: &[PACKAGE, KERNELS, ALL, AFTERWARDS, SCRIPTLETS, OUTPUT] },
        examples: &[
            ("remove bbswitch/0.8 --all", "The whole package."),
            ("remove bbswitch/0.8 -k 6.1.0-9-amd64", "What it has for one kernel."),
        ],
        exit_codes: &[(3, "The package is not in the tree.")],
        see_also: &["add", "uninstall", "trees"],
        parts: &[],
    },
    Command {
        name: "generate_mok",
        group: Group::Build,
        summary: "Create a key and a certificate for signing modules",
        usage: &["generate_mok [OPTION]..."],
        about: &[
            "Makes the key that modules are signed with, unless there is one. Builds make it by themselves; with Secure \
             Boot, its certificate has to be enrolled once.",
        ],
        takes: Takes::Shared { words: &[], options: &[OUTPUT] },
        examples: &[
            ("generate_mok", "Makes the key, if there is none."),
            ("generate_mok --dry-run", "Says where the key would be."),
        ],
        exit_codes: &[(31, "The plugin that signs modules failed.")],
        see_also: &["signing", "verify"],
        parts: &[],
    },
];
