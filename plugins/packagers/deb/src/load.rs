//! From a Debian package to the shape of the tree. The whole package is read
//! here: what it holds is known before a step is asked for.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use modsmith_plugin::packaging::{Entry, Files, tar, unpack_files, untar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

/// Where the package waits, below the staging directory.
pub const ARCHIVE: &str = "package.deb";

/// The most that a package may hold, in bytes: a module package has a few
/// megabytes.
const LARGEST: u64 = 256 << 20;

/// The layout of the tarball of built modules: dkms's.
const MAIN_TREE: &str = "dkms_main_tree";
const SOURCE_TREE: &str = "dkms_source_tree";
const BINARIES_ONLY: &str = "dkms_binaries_only";
/// The newest version of the layout.
const LAYOUT: u32 = 2;

/// The parts of the tree that a package brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Brought {
    pub source: Files,
    /// Only the dkms.conf, where there is no source.
    pub binaries_only: Files,
    /// `KERNEL/ARCHITECTURE/…`
    pub built: Files,
}

/// Adds the steps that unpack everything.
pub fn unpack_all(staging: &Path, plan: &mut Plan) -> Result<()> {
    unpack_files(data(&package(staging)?)?, staging, plan)
}

/// Adds the steps that unpack what [`brought`] finds.
pub fn arrange(staging: &Path, plan: &mut Plan) -> Result<()> {
    let Brought { source, binaries_only, built } = brought(&package(staging)?)?;
    for (name, files) in [("source", source), ("binaries-only", binaries_only), ("built", built)] {
        if files.iter().next().is_some() {
            let packed = staging.join(&format!("{name}.tar"));
            plan.write_file(&packed, tar(&files, "", source_date())?, 0o644)?;
            plan.unpack(packed, staging.join(name))?;
        }
    }
    Ok(())
}

/// The package, as `load` has left it.
fn package(staging: &Path) -> Result<Vec<u8>> {
    let archive = staging.join(ARCHIVE);
    archive.read()?.ok_or_else(|| other(format!("{archive} is not there")))
}

/// The source and the built modules of a package.
///
/// # Errors
/// `invalid` for what is no Debian package, or holds no module package or several.
pub fn brought(package: &[u8]) -> Result<Brought> {
    let data = data(package)?;
    let is_file = |path: &str| matches!(data.get(path), Some(Entry::File { .. }));
    let mut sources = Vec::new();
    let mut tarballs = Vec::new();
    for (path, entry) in data.iter() {
        let parts: Vec<&str> = path.split('/').collect();
        match (entry, parts.as_slice()) {
            (Entry::Directory, ["usr", "src", _]) if is_file(&format!("{path}/dkms.conf")) => sources.push(path),
            (
                Entry::File { contents, .. },
                ["usr", "share", _, name] | ["usr", "src", name] | ["usr", "src", _, name],
            ) if name.ends_with(".dkms.tar.gz") || name.ends_with(".dkms.tgz") => {
                tarballs.push((path, contents));
            }
            _ => {}
        }
    }
    let mut brought = match tarballs.as_slice() {
        [] => Brought::default(),
        [(path, contents)] => {
            of_tarball(contents).map_err(|error| invalid(format!("{path} cannot be used: {}", text(error))))?
        }
        several => return Err(invalid(format!("it holds {} tarballs of modules, and one is expected", several.len()))),
    };
    match sources.as_slice() {
        [] if brought.source.iter().next().is_none() && brought.binaries_only.iter().next().is_none() => Err(invalid(
            "it holds no module package: no directory below /usr/src has a dkms.conf, and there is no tarball of modules",
        )),
        [] => Ok(brought),
        [one] => {
            brought.source = below(&data, one);
            brought.binaries_only = Files::new();
            Ok(brought)
        }
        several => Err(invalid(format!("it holds several module packages: /{}", several.join(", /")))),
    }
}

/// The files that the package installs.
fn data(package: &[u8]) -> Result<Files> {
    let members = ar::read(package)?;
    match members.first() {
        Some((name, version)) if name == "debian-binary" && version.starts_with(b"2.") => {}
        _ => return Err(invalid("it is no Debian package of format 2")),
    }
    let data = members.iter().find(|(name, _)| name.starts_with("data.tar"));
    let (name, bytes) = data.ok_or_else(|| invalid("it has no data.tar"))?;
    untar(&unpacked(name, bytes)?)
}

/// A member without its compression.
fn unpacked(name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    match name.rsplit('.').next() {
        Some("tar") => Ok(bytes.to_vec()),
        Some("gz") => limited(name, MultiGzDecoder::new(bytes)),
        Some("xz") => limited(name, lzma_rust2::XzReader::new(bytes, true)),
        Some("zst") => {
            let reader = ruzstd::decoding::StreamingDecoder::new(bytes);
            limited(name, reader.map_err(|e| invalid(format!("{name} is damaged: {e}")))?)
        }
        _ => Err(invalid(format!("{name} is compressed in a way that is not known here"))),
    }
}

fn limited(name: &str, reader: impl Read) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    let read = reader.take(LARGEST + 1).read_to_end(&mut contents);
    read.map_err(|e| invalid(format!("{name} is damaged: {e}")))?;
    if contents.len() as u64 > LARGEST {
        return Err(invalid(format!("{name} holds more than {} MiB", LARGEST >> 20)));
    }
    Ok(contents)
}

/// A tarball of dkms.
fn of_tarball(bytes: &[u8]) -> Result<Brought> {
    let files = untar(&limited("it", MultiGzDecoder::new(bytes))?)?;
    if let Some(Entry::File { contents, .. }) = files.get(&format!("{MAIN_TREE}/dkms_dbversion")) {
        let version = String::from_utf8_lossy(contents);
        let major = version.trim().split('.').next().and_then(|number| number.parse::<u32>().ok());
        if major.is_none_or(|major| major > LAYOUT) {
            return Err(invalid(format!(
                "its layout is `{}`, and {LAYOUT} is the newest that is known here",
                version.trim()
            )));
        }
    }
    let mut built = below(&files, MAIN_TREE);
    built.remove("dkms_dbversion");
    let mut binaries_only = Files::new();
    if let Some(conf) = files.get(&format!("{BINARIES_ONLY}/dkms.conf")) {
        binaries_only.insert("dkms.conf".into(), conf.clone());
    }
    Ok(Brought { source: below(&files, SOURCE_TREE), binaries_only, built })
}

/// What lies below a directory.
fn below(files: &Files, directory: &str) -> Files {
    let mut found = Files::new();
    for (path, entry) in files.iter() {
        if let Some(path) = path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/')) {
            found.insert(path.to_owned(), entry.clone());
        }
    }
    found
}

fn text(error: Error) -> String {
    match error {
        error if error.kind != ErrorKind::Denied => error.message,
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::{gzip, xz};

    use super::*;

    fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
        let mut all = Files::new();
        for (path, text) in files {
            all.add(*path, *text, 0o644);
        }
        gzip(&tar(&all, "./", 0).unwrap())
    }

    fn package(member: &str, bytes: &[u8]) -> Vec<u8> {
        made(&[("debian-binary", b"2.0\n"), ("control.tar.gz", b""), (member, bytes)])
    }

    fn made(members: &[(&str, &[u8])]) -> Vec<u8> {
        modsmith_plugin::packaging::ar(members, 0).unwrap()
    }

    fn deb(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut all = Files::new();
        for (path, contents) in files {
            all.add(*path, contents.clone(), 0o644);
        }
        package("data.tar.xz", &xz(&tar(&all, "./", 0).unwrap()))
    }

    fn paths(files: &Files) -> Vec<&str> {
        files.iter().filter(|(_, e)| matches!(e, Entry::File { .. })).map(|(path, _)| path).collect()
    }

    const BUILT: [(&str, &str); 3] = [
        ("dkms_main_tree/dkms_dbversion", "2.0.0\n"),
        ("dkms_main_tree/6.1/x86_64/module/demo.ko", "elf"),
        ("dkms_binaries_only/dkms.conf", "conf"),
    ];

    #[test]
    fn source_and_modules_are_found() {
        let package = deb(&[
            ("usr/src/demo-1.0/dkms.conf", b"conf".to_vec()),
            ("usr/src/demo-1.0/src/a.c", b"".to_vec()),
            ("usr/share/demo-dkms/demo-1.0.dkms.tar.gz", tarball(&BUILT)),
            ("usr/share/doc/demo-dkms/copyright", b"".to_vec()),
        ]);
        let brought = brought(&package).unwrap();
        assert_eq!(paths(&brought.source), ["dkms.conf", "src/a.c"]);
        assert_eq!(paths(&brought.built), ["6.1/x86_64/module/demo.ko"]);
        assert_eq!(brought.binaries_only, Files::new());
    }

    #[test]
    fn modules_without_source_bring_their_dkms_conf() {
        let brought = brought(&deb(&[("usr/share/demo-dkms/x.dkms.tar.gz", tarball(&BUILT))])).unwrap();
        assert_eq!(paths(&brought.binaries_only), ["dkms.conf"]);
        assert_eq!(brought.source, Files::new());
    }

    #[test]
    fn the_whole_package_of_dkms_2_0_is_one_tarball() {
        let tarball = tarball(&[("dkms_source_tree/dkms.conf", "conf"), ("dkms_main_tree/6.1/x86_64/module/a.ko", "")]);
        let brought = brought(&deb(&[("usr/src/demo-1.0.dkms.tar.gz", tarball)])).unwrap();
        assert_eq!(
            (paths(&brought.source), paths(&brought.built)),
            (vec!["dkms.conf"], vec!["6.1/x86_64/module/a.ko"])
        );
    }

    #[test]
    fn every_compression_of_dpkg_is_read() {
        let mut files = Files::new();
        files.add("usr/src/a-1/dkms.conf", "", 0o644);
        let plain = tar(&files, "./", 0).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(plain.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
        for (name, bytes) in [
            ("data.tar", plain.clone()),
            ("data.tar.gz", gzip(&plain)),
            ("data.tar.xz", xz(&plain)),
            ("data.tar.zst", zstd),
        ] {
            assert_eq!(paths(&brought(&package(name, &bytes)).unwrap().source), ["dkms.conf"], "{name}");
        }
        assert!(brought(&package("data.tar.lzma", &plain)).is_err());
    }

    #[test]
    fn what_is_no_module_package_is_refused_with_the_reason() {
        let conf = |name: &str| (format!("usr/src/{name}/dkms.conf"), Vec::<u8>::new());
        let (a, b) = (conf("a-1"), conf("b-1"));
        let newer = tarball(&[("dkms_main_tree/dkms_dbversion", "3.0.0\n")]);
        let whole = deb(&[(&a.0, Vec::new())]);
        for (package, why) in [
            (b"text".to_vec(), "does not begin"),
            (made(&[("x", b"")]), "no Debian package"),
            (made(&[("debian-binary", b"2.0\n")]), "no data.tar"),
            (whole[..whole.len() - 9].to_vec(), "ends in the middle"),
            (package("data.tar.xz", b"\xfd7zXZ\0damaged"), "damaged"),
            (package("data.tar.zst", b"damaged"), "damaged"),
            (deb(&[("usr/bin/x", Vec::new())]), "no module package"),
            (deb(&[(&a.0, Vec::new()), (&b.0, Vec::new())]), "several module packages"),
            (deb(&[("usr/share/a/a.dkms.tar.gz", newer)]), "its layout is `3.0.0`"),
            (deb(&[("usr/share/a/a.dkms.tar.gz", b"x".to_vec())]), "damaged"),
        ] {
            let error = text(brought(&package).unwrap_err());
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
