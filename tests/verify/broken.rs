//! Each rule, broken on purpose: the first *no* is that rule's, with the kernel's words.

use std::process::Command;

use modsmith_tests::tool;
use modsmith_verify::{Answer, BuiltIn, Fact, Image, Module, RULES, check};

use crate::cases::{NEWER, ON_BOTH, SAMPLE, WITH_VERSIONS, case, findings, refused};
use crate::kernels::Known;
use crate::patch::Patch;

#[test]
fn both_kernels_refuse_what_is_broken_in_the_same_way() {
    for release in ["bookworm", "sid"] {
        let kernel = Known::of(release);
        ON_BOTH.iter().for_each(|case| case.run(&kernel, &kernel.image));
    }
}

#[test]
fn a_kernel_that_compares_versions_refuses_foreign_ones() {
    let kernel = Known::of("bookworm");
    WITH_VERSIONS.iter().for_each(|case| case.run(&kernel, &kernel.image));
    // The release counts for nothing there.
    let other_release = Patch::new(kernel.module(SAMPLE))
        .modinfo("vermagic", Some("6.1.0-0-amd64 SMP preempt mod_unload modversions "));
    let findings = findings(&kernel, &kernel.image, "vsock.ko", other_release.0);
    assert!(findings.iter().all(|finding| finding.answer == Answer::Yes), "{findings:#?}");
}

#[test]
fn a_newer_kernel_refuses_what_was_built_by_older_rules() {
    let kernel = Known::of("sid");
    NEWER.iter().for_each(|case| case.run(&kernel, &kernel.image));
}

#[test]
fn the_kernels_configuration_decides_what_is_refused() {
    let kernel = Known::of("bookworm");
    let unforced = kernel.configured(&[("MODULE_FORCE_LOAD", "n"), ("LIVEPATCH", "n"), ("CONSTRUCTORS", "y")]);
    for case in [
        case("vermagic", "ENOEXEC", "Invalid module format", |patch| patch.modinfo("vermagic", None)),
        case("symbol-versions", "EINVAL", "(err -22)", |patch| patch.rename_section("__versions", ".other")),
        case("export-tables", "ENOEXEC", "Invalid module format", |patch| {
            patch.rename_section("__kcrctab_gpl", ".other")
        }),
        case("livepatch", "ENOEXEC", "livepatch support is disabled", |patch| patch.modinfo("livepatch", Some("Y"))),
        case("constructors", "EINVAL", "has both .ctors and .init_array.", |patch| {
            patch.loaded_as(".comment", ".ctors").loaded_as(".note.GNU-stack", ".init_array")
        }),
    ] {
        case.run(&kernel, &unforced);
        let bytes = case.broken(&kernel);
        let allowing = kernel.configured(&[("MODULE_FORCE_LOAD", "y"), ("LIVEPATCH", "y"), ("CONSTRUCTORS", "n")]);
        let found = findings(&kernel, &allowing, "vsock.ko", bytes);
        assert!(found.iter().all(|finding| finding.answer != Answer::No), "{}: {found:#?}", case.rule);
    }
    let writable = Patch::new(kernel.module(SAMPLE)).flags(".text", 7).0;
    let lax = kernel.configured(&[("STRICT_MODULE_RWX", "n")]);
    assert!(findings(&kernel, &lax, "vsock.ko", writable).iter().all(|finding| finding.answer != Answer::No));
}

#[test]
fn a_namespace_that_is_not_imported_is_refused() {
    for release in ["bookworm", "sid"] {
        let kernel = Known::of(release);
        let importing = kernel
            .modules()
            .into_iter()
            .filter(|file| file.components().any(|part| part.as_os_str() == "storage"))
            .map(|file| crate::kernels::unpacked(&file))
            .find(|bytes| memchr_of(bytes, b"\0import_ns=USB_STORAGE\0"));
        let bytes = Patch::new(importing.expect("a module that imports a namespace")).modinfo("import_ns", None).0;
        let words = "from namespace USB_STORAGE, but does not import it.";
        let strict = kernel.configured(&[("MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS", "n")]);
        refused(&findings(&kernel, &strict, "x.ko", bytes.clone()), "namespaces", "EINVAL", words);
        let lax = kernel.configured(&[("MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS", "y")]);
        assert!(findings(&kernel, &lax, "x.ko", bytes).iter().all(|finding| finding.answer != Answer::No));
    }
}

fn memchr_of(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn a_module_that_the_kernel_contains_is_refused() {
    let kernel = Known::of("sid");
    let twin = |is_in_sysfs| {
        let builtin = [(SAMPLE.to_owned(), BuiltIn { is_in_sysfs })].into();
        Image { builtin: Fact::known(builtin, "modules.builtin"), ..kernel.image.clone() }
    };
    let bytes = || kernel.module(SAMPLE);
    let found = findings(&kernel, &twin(true), "vsock.ko", bytes());
    refused(&found, "builtin-twin", "EINVAL", "vsock: module is already loaded");
    let found = findings(&kernel, &twin(false), "vsock.ko", bytes());
    let finding = found.iter().find(|finding| finding.rule == "builtin-twin").expect("a finding of each rule");
    assert_eq!(finding.answer, Answer::Unknown, "nothing shows that the kernel has a directory for it");
}

#[test]
fn a_file_that_cannot_be_unpacked_is_refused() {
    let kernel = Known::of("sid");
    let packed = |extra: &[&str]| {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let file = dir.path().join("vsock.ko");
        std::fs::write(&file, kernel.module(SAMPLE)).expect("writable");
        tool::run(Command::new(tool::path("xz")).args(extra).arg(&file));
        std::fs::read(dir.path().join("vsock.ko.xz")).expect("xz made it")
    };
    let good = packed(&["--check=crc32", "--lzma2=dict=1MiB"]);
    let found = findings(&kernel, &kernel.image, "vsock.ko.xz", good.clone());
    assert!(found.iter().all(|finding| finding.answer != Answer::No), "{found:#?}");
    let cut = good[..good.len() / 2].to_vec();
    refused(&findings(&kernel, &kernel.image, "vsock.ko.xz", cut), "compression", "EINVAL", "decompression failed");
    let plain = kernel.module(SAMPLE);
    refused(&findings(&kernel, &kernel.image, "vsock.ko.xz", plain), "compression", "ENOEXEC", "Invalid module format");
    // What xz makes by itself is not what the kernel reads; an old kmod unpacks it.
    let found = findings(&kernel, &kernel.image, "vsock.ko.xz", packed(&["--check=crc64"]));
    assert_eq!((found[0].rule, found[0].answer), ("compression", Answer::Unknown));
    assert!(found[0].evidence.contains("CRC32"), "{:?}", found[0]);
}

#[test]
fn a_signature_of_another_form_is_refused() {
    let kernel = Known::of("bookworm");
    let mut signed = kernel.module(SAMPLE);
    let description = signed.len() - 28 - 12;
    signed[description] = 1;
    refused(&findings(&kernel, &kernel.image, "vsock.ko", signed), "signature-form", "EBADMSG", "Bad message");

    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = |name: &str| dir.path().join(name);
    let content = Patch::new(kernel.module(SAMPLE)).0;
    std::fs::write(path("content"), &content).expect("writable");
    let openssl = || Command::new(tool::path("openssl"));
    tool::run(
        openssl()
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-keyout"])
            .arg(path("key"))
            .arg("-out")
            .arg(path("certificate")),
    );
    let message = |options: &[&str]| {
        let mut sign = openssl();
        sign.args(["cms", "-sign", "-binary", "-nocerts", "-outform", "DER", "-md", "sha256"]).args(options);
        sign.arg("-signer").arg(path("certificate")).arg("-inkey").arg(path("key"));
        tool::run(sign.arg("-in").arg(path("content")).arg("-out").arg(path("message")));
        let message = std::fs::read(path("message")).expect("openssl made it");
        let length = u32::try_from(message.len()).expect("a small message").to_be_bytes();
        let description = [&[0, 0, 2, 0, 0, 0, 0, 0][..], &length].concat();
        [&content[..], &message, &description, b"~Module signature appended~\n"].concat()
    };
    let found = findings(&kernel, &kernel.image, "vsock.ko", message(&[]));
    refused(&found, "signature-attributes", "EKEYREJECTED", "Invalid module sig (has authattrs)");
    let found = findings(&kernel, &kernel.image, "vsock.ko", message(&["-noattr"]));
    assert!(found.iter().all(|finding| finding.answer == Answer::Yes), "{found:#?}");
}

#[test]
fn a_module_that_was_changed_after_one_of_the_kernels_keys_signed_it_is_refused() {
    for release in ["bookworm", "sid"] {
        let kernel = Known::of(release);
        let intact = |bytes| {
            let found = findings(&kernel, &kernel.image, "vsock.ko", bytes);
            found.into_iter().find(|finding| finding.rule == "signature-intact").expect("a finding of each rule")
        };
        let signed = kernel.module(SAMPLE);
        let finding = intact(signed.clone());
        assert!(finding.answer == Answer::Yes && finding.evidence.contains("fits the file"), "{release}: {finding:?}");
        let mut changed = signed;
        let at = changed.len() / 2;
        changed[at] ^= 1;
        let found = findings(&kernel, &kernel.image, "vsock.ko", changed);
        refused(&found, "signature-intact", "EKEYREJECTED", "Key was rejected by service");
    }
}

#[test]
fn a_kernel_that_is_configured_to_require_signatures_knows_its_own_and_tells_of_others() {
    let kernel = Known::of("sid");
    let strict = kernel.configured(&[("MODULE_SIG_FORCE", "y")]);
    let required = |bytes| {
        let found = findings(&kernel, &strict, "vsock.ko", bytes);
        found.into_iter().find(|finding| finding.rule == "signature-required").expect("a finding of each rule")
    };
    assert_eq!(required(kernel.module(SAMPLE)).answer, Answer::Yes);
    let unsigned = required(Patch::new(kernel.module(SAMPLE)).0);
    assert!(!unsigned.refuses(), "a module that is not signed is installed: {unsigned:?}");
    let words = unsigned.refusal.expect("a no has words");
    assert_eq!((words.kernel.as_str(), words.errno), ("Loading of unsigned module is rejected", "EKEYREJECTED"));
    // Another kernel's signer may be enrolled.
    assert_eq!(required(Known::of("bookworm").module(SAMPLE)).answer, Answer::Unknown);
}

#[test]
fn a_file_that_the_index_does_not_name_is_told_and_stops_nothing() {
    for release in ["bookworm", "sid"] {
        let kernel = Known::of(release);
        for (name, cause) in [("vsock.ko", "another file"), ("nowhere.ko", "depmod has not been run")] {
            let installed = Module::new(name, kernel.module(SAMPLE)).installed_as(std::path::Path::new("extra/x.ko"));
            let found = check(&installed, &kernel.image, &kernel.neighbours());
            let finding = found.iter().find(|finding| finding.answer == Answer::No).expect("a no");
            assert_eq!((finding.rule, finding.refuses()), ("module-index", false));
            assert!(finding.refusal.as_ref().is_some_and(|words| words.cause.contains(cause)), "{finding:?}");
        }
    }
}

#[test]
fn what_is_not_known_of_a_kernel_refuses_nothing() {
    let kernel = Known::of("sid");
    let unknown = Image::unknown("7.2.0", "nothing was read");
    let nobody = modsmith_verify::Installed::new(std::path::Path::new("/nonexistent"), []);
    let found = check(&Module::new("vsock.ko", kernel.module(SAMPLE)), &unknown, &nobody);
    assert_eq!(found.len(), RULES.len());
    let wrong: Vec<_> = found.iter().filter(|finding| finding.answer == Answer::No).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let reasons = found.iter().filter(|finding| finding.answer == Answer::Unknown);
    assert!(reasons.clone().count() > 5);
    assert!(reasons.clone().all(|finding| !finding.evidence.is_empty()));
}
