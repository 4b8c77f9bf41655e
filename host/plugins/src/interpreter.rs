//! Programs that execute their input.

/// Whether a program executes its input, so that a grant of it is a grant of every program: shells,
/// interpreters, build tools, and programs that start others.
pub fn executes_input(program: &str) -> bool {
    const SHELLS: [&str; 15] = [
        "sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "fish", "csh", "tcsh", "busybox",
        "toybox", "tclsh",
    ];
    const STARTERS: [&str; 34] = [
        "env",
        "xargs",
        "parallel",
        "find",
        "sudo",
        "su",
        "doas",
        "pkexec",
        "runuser",
        "setpriv",
        "nice",
        "ionice",
        "chrt",
        "taskset",
        "nohup",
        "setsid",
        "timeout",
        "watch",
        "stdbuf",
        "script",
        "flock",
        "strace",
        "chroot",
        "unshare",
        "nsenter",
        "systemd-run",
        "run-parts",
        "start-stop-daemon",
        "ssh",
        "at",
        "batch",
        "crontab",
        "expect",
        "gdb",
    ];
    const LANGUAGES: [&str; 20] = [
        "awk", "gawk", "mawk", "nawk", "sed", "perl", "ruby", "lua", "luajit", "node", "nodejs", "php", "m4", "guile",
        "java", "ed", "vi", "vim", "python", "pypy",
    ];
    // Those of packages run what a recipe says.
    const BUILDERS: [&str; 16] = [
        "make",
        "gmake",
        "ninja",
        "cmake",
        "meson",
        "cargo",
        "rpmbuild",
        "debuild",
        "sbuild",
        "pbuilder",
        "makepkg",
        "abuild",
        "mock",
        "emerge",
        "ebuild",
        "snapcraft",
    ];
    // `python3.11`, `perl5.36.0`
    let plain = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let known = |name: &str| [&SHELLS[..], &STARTERS, &LANGUAGES, &BUILDERS].iter().any(|names| names.contains(&name));
    known(program) || known(plain) || program.starts_with("python")
}

#[cfg(test)]
mod tests {
    use super::executes_input;

    #[test]
    fn shells_build_tools_and_versioned_interpreters_are_known() {
        assert!(
            ["sh", "make", "env", "python3", "python3.11", "perl5.36.0", "ksh93", "gawk", "rpmbuild"]
                .into_iter()
                .all(executes_input)
        );
        assert!(!executes_input("depmod") && !executes_input("cat"));
    }
}
