//! The distribution that mkinitrd is of: each takes other options.

use modsmith_plugin::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `mkinitrd -f IMAGE RELEASE`
    RedHat,
    /// `mkinitrd -k KERNEL -i IMAGE`, names in boot
    Suse,
    /// `mkinitrd -o IMAGE RELEASE`
    Debian,
    /// `mkinitrd -F -k RELEASE -o IMAGE`, with mkinitrd.conf(5); without that file
    /// geninitrd, which makes the image of the default kernel.
    Slackware,
}

/// Words of os-release, and files of systems without it.
const SYSTEMS: [(Form, &[&str], &[&str]); 4] = [
    (Form::Suse, &["suse", "opensuse", "sles", "sled"], &["SuSE-release", "UnitedLinux-release"]),
    (
        Form::RedHat,
        &["fedora", "rhel", "centos", "mandriva", "mageia", "openmandriva"],
        &["redhat-release", "mandrake-release"],
    ),
    (Form::Slackware, &["slackware"], &["slackware-version"]),
    (Form::Debian, &["debian", "ubuntu"], &["debian_version"]),
];

impl Form {
    pub fn of_system() -> Result<Self> {
        let ids = distro_ids();
        for (form, words, files) in SYSTEMS {
            let fits = match ids.is_empty() {
                true => Path::first_existing(files.iter().map(|name| Path::etc(*name)))?.is_some(),
                false => ids.iter().any(|id| words.contains(&id.as_str())),
            };
            if fits {
                return Ok(form);
            }
        }
        Err(unsupported("no mkinitrd of this system is known"))
    }

    pub fn program(self) -> Result<&'static str> {
        let program = match self {
            Form::Slackware if !Path::etc("mkinitrd.conf").exists()? => "geninitrd",
            _ => "mkinitrd",
        };
        has_program(program)?.then_some(program).ok_or_else(|| unsupported(format!("`{program}` is not installed")))
    }

    /// Names in boot; `*` stands for the kernel's release.
    pub fn images(self) -> &'static [&'static str] {
        match self {
            Form::RedHat => &["initrd-*.img"],
            Form::Suse => &["initrd-*"],
            Form::Debian => &["initrd.img-*"],
            Form::Slackware => &["initrd-*.img", "initrd-*.gz"],
        }
    }
}
