//! The package as one file.

use modsmith_plugin::packaging::{Contents, Files, gzip, write_tar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::mtree::mtree;
use crate::name::{ARCH, Identity};
use crate::zstd::zstd_to;

/// The package of the source that the call is about.
pub fn make(identity: &Identity) -> Result<Pieces> {
    let date = source_date();
    let mut files = Files::<Contents>::default();
    files.read(&Path::source(""), &identity.source)?;
    let info = information(identity, files.size(), date)?;
    // What is about the package comes first: pacman reads no further.
    files.add(".PKGINFO", info, 0o644);
    let list = gzip(mtree(&files, date)?.as_bytes());
    files.add(".MTREE", list, 0o644);
    let mut package = Pieces::new();
    zstd_to(&mut package, |to| write_tar(&files, "", date, to))?;
    Ok(package)
}

fn information(identity: &Identity, size: u64, date: u64) -> Result<String> {
    let packager = setting_or("packager", "Unknown Packager")?;
    if packager.contains(['\n', '\r']) {
        return Err(invalid("The setting `packager` has several lines; it has to be one."));
    }
    let size = size.to_string();
    let (date, summary) = (date.to_string(), format!("Kernel modules of {}, built for each kernel", identity.module));
    let fields = [
        ("pkgname", identity.package.as_str()),
        ("pkgbase", &identity.package),
        ("xdata", "pkgtype=pkg"),
        ("pkgver", &identity.version),
        ("pkgdesc", &summary),
        ("builddate", &date),
        ("packager", &packager),
        ("size", &size),
        ("arch", ARCH),
        ("depend", "dkms"),
    ];
    Ok(fields.iter().map(|(key, value)| format!("{key} = {value}\n")).collect())
}
