//! What packagers get: `make install` and `make deb`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use modsmith_tests::{World, paths, tool};
use walkdir::WalkDir;

/// `make install` for a flavour, with all but the destination read-only.
fn install(world: &World, flavour: &str) -> std::path::PathBuf {
    let stage = world.path("stage");
    fs::create_dir(&stage).unwrap();
    let script = format!(
        "mount --bind {stage} {stage}; mount -o remount,bind,ro /; umask 077; \
         make -C {checkout} install DESTDIR={stage} FLAVOUR={flavour} PROGRAMS={programs}",
        stage = stage.display(),
        checkout = paths::checkout().display(),
        programs = paths::programs().display(),
    );
    world.shell(&script).run().expect(0);
    stage
}

/// Files and links as `path`, programs as `path*`, empty directories as
/// `path/`; of plugins only their directory.
fn listed(stage: &Path) -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    for entry in WalkDir::new(stage).min_depth(1) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(stage).unwrap().display().to_string();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        let name = match (entry.file_type(), mode) {
            (kind, _) if kind.is_symlink() => format!("{path} -> {}", fs::read_link(entry.path()).unwrap().display()),
            (kind, 0o755) if kind.is_dir() => {
                if fs::read_dir(entry.path()).unwrap().next().is_some() {
                    continue;
                }
                format!("{path}/")
            }
            (kind, 0o755) if kind.is_file() => format!("{path}*"),
            (kind, 0o644) if kind.is_file() && path.contains("/plugins/") => {
                Path::new(&path).parent().unwrap().display().to_string()
            }
            (kind, 0o644) if kind.is_file() => path,
            (_, mode) => panic!("{path} has mode {mode:o}"),
        };
        listed.insert(name);
    }
    listed
}

fn expected(own: &[&str]) -> BTreeSet<String> {
    let common = "
        etc/dkms/framework.conf.d/
        usr/bin/modsmith*
        usr/lib/modsmith/modsmith-shim*
        usr/lib/modsmith/plugins
        usr/share/bash-completion/completions/dkms
        usr/share/bash-completion/completions/modsmith
        usr/share/dkms/modules_to_force_install/
        usr/share/doc/modsmith/LICENSE-APACHE
        usr/share/doc/modsmith/LICENSE-MIT
        usr/share/doc/modsmith/README.md
        usr/share/doc/modsmith/framework.conf
        usr/share/fish/vendor_completions.d/dkms.fish
        usr/share/fish/vendor_completions.d/modsmith.fish
        usr/share/man/man5/dkms.conf.5
        usr/share/man/man8/dkms.8
        usr/share/man/man8/modsmith.8
        var/lib/dkms/";
    common.lines().map(str::trim).filter(|line| !line.is_empty()).chain(own.iter().copied()).map(String::from).collect()
}

#[test]
fn make_install_for_debian_installs_these_files_and_writes_nowhere_else() {
    let world = World::new(&[]);
    let own = [
        "etc/kernel/header_postinst.d/dkms*",
        "etc/kernel/postinst.d/dkms*",
        "etc/kernel/preinst.d/dkms*",
        "etc/kernel/prerm.d/dkms*",
        "usr/lib/dkms/common.postinst*",
        "usr/lib/dkms/dkms_autoinstaller*",
        "usr/lib/kernel/install.d/40-dkms.install*",
        "usr/lib/systemd/system/dkms.service",
        "usr/lib/sysusers.d/modsmith.conf",
        "usr/sbin/dkms -> ../bin/modsmith",
        "usr/share/zsh/vendor-completions/_dkms",
        "usr/share/zsh/vendor-completions/_modsmith",
    ];
    assert_eq!(listed(&install(&world, "debian")), expected(&own));
}

#[test]
fn make_install_for_red_hats_family_installs_these_files() {
    let world = World::new(&[]);
    let own = [
        "usr/lib/dkms/common.postinst*",
        "usr/lib/kernel/install.d/40-dkms.install*",
        "usr/lib/systemd/system/dkms.service",
        "usr/lib/sysusers.d/modsmith.conf",
        "usr/sbin/dkms -> ../bin/modsmith",
        "usr/share/zsh/site-functions/_dkms",
        "usr/share/zsh/site-functions/_modsmith",
    ];
    assert_eq!(listed(&install(&world, "redhat")), expected(&own));
}

#[test]
fn make_install_for_arch_installs_these_files() {
    let world = World::new(&[]);
    let own = [
        "usr/bin/dkms -> modsmith",
        "usr/lib/systemd/system/dkms.service",
        "usr/lib/sysusers.d/modsmith.conf",
        "usr/share/libalpm/hooks/70-dkms-install.hook",
        "usr/share/libalpm/hooks/70-dkms-upgrade.hook",
        "usr/share/libalpm/hooks/71-dkms-remove.hook",
        "usr/share/libalpm/scripts/dkms*",
        "usr/share/zsh/site-functions/_dkms",
        "usr/share/zsh/site-functions/_modsmith",
    ];
    assert_eq!(listed(&install(&world, "arch")), expected(&own));
}

#[test]
fn make_install_for_systems_with_hooks_of_their_own_installs_these_files() {
    let hooks: [(&str, &[&str]); 2] = [
        ("void", &["etc/kernel.d/post-install/10-dkms*", "etc/kernel.d/pre-remove/10-dkms*"]),
        ("alpine", &["etc/kernel-hooks.d/50-dkms.hook*"]),
    ];
    for (flavour, hooks) in hooks {
        let own = [
            "usr/lib/dkms/common.postinst*",
            "usr/lib/dkms/dkms_autoinstaller*",
            "usr/sbin/dkms -> ../bin/modsmith",
            "usr/share/zsh/site-functions/_dkms",
            "usr/share/zsh/site-functions/_modsmith",
        ];
        let own: Vec<&str> = own.into_iter().chain(hooks.iter().copied()).collect();
        assert_eq!(listed(&install(&World::new(&[]), flavour)), expected(&own), "{flavour}");
    }
}

/// `make uninstall` of what [`install`] put there.
fn uninstall(world: &World, flavour: &str) -> modsmith_tests::Output {
    let stage = world.path("stage");
    let script = format!(
        "mkdir {again}; mount --bind {again} {again}; mount --bind {stage} {stage}; mount -o remount,bind,ro /; \
         make -C {checkout} uninstall DESTDIR={stage} FLAVOUR={flavour} PROGRAMS={programs} UNINSTALL_STAGE={again}/x",
        again = world.path("again").display(),
        stage = stage.display(),
        checkout = paths::checkout().display(),
        programs = paths::programs().display(),
    );
    world.shell(&script).run().expect(0)
}

#[test]
fn make_uninstall_removes_all_that_make_install_installed() {
    for flavour in ["debian", "arch", "void"] {
        let world = World::new(&[]);
        let stage = install(&world, flavour);
        uninstall(&world, flavour);
        assert_eq!(listed(&stage), BTreeSet::new(), "{flavour}");
    }
}

#[test]
fn make_uninstall_leaves_what_is_the_users() {
    let world = World::new(&[]);
    let stage = install(&world, "debian");
    let mine = [
        "etc/dkms/framework.conf",
        "etc/dkms/framework.conf.d/mine.conf",
        "etc/kernel/postinst.d/dkms",
        "etc/modsmith/grants.toml",
        "usr/lib/modsmith/plugins/mine.wasm",
        "usr/bin/other",
        "var/lib/dkms/mok.key",
        "var/lib/dkms/demo/1.0/build/make.log",
    ];
    for path in mine {
        fs::create_dir_all(stage.join(path).parent().unwrap()).unwrap();
        fs::write(stage.join(path), "mine\n").unwrap();
    }
    let out = uninstall(&world, "debian");
    assert!(out.stdout.contains("etc/kernel/postinst.d/dkms stays: it was edited."), "{out}");
    let left = WalkDir::new(&stage).into_iter().map(Result::unwrap).filter(|entry| !entry.file_type().is_dir());
    let left: BTreeSet<String> =
        left.map(|entry| entry.path().strip_prefix(&stage).unwrap().display().to_string()).collect();
    assert_eq!(left, mine.iter().map(ToString::to_string).collect());
    for path in mine {
        assert_eq!(fs::read_to_string(stage.join(path)).unwrap(), "mine\n");
    }
}

#[test]
fn the_installed_program_finds_its_plugins_and_files_name_where_it_is() {
    let world = World::new(&[]);
    let stage = install(&world, "debian");
    let list = world.program(stage.join("usr/bin/modsmith")).words("plugin list").run().expect(0);
    let plugins = fs::read_dir(stage.join("usr/lib/modsmith/plugins")).unwrap().count();
    assert!(plugins > 3);
    let entries = list.stdout.lines().filter(|line| !line.starts_with(' ')).count();
    assert_eq!(entries, plugins, "{list}");
    assert_eq!(list.stderr, "", "{list}");
    let version = world.program(stage.join("usr/sbin/dkms")).words("--version").run().expect(0);
    assert!(version.stdout.starts_with("dkms-"), "{version}");

    let unit = fs::read_to_string(stage.join("usr/lib/systemd/system/dkms.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/sbin/dkms autoinstall --verbose --kernelver %v\n"), "{unit}");
    let hook = fs::read_to_string(stage.join("etc/kernel/postinst.d/dkms")).unwrap();
    assert!(hook.contains("/usr/lib/dkms/dkms_autoinstaller start"), "{hook}");
}

#[test]
fn make_deb_makes_a_package_that_takes_the_place_of_dkms() {
    let out = tempfile::tempdir().unwrap();
    tool::run(
        Command::new(tool::path("make"))
            .args(["-C", &paths::checkout().display().to_string(), "deb"])
            .arg(format!("PROGRAMS={}", paths::programs().display()))
            .arg(format!("DEB_OUT={}", out.path().display()))
            .arg("DEB_COMPRESSION=-Znone"),
    );
    let files: Vec<_> = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let found = |start: &str| {
        let begins = |path: &&std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(start);
        files.iter().find(begins).unwrap_or_else(|| panic!("no package {start} in {files:?}"))
    };
    let about = |package: &Path, option: &str| tool::run(Command::new(tool::path("dpkg-deb")).arg(option).arg(package));
    let dpkg_deb = |option: &str| about(found("modsmith_"), option);

    // The tool of plugin authors is apart.
    let tool = found("modsmith-plugin_");
    assert!(about(tool, "--contents").contains("./usr/bin/modsmith-plugin"));
    assert!(about(tool, "--field").contains("Package: modsmith-plugin"));
    assert!(!dpkg_deb("--contents").contains("modsmith-plugin\n"));

    let fields = dpkg_deb("--field");
    for line in ["Package: modsmith", "Provides: dkms (= 3.4.3)", "Conflicts: dkms", "Replaces: dkms"] {
        assert!(fields.lines().any(|l| l == line), "{line}: {fields}");
    }
    let depends = fields.lines().find(|l| l.starts_with("Depends:")).expect("it depends on something");
    // Packages of modules that depend on dkms use what it brings along: with dpkg-dev comes Perl.
    for needed in ["dpkg-dev", "kmod", "make", "gcc | c-compiler", "patch", "openssl", "libc6 (>= 2."] {
        assert!(depends.contains(needed), "{needed}: {depends}");
    }
    let contents = dpkg_deb("--contents");
    assert!(contents.lines().all(|line| line.contains(" root/root ")), "{contents}");
    assert!(contents.contains("./usr/sbin/dkms -> ../bin/modsmith"), "{contents}");
    // Settings that dkms's package has, too, would have dpkg ask about them.
    for setting in ["./etc/dkms/framework.conf\n", "./etc/modprobe.d/"] {
        assert!(!contents.contains(setting), "{setting}: {contents}");
    }
    let info = dpkg_deb("--info");
    for control in ["conffiles", "md5sums", "preinst", "postinst", "postrm", "prerm"] {
        assert!(info.contains(control), "{control}: {info}");
    }
}

#[test]
fn the_installed_program_is_small_and_its_debug_information_is_apart() {
    const LARGEST: u64 = 30_000_000;
    let world = World::new(&[]);
    let stage = install(&world, "debian");
    let program = stage.join("usr/bin/modsmith");
    let size = fs::metadata(&program).unwrap().len();
    assert!(size < LARGEST, "{} has {size} bytes", program.display());
    let sections =
        |file: &Path| tool::run(Command::new(tool::path("readelf")).args(["--wide", "--sections"]).arg(file));
    assert!(!sections(&program).contains(".debug_line"), "{}", sections(&program));

    let apart = world.path("debug");
    tool::run(
        Command::new(tool::path("make"))
            .args(["-C", &paths::checkout().display().to_string(), "install-debug", "FLAVOUR=debian"])
            .arg(format!("DESTDIR={}", apart.display()))
            .arg(format!("PROGRAMS={}", paths::programs().display())),
    );
    let debug = apart.join("usr/lib/debug/usr/bin/modsmith.debug");
    assert!(sections(&debug).contains(".debug_line"), "{}", sections(&debug));
    let linked = sections(&apart.join("usr/bin/modsmith"));
    assert!(linked.contains(".gnu_debuglink") && !linked.contains(".debug_line"), "{linked}");
}

/// Bound at the start, what the loader fills is read-only then, no fixed address, no stack that can be executed.
#[test]
fn the_installed_programs_are_hardened() {
    let world = World::new(&[]);
    let stage = install(&world, "debian");
    for program in ["usr/bin/modsmith", "usr/lib/modsmith/modsmith-shim"] {
        let readelf =
            |what: &str| tool::run(Command::new(tool::path("readelf")).args(["--wide", what]).arg(stage.join(program)));
        let (header, segments, dynamic) = (readelf("--file-header"), readelf("--segments"), readelf("--dynamic"));
        assert!(header.contains("DYN (Position-Independent Executable file)"), "{program}: {header}");
        assert!(segments.contains("GNU_RELRO"), "{program}: {segments}");
        let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("it says which stack it needs");
        assert!(stack.contains(" RW ") && !stack.contains("RWE"), "{program}: {stack}");
        assert!(dynamic.contains("BIND_NOW"), "{program}: {dynamic}");
    }
}
