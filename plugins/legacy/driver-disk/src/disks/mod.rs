//! What the installers of distributions expect on a driver disk.

pub mod redhat;
pub mod redhat3;
pub mod suse;
pub mod ubuntu;

use modsmith_plugin::packaging::Files;

/// A driver disk before it is put on a medium.
#[derive(Debug)]
pub struct Disk {
    /// The name of its file, without the medium's suffix.
    pub name: String,
    pub files: Files,
    /// Of a floppy.
    pub system: FileSystem,
    /// Of a floppy; of others it is the module package's name.
    pub label: Option<&'static str>,
    /// Sentences about what an installer may miss.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    Fat,
    Ext2,
}

/// The label by which installers since 2010 find driver disks unasked.
pub const DRIVERS: &str = "OEMDRV";

/// A text as one word for a shell, with any characters in it.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-/~:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn words_that_a_shell_would_take_apart_are_quoted() {
        let words = ["6.1.0-56-amd64", "a b", "it's", "$(x)", ""].map(shell_word);
        assert_eq!(words, ["6.1.0-56-amd64", "'a b'", r"'it'\''s'", "'$(x)'", "''"]);
    }
}
