//! The first entry of a Debian changelog, as deb-changelog(5) has it.

use chrono::DateTime;
use modsmith_plugin::prelude::*;

/// What packages take from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub source: String,
    pub version: String,
    pub distribution: String,
    pub urgency: String,
    /// Name and address.
    pub author: String,
    pub date: String,
    /// All its lines but the last, without blank ones at the ends.
    pub text: Vec<String>,
}

/// # Errors
/// `invalid` for what does not begin with an entry.
pub fn first(changelog: &str) -> Result<Entry> {
    let no_entry = || {
        invalid(
            "debian/changelog does not begin with `NAME (VERSION) DISTRIBUTION; urgency=…` and a line ` -- Name <address>  date`",
        )
    };
    let mut lines = changelog.lines().skip_while(|line| line.trim().is_empty());
    let title = lines.next().ok_or_else(no_entry)?;
    let (source, rest) = title.split_once(" (").ok_or_else(no_entry)?;
    let (version, rest) = rest.split_once(')').ok_or_else(no_entry)?;
    let (distribution, options) = rest.split_once(';').ok_or_else(no_entry)?;
    let urgency = options.split(',').find_map(|option| option.trim().strip_prefix("urgency="));
    let mut text = vec![title.to_owned()];
    for line in lines {
        if let Some(trailer) = line.strip_prefix(" -- ") {
            let (author, date) = trailer.split_once("  ").ok_or_else(no_entry)?;
            while text.last().is_some_and(|line| line.trim().is_empty()) {
                text.pop();
            }
            return Ok(Entry {
                source: source.trim().into(),
                version: version.into(),
                distribution: distribution.trim().into(),
                urgency: urgency.unwrap_or("medium").trim().into(),
                author: author.trim().into(),
                date: date.trim().into(),
                text,
            });
        }
        text.push(line.trim_end().to_owned());
    }
    Err(no_entry())
}

/// A date as changelogs have it, from seconds since 1970.
pub fn date(seconds: u64) -> String {
    let date = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    date.unwrap_or_default().format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "\ndemo-dkms (1.0) stable; urgency=low\n\n  * New.\n  * Other.\n\n -- A B <a@b.org>  Sat, 01 Jan 2000 00:00:00 +0000\n\ndemo-dkms (0.9) x; urgency=low\n";

    #[test]
    fn the_first_entry_says_what_packages_need() {
        let entry = first(CHANGELOG).unwrap();
        assert_eq!((entry.source.as_str(), entry.version.as_str()), ("demo-dkms", "1.0"));
        assert_eq!((entry.distribution.as_str(), entry.urgency.as_str()), ("stable", "low"));
        assert_eq!((entry.author.as_str(), entry.date.as_str()), ("A B <a@b.org>", "Sat, 01 Jan 2000 00:00:00 +0000"));
        assert_eq!(entry.text, ["demo-dkms (1.0) stable; urgency=low", "", "  * New.", "  * Other."]);
    }

    #[test]
    fn what_is_no_changelog_is_refused() {
        for bad in ["", "demo", "demo (1.0) stable; urgency=low\n\n  * x\n"] {
            assert!(first(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_are_those_of_mail() {
        assert_eq!(date(946_684_800), "Sat, 01 Jan 2000 00:00:00 +0000");
        assert_eq!(date(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 +0000");
    }
}
