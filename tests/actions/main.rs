//! What each action does to the tree and to the system: the states, the files, the lines that it prints.

mod administrators_files;
mod archive_places;
mod autoinstall;
mod boot_image;
mod compression;
mod conf_readings;
mod dkms_3_4;
mod dry_run;
mod failed_builds;
mod failure_causes;
mod modprobe_config;
mod old_kernels;
mod one_job;
mod options;
mod parallel;
mod read_only;
mod records;
mod reinstall;
mod remove;
mod shims;
mod signing;
mod signing_keys;
mod signing_policy;
mod target_root;
mod verify;
mod weak_links;
