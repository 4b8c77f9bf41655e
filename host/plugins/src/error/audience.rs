//! Messages for the author of a plugin. Refusals are written for administrators, and name the author
//! as the one to ask; the tools for authors print the same refusals without that.

/// A phrase of a message for administrators, and the phrase in its place for authors.
const PHRASES: [(&str, &str); 4] = [
    ("ask its author to ", ""),
    (", or use another plugin", ""),
    ("; report this to its author", ""),
    ("else report it to its author", "else have it do less"),
];

/// Changes a message for administrators into one for the author of the plugin: `ask its author to add
/// one` becomes `add one`.
pub fn for_author(message: &str) -> String {
    PHRASES.iter().fold(message.to_owned(), |text, (administrators, authors)| text.replace(administrators, authors))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_author_reads_what_to_write() {
        for (for_the_administrator, for_the_author) in [
            ("no `[[run]]` entry; ask its author to add one, or use another plugin", "no `[[run]]` entry; add one"),
            ("it stays with the host; report this to its author", "it stays with the host"),
            ("raise `fuel`; else report it to its author.", "raise `fuel`; else have it do less."),
        ] {
            assert_eq!(for_author(for_the_administrator), for_the_author);
        }
    }

    /// In the source of this crate, a sentence names the author in these ways only.
    #[test]
    fn no_other_words_send_an_author_to_the_author() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = 0;
        for entry in walkdir::WalkDir::new(source).into_iter().map(|entry| entry.unwrap().into_path()) {
            if entry.ends_with("audience.rs") || entry.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            let text = text.replace("\\\n", " ");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text =
                ["#[cfg(test)]", "#[test]"].iter().fold(text.as_str(), |text, tests| text.split(tests).next().unwrap());
            found += text.matches("its author").count();
            // This hint is about an installation from a registry, which authors' tools do not make.
            let left = for_author(&text.replace("Ask its author why", ""));
            assert!(!left.contains("its author"), "{}", entry.display());
        }
        assert!(found > 10, "{found}");
    }
}
