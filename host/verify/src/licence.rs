//! Licences, as the kernel tells them apart.

/// Whether a module of this licence may use what only modules of the kernel's own
/// licence may use; `None` is a module that names none.
///
/// Source: the kernel's `include/linux/license.h`.
pub fn is_gpl_compatible(license: Option<&str>) -> bool {
    const LICENSES: [&str; 6] =
        ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];
    license.is_some_and(|license| LICENSES.contains(&license))
}
