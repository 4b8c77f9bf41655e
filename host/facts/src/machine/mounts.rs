//! What the root file system depends on.

use std::collections::BTreeSet;

use super::{Machine, Need, Use, kernel_name};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    point: String,
    kind: String,
    /// As it was named to mount(8).
    source: String,
    /// `MAJOR:MINOR`
    device: String,
}

/// Mount points that a system needs before it can load modules from its own disk.
const POINTS: [&str; 2] = ["/", "/usr"];

impl Machine {
    /// The types of the file systems that the system cannot start without, each with its
    /// mount point; the one that is mounted last hides others. `None` where the kernel does
    /// not say.
    pub fn root_file_systems(&self) -> Option<Vec<(String, String)>> {
        Some(self.root_mounts()?.into_iter().map(|mount| (mount.point, mount.kind)).collect())
    }

    /// The type of the file system that is mounted at an absolute path; `None` where nothing is,
    /// or where the kernel does not say.
    pub fn mounted(&self, at: &str) -> Option<String> {
        Some(self.mounts()?.into_iter().rfind(|mount| mount.point == at)?.kind)
    }

    fn mounts(&self) -> Option<Vec<Mount>> {
        let text = self.text("proc/self/mountinfo").or_else(|| self.text("proc/1/mountinfo"))?;
        Some(text.lines().filter_map(mount).collect())
    }

    fn root_mounts(&self) -> Option<Vec<Mount>> {
        let mounts = self.mounts()?;
        Some(POINTS.iter().filter_map(|point| mounts.iter().rfind(|mount| mount.point == *point).cloned()).collect())
    }

    /// The modules of the file systems, and of every device below them.
    pub(super) fn root_stack(&self) -> BTreeSet<Use> {
        let mut uses = BTreeSet::new();
        for Mount { point, kind, source, device } in self.root_mounts().unwrap_or_default() {
            let why = format!("{point} is a file system of type {kind}");
            uses.insert(Use { need: Need::Boot, module: kernel_name(&kind), why });
            let device = match self.block_device(&device, &source) {
                Some(device) => device,
                None => continue,
            };
            let below = self.below_block_device(&device);
            uses.extend(below.into_iter().map(|(module, device)| Use {
                need: Need::Boot,
                module,
                why: format!("{point} is on the device {device}"),
            }));
        }
        uses
    }

    /// The device's directory in `/sys`. File systems of several devices have a number of
    /// their own: then the source names one of the devices.
    fn block_device(&self, number: &str, source: &str) -> Option<String> {
        let by_number = format!("sys/dev/block/{number}");
        if self.path(&by_number).is_dir() {
            return Some(by_number);
        }
        let file = self.path(source.strip_prefix("/dev/").map(|name| format!("dev/{name}"))?.as_str());
        let by_name = format!("sys/class/block/{}", file.file_name()?.to_string_lossy());
        self.path(&by_name).is_dir().then_some(by_name)
    }
}

/// Source: proc_pid_mountinfo(5).
fn mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let mut right = right.split(' ');
    Some(Mount {
        device: (*left.get(2)?).to_owned(),
        point: (*left.get(4)?).to_owned(),
        kind: right.next()?.to_owned(),
        source: right.next()?.to_owned(),
    })
}
