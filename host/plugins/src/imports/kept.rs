//! Values that the host keeps for a plugin until the call returns: answers, commands and pieces of
//! files grow with each call of a method, and the limit of the plugin's own memory does not count
//! them.

use super::CallState;
use crate::bindings::modsmith::plugin::types;

/// A value that a plugin hands over.
pub(super) trait Kept {
    /// Bytes that keeping it takes, apart from a few words.
    fn size(&self) -> usize;
}

impl Kept for String {
    fn size(&self) -> usize {
        self.len()
    }
}

impl Kept for Vec<u8> {
    fn size(&self) -> usize {
        self.len()
    }
}

impl Kept for Vec<String> {
    fn size(&self) -> usize {
        self.iter().map(|text| text.len() + WORDS).sum()
    }
}

impl Kept for types::Path {
    fn size(&self) -> usize {
        self.root.len() + self.relative.len()
    }
}

impl Kept for types::Argument {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.size(),
            Self::Location(path) => path.size(),
        }
    }
}

macro_rules! small {
    ($($type:ty),*) => {
        $(impl Kept for $type {
            fn size(&self) -> usize {
                0
            }
        })*
    };
}

small!(bool, char, u8, u32);

/// The bytes that each value takes besides its own.
const WORDS: usize = 64;

/// Implements a method that completes a resource by what it is given.
macro_rules! completes {
    ($name:ident($resource:ty $(, $argument:ident: $type:ty)*) |$answer:ident| $body:expr) => {
        fn $name(&mut self, this: Resource<$resource> $(, $argument: $type)*) -> wasmtime::Result<()> {
            self.keep(&[$(&$argument),*])?;
            let $answer = self.table.get_mut(&this)?;
            $body;
            Ok(())
        }
    };
}
pub(super) use completes;

impl CallState {
    /// Counts values that the host keeps.
    ///
    /// # Errors
    /// There is no room for more: the call ends.
    pub(super) fn keep(&mut self, values: &[&dyn Kept]) -> wasmtime::Result<()> {
        let size: usize = values.iter().map(|value| value.size() + WORDS).sum();
        self.kept = self.kept.saturating_add(size);
        if self.kept > self.limits.content_mib.saturating_mul(1 << 20) {
            let limit = self.limits.keeps_no_more();
            return Err(wasmtime::Error::new(self.exceed(limit)));
        }
        Ok(())
    }
}
