//! A machine of its own, emulated: what it says on its console is the result.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tool;

/// What a kernel needs to start: files of the host.
#[derive(Debug, Clone, Copy)]
pub struct Boot<'b> {
    pub kernel: &'b Path,
    pub initrd: &'b Path,
    /// The command line, beside the console.
    pub command_line: &'b str,
    /// A raw image of a disk.
    pub disk: Option<&'b Path>,
}

/// The output of the machine until it turns itself off, restarts or panics.
///
/// # Panics
/// When it does none of that within fifteen minutes, or cannot be started.
pub fn console(boot: Boot<'_>) -> String {
    // Found before, so that a missing one is told with its package.
    tool::path("qemu-system-x86_64");
    let mut machine = Command::new(tool::path("timeout"));
    machine
        .args(["900", "qemu-system-x86_64", "-accel", "tcg", "-m", "1024", "-nographic", "-no-reboot", "-nic", "none"])
        .arg("-kernel")
        .arg(boot.kernel)
        .arg("-initrd")
        .arg(boot.initrd)
        .args(["-append", &format!("console=ttyS0 panic=-1 {}", boot.command_line)]);
    if let Some(disk) = boot.disk {
        machine.args(["-drive", &format!("file={},format=raw,if=virtio", disk.display())]);
    }
    tool::run(&mut machine)
}

/// The files of a directory as a boot image.
///
/// # Panics
/// When cpio fails.
pub fn boot_image(directory: &Path, image: &Path) {
    let mut names: Vec<String> = walkdir::WalkDir::new(directory)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter_map(|path| Some(path.strip_prefix(directory).ok()?.to_str()?.to_owned()))
        .filter(|name| !name.is_empty())
        .collect();
    names.push(String::new());
    let file = std::fs::File::create(image).expect("writable");
    let mut cpio = Command::new(tool::path("cpio"))
        .args(["--quiet", "-o", "-H", "newc", "-R", "0:0"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(file)
        .spawn()
        .expect("cpio starts");
    cpio.stdin.take().expect("a pipe").write_all(names.join("\n").as_bytes()).expect("cpio reads");
    assert!(cpio.wait().expect("cpio ends").success(), "cpio failed");
}
