//! What the configuration mounts and unlocks at every start.
//!
//! Source: fstab(5), crypttab(5).

use std::collections::BTreeSet;

use super::{Machine, Need, Use, kernel_name};

/// File systems that the start waits for and does not go on without: these hold programs.
const FIRST: [&str; 2] = ["/", "/usr"];

/// Types of file systems that are no module's own, or need no disk.
const OTHERS: [&str; 12] =
    ["auto", "none", "swap", "ignore", "proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "overlay", "bind", "cgroup2"];

/// Types whose failure the start does not wait for: they come over the network.
const NETWORK: [&str; 7] = ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs"];

impl Machine {
    /// The modules of the file systems and devices that the start stops without.
    pub(super) fn configured(&self) -> BTreeSet<Use> {
        let of = |file: &str, of_line: fn(&str) -> Option<Use>| {
            let text = self.text(file).unwrap_or_default();
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.filter_map(of_line).collect::<Vec<_>>()
        };
        of("etc/fstab", mounted).into_iter().chain(of("etc/crypttab", unlocked)).collect()
    }
}

/// Source: fstab(5). The start stops where a file system is missing that is neither `nofail` nor
/// `noauto`.
fn mounted(line: &str) -> Option<Use> {
    let mut words = line.split_whitespace();
    let (_, point, kind) = (words.next()?, words.next()?, words.next()?);
    let options = words.next().unwrap_or_default();
    if OTHERS.contains(&kind) || NETWORK.contains(&kind) || kind.starts_with("fuse") || is_left_out(options) {
        return None;
    }
    let need = if FIRST.contains(&point) { Need::Boot } else { Need::Session };
    let why = format!("/etc/fstab mounts {point} as a file system of type {kind}");
    Some(Use { need, module: kernel_name(kind), why })
}

/// Source: crypttab(5).
fn unlocked(line: &str) -> Option<Use> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let options = words.nth(2).unwrap_or_default();
    if is_left_out(options) {
        return None;
    }
    let is_first = options.split(',').any(|option| matches!(option, "initramfs" | "x-initrd.attach"));
    let need = if is_first { Need::Boot } else { Need::Session };
    Some(Use { need, module: "dm_crypt".to_owned(), why: format!("/etc/crypttab unlocks {name}") })
}

fn is_left_out(options: &str) -> bool {
    options.split(',').any(|option| matches!(option, "noauto" | "nofail" | "bind" | "rbind" | "_netdev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(fstab: &str, crypttab: &str) -> Vec<(Need, String)> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("etc/fstab"), fstab).unwrap();
        std::fs::write(dir.path().join("etc/crypttab"), crypttab).unwrap();
        Machine::of(dir.path()).configured().into_iter().map(|used| (used.need, used.module)).collect()
    }

    #[test]
    fn file_systems_that_the_start_waits_for_need_their_modules() {
        let fstab = "# comment\nUUID=1 / bcachefs defaults 0 1\n/dev/sda2 /home zfs\n/dev/sda3 none swap sw 0 0\n\
                     /dev/sdb1 /mnt btrfs nofail,ro 0 0\nserver:/x /net nfs defaults\ntmpfs /tmp tmpfs\nbroken\n\
                     /home /srv none bind\n/dev/sdc1 /data xfs noauto\nserver:/y /late ext4 _netdev\n";
        let needs = [(Need::Boot, "bcachefs".to_owned()), (Need::Session, "zfs".to_owned())];
        assert_eq!(machine(fstab, ""), needs);
    }

    #[test]
    fn encrypted_devices_need_the_module_that_unlocks_them() {
        assert_eq!(machine("", "data UUID=1 none luks\n"), [(Need::Session, "dm_crypt".to_owned())]);
        assert_eq!(machine("", "root UUID=1 none luks,initramfs\n"), [(Need::Boot, "dm_crypt".to_owned())]);
        assert_eq!(machine("", "data UUID=1 none luks,nofail\n# data\n"), []);
        assert_eq!(machine("", ""), []);
    }
}
