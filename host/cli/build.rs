//! Links the program with packed relative relocations (DT_RELR): 1.8 MB less of 29. glibc reads
//! them since 2.36 (its NEWS), so a system with an older one gets the usual table.

use std::ffi::{CStr, c_char};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    fn gnu_get_libc_version() -> *const c_char;
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_for_this_system = std::env::var("HOST") == std::env::var("TARGET");
    if is_for_this_system && glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this system's glibc; `None`: it has another C library.
fn glibc() -> Option<(u32, u32)> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the function returns a string that lives as long as the program, gnu_get_libc_version(3).
    let version = unsafe { CStr::from_ptr(gnu_get_libc_version()) };
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let version = c"";
    let (major, minor) = version.to_str().ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
