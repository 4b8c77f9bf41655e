//! Asks the package manager `packages` which package owns a file.

use modsmith_plugin::prelude::*;

struct Plugin;

impl FileOwner for Plugin {
    fn owners(request: &OwnerRequest) -> Result<Vec<OwnedFile>> {
        request.ask_each("owner", owner)
    }
}

/// The answer is the package's name, or `none`.
fn owner(answer: &str, file: &str) -> Result<Option<String>> {
    match answer.trim() {
        "none" => Ok(None),
        "" => Err(other(format!("`packages` does not say who owns {file}"))),
        package => Ok(Some(package.to_owned())),
    }
}

export!(Plugin: FileOwner);
