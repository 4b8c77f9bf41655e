//! Placeholders that were left in a dkms.conf.
//!
//! Many projects ship a template: `configure` or the tool that makes a package
//! writes the version into it. Read as it is, the placeholder is a value like any
//! other, so that the package is called `hello/@VERSION@`.

use super::{Evaluated, Origin};

/// A value that nothing has been filled into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    pub directive: String,
    pub slot: u32,
    /// As it stands in the value: `@VERSION@`.
    pub text: String,
    /// The program that fills in such a placeholder.
    filled_by: &'static str,
}

/// How placeholders are written: what is on both sides of a name, and who fills
/// them in.
struct Form {
    open: &'static str,
    close: &'static str,
    filled_by: &'static str,
    /// Whether the same characters have a meaning in shell text. Then only a value
    /// that is a placeholder as a whole counts as one.
    whole: bool,
}

const PACKAGING: &str = "the tool that makes a package of this source";
const CONFIGURE: &str = "the `configure` script of this source, or the tool that makes a package of it,";

/// The longer ones first: `__VERSION__` is not `_VERSION_` between two others.
const FORMS: [Form; 7] = [
    Form { open: "#", close: "#", filled_by: PACKAGING, whole: false },
    Form { open: "@", close: "@", filled_by: CONFIGURE, whole: false },
    Form { open: "{{", close: "}}", filled_by: PACKAGING, whole: true },
    Form { open: "%%", close: "%%", filled_by: PACKAGING, whole: true },
    Form { open: "%", close: "%", filled_by: PACKAGING, whole: true },
    Form { open: "__", close: "__", filled_by: PACKAGING, whole: true },
    Form { open: "_", close: "_", filled_by: PACKAGING, whole: true },
];

/// The placeholders in the values that files gave, at most one for each value.
pub(super) fn placeholders(evaluated: &Evaluated) -> Vec<Placeholder> {
    let mut found = Vec::new();
    for (directive, slots) in &evaluated.directives {
        for (slot, value) in slots.iter().filter(|(_, slot)| matches!(slot.origin, Origin::File(_))) {
            if let Some((text, filled_by)) = in_value(&value.value) {
                found.push(Placeholder { directive: directive.clone(), slot: *slot, text: text.to_owned(), filled_by });
            }
        }
    }
    found
}

fn in_value(value: &str) -> Option<(&str, &'static str)> {
    FORMS.iter().find_map(|form| {
        let text = match form.whole {
            true => is_placeholder(value, form).then_some(value),
            false => inside(value, form),
        };
        Some((text?, form.filled_by))
    })
}

/// The first placeholder of this form anywhere in a value.
fn inside<'v>(value: &'v str, form: &Form) -> Option<&'v str> {
    value.match_indices(form.open).find_map(|(start, open)| {
        let rest = &value[start + open.len()..];
        let end = start + open.len() + rest.find(form.close)? + form.close.len();
        Some(&value[start..end]).filter(|text| is_placeholder(text, form))
    })
}

/// Whether a text is one placeholder: an upper-case name, as such names are, so
/// that neither an address nor a date's format is taken for one.
fn is_placeholder(text: &str, form: &Form) -> bool {
    let name = text.strip_prefix(form.open).and_then(|rest| rest.strip_suffix(form.close));
    let Some(name) = name.map(str::trim) else { return false };
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '-';
    name.len() > 2 && name.contains(|c: char| c.is_ascii_uppercase()) && name.chars().all(plain)
}

impl Placeholder {
    /// Whether the package is called by it.
    pub fn is_of_name(&self) -> bool {
        ["PACKAGE_NAME", "PACKAGE_VERSION"].contains(&self.directive.as_str())
    }

    /// Explains the placeholder: what it is, which program fills it in, and what to do.
    pub fn explanation(&self, file: &std::path::Path) -> String {
        let Self { directive, slot, text, filled_by } = self;
        let directive = if *slot == 0 { directive.clone() } else { format!("{directive}[{slot}]") };
        let meant = match directive.as_str() {
            "PACKAGE_VERSION" => "the version",
            "PACKAGE_NAME" => "the name",
            _ => "a value",
        };
        format!(
            "{directive} in {} contains the placeholder `{text}`, which was not replaced: {filled_by} writes {meant} there. \
             Write {meant} there by hand, or use the packaged source.",
            file.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_known() {
        for (value, text) in [
            ("#MODULE_VERSION#", "#MODULE_VERSION#"),
            ("@VERSION@", "@VERSION@"),
            ("@PKGVER@", "@PKGVER@"),
            ("@_PKGBASE@", "@_PKGBASE@"),
            ("_VERSION_", "_VERSION_"),
            ("__VERSION__", "__VERSION__"),
            ("%VERSION%", "%VERSION%"),
            ("%%VERSION%%", "%%VERSION%%"),
            ("{{ VERSION }}", "{{ VERSION }}"),
            ("1.0-@PACKAGE_REVISION@", "@PACKAGE_REVISION@"),
            ("make M=/usr/src/x-#MODULE_VERSION#/y", "#MODULE_VERSION#"),
        ] {
            assert_eq!(in_value(value).map(|found| found.0), Some(text), "{value}");
        }
    }

    #[test]
    fn ordinary_values_are_none() {
        for value in [
            "",
            "1.0",
            "1.0+git20240101",
            "r8168",
            "VERSION",
            "_x_",
            "a@b.example",
            "me@HOST",
            "@home@",
            "make # all # of it",
            "date +%Y%m%d",
            "make V=1 CFLAGS=-D_GNU_SOURCE_",
            "@@",
            "##",
            "make X=a@B@c",
        ] {
            assert_eq!(in_value(value), None, "{value}");
        }
    }
}
