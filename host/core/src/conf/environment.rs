//! `DKMS_DIRECTIVE*` environment variables and `--directive` options.

use super::directives::{is_directive, parse_slot};

/// A directive's slot and its value.
pub(super) type Assignment = (String, u32, String);

/// What the environment sets: each blank-separated word `NAME=VALUE` or
/// `NAME[i]=VALUE` of the variables whose name starts with `DKMS_DIRECTIVE`, in
/// the order of those names. Other words mean nothing and are passed over.
pub(super) fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Vec<Assignment> {
    let mut found: Vec<_> = environment.into_iter().filter(|(name, _)| name.starts_with("DKMS_DIRECTIVE")).collect();
    found.sort();
    found.iter().flat_map(|(_, value)| value.split_whitespace().filter_map(assignment)).collect()
}

/// `NAME=VALUE` of a known directive.
fn assignment(word: &str) -> Option<Assignment> {
    let (name, value) = word.split_once('=')?;
    let (name, slot) = parse_slot(name)?;
    is_directive(name).then(|| (name.to_owned(), slot, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_a_variable_is_one_assignment() {
        let environment = [
            ("DKMS_DIRECTIVE_B", "STRIP[1]=no"),
            ("DKMS_DIRECTIVE", "AUTOINSTALL=no MAKE=a=b junk NOSUCH=x"),
            ("OTHER", "MAKE=x"),
        ];
        let found = from_environment(environment.map(|(n, v)| (n.to_owned(), v.to_owned())));
        let expected = [("AUTOINSTALL", 0, "no"), ("MAKE", 0, "a=b"), ("STRIP", 1, "no")];
        assert_eq!(found, expected.map(|(n, i, v)| (n.to_owned(), i, v.to_owned())));
    }
}
