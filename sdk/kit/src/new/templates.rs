//! The texts of new plugins. Files below `templates/` are ordinary text, so that a change of
//! the interface or of the SDK is a change of these files only.

use super::Language;

/// The text of a file below `templates/`.
macro_rules! template {
    ($name:expr) => {
        include_str!(concat!("../../templates/", $name))
    };
}

pub const README: &str = template!("README.md");
pub const CI: &str = template!("ci.sh");
pub const CARGO: &str = template!("rust/Cargo.toml");
pub const BUILD_C: &str = template!("c/build.sh");
pub const BUILD_ZIG: &str = template!("zig/build.sh");
pub const BUILD_GO: &str = template!("go/build.sh");
pub const GO_MOD: &str = template!("go/go.mod");
pub const BUILD_PYTHON: &str = template!("python/build.sh");
pub const BUILD_JAVASCRIPT: &str = template!("javascript/build.sh");
pub const COMPONENTIZE: &str = template!("javascript/componentize.mjs");
pub const PACKAGE_JSON: &str = template!("javascript/package.json");
/// Schemas, by which editors complete and check the files.
pub const PLUGIN_SCHEMA: &str = include_str!("../../schemas/plugin.json");
pub const POLICY_SCHEMA: &str = include_str!("../../schemas/policy.json");
pub const FACTS_SCHEMA: &str = include_str!("../../schemas/facts.json");
/// The beginning of every plugin.toml.
pub const HEAD: &str = template!("manifest/head.toml");
/// The end of a plugin.toml with a build command.
pub const BUILD: &str = template!("manifest/build.toml");
/// What has to be installed.
pub const NEEDS_RUST: &str = template!("rust/needs.md");
pub const NEEDS_C: &str = template!("c/needs.md");
pub const NEEDS_ZIG: &str = template!("zig/needs.md");
pub const NEEDS_GO: &str = template!("go/needs.md");
pub const NEEDS_PYTHON: &str = template!("python/needs.md");
pub const NEEDS_JAVASCRIPT: &str = template!("javascript/needs.md");
pub const NEEDS_TABLE: &str = template!("table/needs.md");

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
