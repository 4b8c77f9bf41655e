//! An edit of one file: what is to become of it, and what is said about that.

use crate::text::Text;

/// Which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    Add,
    Remove {
        /// Names of the modules that the kernel has, for places to go back to.
        present: Vec<String>,
    },
}

/// A file being edited. Every change is noted.
#[derive(Debug, Default)]
pub struct Edit {
    pub text: Text,
    /// Lines that went and came, as people read them: `- old`, `+ new`; and
    /// remarks on what could not be done.
    pub notes: Vec<String>,
}

impl Edit {
    pub fn new(bytes: &[u8]) -> Self {
        Self { text: Text::parse(bytes), notes: Vec::new() }
    }

    pub fn replace(&mut self, index: usize, body: Vec<u8>) {
        self.goes(index);
        self.notes.push(format!("+ {}", String::from_utf8_lossy(&body)));
        self.text.replace(index, body);
    }

    pub fn push(&mut self, body: Vec<u8>) {
        self.notes.push(format!("+ {}", String::from_utf8_lossy(&body)));
        self.text.push(body);
    }

    pub fn remove(&mut self, index: usize) {
        self.goes(index);
        self.text.remove(index);
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    fn goes(&mut self, index: usize) {
        let line = self.text.line(index).unwrap_or_default();
        self.notes.push(format!("- {}", String::from_utf8_lossy(line)));
    }
}
