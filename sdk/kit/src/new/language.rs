//! The languages that plugins can be started in, and the files that each of them adds.

use super::texts as text;
use crate::names::POLICY;

/// A programming language of plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Rust,
    C,
    Zig,
    Go,
    Python,
    Javascript,
    /// A table of values for the plugin `table`.
    Table,
}

/// The parts of a new folder that depend on the language.
pub struct Parts {
    /// The file of the code.
    pub source: &'static str,
    /// The end of the manifest: `[build]`, if cargo does not build the plugin.
    pub build: &'static str,
    /// Further files: name, text, mode.
    pub others: &'static [(&'static str, &'static str, u32)],
    /// The tools that have to be installed.
    pub needs: &'static str,
    /// Folders of tools, which git does not keep.
    pub ignored: &'static [&'static str],
}

impl Language {
    pub const ALL: [Self; 7] = [Self::Rust, Self::C, Self::Zig, Self::Go, Self::Python, Self::Javascript, Self::Table];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Zig => "zig",
            Self::Go => "go",
            Self::Python => "python",
            Self::Javascript => "javascript",
            Self::Table => "table",
        }
    }

    pub fn parts(self) -> Parts {
        match self {
            Self::Rust => Parts {
                source: "src/lib.rs",
                build: "",
                others: &[("Cargo.toml", text::CARGO, 0o644)],
                needs: text::NEEDS_RUST,
                ignored: &[],
            },
            Self::C => Parts {
                source: "plugin.c",
                build: text::BUILD,
                others: &[("build.sh", text::BUILD_C, 0o755)],
                needs: text::NEEDS_C,
                ignored: &[],
            },
            Self::Zig => Parts {
                source: "plugin.zig",
                build: text::BUILD,
                others: &[("build.sh", text::BUILD_ZIG, 0o755)],
                needs: text::NEEDS_ZIG,
                ignored: &[".venv"],
            },
            Self::Go => Parts {
                source: "initrd/initrd.go",
                build: text::BUILD,
                others: &[("build.sh", text::BUILD_GO, 0o755), ("go.mod", text::GO_MOD, 0o644)],
                needs: text::NEEDS_GO,
                ignored: &[],
            },
            Self::Python => Parts {
                source: "plugin.py",
                build: text::BUILD,
                others: &[("build.sh", text::BUILD_PYTHON, 0o755)],
                needs: text::NEEDS_PYTHON,
                ignored: &[".venv"],
            },
            Self::Javascript => Parts {
                source: "plugin.js",
                build: text::BUILD,
                others: &[
                    ("build.sh", text::BUILD_JAVASCRIPT, 0o755),
                    ("componentize.mjs", text::COMPONENTIZE, 0o644),
                    ("package.json", text::PACKAGE_JSON, 0o644),
                ],
                needs: text::NEEDS_JAVASCRIPT,
                ignored: &["node_modules"],
            },
            Self::Table => Parts { source: POLICY, build: "", others: &[], needs: text::NEEDS_TABLE, ignored: &[] },
        }
    }
}
