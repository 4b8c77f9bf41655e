//! The common code of store plugins: each names the one place that the administrator's settings have.

use modsmith_plugin::prelude::*;

/// The place of the settings `address` and `keys`.
///
/// # Errors
/// `unsupported`: `address` is not set.
pub fn place(kind: PlaceKind) -> Result<Vec<Place>> {
    let address = setting("address")?.ok_or_else(|| unsupported("`address` is not set"))?;
    Ok(vec![Place { kind, address, keys: setting_list("keys")? }])
}
