//! The date in SOURCE_DATE_EPOCH: nothing that is made may be newer than it.
//!
//! Source: <https://reproducible-builds.org/specs/source-date-epoch/>.

/// The seconds since the epoch in the value of SOURCE_DATE_EPOCH. `None`: the text is no number, a negative
/// one, or one that no file system has room for.
pub fn source_date(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|seconds| i64::try_from(*seconds).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_number_of_seconds_with_or_without_blanks() {
        for text in ["1700000000", " 1700000000", "1700000000\n"] {
            assert_eq!(source_date(text), Some(1_700_000_000), "{text:?}");
        }
        for text in ["", " ", "yesterday", "-1", "1.5", "9223372036854775808"] {
            assert_eq!(source_date(text), None, "{text:?}");
        }
    }
}
