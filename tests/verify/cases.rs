//! What is broken in a module, one thing at a time, and which rule has to say so.

use modsmith_verify::{Answer, Finding, Image, Module, check};

use crate::kernels::Known;
use crate::patch::Patch;

/// A module that exports and imports symbols.
pub const SAMPLE: &str = "vsock";

/// What all rules say about bytes under a file's name.
pub fn findings(kernel: &Known, image: &Image, name: &str, bytes: Vec<u8>) -> Vec<Finding> {
    check(&Module::new(name, bytes), image, &kernel.neighbours())
}

/// The first *no* has to be of this rule, and to quote the kernel so.
#[track_caller]
pub fn refused(findings: &[Finding], rule: &str, errno: &str, words: &str) {
    let first = findings.iter().find(|finding| finding.answer == Answer::No);
    let first = first.unwrap_or_else(|| panic!("{rule} refuses nothing: {findings:#?}"));
    let said = first.refusal.as_ref().expect("a no has words");
    assert_eq!((first.rule, said.errno), (rule, errno), "{first:?}");
    assert!(said.kernel.contains(words), "{:?} does not say {words:?}", said.kernel);
    assert!(!said.cause.is_empty() && said.remedy.ends_with('.'), "{first:?}");
    assert!(first.refuses(), "{first:?} does not keep the module from being installed");
}

/// A change of the sample that makes one rule refuse it.
pub struct Case {
    pub rule: &'static str,
    errno: &'static str,
    /// A part of what the kernel says.
    words: &'static str,
    pub change: fn(Patch) -> Patch,
}

impl Case {
    /// The sample, changed.
    pub fn broken(&self, kernel: &Known) -> Vec<u8> {
        (self.change)(Patch::new(kernel.module(SAMPLE))).0
    }

    #[track_caller]
    pub fn run(&self, kernel: &Known, image: &Image) {
        refused(&findings(kernel, image, "vsock.ko", self.broken(kernel)), self.rule, self.errno, self.words);
    }
}

pub const fn case(rule: &'static str, errno: &'static str, words: &'static str, change: fn(Patch) -> Patch) -> Case {
    Case { rule, errno, words, change }
}

/// What both kernels refuse.
pub const ON_BOTH: [Case; 10] = [
    case("elf", "ENOEXEC", "Invalid ELF header type: 2 != 1", |patch| patch.write(16, &[2])),
    case("elf", "ENOEXEC", "Invalid ELF header magic", |patch| patch.write(1, b"X")),
    case("elf", "ENOEXEC", "module has no symbols (stripped?)", |patch| patch.without_symbols()),
    case("architecture", "ENOEXEC", "Invalid architecture in ELF header: 183", |patch| patch.write(18, &[183])),
    case("writable-code", "ENOEXEC", "section .text (index ", |patch| patch.flags(".text", 7)),
    case("common-symbols", "ENOEXEC", "vsock: please compile with -fno-common", |patch| {
        patch.symbol_section("release_sock", 0xfff2)
    }),
    case("symbols", "ENOENT", "vsock: Unknown symbol no_such_symbol (err -2)", |patch| {
        patch.rename_symbol("release_sock", "no_such_symbol")
    }),
    case("licence", "ENOENT", "vsock: Unknown symbol ", |patch| patch.modinfo("license", Some("Proprietary"))),
    case("relocations", "ENOEXEC", "vsock: Unknown rela relocation: 99", |patch| {
        patch.write_in(".rela.text", 8, &[99])
    }),
    case("duplicate-exports", "ENOEXEC", "vsock: exports duplicate symbol release_sock (owned by kernel)", |patch| {
        patch.rename_export("vsock_bind_table", "release_sock")
    }),
];

/// What a kernel refuses that compares versions of symbols.
pub const WITH_VERSIONS: [Case; 4] = [
    case("this-module", "ENOEXEC", "vsock: No module found in object", |patch| {
        patch.rename_section(".gnu.linkonce.this_module", ".other")
    }),
    case("module-layout", "ENOEXEC", "vsock: disagrees about version of symbol module_layout", |patch| {
        patch.version("module_layout")
    }),
    case("symbol-versions", "EINVAL", "vsock: disagrees about version of symbol release_sock", |patch| {
        patch.version("release_sock")
    }),
    case("vermagic", "ENOEXEC", "' should be '6.1.0-", |patch| {
        patch.modinfo("vermagic", Some("6.1.0-0-amd64 SMP preempt_rt mod_unload modversions "))
    }),
];

/// What newer kernels refuse.
pub const NEWER: [Case; 7] = [
    case("this-module", "ENOEXEC", "Exactly one .gnu.linkonce.this_module section must exist", |patch| {
        patch.rename_section(".gnu.linkonce.this_module", ".other")
    }),
    case("this-module", "ENOEXEC", "section size must match the kernel's built struct module size", |patch| {
        patch.size(".gnu.linkonce.this_module", 0x4c0)
    }),
    case("export-tables", "ENOEXEC", "vsock: no flags for exported symbols", |patch| {
        patch.rename_section("__kflagstab", ".other")
    }),
    case("vermagic", "ENOEXEC", "version magic '7.2.0 SMP preempt mod_unload ' should be '", |patch| {
        patch.modinfo("vermagic", Some("7.2.0 SMP preempt mod_unload "))
    }),
    case("vermagic", "ENOEXEC", "' should be '", |patch| {
        // Without the blank at its end.
        let release = patch.read(".modinfo");
        let release = String::from_utf8_lossy(&release).into_owned();
        let magic = release.split('\0').find_map(|field| field.strip_prefix("vermagic=")).expect("a vermagic");
        let magic = magic.trim_end().to_owned();
        patch.modinfo("vermagic", Some(&magic))
    }),
    case("imported-namespaces", "EPERM", "tries to import module namespace: module:kvm", |patch| {
        patch.modinfo("import_ns", Some("module:kvm"))
    }),
    case("version-tables", "ENOEXEC", "Invalid module format", |patch| {
        patch.loaded_as(".comment", "__version_ext_crcs")
    }),
];
