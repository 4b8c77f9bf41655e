//! The roles that plugins can be started for, each with its files.

use super::Language;

/// A role that there are templates for.
pub struct Kind {
    pub name: &'static str,
    pub description: &'static str,
    /// The role's part of plugin.toml.
    pub manifest: &'static str,
    /// The name of the case.
    pub case: &'static str,
    pub facts: &'static str,
    pub expected: &'static str,
    /// Files of the case's system, by their paths in it.
    pub root: &'static [(&'static str, &'static str)],
    pub sources: &'static [(Language, &'static str)],
}

impl Kind {
    /// The code in a language, or the table.
    pub fn source(&self, language: Language) -> Option<&'static str> {
        self.sources.iter().find(|(known, _)| *known == language).map(|(_, text)| *text)
    }
}

pub const KINDS: [Kind; 9] = [
    Kind {
        name: "initrd",
        description: "Makes boot images with mkimage",
        manifest: template!("manifest/initrd.toml"),
        case: "image",
        facts: template!("cases/initrd/facts.toml"),
        expected: template!("cases/initrd/expected.plan"),
        root: &[],
        sources: &[
            (Language::Rust, template!("rust/initrd.rs")),
            (Language::C, template!("c/initrd.c")),
            (Language::Zig, template!("zig/initrd.zig")),
            (Language::Go, template!("go/initrd.go")),
            (Language::Python, template!("python/initrd.py")),
            (Language::Javascript, template!("javascript/initrd.js")),
            (Language::Table, template!("table/initrd.toml")),
        ],
    },
    Kind {
        name: "install-policy",
        description: "Says where modules go",
        manifest: template!("manifest/install-policy.toml"),
        case: "destination",
        facts: template!("cases/install-policy/facts.toml"),
        expected: template!("cases/install-policy/expected.plan"),
        root: &[],
        sources: &[
            (Language::Rust, template!("rust/install-policy.rs")),
            (Language::C, template!("c/install-policy.c")),
            (Language::Table, template!("table/install-policy.toml")),
        ],
    },
    Kind {
        name: "kernel-hooks",
        description: "Tells a boot loader of kernels whose modules have changed",
        manifest: template!("manifest/kernel-hooks.toml"),
        case: "changed",
        facts: template!("cases/kernel-hooks/facts.toml"),
        expected: template!("cases/kernel-hooks/expected.plan"),
        root: &[],
        sources: &[(Language::Rust, template!("rust/kernel-hooks.rs"))],
    },
    Kind {
        name: "packager",
        description: "Makes archives of the source of packages",
        manifest: template!("manifest/packager.toml"),
        case: "source",
        facts: template!("cases/packager/facts.toml"),
        expected: template!("cases/packager/expected.plan"),
        root: &[],
        sources: &[(Language::Rust, template!("rust/packager.rs"))],
    },
    Kind {
        name: "signer",
        description: "Signs modules with sign-module",
        manifest: template!("manifest/signer.toml"),
        case: "signed",
        facts: template!("cases/signer/facts.toml"),
        expected: template!("cases/signer/expected.plan"),
        root: &[],
        sources: &[(Language::Rust, template!("rust/signer.rs"))],
    },
    Kind {
        name: "boot-loader",
        description: "Says which kernel boots next",
        manifest: template!("manifest/boot-loader.toml"),
        case: "menu",
        facts: template!("cases/boot-loader/facts.toml"),
        expected: template!("cases/boot-loader/expected.plan"),
        root: &[("boot/menu", template!("cases/boot-loader/menu"))],
        sources: &[(Language::Rust, template!("rust/boot-loader.rs"))],
    },
    Kind {
        name: "checks",
        description: "Compares a package with its library",
        manifest: template!("manifest/checks.toml"),
        case: "library-differs",
        facts: template!("cases/checks/facts.toml"),
        expected: template!("cases/checks/expected.plan"),
        root: &[("usr/lib/example/version", template!("cases/checks/version"))],
        sources: &[(Language::Rust, template!("rust/checks.rs"))],
    },
    Kind {
        name: "store",
        description: "Names a server with builds of other machines",
        manifest: template!("manifest/store.toml"),
        case: "named",
        facts: template!("cases/store/facts.toml"),
        expected: template!("cases/store/expected.plan"),
        root: &[],
        sources: &[(Language::Rust, template!("rust/store.rs"))],
    },
    Kind {
        name: "file-owner",
        description: "Asks which package owns a file",
        manifest: template!("manifest/file-owner.toml"),
        case: "owned",
        facts: template!("cases/file-owner/facts.toml"),
        expected: template!("cases/file-owner/expected.plan"),
        root: &[],
        sources: &[(Language::Rust, template!("rust/file-owner.rs"))],
    },
];
