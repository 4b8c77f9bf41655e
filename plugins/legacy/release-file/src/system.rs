//! Which system it is, by its files, and what follows from that.

use modsmith_plugin::prelude::*;

/// A system with the first numbers of its release: `(10, 2)` for 10.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Also those that were built from it, such as CentOS.
    Rhel(u32),
    Fedora(u32),
    /// Before RHEL and Fedora.
    RedHatLinux,
    Sles(u32),
    SuseLinux(u32, u32),
    UnitedLinux,
}

impl System {
    pub fn of_files() -> Option<Self> {
        let text = |path: Path| path.read_text().ok().flatten();
        // A kernel that is prepared in UnitedLinux's way leaves its version there.
        let united = || {
            let files = [Path::etc("UnitedLinux-release"), Path::boot("vmlinuz.version.h")];
            matches!(Path::first_existing(files), Ok(Some(_))).then_some(System::UnitedLinux)
        };
        let red_hat = || System::of_redhat_release(&text(Path::etc("redhat-release"))?);
        united().or_else(|| System::of_suse_release(&text(Path::etc("SuSE-release"))?)).or_else(red_hat)
    }

    /// `CentOS release 6.10 (Final)`, `Fedora Core release 5 (Bordeaux)`.
    fn of_redhat_release(text: &str) -> Option<Self> {
        let (name, release) = text.lines().next()?.split_once(" release ")?;
        let (release, _) = numbers(release)?;
        Some(match name {
            "Red Hat Linux" => System::RedHatLinux,
            name if name.starts_with("Fedora") => System::Fedora(release),
            _ => System::Rhel(release),
        })
    }

    /// A sentence, then lines such as `VERSION = 10.2`.
    fn of_suse_release(text: &str) -> Option<Self> {
        let version = text.lines().find_map(|line| line.strip_prefix("VERSION")?.trim_start().strip_prefix('='))?;
        let (release, minor) = numbers(version)?;
        let enterprise = text.lines().next().is_some_and(|line| line.contains("Enterprise"));
        Some(if enterprise { System::Sles(release) } else { System::SuseLinux(release, minor) })
    }

    /// Where all modules go; `None`: where their package asks for. dkms 2.0.22
    /// has the last rule for the oldest.
    pub fn directory(self) -> Option<&'static str> {
        match self {
            System::Rhel(5..) | System::Fedora(6..) => Some("extra"),
            System::Sles(10..) | System::SuseLinux(11.., _) | System::SuseLinux(10, 2..) => Some("updates"),
            _ => None,
        }
    }

    /// Where headers are when the kernel's `build` link leads nowhere.
    pub fn header_directories(self, release: &str) -> Vec<String> {
        let version = release.split('-').next().unwrap_or_default();
        match self {
            System::Rhel(5..) | System::Fedora(3..) => vec![format!("/usr/src/kernels/{release}")],
            System::Rhel(_) | System::Fedora(_) | System::RedHatLinux => {
                // The sources of all flavours: Red Hat's 2.4 kernels.
                let plain = release.trim_end_matches(|c: char| c.is_ascii_lowercase());
                vec![format!("/usr/src/linux-{plain}"), format!("/usr/src/linux-{version}")]
            }
            System::Sles(_) | System::SuseLinux(..) => {
                let plain = release.rsplit_once('-').map_or(release, |(plain, _)| plain);
                vec![format!("/usr/src/linux-{plain}"), format!("/usr/src/linux-{version}")]
            }
            System::UnitedLinux => vec![format!("/usr/src/linux-{version}")],
        }
    }

    pub fn header_package(self, release: &str) -> String {
        match self {
            System::Rhel(5..) | System::Fedora(4..) => format!("kernel-devel-{release}"),
            _ => "kernel-source".into(),
        }
    }
}

/// The first two numbers of a text, the second 0 when there is one only.
fn numbers(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let first = parts.next()?.parse().ok()?;
    Some((first, parts.next().and_then(|part| part.parse().ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_redhat_release_names_the_system() {
        let cases = [
            ("Red Hat Enterprise Linux AS release 4 (Nahant Update 8)", Some(System::Rhel(4))),
            ("CentOS release 6.10 (Final)", Some(System::Rhel(6))),
            ("Fedora Core release 5 (Bordeaux)", Some(System::Fedora(5))),
            ("Fedora release 14 (Laughlin)", Some(System::Fedora(14))),
            ("Red Hat Linux release 9 (Shrike)", Some(System::RedHatLinux)),
            ("Somebody", None),
            ("", None),
            (" release ", None),
        ];
        for (text, system) in cases {
            assert_eq!(System::of_redhat_release(text), system, "{text}");
        }
    }

    #[test]
    fn suse_release_has_the_version_in_a_line_of_its_own() {
        let sles = "SUSE LINUX Enterprise Server 9 (i586)\nVERSION = 9\nPATCHLEVEL = 3\n";
        assert_eq!(System::of_suse_release(sles), Some(System::Sles(9)));
        let suse = "openSUSE 10.2 (x86-64)\nVERSION = 10.2\n";
        assert_eq!(System::of_suse_release(suse), Some(System::SuseLinux(10, 2)));
        assert_eq!(System::of_suse_release("VERSION = x\n"), None);
        assert_eq!(System::of_suse_release("VERSION = 99999999999999999999\n"), None);
    }

    #[test]
    fn the_oldest_keep_modules_where_the_package_asks_for() {
        let kept = [System::Rhel(4), System::Fedora(5), System::Sles(9), System::SuseLinux(10, 1), System::UnitedLinux];
        assert!(kept.iter().all(|system| system.directory().is_none()));
        assert_eq!(System::Rhel(6).directory(), Some("extra"));
        assert_eq!(System::SuseLinux(10, 2).directory(), Some("updates"));
    }
}
