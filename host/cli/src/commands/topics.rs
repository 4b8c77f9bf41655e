//! The topics of `modsmith help`, which are sections of the manual page too.

/// One topic.
#[derive(Debug)]
pub struct Topic {
    /// The name that `modsmith help` takes.
    pub name: &'static str,
    pub title: &'static str,
    pub text: &'static [Part],
}

/// A piece of a topic's text.
#[derive(Debug)]
pub enum Part {
    Paragraph(&'static str),
    /// Names or command lines, each with its meaning.
    List(&'static [(&'static str, &'static str)]),
    /// The table of `docs/reference/exit-codes.md`.
    ExitCodes,
}

use Part::{ExitCodes, List, Paragraph};

pub const TOPICS: &[Topic] = &[
    Topic {
        name: "trees",
        title: "Trees",
        text: &[
            Paragraph(
                "The tree is the directory /var/lib/dkms: the database of packages and their states. It is dkms's own, \
                 and both programs read and write it. `add` puts a package into it, `build` its modules, and `install` \
                 copies them to the kernel.",
            ),
            List(&[
                ("/usr/src/NAME-VERSION/dkms.conf", "The description of a package."),
                ("/var/lib/dkms", "The tree: the packages that are added, built and installed."),
                ("/lib/modules/KERNEL", "Where kernels find their modules."),
                ("/etc/dkms/framework.conf", "Settings, also for other places of these directories."),
            ]),
            Paragraph(
                "`--dkmstree`, `--sourcetree` and `--installtree` name other directories; `--root` names another \
                 system. One invocation at a time changes a tree; looking takes no lock.",
            ),
        ],
    },
    Topic {
        name: "kernels",
        title: "Kernels",
        text: &[
            Paragraph(
                "Modules are built for one kernel each. Without -k, that is the running kernel. A new kernel gets its \
                 modules from `autoinstall`, which the hooks of kernel packages and the service at boot run: for the \
                 packages whose dkms.conf has AUTOINSTALL.",
            ),
            List(&[
                ("modsmith status", "What is installed for which kernel, and what is missing."),
                ("modsmith autoinstall -k KERNEL", "Installs what is missing, before the kernel is booted."),
                ("modsmith verify -k KERNEL", "Would the kernel load the modules?"),
                ("modsmith kernel_prerm -k KERNEL", "Removes what packages have for an old kernel."),
            ]),
            Paragraph(
                "A build needs the headers of its kernel, which are a package of the distribution. The message names \
                 it where they are missing.",
            ),
        ],
    },
    Topic {
        name: "signing",
        title: "Signing",
        text: &[
            Paragraph(
                "With Secure Boot, a kernel loads signed modules only. Builds sign modules with a key of this machine, \
                 which is made when it is first needed; which key and program a system has, plugins know.",
            ),
            List(&[
                ("modsmith generate_mok", "Makes the key and its certificate."),
                ("/var/lib/dkms/mok.pub", "The certificate, which the firmware has to know: the guide Sign modules."),
                ("modsmith verify", "Says whether kernels would accept the signatures."),
            ]),
            Paragraph("`mok_signing_key` and `mok_certificate` in /etc/dkms/framework.conf name another key."),
        ],
    },
    Topic {
        name: "plugins",
        title: "Plugins",
        text: &[
            Paragraph(
                "What differs from one distribution to the next is decided by plugins: WebAssembly components that \
                 answer questions and add steps to plans. The plugins of this package are granted what they request; \
                 another one is used once it is granted.",
            ),
            List(&[
                ("modsmith plugin list", "The plugins that are used here."),
                ("modsmith plugin install SOURCE", "Installs a plugin from a file, an address or a registry."),
                ("modsmith plugin inspect PLUGIN", "What it requests, and what it is granted."),
                ("modsmith plugin grant PLUGIN", "Grants it what it requests."),
                ("modsmith plugin revoke PLUGIN", "Takes the grant back."),
            ]),
        ],
    },
    Topic {
        name: "undo",
        title: "Undo",
        text: &[
            Paragraph(
                "Every change is a plan of steps. `--dry-run` shows the plan and changes nothing. When a step fails, or a \
                 signal stops the program, the steps before it are undone; after a power failure, the next action \
                 undoes them. What is complete is taken back by the opposite action:",
            ),
            List(&[
                ("add", "remove MODULE/VERSION --all"),
                ("build", "unbuild MODULE/VERSION -k KERNEL"),
                ("install", "uninstall MODULE/VERSION -k KERNEL, which restores the originals"),
                ("plugin install", "plugin remove PLUGIN"),
                ("plugin grant", "plugin revoke PLUGIN"),
            ]),
        ],
    },
    Topic {
        name: "dkms",
        title: "dkms",
        text: &[
            Paragraph(
                "Run as `dkms`, the program does what dkms does: the same tree, files, exit codes and lines. Going back to \
                 dkms needs no conversion: install the package dkms in the place of modsmith's package `dkms`, and all \
                 packages, builds and installed modules are where dkms looks for them.",
            ),
            List(&[
                ("modsmith status --view dkms", "The lines that dkms prints."),
                ("dkms status", "The same, by the other name."),
            ]),
            Paragraph("Files that only modsmith reads have names that begin with `.modsmith`; dkms leaves them alone."),
        ],
    },
    Topic {
        name: "exit codes",
        title: "Exit codes",
        text: &[
            Paragraph(
                "The codes below 30, 77 and 101 are those of dkms; the others are for conditions that dkms does not tell \
                 apart. `modsmith explain CODE` lists the errors of a code.",
            ),
            ExitCodes,
        ],
    },
];

/// The topic of a name, in which words are parted by a blank or a hyphen.
pub fn of(name: &str) -> Option<&'static Topic> {
    let name = name.to_ascii_lowercase().replace(['-', '_'], " ");
    TOPICS.iter().find(|topic| topic.name == name)
}
