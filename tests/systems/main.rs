//! Whole systems, from nothing: installed, booted, upgraded. Most of these are part of `make test-all`.

mod boot;
mod boot_image_tools;
mod build_systems;
mod chroot;
mod deb_chroot;
mod dnf5_chroot;
mod pair_chroot;
mod rpm_chroot;
mod takeover_chroot;
mod toolchain;
mod walls_chroot;
