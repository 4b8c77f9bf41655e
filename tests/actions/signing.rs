//! Each signer signs a module that was built for a real kernel, and openssl finds
//! the signature good.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::{Package, product};
use modsmith_tests::prelude::*;
use modsmith_tests::signature::Signed;
use modsmith_tests::{Output, World, modinfo, tool};

const SIGN_FILE: &str = "/usr/lib/linux-kbuild-6.1/scripts/sign-file";

/// A machine with the package `signed/1.0`, these settings, and no key pair.
fn world(settings: &str) -> World {
    world_with_key(settings).without_key()
}

/// The same with a key pair.
fn world_with_key(settings: &str) -> World {
    let world = World::generic();
    world.add_package(&Package::new("signed", "1.0"));
    fs::write(world.path("etc/dkms/framework.conf"), settings).expect("writable");
    world
}

fn build(world: &World) -> Output {
    world.dkms(&format!("build signed/1.0 -k {}", kernel())).expect(0)
}

#[track_caller]
fn signed(world: &World) -> Signed {
    Signed::read(&product(world, "signed"))
        .unwrap_or_else(|| panic!("{} has no signature", product(world, "signed").display()))
}

#[track_caller]
fn assert_signed_with(world: &World, certificate: &Path) {
    let signed = signed(world);
    assert!(signed.verifies(certificate), "not the signature of {}", certificate.display());
    let mut tampered = signed;
    tampered.module[100] ^= 1;
    assert!(!tampered.verifies(certificate), "a changed module is not what was signed");
}

/// A script of the machine's, executable.
fn script(location: &Path, body: &str) {
    fs::create_dir_all(location.parent().expect("a file")).expect("writable");
    fs::write(location, format!("#!/bin/sh\nset -e\n{body}\n")).expect("writable");
    fs::set_permissions(location, fs::Permissions::from_mode(0o755)).expect("just written");
}

fn mode(location: &Path) -> u32 {
    fs::metadata(location).unwrap_or_else(|e| panic!("{}: {e}", location.display())).permissions().mode() & 0o777
}

/// A configuration of the kernel with another digest.
fn configuration(world: &World, digest: &str) -> PathBuf {
    let text = fs::read_to_string(format!("/lib/modules/{}/build/.config", kernel())).expect("headers have it");
    let lines = text.lines().map(|line| match line.starts_with("CONFIG_MODULE_SIG_HASH=") {
        true => format!("CONFIG_MODULE_SIG_HASH=\"{digest}\"\n"),
        false => format!("{line}\n"),
    });
    let location = world.path("config");
    fs::write(&location, lines.collect::<String>()).expect("writable");
    location
}

#[test]
fn the_signature_made_without_a_program_is_byte_for_byte_that_of_sign_file() {
    for digest in ["sha256", "sha384", "sha512"] {
        let world = world_with_key("sign_file=pkcs7-signer\n");
        let config = configuration(&world, digest);
        let out = world.dkms(&format!("build signed/1.0 -k {} --config {}", kernel(), config.display())).expect(0);
        let lines: Vec<&str> =
            out.stdout.lines().skip_while(|line| !line.starts_with("Sign command")).take(3).collect();
        assert_eq!(
            lines,
            [
                "Sign command: pkcs7-signer",
                "Signing key: /var/lib/dkms/mok.key",
                "Public certificate (MOK): /var/lib/dkms/mok.pub"
            ]
        );
        assert!(out.stdout.contains("Signing module /var/lib/dkms/signed/1.0/build/signed.ko"), "{out}");

        let (key, certificate) = (world.tree().join("mok.key"), world.tree().join("mok.pub"));
        let by_hand = world.path("by-hand.ko");
        fs::write(&by_hand, signed(&world).module).expect("writable");
        tool::run(Command::new(SIGN_FILE).arg(digest).arg(key).arg(&certificate).arg(&by_hand));
        assert!(
            fs::read(product(&world, "signed")).unwrap() == fs::read(by_hand).unwrap(),
            "{digest}: another signature"
        );

        assert_signed_with(&world, &certificate);
        assert_eq!(modinfo::field(&product(&world, "signed"), "signer"), "modsmith tests");
        assert_eq!(modinfo::field(&product(&world, "signed"), "sig_hashalgo"), digest);
        assert_eq!(mode(&product(&world, "signed")), 0o644);
    }
}

#[test]
fn a_program_of_the_administrators_gets_kernel_and_file() {
    let world = world_with_key("sign_tool=/etc/dkms/sign\n");
    let key = "/var/lib/dkms/mok.key /var/lib/dkms/mok.pub";
    script(
        &world.path("etc/dkms/sign"),
        &format!("echo \"$@\" >/var/lib/dkms/asked\nexec {SIGN_FILE} sha512 {key} \"$2\""),
    );
    let out = build(&world);
    assert!(out.stdout.contains("Sign command: /etc/dkms/sign\n\n"), "nothing is known of its key: {out}");
    let asked = fs::read_to_string(world.tree().join("asked")).expect("it was called");
    assert_eq!(asked, format!("{} /var/lib/dkms/signed/1.0/build/signed.ko\n", kernel()));
    assert_signed_with(&world, &world.tree().join("mok.pub"));
}

#[test]
fn a_failing_program_leaves_the_module_unsigned_and_says_so() {
    let world = world("sign_tool=/etc/dkms/sign\n");
    script(&world.path("etc/dkms/sign"), "echo no such token >&2; exit 3");
    build(&world).expect_error("ended with exit status 3").expect_error("no such token");
    assert_eq!(Signed::read(&product(&world, "signed")), None);
}

/// Lays a directory over one that the machine may not have.
fn over_var_lib(world: &World) -> String {
    let dir = world.dir().display();
    for own in ["keep", "shim-signed", "sbin"] {
        fs::create_dir_all(world.path(own)).expect("writable");
    }
    format!(
        "set -e\nmount --rbind /var/lib/dkms {dir}/keep\nmount -t tmpfs over /var/lib\n\
         mkdir /var/lib/dkms /var/lib/shim-signed\nmount --rbind {dir}/keep /var/lib/dkms\n\
         mount --bind {dir}/shim-signed /var/lib/shim-signed\nmount --bind {dir}/sbin /usr/local/sbin\n"
    )
}

/// Debian has neither program: their stand-ins take the same arguments.
#[test]
fn the_key_of_shim_signed_is_made_once_and_never_enrolled() {
    let world = world("");
    world.add_package(&Package::new("second", "1.0"));
    fs::write(world.path("os-release"), "ID=ubuntu\nID_LIKE=debian\n").expect("writable");
    let setup = over_var_lib(&world);
    script(&world.path("sbin/kmodsign"), &format!("exec {SIGN_FILE} \"$@\""));
    script(
        &world.path("sbin/update-secureboot-policy"),
        "[ \"$*\" = --new-key ]\nmkdir -p /var/lib/shim-signed/mok\ncd /var/lib/shim-signed/mok\n\
         openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 -subj '/CN=modsmith shim' \
         -keyout MOK.priv -outform DER -out MOK.der",
    );
    let os = world.path("os-release");
    let (os, kernel) = (os.display(), kernel());
    let run = |line: &str| world.shell(&format!("{setup}{line}")).run().expect(0);

    let out = run(&format!("dkms build signed/1.0 -k {kernel} --os-release {os}"));
    assert!(out.stdout.contains("Sign command: /usr/local/sbin/kmodsign\n"), "{out}");
    assert!(out.stdout.contains("Signing key: /var/lib/shim-signed/mok/MOK.priv\n"), "{out}");
    assert!(out.stdout.contains("mokutil --import /var/lib/shim-signed/mok/MOK.der"), "how to enrol it: {out}");
    assert_signed_with(&world, &world.path("shim-signed/mok/MOK.der"));
    assert!(!world.tree().join("mok.key").exists(), "no other key was made");

    let key = fs::read(world.path("shim-signed/mok/MOK.priv")).expect("it was made");
    let out = run(&format!("dkms build second/1.0 -k {kernel} --os-release {os}"));
    assert!(!out.stdout.contains("mokutil"), "only a new key is to be enrolled: {out}");
    assert_eq!(fs::read(world.path("shim-signed/mok/MOK.priv")).unwrap(), key);
}

#[test]
fn a_key_that_the_environment_names_signs_where_that_is_the_systems_way() {
    let world = world("");
    fs::write(world.path("os-release"), "ID=gentoo\n").expect("writable");
    // Key and certificate in one file, as the kernel's own build makes them.
    let both = world.path("etc/dkms/portage.pem");
    let request = ["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj", "/CN=portage/"];
    let part = |name: &str| world.path(name);
    tool::run(
        Command::new(tool::path("openssl")).args(request).arg("-keyout").arg(part("k")).arg("-out").arg(part("c")),
    );
    let text = [fs::read(part("k")).unwrap(), fs::read(part("c")).unwrap()].concat();
    fs::write(&both, text).expect("writable");
    let line = format!("build signed/1.0 -k {} --os-release {}", kernel(), world.path("os-release").display());
    let program = world.program(world.path("bin/dkms")).words(&line);
    let out = program.env("MODULES_SIGN_KEY", "/etc/dkms/portage.pem").run().expect(0);
    assert!(out.stdout.contains("Signing key: /etc/dkms/portage.pem\n"), "{out}");
    assert!(out.stdout.contains("Signing module"), "{out}");
    assert_signed_with(&world, &part("c"));
}

/// Debian 12's sign-file needs the OpenSSL provider for tokens, which Debian 12
/// has not; openssl with the engine makes the same signature.
#[test]
fn a_key_on_a_token_signs_with_a_pin_that_is_nowhere_written() {
    for program in ["softhsm2-util", "p11tool"] {
        tool::path(program);
    }
    let engines = tool::run(Command::new(tool::path("openssl")).args(["version", "-e"]));
    let engines = engines.split('"').nth(1).expect("a quoted directory");
    assert!(
        Path::new(engines).join("pkcs11.so").exists(),
        "openssl has no engine for tokens, and this test needs it: apt-get install libengine-pkcs11-openssl"
    );
    let world = world(
        "sign_file=/etc/dkms/sign-file\nmok_signing_key='pkcs11:token=modsmith;object=mok;type=private'\n\
         mok_certificate='pkcs11:token=modsmith;object=mok;type=cert'\n",
    );
    script(
        &world.path("etc/dkms/sign-file"),
        "openssl cms -sign -engine pkcs11 -keyform engine -inkey \"$2\" -passin env:KBUILD_SIGN_PIN -signer \"$3\" \
         -md \"$1\" -noattr -nocerts -binary -outform DER -in \"$4\" -out \"$4.p7s\"\n\
         size=$(printf '%08x' \"$(stat -c %s \"$4.p7s\")\" | sed 's/../\\\\x&/g')\n\
         { cat \"$4.p7s\"; /usr/bin/printf '\\0\\0\\2\\0\\0\\0\\0\\0'\"$size\"'~Module signature appended~\\n'; } >>\"$4\"",
    );
    fs::create_dir(world.path("tokens")).expect("writable");
    let script = format!(
        "set -e\nmount --bind {dir}/tokens /var/lib/softhsm/tokens\ncd {dir}\n\
         softhsm2-util --init-token --free --label modsmith --so-pin 4321 --pin 1234\n\
         openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 -subj '/CN=modsmith token' -keyout k -out c\n\
         GNUTLS_PIN=1234 p11tool --batch --login --write --load-privkey k --label mok 'pkcs11:token=modsmith'\n\
         GNUTLS_PIN=1234 p11tool --batch --login --write --load-certificate c --label mok 'pkcs11:token=modsmith'\n\
         rm k\nKBUILD_SIGN_PIN=1234 dkms build signed/1.0 -k {kernel} --verbose",
        dir = world.dir().display(),
        kernel = kernel(),
    );
    let out = world.shell(&script).run().expect(0);
    assert!(out.stdout.contains("Signing key: pkcs11:token=modsmith;object=mok;type=private\n"), "{out}");
    assert_signed_with(&world, &world.path("c"));
    assert_eq!(modinfo::field(&product(&world, "signed"), "signer"), "modsmith token");
    let log = fs::read_to_string(product(&world, "signed").with_file_name("../log/make.log")).expect("a log");
    for text in [&out.stdout, &out.stderr, &log] {
        assert!(!text.contains("1234"), "the PIN is shown: {text}");
    }
}

#[test]
fn a_pin_in_the_name_of_a_key_is_shown_nowhere_in_any_spelling() {
    const PIN: &str = "47114711";
    for attribute in ["pin-value", "pin%2dvalue", "PIN-VALUE", "pin-source"] {
        let key = format!("pkcs11:token=modsmith;object=mok;type=private?{attribute}={PIN}");
        let world = world(&format!(
            "sign_file=/etc/dkms/sign-file\nmok_signing_key='{key}'\nmok_certificate=/etc/dkms/certificate\n"
        ));
        world.write("etc/dkms/certificate", "any");
        script(&world.path("etc/dkms/sign-file"), "echo \"$2\" >>/boot/keys; echo \"cannot use $2\" >&2; exit 1");
        world.write("boot/keys", "");
        let on_kernel = format!("signed/1.0 -k {}", kernel());
        let commands = [
            format!("build {on_kernel} --dry-run"),
            format!("build {on_kernel} --dry-run --json"),
            format!("build {on_kernel} --verbose --debug"),
            format!("install {on_kernel} --events"),
            format!("log {on_kernel}"),
            "status --json".to_owned(),
            "keys".to_owned(),
            "keys --json".to_owned(),
            format!("identity {on_kernel} --json"),
        ];
        for command in commands {
            let out = world.modsmith(&command).expect_no_panic();
            assert!(!format!("{out}").contains(PIN), "{attribute}: {command}: {out}");
        }
        let used = fs::read_to_string(world.path("boot/keys")).expect("the program wrote it");
        assert!(used.contains(&key), "{attribute}: the program that signs gets the PIN: {used}");
        let log = fs::read_to_string(product(&world, "signed").with_file_name("../log/make.log")).expect("a log");
        assert!(!log.contains(PIN), "{attribute}: {log}");
        for file in walkdir::WalkDir::new(world.tree()).into_iter().flatten().filter(|file| file.file_type().is_file())
        {
            let text = fs::read(file.path()).expect("readable by root");
            assert!(!String::from_utf8_lossy(&text).contains(PIN), "{attribute}: {}", file.path().display());
        }
    }
}

#[test]
fn a_module_is_signed_before_it_is_compressed() {
    let world = world_with_key("");
    let own = world.modules(&kernel()).join("kernel/fs");
    fs::create_dir_all(&own).expect("writable");
    fs::write(own.join("own.ko.xz"), "").expect("writable");
    build(&world);
    let packed = product(&world, "signed").with_extension("ko.xz");
    assert_eq!(Signed::read(&packed), None, "the signature is inside");
    tool::run(Command::new(tool::path("xz")).arg("-d").arg(&packed));
    assert_signed_with(&world, &world.tree().join("mok.pub"));
}

#[test]
fn a_new_pair_is_private_and_the_user_is_told_how_to_enrol_it_where_it_is() {
    let world = world("");
    let tree = world.tree().join("other");
    fs::create_dir(&tree).expect("writable");
    let out = world.dkms(&format!("build signed/1.0 -k {} --dkmstree /var/lib/dkms/other", kernel())).expect(0);
    assert_eq!((mode(&tree.join("mok.key")), mode(&tree.join("mok.pub"))), (0o600, 0o644));
    assert!(out.stdout.contains("mokutil --import /var/lib/dkms/other/mok.pub\n"), "{out}");
    let text = tool::run(
        Command::new(tool::path("openssl")).args(["x509", "-noout", "-text", "-in"]).arg(tree.join("mok.pub")),
    );
    assert!(text.contains("Public-Key: (2048 bit)") && text.contains("Code Signing"), "{text}");

    // The command that is about nothing else says it again.
    let line = format!("generate_mok -k {} --dkmstree /var/lib/dkms/other", kernel());
    let key = fs::read(tree.join("mok.key")).unwrap();
    let out = world.modsmith(&line).expect(0);
    assert!(out.stdout.contains("Signing key: /var/lib/dkms/other/mok.key\n"), "{out}");
    assert!(out.stdout.contains("mokutil --import /var/lib/dkms/other/mok.pub\n"), "{out}");
    assert_eq!(fs::read(tree.join("mok.key")).unwrap(), key);
}

#[test]
fn one_half_of_a_pair_is_never_overwritten() {
    for (settings, gone, left) in
        [("", "mok.pub", "mok.key"), ("sign_file=pkcs7-signer\n", "mok.key", "mok.pub"), ("", "mok.key", "mok.pub")]
    {
        let world = world_with_key(settings);
        fs::remove_file(world.tree().join(gone)).expect("it is there");
        let before = fs::read(world.tree().join(left)).unwrap();
        build(&world).expect_error("The modules will not be signed.").expect_error("Restore /var/lib/dkms/mok.");
        assert_eq!(Signed::read(&product(&world, "signed")), None);
        assert_eq!(fs::read(world.tree().join(left)).unwrap(), before);
        assert!(!world.tree().join(gone).exists());
    }
}

#[test]
fn halves_of_different_pairs_sign_nothing() {
    let world = world_with_key("sign_file=pkcs7-signer\n");
    let key = world.tree().join("mok.key");
    tool::run(Command::new(tool::path("openssl")).args(["genrsa", "-out"]).arg(&key).arg("2048"));
    build(&world).expect_error("does not match the certificate");
    assert_eq!(Signed::read(&product(&world, "signed")), None);
}

#[test]
fn a_key_that_the_host_cannot_use_says_which_it_takes() {
    let world = world_with_key("sign_file=pkcs7-signer\n");
    let key = world.tree().join("mok.key");
    let encrypted = world.path("encrypted");
    tool::run(
        Command::new(tool::path("openssl"))
            .args(["pkcs8", "-topk8", "-passout", "pass:secret", "-in"])
            .arg(&key)
            .arg("-out")
            .arg(&encrypted),
    );
    fs::rename(encrypted, &key).expect("writable");
    build(&world).expect_error("/var/lib/dkms/mok.key").expect_error("without a passphrase");
    assert_eq!(Signed::read(&product(&world, "signed")), None);
}

#[test]
fn a_dry_run_shows_what_would_be_signed_and_with_what() {
    let world = world_with_key("sign_file=pkcs7-signer\n");
    world.dkms("add signed/1.0").expect(0);
    let out = world.modsmith(&format!("build signed/1.0 -k {} --dry-run --json", kernel())).expect(0);
    let steps = modsmith_tests::plan::steps(&out);
    let step = steps.iter().find(|step| step.action == "append-cms").expect("it is signed");
    assert_eq!(step.path, "/var/lib/dkms/signed/1.0/build/signed.ko");
    assert!(step.text.ends_with(" with /var/lib/dkms/mok.key"), "{}", step.text);
    modsmith_tests::schema::validate("plan-schema.json", &out.json()).unwrap();
}

#[test]
fn signing_can_be_switched_off() {
    let world = world("try_sign_modules=false\n");
    let out = build(&world);
    assert!(out.stdout.contains("The modules will not be signed: try_sign_modules is false.\n"), "{out}");
    assert_eq!(Signed::read(&product(&world, "signed")), None);
    assert!(!world.tree().join("mok.key").exists());
}

#[test]
fn a_word_that_does_not_say_whether_to_sign_is_told() {
    let world = world_with_key("try_sign_modules=perhaps\n");
    let out = build(&world).expect_error("Warning: try_sign_modules in framework.conf is `perhaps`, where true, false");
    assert_eq!(out.stderr.matches("`perhaps`").count(), 1, "{out}");
    assert_signed_with(&world, &world.tree().join("mok.pub"));
}

#[test]
fn the_program_may_be_named_by_the_kernels_release() {
    let world = world_with_key("sign_file='/usr/src/linux-headers-$kernelver/scripts/sign-file'\n");
    let out = build(&world);
    let program = format!("Sign command: /usr/src/linux-headers-{}/scripts/sign-file\n", kernel());
    assert!(out.stdout.contains(&program), "{out}");
    assert_signed_with(&world, &world.tree().join("mok.pub"));
}

/// The pair that the settings name is made, where dkms makes it; modules are signed
/// with it by either signer.
#[test]
fn a_configured_pair_is_made_where_the_settings_say() {
    for signer in ["", "sign_file=pkcs7-signer\n"] {
        for (key, certificate) in [
            ("/etc/dkms/kk/k.key", "/etc/dkms/kk/k.pub"),
            ("/boot/$kernelver.key", "/boot/$kernelver.pub"),
            ("/run/modsmith-keys/k.key", "/run/modsmith-keys/k.pub"),
        ] {
            let world = world(&format!("{signer}mok_signing_key='{key}'\nmok_certificate='{certificate}'\n"));
            fs::create_dir_all(world.path("etc/dkms/kk")).expect("writable");
            let line = format!(
                "mount -t tmpfs own /run && mkdir /run/modsmith-keys && dkms build signed/1.0 -k {} && cp -a /run/modsmith-keys /boot",
                kernel()
            );
            let out = world.shell(&line).run().expect(0);
            let location = |path: &str| {
                let path = path.replace("$kernelver", &kernel());
                world.path(path.replace("/run/", "/boot/"))
            };
            assert_eq!((mode(&location(key)), mode(&location(certificate))), (0o600, 0o644), "{out}");
            assert!(out.stdout.contains("Signing module /var/lib/dkms/signed/1.0/build/signed.ko\n"), "{out}");
            assert_signed_with(&world, &location(certificate));
            assert!(!world.tree().join("mok.key").exists(), "no other pair was made");
        }
    }
}

#[test]
fn a_configured_pair_that_cannot_be_made_leaves_modules_unsigned_and_nobody_says_signing() {
    for signer in ["", "sign_file=pkcs7-signer\n"] {
        // A directory that is not dkms's own has to be there.
        let world = world(&format!("{signer}mok_signing_key=/etc/keys/k.key\nmok_certificate=/etc/keys/k.pub\n"));
        let out = build(&world).expect_error("The modules will not be signed. ").expect_error("/etc/keys/k.key");
        assert!(!out.stdout.contains("Signing module"), "{out}");
        assert_eq!(Signed::read(&product(&world, "signed")), None);
    }
    // A key that signs nothing.
    let world = world("mok_signing_key=/etc/dkms/k.key\nmok_certificate=/etc/dkms/k.pub\n");
    for name in ["k.key", "k.pub"] {
        fs::write(world.path("etc/dkms").join(name), "no key").expect("writable");
    }
    let out = build(&world).expect_error("/var/lib/dkms/signed/1.0/build/signed.ko was not signed: ");
    assert!(!out.stdout.contains("Signing module"), "{out}");
    assert_eq!(Signed::read(&product(&world, "signed")), None);
}
