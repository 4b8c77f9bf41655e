//! What was asked for on the command line.

use modsmith_plugin::Property;
use modsmith_plugin::Result;
use modsmith_plugin::roles::{given, refuse};

/// The distribution whose installer reads the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distro {
    /// Red Hat's first form: modules for one architecture.
    RedHat1,
    /// Red Hat's second form: modules for several architectures.
    RedHat2,
    /// Packages, from RHEL 5 on.
    RedHat3,
    Suse,
    UnitedLinux,
    Ubuntu,
}

/// As users write them.
const DISTROS: [(&str, Distro); 7] = [
    ("redhat", Distro::RedHat1),
    ("redhat1", Distro::RedHat1),
    ("redhat2", Distro::RedHat2),
    ("redhat3", Distro::RedHat3),
    ("suse", Distro::Suse),
    ("UnitedLinux", Distro::UnitedLinux),
    ("ubuntu", Distro::Ubuntu),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// An image of so many KiB.
    Floppy(u32),
    Iso,
    Tar,
}

/// Largest floppy in KiB: what a plugin's memory holds, and more than a driver
/// needs.
pub const LARGEST: u32 = 256 * 1024;

/// KiB of a floppy, as the drives had them.
const USUAL: &str = "1440";

/// A driver disk that can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub distro: Distro,
    pub media: Media,
    /// Of the distribution, where its disks are for one.
    pub release: Option<String>,
    /// What describes a package to rpmbuild.
    pub spec: Option<String>,
}

impl Request {
    /// Reads the options.
    ///
    /// # Errors
    /// With dkms's exit codes: 1 without a distribution and for a medium or size
    /// that there is not, 3 for a distribution that is not known and for one
    /// that needs a release.
    pub fn of(options: &[Property]) -> Result<Self> {
        let media = media(given(options, "media"), given(options, "size"))?;
        let distro = distro(given(options, "distro"))?;
        let release = given(options, "release").map(str::to_owned);
        if matches!(distro, Distro::Suse | Distro::UnitedLinux) {
            check_release(release.as_deref())?;
        }
        Ok(Self { distro, media, release, spec: given(options, "spec").map(str::to_owned) })
    }
}

fn distro(name: Option<&str>) -> Result<Distro> {
    let names = DISTROS.map(|(name, _)| name).join(", ");
    let Some(name) = name else {
        return Err(refuse(1, "A driver disk is made for a distribution, and none was named.")
            .hint(format!("Name it with --distro: {names}.")));
    };
    let known = DISTROS.iter().find(|(known, _)| *known == name).map(|(_, distro)| *distro);
    known.ok_or_else(|| {
        refuse(3, format!("There are no driver disks for the distribution `{name}`."))
            .hint(format!("Those that there are: {names}."))
    })
}

fn media(media: Option<&str>, size: Option<&str>) -> Result<Media> {
    let kilobytes = size.unwrap_or(USUAL).parse().ok().filter(|size| (1..=LARGEST).contains(size));
    let kilobytes = kilobytes.ok_or_else(|| {
        refuse(1, format!("`{}` is no size of a floppy.", size.unwrap_or_default()))
            .hint(format!("Give --size in KB, from 1 to {LARGEST}; without it, {USUAL} counts."))
    })?;
    match media.unwrap_or("floppy") {
        "floppy" => Ok(Media::Floppy(kilobytes)),
        "iso" => Ok(Media::Iso),
        "tar" => Ok(Media::Tar),
        other => Err(refuse(1, format!("`{other}` is no medium of driver disks."))
            .hint("Those that there are: floppy, iso, tar.")),
    }
}

/// The release is a part of paths on the disk.
fn check_release(release: Option<&str>) -> Result<()> {
    let Some(release) = release else {
        return Err(refuse(3, "This distribution's driver disks are for one of its releases, and none was named.")
            .hint("Name it with --release, as the distribution writes it: 9.3, sles10."));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    if release.is_empty() || release.starts_with('.') || !release.chars().all(plain) {
        return Err(refuse(3, format!("`{release}` is no release of a distribution."))
            .hint("It becomes part of a directory's name: letters, digits and . _ + - may be in it."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, u8> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let options: Vec<Property> = words.chunks(2).map(|pair| (pair[0].into(), pair[1].into())).collect();
        Request::of(&options).map_err(|refusal| refusal.code.unwrap_or_default())
    }

    #[test]
    fn a_floppy_of_the_usual_size_is_made_where_nothing_else_is_said() {
        let made = request("distro redhat").unwrap();
        assert_eq!((made.distro, made.media), (Distro::RedHat1, Media::Floppy(1440)));
        let made = request("distro suse release 9.3 size 2880").unwrap();
        assert_eq!(
            (made.distro, made.media, made.release.as_deref()),
            (Distro::Suse, Media::Floppy(2880), Some("9.3"))
        );
        assert_eq!(request("distro ubuntu media iso").unwrap().media, Media::Iso);
    }

    #[test]
    fn refusals_have_the_codes_of_dkms() {
        let cases = [
            ("", 1),
            ("distro beos", 3),
            ("distro redhat media zip", 1),
            ("distro redhat size 0", 1),
            ("distro redhat size many", 1),
            ("distro redhat size 262145", 1),
            ("distro suse", 3),
            ("distro UnitedLinux", 3),
            ("distro suse release a/b", 3),
            ("distro suse release ..", 3),
            // The medium is looked at first.
            ("distro beos media zip", 1),
        ];
        for (line, code) in cases {
            assert_eq!(request(line), Err(code), "{line}");
        }
    }
}
