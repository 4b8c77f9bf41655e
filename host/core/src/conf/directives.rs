//! The names that a dkms.conf may set.

/// The directives, in the order in which the second evaluation sees them: a
/// value that still holds a `$NAME` then (from single quotes, or `\$`) finds
/// the directives before it and itself.
///
/// The order is dkms's as far as it can be seen from outside (what a PATCH can
/// refer to), with the package's name and version first.
pub const DIRECTIVES: [&str; 35] = [
    "PACKAGE_NAME",
    "PACKAGE_VERSION",
    "CLEAN",
    "POST_BUILD",
    "POST_ADD",
    "POST_INSTALL",
    "POST_REMOVE",
    "PRE_BUILD",
    "PRE_INSTALL",
    "BUILD_EXCLUSIVE_KERNEL",
    "BUILD_EXCLUSIVE_KERNEL_MIN",
    "BUILD_EXCLUSIVE_KERNEL_MAX",
    "BUILD_EXCLUSIVE_ARCH",
    "BUILD_EXCLUSIVE_CONFIG",
    "MAKE",
    "MAKE_MATCH",
    "PATCH",
    "PATCH_MATCH",
    "BUILT_MODULE_NAME",
    "BUILT_MODULE_LOCATION",
    "DEST_MODULE_NAME",
    "DEST_MODULE_LOCATION",
    "STRIP",
    "BUILD_DEPENDS",
    "BUILD_DEPENDS_REBUILD",
    "OBSOLETE_BY",
    "AUTOINSTALL",
    "NO_WEAK_MODULES",
    "REMAKE_INITRD",
    "MODULES_CONF",
    "MODULES_CONF_ALIAS_TYPE",
    "MODULES_CONF_OBSOLETES",
    "MODULES_CONF_OBSOLETE_ONLY",
    "SIGN_TOOL",
    "sign_tool",
];

/// Names of the 1.x format, kept to distinguish them from typing errors.
/// `MAKE_<x>` and `MODULES_CONF_<n>` belong to it too; see [`is_from_1x`].
pub const FROM_1X: [&str; 8] = [
    "LOCATION",
    "MODULE_NAME",
    "NEEDED_FOR_BOOT",
    "MODULES_CONF_1",
    "MODULES_CONF_2",
    "MODULES_CONF_3",
    "MODULES_CONF_4",
    "MODULES_CONF_5",
];

/// All names that a reader keeps, in the order of the second evaluation.
pub fn kept() -> Vec<&'static str> {
    DIRECTIVES.into_iter().chain(FROM_1X).collect()
}

pub fn is_directive(name: &str) -> bool {
    DIRECTIVES.contains(&name)
}

/// A directive of the 1.x format, which today's readers ignore.
pub fn is_from_1x(name: &str) -> bool {
    FROM_1X.contains(&name)
}

/// A directive name that may carry one: `NAME` or `NAME[i]`.
pub fn parse_slot(text: &str) -> Option<(&str, u32)> {
    match text.split_once('[') {
        None => Some((text, 0)),
        Some((name, rest)) => {
            let digits = rest.strip_suffix(']')?;
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            Some((name, plain.then(|| digits.parse().ok())??))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_a_name_or_a_name_with_a_decimal_index() {
        assert_eq!(parse_slot("MAKE"), Some(("MAKE", 0)));
        assert_eq!(parse_slot("PATCH[12]"), Some(("PATCH", 12)));
        for bad in ["PATCH[", "PATCH[]", "PATCH[x]", "PATCH[-1]", "PATCH[1]x", "PATCH[99999999999]"] {
            assert_eq!(parse_slot(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_name_is_listed_twice() {
        let mut names = kept();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DIRECTIVES.len() + FROM_1X.len());
    }
}
