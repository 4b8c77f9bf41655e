//! Programs that do whatever their input says.

/// Whether a program executes its input, so that granting it grants whatever
/// the input says: shells, interpreters, build tools, and programs that start
/// others.
pub fn executes_input(program: &str) -> bool {
    const NAMES: [&str; 24] = [
        "sh", "bash", "dash", "zsh", "ksh", "busybox", "env", "xargs", "find", "sudo", "su", "nice", "nohup",
        "timeout", "chroot", "awk", "sed", "perl", "ruby", "lua", "node", "make", "gmake", "ninja",
    ];
    // Whatever builds packages runs what their recipes say.
    NAMES.contains(&program) || program.starts_with("python") || program.ends_with("build")
}

#[cfg(test)]
mod tests {
    use super::executes_input;

    #[test]
    fn shells_build_tools_and_versioned_interpreters_are_known() {
        assert!(["sh", "make", "env", "python3", "python3.11", "rpmbuild"].into_iter().all(executes_input));
        assert!(!executes_input("depmod"));
    }
}
