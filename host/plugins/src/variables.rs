//! Names of environment variables that manifests list.

/// Variables, or beginnings of names (those that end in `*`), by which a program
/// loads or runs code that the variable names. Sources: ld.so(8), bash(1),
/// perlrun(1), and the manuals of the other programs.
const LOADING: [&str; 53] = [
    "LD_*",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "GCC_EXEC_PREFIX",
    "COMPILER_PATH",
    "PATH",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASH_FUNC_*",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "ZDOTDIR",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "LESSOPEN",
    "PERL5*",
    "PERLLIB",
    "PYTHON*",
    "RUBYOPT",
    "RUBYLIB",
    "NODE_*",
    "LUA_*",
    "TCLLIBPATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "AWKPATH",
    "AWKLIBPATH",
    "MAKEFLAGS",
    "MFLAGS",
    "MAKEFILES",
    "GNUMAKEFLAGS",
    "GIT_*",
    "HOME",
    "XDG_CONFIG_HOME",
    "OPENSSL_*",
    "PKCS11_*",
    "P11_*",
    "TAR_OPTIONS",
    "RSYNC_RSH",
    "RSYNC_CONNECT_PROG",
    "CROSS_COMPILE",
    "CC",
    "MODPROBE_OPTIONS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "BROWSER",
    "MANPAGER",
    "EMACSLOADPATH",
];

/// Variables that change the texts, times and widths of a program's output, and nothing else.
const HARMLESS: [&str; 8] = ["LANG", "LANGUAGE", "LC_*", "TZ", "SOURCE_DATE_EPOCH", "COLUMNS", "LINES", "NO_COLOR"];

/// Those of them that name the token or provider that holds a key: the caller's
/// own may be passed on, since who signs with a token has to name the token.
const OF_TOKENS: [&str; 3] = ["OPENSSL_*", "PKCS11_*", "P11_*"];

/// Refuses what is no variable's name: a shell takes other names for something
/// else (`BASH_FUNC_x%%` is a function).
pub fn check_name(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err(format!("`{name}` is no name of a variable: letters, digits and `_`, not beginning with a digit"))
}

/// Whether a variable can make a program load or run code that its value names.
pub fn loads_code(name: &str) -> bool {
    is_among(&LOADING, name)
}

/// Whether a variable is known to make no program run other code. Any other may be one that its program
/// takes for more.
pub(crate) fn is_harmless(name: &str) -> bool {
    is_among(&HARMLESS, name)
}

/// Whether the caller's variable may reach a program of a plugin.
pub(crate) fn may_be_passed(name: &str) -> bool {
    !loads_code(name) || is_among(&OF_TOKENS, name)
}

fn is_among(list: &[&str], name: &str) -> bool {
    list.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => *known == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_takes_for_a_function_or_an_assignment_is_no_name() {
        for name in ["", "BASH_FUNC_x%%", "A=B", "A B", "1A", "A\0", "A\n", "Ä"] {
            assert!(check_name(name).unwrap_err().contains("no name of a variable"), "{name}");
        }
        assert!(["_", "A1", "BASH_FUNC_x", "lower"].into_iter().all(|name| check_name(name).is_ok()));
    }

    #[test]
    fn variables_that_name_code_are_known_with_those_of_their_family() {
        let loading =
            ["LD_PRELOAD", "LD_AUDIT", "PERL5OPT", "PYTHONSTARTUP", "BASH_ENV", "BASH_FUNC_x", "OPENSSL_CONF"];
        assert!(loading.into_iter().all(loads_code));
        assert!(
            ["SOURCE_DATE_EPOCH", "KBUILD_SIGN_PIN", "LC_ALL", "PERLISH", "PATHS"].into_iter().all(|n| !loads_code(n))
        );
        for name in ["TAR_OPTIONS", "RSYNC_RSH", "HOME", "PATH"] {
            assert!(loads_code(name) && !is_harmless(name), "{name}");
        }
        assert!(["RPM_CONFIGDIR", "dracutbasedir"].into_iter().all(|name| !is_harmless(name)));
        assert!(["SOURCE_DATE_EPOCH", "LC_ALL", "LC_MESSAGES", "LANG", "TZ"].into_iter().all(is_harmless));
        assert!(!is_harmless("OWN") && !is_harmless("LCX"));
        assert!(may_be_passed("OPENSSL_CONF") && may_be_passed("GNUTLS_PIN") && !may_be_passed("LD_PRELOAD"));
    }
}
