//! Actions for a whole kernel: all packages at once.

use super::options::{AFTERWARDS, BUILD, CONF, INSTALL, KERNELS, OUTPUT, PACKAGE};
use super::{Command, Group, Takes};

pub const COMMANDS: &[Command] = &[
    Command {
        name: "autoinstall",
        group: Group::Kernels,
        summary: "Install all packages with AUTOINSTALL for a kernel",
        usage: &["autoinstall [-k KERNEL] [OPTION]..."],
        about: &[
            "Builds and installs the newest version of each package whose dkms.conf has AUTOINSTALL, dependencies \
             first and as many at a time as there are processors. A package that fails does not stop the others. The \
             hooks of kernel packages and the service at boot do this by themselves.",
        ],
        takes: Takes::Shared { words: &[], options: &[KERNELS, CONF, BUILD, INSTALL, AFTERWARDS, OUTPUT] },
        examples: &[
            ("autoinstall", "For the running kernel."),
            ("autoinstall -k 6.1.0-9-amd64", "For a new kernel, before it is booted."),
        ],
        exit_codes: &[(11, "At least one package failed."), (21, "The kernel's headers are missing.")],
        see_also: &["status", "log", "kernels"],
        parts: &[],
    },
    Command {
        name: "match",
        group: Group::Kernels,
        summary: "Install for one kernel the modules that are installed for another",
        usage: &["match --templatekernel KERNEL [-k KERNEL] [MODULE] [OPTION]..."],
        about: &["Looks which packages are installed for the first kernel, and installs the same for the second."],
        takes: Takes::Shared {
            words: &[("MODULE", "This package only")],
            options: &[&["templatekernel"], PACKAGE, KERNELS, BUILD, AFTERWARDS, OUTPUT],
        },
        examples: &[
            ("match --templatekernel 6.1.0-8-amd64 -k 6.1.0-9-amd64", "From an old kernel to a new one."),
            ("match --templatekernel 6.1.0-8-amd64 bbswitch", "One package, for the running kernel."),
        ],
        exit_codes: &[(1, "The template kernel is missing."), (4, "More than one kernel is named.")],
        see_also: &["autoinstall", "kernels"],
        parts: &[],
    },
    Command {
        name: "kernel_preinst",
        group: Group::Kernels,
        summary: "For kernel packages: run before a kernel is installed",
        usage: &["kernel_preinst -k KERNEL [OPTION]..."],
        about: &["Makes the machine ready for a kernel that a package brings. Hooks of kernel packages run it."],
        takes: Takes::Shared { words: &[], options: &[KERNELS, OUTPUT] },
        examples: &[
            ("kernel_preinst -k 6.1.0-9-amd64", "As a hook runs it."),
            ("kernel_preinst -k 6.1.0-9-amd64 --dry-run", "What a hook would do."),
        ],
        exit_codes: &[(4, "Not exactly one kernel is named.")],
        see_also: &["kernel_postinst", "kernels"],
        parts: &[],
    },
    Command {
        name: "kernel_postinst",
        group: Group::Kernels,
        summary: "For kernel packages: run after a kernel was installed",
        usage: &["kernel_postinst -k KERNEL [OPTION]..."],
        about: &["Installs all packages with AUTOINSTALL for the new kernel. Hooks of kernel packages run it."],
        takes: Takes::Shared { words: &[], options: &[KERNELS, BUILD, AFTERWARDS, OUTPUT] },
        examples: &[
            ("kernel_postinst -k 6.1.0-9-amd64", "As a hook runs it."),
            ("kernel_postinst -k 6.1.0-9-amd64 --dry-run", "What a hook would do."),
        ],
        exit_codes: &[(4, "Not exactly one kernel is named."), (11, "At least one package failed.")],
        see_also: &["autoinstall", "kernels"],
        parts: &[],
    },
    Command {
        name: "kernel_prerm",
        group: Group::Kernels,
        summary: "For kernel packages: run before a kernel is removed",
        usage: &["kernel_prerm -k KERNEL [OPTION]..."],
        about: &[
            "Removes from the tree and from the kernel's directory what packages have for a kernel. Hooks of kernel \
             packages run it; it also helps where a kernel was deleted without them.",
        ],
        takes: Takes::Shared { words: &[], options: &[KERNELS, AFTERWARDS, OUTPUT] },
        examples: &[
            ("kernel_prerm -k 6.1.0-8-amd64", "All packages' modules of an old kernel."),
            ("kernel_prerm -k 6.1.0-8-amd64 --dry-run", "What would be removed."),
        ],
        exit_codes: &[(4, "Not exactly one kernel is named."), (14, "At least one module could not be removed.")],
        see_also: &["uninstall", "kernels"],
        parts: &[],
    },
];
