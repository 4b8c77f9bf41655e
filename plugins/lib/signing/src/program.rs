//! The program that signs.

use modsmith_plugin::prelude::*;

/// The word for `sign_file` that asks for a signature without any program: the
/// plugin that makes it.
pub const BUILT_IN: &str = "pkcs7-signer";

/// The program that `sign_file` names, if it is set; it has to exist.
pub fn configured_program() -> Result<Option<Argument>> {
    match setting("sign_file")? {
        None => Ok(None),
        Some(word) if word == BUILT_IN => Err(unsupported("")),
        Some(path) if is_program(&path) => Ok(Some(path.into())),
        Some(path) => Err(unsupported(format!("sign_file names {path}, which is not an executable file"))),
    }
}

/// The first of these files that is there, else the one among the kernel's
/// headers. `Err` holds all of them.
pub fn among_headers(places: impl IntoIterator<Item = Path>) -> Result<Path, Vec<Path>> {
    let places: Vec<Path> = places.into_iter().chain([Path::headers("scripts/sign-file")]).collect();
    places.iter().find(|place| is_program(&place.to_string())).cloned().ok_or(places)
}

/// Whether a program is there that the plugin may run.
pub fn is_program(name: &str) -> bool {
    has_program(name).unwrap_or(false)
}

/// Why there is no program to sign with.
pub fn no_program(release: &str, places: &[Path]) -> Error {
    let places: Vec<String> = places.iter().map(|at| at.absolute().unwrap_or_else(|_| at.to_string())).collect();
    unsupported(format!(
        "there is no sign-file program for kernel {release}: not at {}; name one with the setting sign_file",
        places.join(", ")
    ))
}
