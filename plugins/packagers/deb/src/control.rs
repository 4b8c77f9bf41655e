//! Control files: paragraphs of fields, as deb822(5) has them.

use modsmith_plugin::prelude::*;

/// Fields in their order. A value's further lines keep the blank that they begin
/// with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph(Vec<(String, String)>);

impl Paragraph {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a field, unless the value is empty.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
    }
}

impl std::fmt::Display for Paragraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in &self.0 {
            let gap = if value.starts_with('\n') { "" } else { " " };
            writeln!(f, "{name}:{gap}{value}")?;
        }
        Ok(())
    }
}

/// The paragraphs of a file, without its comments.
///
/// # Errors
/// `invalid` for a line that is neither a field nor goes on with one.
pub fn parse(text: &str) -> Result<Vec<Paragraph>> {
    let mut paragraphs = vec![Paragraph::default()];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.trim().is_empty() {
            paragraphs.push(Paragraph::default());
            continue;
        }
        let fields = &mut paragraphs.last_mut().expect("there is always one").0;
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut().ok_or_else(|| misread(line))?;
            value.push('\n');
            value.push_str(line.trim_end());
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| misread(line))?;
            fields.push((name.trim_end().to_owned(), value.trim().to_owned()));
        }
    }
    paragraphs.retain(|paragraph| !paragraph.0.is_empty());
    Ok(paragraphs)
}

fn misread(line: &str) -> Error {
    invalid(format!("`{}` is no field of a control file", line.trim()))
}

/// A list of packages with its variables filled in: versions are known, what
/// debhelper would find out is left out.
pub fn filled_in(relations: &str, version: &str) -> String {
    let known = |relation: &str| {
        let versions = ["${binary:Version}", "${source:Version}", "${Source-Version}"];
        let filled = versions.iter().fold(relation.trim().to_owned(), |text, name| text.replace(name, version));
        (!filled.is_empty() && !filled.contains("${")).then_some(filled)
    };
    relations.split(',').filter_map(known).collect::<Vec<_>>().join(", ")
}

/// Whether a list of packages names this one.
pub fn names(relations: &str, package: &str) -> bool {
    let name = |relation: &str| relation.trim().split([' ', '(', ':', '\n']).next() == Some(package);
    relations.split([',', '|']).any(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: &str =
        "# comment\nSource: a\nDescription: short\n long\n .\n more\n\n\nPackage: b\nDepends:\n x,\n y\n";

    #[test]
    fn paragraphs_are_read_and_written_again() {
        let paragraphs = parse(CONTROL).unwrap();
        assert_eq!(paragraphs.len(), 2);
        assert_eq!(paragraphs[0].get("source"), Some("a"));
        assert_eq!(paragraphs[0].get("Description"), Some("short\n long\n .\n more"));
        assert_eq!(paragraphs[1].to_string(), "Package: b\nDepends:\n x,\n y\n");
        assert!(parse(" x\n").is_err() && parse("nothing\n").is_err());
    }

    #[test]
    fn variables_of_debhelper_are_left_out() {
        assert_eq!(filled_in("dkms,\n ${misc:Depends}, x (= ${binary:Version})", "1.0"), "dkms, x (= 1.0)");
        assert_eq!(filled_in("${shlibs:Depends}", "1"), "");
    }

    #[test]
    fn a_package_is_found_by_its_name_alone() {
        assert!(names("make, dkms (>= 2.1) | x", "dkms") && !names("dkms-x", "dkms"));
    }
}
