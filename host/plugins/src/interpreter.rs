//! Programs with which a plugin can do everything: each starts other programs, or loads code.

/// Whether a program executes its input, so that a grant of it is a grant of every program: shells,
/// interpreters, build tools, programs that start others, and programs that load modules.
pub fn executes_input(program: &str) -> bool {
    const SHELLS: &str = "sh bash rbash dash ash zsh ksh ksh93 mksh lksh oksh pdksh yash posh sash fish csh tcsh nu \
        pwsh busybox toybox tclsh wish";
    const LANGUAGES: &str = "awk gawk mawk nawk original-awk sed perl ruby lua luajit node nodejs php m4 guile java \
        python pypy sqlite3 gcc cc c++ g++ clang cpp ed ex vi vim nvim nano emacs";
    const STARTERS: &str = "env xargs parallel find fd sudo su sg newgrp doas pkexec runuser run0 setpriv capsh nice \
        ionice chrt taskset prlimit linux32 linux64 setarch nohup setsid timeout time watch stdbuf script scriptreplay \
        flock strace ltrace perf valgrind chroot unshare nsenter bwrap proot fakeroot runcon systemd-run \
        systemd-nspawn machinectl dbus-run-session run-parts start-stop-daemon ssh scp sftp rsync socat nc ncat at \
        batch crontab expect gdb lldb screen tmux less more man git hg svn zip docker podman runc dkms modsmith";
    // The code that these load acts as the kernel, or as any program.
    const LOADERS: &str = "insmod modprobe kexec ld.so bpftool bpftrace";
    // Programs of packages run the commands of a recipe.
    const BUILDERS: &str = "make gmake ninja cmake meson cargo go rpmbuild debuild sbuild pbuilder makepkg abuild mock \
        emerge ebuild snapcraft pip npm gem cpan";
    let is_one = |name: &str, known: &[&str]| known.iter().any(|list| list.split_whitespace().any(|one| one == name));
    let all = [SHELLS, LANGUAGES, STARTERS, LOADERS, BUILDERS];
    // `python3.11`, `perl5.36.0`
    let plain = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    // `bash-static`, `perl5.36-x86_64-linux-gnu`, `gcc-12`: what is behind the name names a variety.
    let is_variety = || {
        let end = program.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(program.len());
        let (name, variety) = program.split_at(end);
        let versioned = variety.starts_with(|c: char| c.is_ascii_digit()) || variety.ends_with("-static");
        (versioned || name.len() > 3 && variety.starts_with('-')) && is_one(name, &[SHELLS, LANGUAGES])
    };
    // `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`, `ld64.so.2`: each starts the program that it is given.
    let is_dynamic_linker = || program.starts_with("ld") && program.contains(".so");
    is_one(program, &all) || is_one(plain, &all) || program.starts_with("python") || is_variety() || is_dynamic_linker()
}

#[cfg(test)]
mod tests {
    use super::executes_input;

    #[test]
    fn shells_build_tools_and_versioned_interpreters_are_known() {
        for program in [
            "sh",
            "make",
            "env",
            "python3",
            "python3.11",
            "perl5.36.0",
            "ksh93",
            "gawk",
            "rpmbuild",
            "dash",
            "bash-static",
            "busybox-static",
            "perl5.36-x86_64-linux-gnu",
            "python3.11-config",
            "lua5.4",
            "tclsh8.6",
            "gcc-12",
            "ld.so",
            "ld-linux-x86-64.so.2",
            "ld-musl-x86_64.so.1",
            "ld64.so.2",
            "capsh",
            "git",
            "insmod",
            "java-17",
        ] {
            assert!(executes_input(program), "{program}");
        }
        for program in [
            "depmod",
            "cat",
            "make-initrd",
            "mkinitcpio",
            "update-initramfs",
            "sign-file",
            "kmodsign",
            "shim",
            "lddtree",
            "openssl",
            "find-debuginfo",
            "sed-opal",
            "dracut",
            "ssh-keygen",
            "tar",
            "systemctl",
            "weak-modules2",
        ] {
            assert!(!executes_input(program), "{program}");
        }
    }
}
