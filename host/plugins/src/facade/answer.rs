//! Answers of the plugins of a role.

/// The answer of the plugins of a role to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    Given {
        plugin: String,
        value: T,
    },
    /// None was responsible: each plugin that was asked, and its reason.
    Unsupported(Vec<(String, String)>),
}

impl<T> Answer<T> {
    /// The value, if a plugin gave one.
    pub fn value(self) -> Option<T> {
        match self {
            Answer::Given { value, .. } => Some(value),
            Answer::Unsupported(_) => None,
        }
    }
}
