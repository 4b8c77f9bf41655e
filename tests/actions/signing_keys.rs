//! The key pair of a system that nothing can be signed for yet, and of a system
//! that is not this one.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::signature::Signed;
use modsmith_tests::{World, tool};

#[track_caller]
fn assert_pair(directory: &Path) {
    let mode = |name: &str| fs::metadata(directory.join(name)).map(|m| m.permissions().mode() & 0o777).ok();
    assert_eq!((mode("mok.key"), mode("mok.pub")), (Some(0o600), Some(0o644)), "{}", directory.display());
    tool::run(
        Command::new(tool::path("openssl"))
            .args(["x509", "-noout", "-inform", "DER", "-in"])
            .arg(directory.join("mok.pub")),
    );
}

#[test]
fn the_pair_is_made_for_a_kernel_without_headers() {
    for (settings, line) in [
        ("", "generate_mok"),
        ("", "generate_mok -k 0.0.0-none"),
        ("sign_file=pkcs7-signer\n", "generate_mok -k 0.0.0-none"),
    ] {
        let world = World::new(&[]).without_key();
        fs::write(world.path("etc/dkms/framework.conf"), settings).expect("writable");
        let out = world.dkms(line).expect(0);
        assert!(out.stdout.starts_with("Signing key: /var/lib/dkms/mok.key\n"), "{out}");
        assert!(out.stdout.contains("Public certificate (MOK): /var/lib/dkms/mok.pub\n"), "{out}");
        assert_pair(&world.tree());
        let key = fs::read(world.tree().join("mok.key")).expect("just made");
        world.dkms(line).expect(0);
        assert_eq!(fs::read(world.tree().join("mok.key")).unwrap(), key, "it is made once");
    }
}

#[test]
fn the_directory_of_the_pair_is_made_where_it_is_dkmss_and_named_elsewhere() {
    for (directory, is_made) in [("/etc/dkms/keys/own", true), ("/var/lib/dkms/keys", true), ("/boot/keys", false)] {
        let world = World::generic().without_key();
        world.add_package(&Package::new("plain", "1.0"));
        let settings = format!("mok_signing_key={directory}/mok.key\nmok_certificate={directory}/mok.pub\n");
        fs::write(world.path("etc/dkms/framework.conf"), settings).expect("writable");
        let line = format!("build plain/1.0 -k {}", kernel());
        let pair = world.path(directory.trim_start_matches('/'));
        if is_made {
            world.dkms("generate_mok").expect(0);
            assert_pair(&pair);
            let out = world.dkms(&line).expect(0);
            assert!(out.stdout.contains("Signing module "), "{out}");
            continue;
        }
        let missing = "the directory /boot/keys is missing";
        world.dkms("generate_mok").expect(1).expect_error(missing).expect_error("Make the directory /boot/keys");
        // The module is of use without a signature.
        let out = world.dkms(&line).expect(0).expect_error("The modules will not be signed.").expect_error(missing);
        assert!(!out.stdout.contains("Signing module ") && !pair.exists(), "{out}");
        fs::create_dir(&pair).expect("writable");
        world.dkms("generate_mok").expect(0);
        assert_pair(&pair);
    }
}

#[test]
fn the_pair_is_made_for_a_kernel_that_checks_no_signatures_and_its_modules_stay_unsigned() {
    let world = World::generic().without_key();
    world.add_package(&Package::new("plain", "1.0"));
    let text = fs::read_to_string(format!("/lib/modules/{}/build/.config", kernel())).expect("headers have it");
    let lines = text.lines().filter(|line| !line.contains("CONFIG_MODULE_SIG")).map(|line| format!("{line}\n"));
    fs::write(world.path("config"), lines.collect::<String>()).expect("writable");
    let config = world.path("config");
    let options = format!("-k {} --config {}", kernel(), config.display());
    let out = world.dkms(&format!("build plain/1.0 {options}")).expect(0);
    assert!(out.stdout.contains("has no CONFIG_MODULE_SIG_HASH: it checks no signatures"), "{out}");
    assert!(!out.stdout.contains("Sign command"), "{out}");
    assert!(!world.tree().join("mok.key").exists(), "no build makes a pair that signs nothing");
    world.dkms(&format!("generate_mok {options}")).expect(0);
    assert_pair(&world.tree());
}

/// A system with a kernel, its headers, and no program at all but those of the
/// headers; with its own name for the package that is built there.
fn system(settings: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path();
    for name in ["etc/dkms", "usr/src", "usr/lib", "var/lib/dkms"] {
        fs::create_dir_all(root.join(name)).expect("writable");
    }
    symlink("usr/lib", root.join("lib")).expect("writable");
    fs::write(root.join("etc/os-release"), "ID=debian\n").expect("writable");
    fs::write(root.join("etc/dkms/framework.conf"), settings).expect("writable");
    let modules = root.join("usr/lib/modules").join(kernel());
    fs::create_dir_all(&modules).expect("writable");
    for name in ["modules.dep", "modules.order", "modules.builtin"] {
        fs::write(modules.join(name), "").expect("writable");
    }
    let headers = PathBuf::from(format!("/usr/src/linux-headers-{}", kernel()));
    symlink(&headers, modules.join("build")).expect("writable");
    let copy = |from: &Path, into: PathBuf| tool::run(Command::new("cp").arg("-a").arg(from).arg(into));
    copy(&headers, root.join("usr/src"));
    let scripts = fs::canonicalize(headers.join("scripts")).expect("headers have scripts");
    copy(scripts.parent().expect("it is in a directory"), root.join("usr/lib"));
    Package::new("away", "1.0").write(&root.join("usr/src/away-1.0"));
    dir
}

/// The program by which kernels' own modules are signed, beside the headers.
fn sign_file() -> PathBuf {
    let headers = format!("/usr/src/linux-headers-{}", kernel());
    fs::canonicalize(Path::new(&headers).join("scripts/sign-file")).expect("headers have it")
}

fn built(root: &Path) -> PathBuf {
    root.join("var/lib/dkms/away/1.0").join(kernel()).join(kernel::arch()).join("module/away.ko")
}

#[test]
fn modules_of_another_system_without_openssl_are_signed_with_its_own_new_pair() {
    // Its own sign-file runs inside it or not at all: with its libraries, or without.
    for (settings, has_libraries) in [("", true), ("", false), ("sign_file=pkcs7-signer\n", false)] {
        let (world, system) = (World::new(&[]).without_key(), system(settings));
        let root = system.path();
        if has_libraries {
            tool::copy_into(root, &[&sign_file()]);
        }
        let out = world.dkms(&format!("build away/1.0 --root {}", root.display())).expect(0);
        assert_pair(&root.join("var/lib/dkms"));
        assert!(!world.tree().join("mok.key").exists(), "nothing is made here");
        let log = fs::read_to_string(built(root).with_file_name("../log/make.log")).expect("a log");
        assert!(log.contains("# confinement: full\n"), "an image's recipe is confined as any other: {log}");
        if settings.is_empty() && !has_libraries {
            out.expect_error("away.ko was not signed: could not start /usr/lib/linux-kbuild-");
            assert!(Signed::read(&built(root)).is_none(), "{settings:?}");
            continue;
        }
        let signed = Signed::read(&built(root)).unwrap_or_else(|| panic!("{settings:?}: it is not signed: {out}"));
        assert!(signed.verifies(&root.join("var/lib/dkms/mok.pub")));
    }
}

#[test]
fn generate_mok_makes_the_pair_of_another_system_that_has_no_kernel_yet() {
    let (world, system) = (World::new(&[]).without_key(), tempfile::tempdir().expect("a directory"));
    fs::create_dir_all(system.path().join("var/lib/dkms")).expect("writable");
    world.dkms(&format!("generate_mok --root {}", system.path().display())).expect(0);
    assert_pair(&system.path().join("var/lib/dkms"));
    assert!(!world.tree().join("mok.key").exists());
}

#[test]
fn where_neither_system_has_openssl_the_build_names_it_and_generate_mok_fails() {
    let (world, system) = (World::new(&[]).without_key(), system(""));
    let root = system.path().display();
    let hidden = "for dir in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do \
                  [ ! -e $dir/openssl ] || mount --bind /dev/null $dir/openssl; done\n";
    let run = |line: &str| world.shell(&format!("set -e\n{hidden}exec dkms {line}")).run();
    let out = run(&format!("build away/1.0 --root {root}")).expect(0);
    let line = out.stderr.lines().find(|line| line.contains("will not be signed"));
    let line = line.or_else(|| out.stdout.lines().find(|line| line.contains("will not be signed")));
    assert!(line.is_some_and(|line| line.contains("openssl") && line.contains("not installed")), "{out}");
    assert_eq!(Signed::read(&built(system.path())), None);
    run(&format!("generate_mok --root {root}")).expect(1).expect_error("openssl").expect_error("not installed");
}
