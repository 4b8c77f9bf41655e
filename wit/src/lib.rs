//! The interface between modsmith and its plugins.
//!
//! One directory of this crate is one track of the interface: WIT files of one
//! package, which the host and the SDK of guests generate their bindings from.
//! The package of the SDK contains the text of its track itself.
//!
//! This crate knows nothing of how the interface is implemented.

/// A track of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Its version, without patch level: `1.0`.
    pub version: &'static str,
    /// The directory of its WIT files, on the machine that compiled this crate: for
    /// generators of bindings, which take a path.
    pub directory: &'static str,
    /// Its files: name and text.
    pub files: &'static [(&'static str, &'static str)],
    /// A line for each type and function: its interface, a colon, and the item with
    /// everything that a component is compiled against.
    pub signatures: &'static str,
}

/// Every track, the oldest first.
pub const TRACKS: [Track; 1] = [V1_0];

/// The track that plugins are written for.
pub const V1_0: Track = Track {
    version: "1.0",
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/v1.0"),
    files: &[
        ("host.wit", include_str!("../v1.0/host.wit")),
        ("requests.wit", include_str!("../v1.0/requests.wit")),
        ("roles.wit", include_str!("../v1.0/roles.wit")),
        ("types.wit", include_str!("../v1.0/types.wit")),
        ("worlds.wit", include_str!("../v1.0/worlds.wit")),
    ],
    signatures: include_str!("../v1.0/signatures.txt"),
};

impl Track {
    /// All files as one text of WIT: the file that names the package comes first, because
    /// parsers take that line only before everything else.
    pub fn text(&self) -> String {
        let names_package = |text: &str| text.lines().any(|line| line.starts_with("package "));
        let (first, rest): (Vec<_>, Vec<_>) = self.files.iter().partition(|(_, text)| names_package(text));
        first.into_iter().chain(rest).map(|(_, text)| text.trim_end()).collect::<Vec<_>>().join("\n\n") + "\n"
    }

    /// Source code with `@WIT@` replaced by the directory: for build scripts, since
    /// macros that generate bindings take their path from a literal only.
    ///
    /// Prints what cargo has to know about it.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn generate(&self, template: &str, out: &std::path::Path) -> std::io::Result<()> {
        println!("cargo::rerun-if-changed={template}");
        println!("cargo::rerun-if-changed={}", self.directory);
        std::fs::write(out, std::fs::read_to_string(template)?.replace("@WIT@", self.directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_names_the_package_once_before_all_interfaces() {
        for track in TRACKS {
            let text = track.text();
            assert_eq!(text.matches("\npackage ").count(), 1, "{}", track.version);
            assert!(text.find("\npackage ") < text.find("\ninterface "), "{}", track.version);
            assert!(track.files.iter().all(|(_, file)| text.contains(file.trim_end())), "{}", track.version);
        }
    }

    #[test]
    fn every_file_of_a_track_is_in_it() {
        for track in TRACKS {
            let entries = std::fs::read_dir(track.directory).unwrap().map(|entry| entry.unwrap().file_name());
            let mut found: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
            found.retain(|name| name.ends_with(".wit"));
            found.sort();
            assert_eq!(
                found,
                track.files.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
                "{}",
                track.version
            );
        }
    }
}
