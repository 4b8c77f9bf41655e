//! Which modules drive a device, and the devices that the device is on.
//!
//! Source: the kernel's `Documentation/ABI/stable/sysfs-block`,
//! `Documentation/driver-api/driver-model`, `drivers/md/dm-sysfs.c`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Machine, kernel_name};
use crate::inside;

/// The most devices that one file system is on.
const MOST_DEVICES: usize = 1000;

/// Kinds of mapped devices, by the begin of their UUID, and the module of each.
const MAPPED: [(&str, &str); 5] = [
    ("CRYPT-", "dm_crypt"),
    ("LVM-", "dm_mod"),
    ("mpath-", "dm_multipath"),
    ("RAID-", "dm_raid"),
    ("DMRAID-", "dm_raid"),
];

impl Machine {
    /// Modules of a block device and of all devices below it, each with the device's name.
    pub(super) fn below_block_device(&self, directory: &str) -> Vec<(String, String)> {
        let mut todo = vec![self.path(directory)];
        let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
        while let Some(device) = todo.pop() {
            if !seen.insert(device.clone()) || seen.len() > MOST_DEVICES {
                continue;
            }
            let name = name_of(&device);
            let uuid = inside::read_configuration_text(&device.join("dm/uuid")).unwrap_or_default();
            if let Some((_, module)) = MAPPED.iter().find(|(kind, _)| uuid.starts_with(kind)) {
                found.push(((*module).to_owned(), name.clone()));
            }
            found.extend(self.drivers(&device).into_iter().map(|module| (module, name.clone())));
            let slaves = std::fs::read_dir(device.join("slaves")).into_iter().flatten().filter_map(Result::ok);
            todo.extend(slaves.map(|slave| self.resolved(&slave.path())));
            // A partition is on the device whose directory holds its own.
            if device.join("partition").exists()
                && let Some(whole) = device.parent()
            {
                todo.push(whole.to_path_buf());
            }
        }
        found
    }

    /// The modules that drive a device and the devices that it is connected by.
    pub(super) fn drivers(&self, device: &Path) -> Vec<String> {
        let devices = self.path("sys/devices");
        // A device of a class names the device that it belongs to.
        let start = self.resolved(&device.join("device"));
        let start = if start.is_dir() { start } else { self.resolved(device) };
        let up = start.ancestors().take_while(|directory| directory.starts_with(&devices) && *directory != devices);
        let module = |directory: &Path| {
            let driver = self.resolved(&directory.join("driver"));
            let module = std::fs::read_link(driver.join("module")).ok()?;
            Some(kernel_name(&name_of(&module)))
        };
        up.filter_map(module).collect()
    }

    /// A path of this machine below the root, with its links followed inside of the root.
    pub(super) fn resolved(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        inside::locate_in_root(&self.root, below)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
