//! What packagers get: `make install`, `make deb`, completions and manuals.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use modsmith_tests::world::modsmith;
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
    assert_eq!(list.stdout.lines().count(), plugins, "{list}");
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
            .arg(format!("DEB_OUT={}", out.path().display())),
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
    for needed in ["kmod", "make", "gcc | c-compiler", "patch", "openssl", "libc6 (>= 2."] {
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

fn completion(shell: &str, name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join(name);
    // As it is installed: it asks the program, which is not on the path here.
    let made = tool::run(Command::new(modsmith()).args(["completion", shell, "--on-demand", "--name", name]));
    fs::write(&script, made.replace("modsmith completion", &format!("{} completion", modsmith().display()))).unwrap();
    (dir, script)
}

#[test]
fn completions_are_valid_scripts_of_their_shells() {
    for shell in ["bash", "zsh", "fish"] {
        for name in ["dkms", "modsmith"] {
            let (dir, script) = completion(shell, name);
            tool::run(Command::new(tool::path(shell)).arg("-n").arg(script));
            let whole = dir.path().join("whole");
            fs::write(&whole, tool::run(Command::new(modsmith()).args(["completion", shell, "--name", name]))).unwrap();
            tool::run(Command::new(tool::path(shell)).arg("-n").arg(whole));
        }
    }
}

/// A machine with something to complete.
fn completed() -> World {
    let world = World::new(&[]);
    for directory in ["lib/modules/6.1.0-9-amd64", "var/lib/dkms/demo/1.0", "usr/src/other-2.0-1"] {
        fs::create_dir_all(world.path(directory)).unwrap();
    }
    std::os::unix::fs::symlink("/usr/src/demo-1.0", world.path("var/lib/dkms/demo/1.0/source")).unwrap();
    fs::write(world.path("usr/src/other-2.0-1/dkms.conf"), "").unwrap();
    world.settings("modsmith/plugins/mine.wasm", "");
    world
}

/// What has to be offered at the end of a line.
const OFFERED: [(&str, &str); 16] = [
    ("dkms ins", "install"),
    ("modsmith plu", "plugin"),
    ("dkms install dem", "demo/1.0"),
    ("dkms install -m d", "demo"),
    ("dkms install -m demo -v 1", "1.0"),
    ("dkms remove demo/1.0 -k 6", "6.1.0-9-amd64"),
    ("dkms add oth", "other/2.0-1"),
    ("modsmith install --dry", "--dry-run"),
    // What a plugin brings.
    ("dkms mktarb", "mktarball"),
    ("dkms mktarball dem", "demo/1.0"),
    ("modsmith mktarball --source-on", "--source-only"),
    // What only `modsmith` has.
    ("modsmith verify dem", "demo/1.0"),
    ("modsmith explain headers-m", "headers-missing"),
    ("modsmith help exit-c", "exit-codes"),
    ("modsmith status --vi", "--view"),
    ("modsmith plugin inspect min", "mine"),
];

#[test]
fn bash_completes_actions_modules_and_kernels() {
    let world = completed();
    for (line, offered) in OFFERED {
        let (_dir, script) = completion("bash", line.split(' ').next().unwrap());
        let run = format!(
            ". {}; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); set -- $(complete -p \"$COMP_WORDS\"); \
             while [ \"$1\" != -F ]; do shift; done; \
             \"$2\" \"$COMP_WORDS\" \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[*]}}\"",
            script.display()
        );
        let out = world.program("/bin/bash").arg("-c").arg(run).run().expect(0);
        assert_eq!(out.stdout.trim(), offered, "{line}: {out}");
    }
}

#[test]
fn zsh_completes_actions_modules_and_kernels() {
    let world = completed();
    let typing = paths::checkout().join("tests/takeover/shells/complete.zsh");
    for (line, offered) in OFFERED {
        let name = line.split(' ').next().unwrap();
        let (dir, script) = completion("zsh", name);
        fs::rename(&script, dir.path().join(format!("_{name}"))).unwrap();
        let zsh = world.program(tool::path("zsh")).arg("-f").arg(typing.display().to_string());
        let out = zsh.arg(dir.path().display().to_string()).arg(line).run().expect(0);
        let (before, _) = line.rsplit_once(' ').unwrap();
        let became = out.stdout.lines().filter_map(|l| l.trim().strip_prefix("LINE: ")).next_back();
        assert_eq!(became.map(str::trim), Some(format!("{before} {offered}").as_str()), "{out}");
    }
}

#[test]
fn fish_completes_actions_modules_and_kernels() {
    let world = completed();
    for (line, offered) in OFFERED {
        let (_dir, script) = completion("fish", line.split(' ').next().unwrap());
        let run = format!("source {}; complete -C '{line}'", script.display());
        let out = world.program(tool::path("fish")).arg("-c").arg(run).run().expect(0);
        assert!(out.stdout.lines().any(|l| l.split('\t').next() == Some(offered)), "{line}: {out}");
    }
}

/// Names in the tree, among the sources and of kernels that a shell could take for
/// something to run: all make the file that `$RAN` names.
const SHELL_CODE: [&str; 9] = [
    "$(touch $RAN)",
    "`touch $RAN`",
    "'; touch $RAN; '",
    "\"$(touch $RAN)\"",
    "${x:-$(touch $RAN)}",
    "d\n$(touch $RAN)",
    "demo[$(touch $RAN)]",
    "(e:'touch $RAN':)",
    "-e$(touch $RAN)",
];

/// Fails where a name was run, or is offered for the line: one that is typed in by the
/// shell would be run when the line is.
#[track_caller]
fn assert_nothing_ran(world: &World, line: &str, offered: &str) {
    assert!(!world.path("ran").exists(), "`{line}` ran a name");
    assert!(!offered.contains("touch"), "`{line}` offers a name that is run when the line is: {offered}");
}

fn hostile() -> World {
    let world = completed();
    for name in SHELL_CODE {
        fs::create_dir_all(world.path("lib/modules").join(name)).unwrap();
        for version in [world.path("var/lib/dkms/demo").join(name), world.path("var/lib/dkms").join(name).join("1.0")] {
            fs::create_dir_all(&version).unwrap();
            std::os::unix::fs::symlink("/usr/src/demo-1.0", version.join("source")).unwrap();
        }
        let source = world.path("usr/src").join(format!("{name}-1.0"));
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("dkms.conf"), "").unwrap();
    }
    world
}

/// Lines after which names are looked for.
const ASKED: [&str; 7] = [
    "dkms install ",
    "dkms install d",
    "dkms install -m ",
    "dkms install -m demo -v ",
    "dkms remove demo/1.0 -k ",
    "dkms add ",
    "modsmith log ",
];

#[test]
fn bash_runs_no_name_that_it_completes() {
    let world = hostile();
    for line in ASKED {
        let (_dir, script) = completion("bash", line.split(' ').next().unwrap());
        let words = if line.ends_with(' ') { format!("{line}''") } else { line.to_owned() };
        let run = format!(
            ". {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); set -- $(complete -p \"$COMP_WORDS\"); \
             while [ \"$1\" != -F ]; do shift; done; \
             \"$2\" \"$COMP_WORDS\" \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; printf '<%s>\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let ran = world.path("ran").display().to_string();
        let out = world.program("/bin/bash").arg("-c").arg(run).env("RAN", ran).run().expect(0);
        assert_nothing_ran(&world, line, &out.stdout);
        assert!(["<demo", "<1.0", "<6.1.0-9", "<other"].iter().any(|good| out.stdout.contains(good)), "{line}: {out}");
    }
}

#[test]
fn zsh_runs_no_name_that_it_completes() {
    let world = hostile();
    let typing = paths::checkout().join("tests/takeover/shells/complete.zsh");
    for line in ASKED {
        let name = line.split(' ').next().unwrap();
        let (dir, script) = completion("zsh", name);
        fs::rename(&script, dir.path().join(format!("_{name}"))).unwrap();
        let zsh = world.program(tool::path("zsh")).arg("-f").arg(typing.display().to_string());
        let zsh = zsh.arg(dir.path().display().to_string()).arg(line);
        let out = zsh.env("RAN", world.path("ran").display().to_string()).run().expect(0);
        let became = out.stdout.lines().filter_map(|l| l.trim().strip_prefix("LINE: ")).next_back();
        assert_nothing_ran(&world, line, became.unwrap_or_default());
    }
}

#[test]
fn fish_runs_no_name_that_it_completes() {
    let world = hostile();
    for line in ASKED {
        let (_dir, script) = completion("fish", line.split(' ').next().unwrap());
        let run = format!("source {}; complete -C '{line}'", script.display());
        let fish = world.program(tool::path("fish")).arg("-c").arg(run);
        let out = fish.env("RAN", world.path("ran").display().to_string()).run().expect(0);
        assert_nothing_ran(&world, line, &out.stdout);
        let good = ["demo", "1.0", "6.1.0-9", "other"];
        assert!(out.stdout.lines().any(|l| good.iter().any(|good| l.starts_with(good))), "{line}: {out}");
    }
}

#[test]
fn manuals_render_without_warnings_and_show_every_option() {
    for name in ["dkms", "modsmith"] {
        let text = rendered(name);
        for shown in ["ACTIONS", "uninstall", "--kernelver", "--dry-run", "/etc/dkms/framework.conf", "EXIT STATUS"] {
            assert!(text.contains(shown), "{shown} is missing: {text}");
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("{name} - Builds, installs and maintains")), "the section NAME: {text}");
        for shown in ["plugin build", "plugin list", "EXIT CODES", "SIGNING", "--view"] {
            assert_eq!(text.contains(shown), name == "modsmith", "{shown} in {name}");
        }
    }
}

/// A manual page as a terminal of the usual width shows it, made without a warning.
fn rendered(name: &str) -> String {
    rendered_for(name, 80)
}

fn rendered_for(name: &str, width: u32) -> String {
    let page = tool::run(Command::new(modsmith()).args(["manual", "--name", name]));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page");
    fs::write(&file, page).unwrap();
    let out = Command::new(tool::path("groff"))
        .args(["-man", "-ww", "-Tascii", "-P-cbou", &format!("-rLL={}n", width - 2)])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(out.status.success());
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn no_word_of_the_manual_of_dkms_conf_is_broken_at_the_end_of_a_line() {
    // Page heads and feet are filled up with blanks, and are left out where they do not fit.
    let words = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with(' ') || line.chars().all(|c| !c.is_lowercase()));
        lines.flat_map(str::split_whitespace).map(str::to_owned).collect::<Vec<_>>()
    };
    let wide = words(&rendered_for("dkms.conf", 1_000));
    assert!(wide.iter().any(|word| word.starts_with("BUILT_MODULE_NAME")));
    for width in [60, 72, 80, 100, 132] {
        let text = rendered_for("dkms.conf", width);
        let narrow = words(&text);
        let first = wide.iter().zip(&narrow).find(|(wide, narrow)| wide != narrow);
        assert!(narrow == wide, "with {width} columns, {first:?} differ: {text}");
    }
}

#[test]
fn the_manual_of_dkms_conf_describes_every_directive() {
    let text = rendered("dkms.conf");
    assert!(text.contains("DKMS.CONF(5)"), "{text}");
    // Some share a line.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for directive in modsmith_core::conf::DIRECTIVES {
        let known = directive.replace("sign_tool", "SIGN_TOOL").replace("KERNEL_MAX", "KERNEL_MIN, _MAX");
        assert!(text.contains(&known), "{directive} is missing: {text}");
    }
    for shown in ["(default: required)", "BUILT_MODULE_NAME[0]=\"hello\"", "OVERRIDES", "dkms(8)"] {
        assert!(text.contains(shown), "{shown} is missing: {text}");
    }
}
