//! Names and texts in spec files and macros.

use modsmith_plugin::prelude::*;

/// Characters that mean nothing to a shell, a spec or a file pattern.
const PLAIN: &str = "._+~^@:=,-";
/// Of these, those that may be in the name and in the version of a package.
const IN_NAME: &str = "._+-";
const IN_VERSION: &str = "._+~^";

/// Refuses what no package can be named after.
///
/// # Errors
/// A refusal with the code of a build that fails, which is what would happen.
pub fn check(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(refuse(7, format!("`{name}` cannot be the {what} of an rpm package."))
        .hint(format!("It has to begin with a letter or digit, and may have these and {PLAIN} in it.")))
}

/// A package's name for any text of plain characters.
pub fn package_name(text: &str) -> String {
    replaced(text, IN_NAME)
}

/// A package's version for any text of plain characters: rpm keeps `-` for itself,
/// and compares `_` as it compares any separator.
pub fn package_version(text: &str) -> String {
    replaced(text, IN_VERSION)
}

fn replaced(text: &str, allowed: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || allowed.contains(c) { c } else { '_' }).collect()
}

/// Text that stands for itself in a spec file and in a macro: one line.
pub fn literal(text: &str) -> String {
    text.replace('%', "%%").replace(['\n', '\r'], " ")
}

/// A template with `@NAME@` replaced by values.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_rpm_has_no_place_for_are_written_otherwise() {
        assert_eq!(package_version("1.0-2~rc1+git:3"), "1.0_2~rc1+git_3");
        assert_eq!(package_name("6.1.0-56-amd64+x@y"), "6.1.0-56-amd64+x_y");
    }

    #[test]
    fn names_with_a_meaning_are_refused() {
        for name in ["a b", "a'b", "%x", "a;b", "-a", "", "é"] {
            assert!(check("name", name).is_err(), "{name}");
        }
        assert!(check("name", "snd-hda_codec.2~rc1").is_ok());
    }

    #[test]
    fn values_are_put_in_once() {
        assert_eq!(filled("@A@ @B@", &[("A", "x"), ("B", "y")]), "x y");
        assert_eq!(literal("100%\nx"), "100%% x");
    }
}
