//! Completion in real shells: what is offered, and that no name is ever run.

use std::fs;
use std::process::Command;

use modsmith_tests::world::modsmith;
use modsmith_tests::{World, paths, tool};

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
