//! The characters that Debian allows in names and versions, and the substitutes for others.

use modsmith_plugin::prelude::*;

/// Machines as `uname -m` names them, and Debian's architectures. deb(7) has no
/// list; dpkg's is in `dpkg-architecture -L`.
const ARCHITECTURES: [(&str, &str); 26] = [
    ("x86_64", "amd64"),
    ("i386", "i386"),
    ("i486", "i386"),
    ("i586", "i386"),
    ("i686", "i386"),
    ("aarch64", "arm64"),
    ("arm64", "arm64"),
    ("armv7l", "armhf"),
    ("armv8l", "armhf"),
    ("armv6l", "armel"),
    ("armv5tel", "armel"),
    ("ppc64le", "ppc64el"),
    ("ppc64", "ppc64"),
    ("ppc", "powerpc"),
    ("s390x", "s390x"),
    ("riscv64", "riscv64"),
    ("loongarch64", "loong64"),
    ("mips", "mips"),
    ("mipsel", "mipsel"),
    ("mips64", "mips64el"),
    ("mips64el", "mips64el"),
    ("sparc64", "sparc64"),
    ("alpha", "alpha"),
    ("ia64", "ia64"),
    ("parisc64", "hppa"),
    ("m68k", "m68k"),
];

/// The part of package names that stands for a module, or a kernel: in lower
/// case, `-` for `_`.
pub fn package(name: &str) -> Result<String> {
    let mapped = name.to_ascii_lowercase().replace('_', "-");
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
    if mapped.starts_with(|c: char| c.is_ascii_alphanumeric()) && mapped.chars().all(allowed) {
        return Ok(mapped);
    }
    Err(refuse(1, format!("`{name}` cannot be part of the name of a Debian package."))
        .hint("Such names have letters, digits, `+`, `-`, `.` and `_`, and begin with a letter or digit."))
}

/// A module's version as dpkg accepts it: without a leading `v`, `+` for `_`. One
/// that does not begin with a digit gets `0~` before it, so that a version that
/// does is newer.
pub fn version(version: &str) -> Result<String> {
    let plain = match version.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => version,
    };
    let mut mapped = plain.replace('_', "+");
    if !mapped.starts_with(|c: char| c.is_ascii_digit()) {
        mapped.insert_str(0, "0~");
    }
    if is_version(&mapped) {
        return Ok(mapped);
    }
    Err(refuse(1, format!("`{version}` cannot be the version of a Debian package."))
        .hint("Versions have letters, digits, `.`, `+`, `~`, `_` and `-`, and no `-` at the end."))
}

/// Whether dpkg accepts it, perhaps with an epoch. deb-version(7)
pub fn is_version(version: &str) -> bool {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".+~-".contains(c);
    epoch.parse::<u32>().is_ok()
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(allowed)
        && !rest.ends_with('-')
}

/// A version in the name of a file: without its epoch.
pub fn in_file_name(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// Whether it names a packager's revision, as packages have that are not native.
pub fn has_revision(version: &str) -> bool {
    version.contains('-')
}

/// Debian's name for the architecture of what was built for these kernels. `all`
/// without kernels, and where they have several architectures.
pub fn architecture(kernels: &[Kernel]) -> Result<String> {
    let mut architectures =
        kernels.iter().map(|kernel| debian_architecture(&kernel.arch())).collect::<Result<Vec<_>, _>>()?;
    architectures.dedup();
    match architectures.as_slice() {
        [one] => Ok((*one).to_owned()),
        _ => Ok("all".to_owned()),
    }
}

fn debian_architecture(machine: &str) -> Result<&'static str> {
    ARCHITECTURES.iter().find(|(name, _)| *name == machine).map(|(_, debian)| *debian).ok_or_else(|| {
        refuse(1, format!("Debian has no architecture for `{machine}` that is known here."))
            .hint("Name the machine with -a as `uname -m` does, such as x86_64 or aarch64.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_lower_case_without_underscores() {
        assert_eq!(package("rtl8812AU_x").unwrap(), "rtl8812au-x");
        assert_eq!(package("6.17.4-200.fc42.x86_64").unwrap(), "6.17.4-200.fc42.x86-64");
        for bad in ["a b", "", "-x", "ä", "a'b"] {
            assert_eq!(package(bad).unwrap_err().code, Some(1), "{bad}");
        }
    }

    #[test]
    fn versions_become_what_dpkg_accepts() {
        for (given, made) in [
            ("1.0", "1.0"),
            ("1.0-2", "1.0-2"),
            ("0~git2020+x", "0~git2020+x"),
            ("v5.6.4.2_35491", "5.6.4.2+35491"),
            ("git2020", "0~git2020"),
            ("vague", "0~vague"),
            ("1:2.0", "1:2.0"),
        ] {
            assert_eq!(version(given).unwrap(), made);
        }
        for bad in ["1.0-", "x:2", "1 0", "1'0", "1ä"] {
            assert_eq!(version(bad).unwrap_err().code, Some(1), "{bad}");
        }
    }

    #[test]
    fn an_epoch_is_a_number_and_no_part_of_file_names() {
        assert!(is_version("1:2.0") && !is_version("x:2.0") && !is_version(""));
        assert_eq!(in_file_name("1:2.0-1"), "2.0-1");
    }

    #[test]
    fn machines_have_their_architecture_and_unknown_ones_are_refused() {
        assert_eq!(debian_architecture("armv7l").unwrap(), "armhf");
        assert_eq!(debian_architecture("i686").unwrap(), "i386");
        assert_eq!(debian_architecture("pdp11").unwrap_err().code, Some(1));
    }
}
