//! The files of the plugin `ready-hooks`, run by the programs that they are for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::{Output, tool};

use crate::machine::{Machine, Use};

/// What the report says of a machine that is not safe to restart.
const UNSAFE: &str = "The safety of a restart: unsafe. `modsmith ready` says why.\n";

/// A machine on which `modsmith` asks about the machine itself, and the plugin's files for these settings.
struct Hooks {
    machine: Machine,
    files: PathBuf,
}

impl Hooks {
    fn new(settings: &str) -> Hooks {
        let machine = Machine::new(Use::Network).with_initramfs().with_grub("0");
        let world = &machine.world;
        let program = modsmith_tests::world::modsmith();
        let asks = format!("#!/bin/sh\nexec {} \"$@\" --root {}\n", program.display(), world.dir().display());
        world.write("programs/modsmith", asks);
        tool::run(Command::new("chmod").arg("755").arg(world.path("programs/modsmith")));
        std::os::unix::fs::symlink(world.path("programs/modsmith"), world.path("bin/modsmith")).expect("writable");
        world.settings("modsmith/settings/ready-hooks.toml", settings);
        let (files, libdir) = (world.path("files"), world.path("report"));
        let line = format!("plugin hook-files ready-hooks --into {} --libdir {}", files.display(), libdir.display());
        world.modsmith(&line).expect(0);
        let written = files.join(libdir.strip_prefix("/").expect("absolute"));
        if written.exists() {
            tool::run(Command::new("cp").arg("-a").arg(written).arg(&libdir));
        }
        Hooks { machine, files }
    }

    /// A script on the machine, with a `/run` of its own.
    fn shell(&self, script: &str) -> Output {
        self.machine.world.shell(script).with_programs("programs").small("/run", 512).run()
    }

    fn report(&self) -> PathBuf {
        self.machine.world.path("report/modsmith/ready-report")
    }

    /// What holds the network goes.
    fn becomes_unsafe(&self) {
        let line = format!("uninstall held/1.0 -k {} --no-initrd", self.machine.kernel);
        self.machine.world.dkms(&line).expect(0);
    }
}

#[test]
fn nothing_is_written_until_the_administrator_asks_for_it() {
    let hooks = Hooks::new("");
    assert!(!hooks.files.exists() && !hooks.report().exists());
}

#[test]
fn the_report_keeps_a_line_for_logins_and_looks_at_the_flag_only() {
    let hooks = Hooks::new("motd = true\n");
    let motd = hooks.files.join("etc/update-motd.d/95-modsmith-ready");
    let (report, motd) = (hooks.report().display().to_string(), motd.display().to_string());
    let script = format!("{motd}; {report}; {motd}; touch /run/reboot-required; {report}; {motd}; ls /run");
    let out = hooks.shell(&script).expect(0);
    assert_eq!(out.stdout, "A restart is required. Its safety: safe.\nmodsmith\nreboot-required\n", "{out}");
    hooks.becomes_unsafe();
    let out = hooks.shell(&format!("{report}; {motd}; ls /run")).expect(0);
    assert_eq!((out.stdout, out.stderr), (format!("{UNSAFE}modsmith\n"), UNSAFE.to_owned()));
}

#[test]
fn apt_tells_after_its_run() {
    let hooks = Hooks::new("apt = true\n");
    hooks.becomes_unsafe();
    let world = &hooks.machine.world;
    world.write(
        "deb/DEBIAN/control",
        "Package: modsmith-test\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: test\n",
    );
    let deb = world.path("modsmith-test.deb");
    tool::run(
        Command::new(tool::path("dpkg-deb")).args(["--root-owner-group", "--build"]).arg(world.path("deb")).arg(&deb),
    );
    for directory in ["apt/lists/partial", "apt/cache/archives/partial"] {
        fs::create_dir_all(world.path(directory)).expect("writable");
    }
    world.write("apt/status", "");
    // dpkg itself is not run: apt only has to think so.
    let (files, apt) = (hooks.files.display(), world.path("apt"));
    let settings = format!(
        "Dir::Etc::parts \"{files}/etc/apt/apt.conf.d\";\nDir::Etc::sourcelist \"/dev/null\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\nDir::State \"{0}\";\nDir::State::status \"{0}/status\";\n\
         Dir::Cache \"{0}/cache\";\nDir::Bin::dpkg \"/bin/true\";\nDebug::NoLocking \"1\";\nAPT::Sandbox::User \"root\";\n",
        apt.display()
    );
    world.write("apt/apt.conf", settings);
    tool::path("apt-get");
    let script = format!("APT_CONFIG={}/apt.conf apt-get -y -q install {}", apt.display(), deb.display());
    let out = hooks.shell(&script).expect(0);
    assert!(out.stderr.contains(UNSAFE), "{out}");
}

#[test]
fn pacman_tells_after_a_transaction_with_files_of_modules() {
    let hooks = Hooks::new("pacman = true\n");
    hooks.becomes_unsafe();
    let world = &hooks.machine.world;
    for directory in ["pacman/db", "pacman/cache", "pacman/gpg"] {
        fs::create_dir_all(world.path(directory)).expect("writable");
    }
    world.write("pacman/pacman.conf", "[options]\nArchitecture = auto\nSigLevel = Never\nLocalFileSigLevel = Never\n");
    // One package has a file that the hook is about, the other has none.
    for (name, file) in [("with", "usr/src/with-1/dkms.conf"), ("without", "usr/src/without-1")] {
        let made = format!("pacman/{name}");
        world.write(&format!("{made}/.PKGINFO"), format!("pkgname = {name}\npkgver = 1-1\narch = any\n"));
        world.write(&format!("{made}/{file}"), "");
        let package = world.path(format!("{made}-1-1-any.pkg.tar"));
        tool::run(
            Command::new("tar").arg("-C").arg(world.path(&made)).arg("-cf").arg(package).args([".PKGINFO", "usr"]),
        );
    }
    tool::path("pacman");
    let (at, hookdir) = (world.path("pacman"), hooks.files.join("usr/share/libalpm/hooks"));
    let transaction = |package: &str| {
        let at = at.display();
        let line = format!(
            "pacman --noconfirm --config {at}/pacman.conf --dbpath {at}/db --cachedir {at}/cache --gpgdir {at}/gpg \
             --logfile {at}/log --hookdir {} -U {at}/{package}-1-1-any.pkg.tar",
            hookdir.display()
        );
        let out = hooks.shell(&line).expect(0);
        let told = format!("{}{}", out.stdout, out.stderr);
        (told.contains("Looking whether a restart is safe"), told.contains(UNSAFE.trim_end()))
    };
    assert_eq!(transaction("without"), (false, false));
    assert_eq!(transaction("with"), (true, true));
}

#[test]
fn kernel_install_goes_on_ends_or_fails_as_it_is_set() {
    for (mode, is_safe, code, has_entry) in [
        ("no-entry", true, 0, true),
        ("tell", false, 0, true),
        ("no-entry", false, 0, false),
        ("fail", false, 1, false),
    ] {
        let hooks = Hooks::new(&format!("kernel-install = \"{mode}\"\n"));
        if !is_safe {
            hooks.becomes_unsafe();
        }
        let kernel = &hooks.machine.kernel;
        let file = hooks.files.join("usr/lib/kernel/install.d/89-modsmith-ready.install");
        let script = format!(
            "cd /usr/lib/kernel/install.d\ncp {} .\nprintf '#!/bin/sh\\necho the entry of \"$2\"\\n' >90-entry.install\n\
             chmod 755 *\nKERNEL_INSTALL_LAYOUT=other kernel-install add {kernel} /boot/vmlinux-{kernel}",
            file.display()
        );
        tool::path("kernel-install");
        let out = hooks.machine.world.shell(&script).with_programs("programs").small("/usr/lib/kernel/install.d", 256);
        let out = out.run().expect(code);
        assert_eq!(out.stdout.contains(&format!("the entry of {kernel}")), has_entry, "{mode}: {out}");
        assert_eq!(out.stderr.contains("session-critical: held"), !is_safe, "{mode}: {out}");
    }
}

#[test]
fn systemd_knows_what_the_service_says() {
    let hooks = Hooks::new("boot-check = true\n");
    let unit = find(&hooks.files, "modsmith-boot-check.service");
    tool::path("systemd-analyze");
    let script = format!("systemd-analyze verify --man=no --recursive-errors=no {}", unit.display());
    let out = hooks.machine.world.shell(&script).with_programs("programs").run().expect(0);
    assert_eq!(out.stderr, "", "{out}");
}

fn find(directory: &Path, name: &str) -> PathBuf {
    let mut entries = walkdir::WalkDir::new(directory).into_iter().filter_map(Result::ok);
    entries.find(|entry| entry.file_name() == name).unwrap_or_else(|| panic!("no {name}")).into_path()
}

#[test]
fn metrics_are_openmetrics_and_follow_the_answer() {
    let hooks = Hooks::new("metrics = \"/var/cache/metrics\"\n");
    fs::create_dir_all(hooks.machine.world.path("var/cache/metrics")).expect("writable");
    let kept = || {
        hooks.shell(&hooks.report().display().to_string()).expect(0);
        let text = fs::read_to_string(hooks.machine.world.path("var/cache/metrics/modsmith.prom")).expect("written");
        samples(&text)
    };
    let key = |answer: &str| format!("modsmith_restart{{answer=\"{answer}\"}}");
    let before = kept();
    assert_eq!((before[&key("safe")], before[&key("unsafe")]), (1, 0));
    hooks.becomes_unsafe();
    let after = kept();
    assert_eq!((after[&key("safe")], after[&key("unsafe")]), (0, 1));
    let reasons = format!("modsmith_restart_reasons{{kernel=\"{}\",answer=\"unsafe\"}}", hooks.machine.kernel);
    assert_eq!(after[&reasons], 1, "{after:?}");
}

/// The samples of a text, each by its name and labels. Each family has its type before its samples, and the
/// text ends as OpenMetrics has it.
fn samples(text: &str) -> BTreeMap<String, u64> {
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
    let sample = regex::Regex::new(
        r#"^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\}) ([0-9]+)$"#,
    );
    let sample = sample.expect("a pattern");
    let (mut found, mut family) = (BTreeMap::new(), String::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.strip_suffix(" gauge").unwrap_or_else(|| panic!("{line}")).to_owned();
        } else if !line.starts_with("# HELP ") {
            let parts = sample.captures(line).unwrap_or_else(|| panic!("no sample: {line}"));
            assert_eq!(parts[1], family, "{line}");
            let value = parts[3].parse().expect("a number");
            assert_eq!(found.insert(format!("{}{}", &parts[1], &parts[2]), value), None, "{line} is there twice");
        }
    }
    found
}
