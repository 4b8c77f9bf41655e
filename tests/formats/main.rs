//! Package formats, made and loaded, read by the tools that use them.

mod deb_input;
mod deb_packages;
mod driver_disk_media;
mod driver_disk_packages;
mod driver_disk_refusals;
mod driver_disks;
mod pacman_packages;
mod rpm_loading;
mod rpm_packages;
mod rpm_specs;
mod rpm_upgrades;
mod sources;
mod sysext;
mod tarballs;
