//! From an rpm to the shape of the tree.

use modsmith_plugin::packaging::{Entry, Files, tar, unpack_files, untar};
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::source_date;

use crate::{ARCHIVE, package, payload};

/// Where module packages put source, and what was built of it.
const SOURCES: &str = "usr/src";
const DATA: &str = "usr/share";
/// Names of dkms's tarballs: of this format, and of that of dkms 2.0.
const TARBALLS: [&str; 2] = [".dkms.tar.gz", ".dkms.tgz"];
/// In a tarball.
const MAIN_TREE: &str = "dkms_main_tree";
const SOURCE_TREE: &str = "dkms_source_tree";
const BINARIES_ONLY: &str = "dkms_binaries_only";
const CONF: &str = "dkms.conf";
/// The files beside it if there is no source.
const OF_BINARIES: [&str; 2] = ["PACKAGE_NAME", "PACKAGE_VERSION"];

/// Most bytes of one tarball.
const LARGEST: usize = 400 << 20;

/// What goes into the tree.
#[derive(Debug, Default, PartialEq)]
struct Shape {
    source: Files,
    binaries_only: bool,
    /// Below `KERNEL/ARCH`.
    built: Files,
}

/// Adds the steps that unpack everything.
pub fn unpack_all(staging: &Path, plan: &mut Plan) -> Result<()> {
    unpack_files(contents(&archive(staging)?, |_| true)?, staging, plan)
}

pub fn arrange(staging: &Path, plan: &mut Plan) -> Result<()> {
    let shape = shape(&contents(&archive(staging)?, is_ours)?)?;
    let mut put = |name: &str, files: &Files| {
        // One step for all files, which the host checks as it checks any archive.
        let archive = staging.join(&format!("{name}.tar"));
        plan.write_file(&archive, tar(files, "", source_date())?, 0o644)?;
        plan.unpack(archive, staging.join(name))
    };
    put(if shape.binaries_only { "binaries-only" } else { "source" }, &shape.source)?;
    match shape.built.iter().next() {
        Some(_) => put("built", &shape.built),
        None => Ok(()),
    }
}

fn archive(staging: &Path) -> Result<Vec<u8>> {
    Ok(staging.join(ARCHIVE).read()?.unwrap_or_default())
}

/// Whether it is where module packages put things.
fn is_ours(path: &str) -> bool {
    [SOURCES, DATA].iter().any(|directory| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
}

/// What a package holds.
fn contents(rpm: &[u8], keep: impl Fn(&str) -> bool) -> Result<Files> {
    let mut archive = payload::unpacked(package::payload(rpm)?)?;
    let files = cpio::files(&mut archive, keep)?;
    // To its end, where the compression has its checksum.
    std::io::copy(&mut archive, &mut std::io::sink()).map_err(|e| invalid(format!("its payload is damaged: {e}")))?;
    Ok(files)
}

fn shape(files: &Files) -> Result<Shape> {
    let mut shape = Shape::default();
    for (path, entry) in files.iter() {
        let (true, Entry::File { contents, .. }) = (is_tarball(path), entry) else { continue };
        let tarball = untar(&payload::all(contents, LARGEST)?)?;
        shape.built.extend(built(&tarball)?);
        for (directory, only) in [(SOURCE_TREE, false), (BINARIES_ONLY, true)] {
            let mut source = below(&tarball, directory);
            for name in if only { OF_BINARIES.as_slice() } else { &[] } {
                source.remove(name);
            }
            // A package's own source comes before that of a tarball.
            if has_conf(&source) && (!has_conf(&shape.source) || (shape.binaries_only && !only)) {
                shape = Shape { source, binaries_only: only, ..shape };
            }
        }
    }
    let directories = files.iter().filter_map(|(path, entry)| {
        let name = path.strip_prefix(SOURCES)?.strip_prefix('/')?.strip_suffix(CONF)?.strip_suffix('/')?;
        (matches!(entry, Entry::File { .. }) && !name.contains('/')).then_some(name)
    });
    match directories.collect::<Vec<_>>().as_slice() {
        [] if has_conf(&shape.source) => {}
        [] => {
            return Err(invalid(format!(
                "the package holds no module package: neither /{SOURCES}/NAME-VERSION/{CONF} nor /{DATA}/NAME/NAME-VERSION{}",
                TARBALLS[0]
            )));
        }
        [one] => {
            shape.source = below(files, &format!("{SOURCES}/{one}"));
            shape.binaries_only = false;
        }
        several => return Err(invalid(format!("the package holds several module packages: {}", several.join(", ")))),
    }
    check_links(&shape.source)?;
    check_links(&shape.built)?;
    Ok(shape)
}

/// `usr/share/NAME/x.dkms.tar.gz`, or the same in `usr/src`.
fn is_tarball(path: &str) -> bool {
    path.split('/').count() == 4 && TARBALLS.iter().any(|suffix| path.ends_with(suffix))
}

/// What a tarball has for kernels: KERNEL/ARCH, with the modules in `module`.
fn built(tarball: &Files) -> Result<Files> {
    let main = below(tarball, MAIN_TREE);
    let mut built = Files::new();
    for (path, entry) in main.iter() {
        // Beside the kernels is a file with the version of the layout.
        if path.contains('/') {
            built.insert(path.to_owned(), entry.clone());
        }
    }
    for (path, entry) in main.iter() {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() == 2
            && *entry == Entry::Directory
            && main.get(&format!("{path}/module")) != Some(&Entry::Directory)
        {
            return Err(invalid(format!("{path} in the package's tarball holds no modules")));
        }
    }
    Ok(built)
}

fn has_conf(source: &Files) -> bool {
    matches!(source.get(CONF), Some(Entry::File { .. }))
}

/// What is in a directory, by paths below it.
fn below(files: &Files, directory: &str) -> Files {
    let mut found = Files::new();
    for (path, entry) in files.iter() {
        if let Some(path) = path.strip_prefix(directory).and_then(|path| path.strip_prefix('/')) {
            found.insert(path.to_owned(), entry.clone());
        }
    }
    found
}

/// `invalid` for a link that leads out of the files.
fn check_links(files: &Files) -> Result<()> {
    for (path, entry) in files.iter() {
        let Entry::Link(target) = entry else { continue };
        let mut depth = path.matches('/').count();
        let stays = !target.starts_with('/')
            && target.split('/').all(|part| match part {
                ".." => depth.checked_sub(1).map(|less| depth = less).is_some(),
                "" | "." => true,
                _ => {
                    depth += 1;
                    true
                }
            });
        if !stays {
            return Err(invalid(format!("the package's link {path} leads out of it, to {target}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cpio::Form;
    use modsmith_plugin::packaging::gzip;

    use super::*;
    use crate::package::tests::{BINARY, rpm};

    fn tarball(top: &str) -> Vec<u8> {
        let mut files = Files::new();
        files.add("dkms_main_tree/dkms_dbversion", "2.0.0\n", 0o644);
        files.add("dkms_main_tree/6.1/x86_64/module/demo.ko", "ELF", 0o644);
        files.add(format!("{top}/dkms.conf"), "PACKAGE_NAME=demo\n", 0o644);
        files.add(format!("{top}/PACKAGE_NAME"), "demo\n", 0o644);
        gzip(&tar(&files, "./", 0).unwrap())
    }

    fn of(entries: &[(&str, &[u8])]) -> Result<Shape> {
        let mut files = Files::new();
        for (path, contents) in entries {
            files.add(*path, *contents, 0o644);
        }
        of_files(&files)
    }

    fn of_files(files: &Files) -> Result<Shape> {
        let archive = cpio::archive(files, Form::NewAscii, "./", false, 0);
        shape(&contents(&rpm(&BINARY, &gzip(&archive)), is_ours)?)
    }

    fn paths(files: &Files) -> Vec<&str> {
        files.iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn source_and_modules_of_dkms_packages_are_found() {
        let conf = b"PACKAGE_NAME=demo\n";
        let only = tarball("dkms_binaries_only");
        let shape = of(&[
            ("usr/src/demo-1.0/dkms.conf", conf),
            ("usr/src/demo-1.0/demo.c", b"x"),
            ("usr/share/demo/demo-1.0.dkms.tar.gz", &only),
            ("usr/share/demo/postinst", b"x"),
        ])
        .unwrap();
        assert_eq!(paths(&shape.source), ["demo.c", "dkms.conf"]);
        assert_eq!(paths(&shape.built), ["6.1", "6.1/x86_64", "6.1/x86_64/module", "6.1/x86_64/module/demo.ko"]);
        assert!(!shape.binaries_only);
    }

    #[test]
    fn without_source_the_conf_of_the_tarball_counts() {
        let shape = of(&[("usr/share/demo/demo-1.0.dkms.tar.gz", &tarball("dkms_binaries_only"))]).unwrap();
        assert_eq!(paths(&shape.source), ["dkms.conf"]);
        assert!(shape.binaries_only);
    }

    #[test]
    fn the_one_tarball_of_dkms_2_0_holds_everything() {
        let all = tarball("dkms_source_tree");
        let shape = of(&[("usr/src/demo-1.0/demo-1.0-mktarball.dkms.tgz", &all)]).unwrap();
        assert_eq!(paths(&shape.source), ["PACKAGE_NAME", "dkms.conf"]);
        assert!(!shape.binaries_only && shape.built.get("6.1/x86_64/module/demo.ko").is_some());
    }

    #[test]
    fn what_is_no_module_package_is_refused_with_the_reason() {
        let said = |entries: &[(&str, &[u8])]| of(entries).unwrap_err().to_string();
        assert!(said(&[("usr/bin/x", b"")]).contains("holds no module package"));
        let two: [(&str, &[u8]); 2] = [("usr/src/a-1/dkms.conf", b"x"), ("usr/src/b-1/dkms.conf", b"x")];
        assert!(said(&two).contains("several module packages: a-1, b-1"));
        assert!(said(&[("usr/share/d/d.dkms.tar.gz", b"no tarball")]).contains("neither compressed"));
        for target in ["/etc/passwd", "../../x", "a/../../../x"] {
            let mut files = Files::new();
            files.add("usr/src/a-1/dkms.conf", "x", 0o644);
            files.link("usr/src/a-1/b/link", target);
            let said = of_files(&files).unwrap_err().to_string();
            assert!(said.contains("leads out of it"), "{target}");
        }
    }
}
