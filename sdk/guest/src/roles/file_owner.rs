use crate::bindings::file_owner::exports::modsmith::plugin::file_owner as wit;
use crate::bindings::imports::modsmith::plugin::answers;
use crate::{OwnerRequest, Result};

/// A file that a package of the system owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFile {
    /// As the request names it.
    pub file: String,
    /// The package's name.
    pub package: String,
}

/// Says which files the system's package manager answers for.
pub trait FileOwner {
    /// Returns those of the request's files that a package owns; `unsupported` if the package manager of
    /// this system cannot be asked.
    fn owners(request: &OwnerRequest) -> Result<Vec<OwnedFile>>;
}

impl OwnerRequest {
    /// Asks a probe about one file after the other, where the answer does not say which file it is
    /// about. `owner` reads an answer: the packages that own the file, if any does.
    ///
    /// # Errors
    /// Returns the errors of the query, and those of `owner`.
    pub fn ask_each(
        &self,
        probe: &str,
        owner: impl Fn(&str, &str) -> Result<Option<String>>,
    ) -> Result<Vec<OwnedFile>> {
        let mut owned = Vec::new();
        for file in self.files() {
            let answer = self.query(probe, std::slice::from_ref(&file))?;
            owned.extend(owner(&answer, &file)?.map(|package| OwnedFile { file, package }));
        }
        Ok(owned)
    }
}

impl<P: FileOwner> wit::Guest for P {
    fn owners(request: &OwnerRequest) -> Result<Vec<answers::OwnedFile>> {
        crate::panic::enter();
        let owned = P::owners(request)?;
        Ok(owned.iter().map(|owned| answers::OwnedFile::new(&owned.file, &owned.package)).collect())
    }
}
