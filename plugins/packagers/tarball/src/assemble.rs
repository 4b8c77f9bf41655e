//! From the tree to a tarball.

use modsmith_plugin::prelude::*;

use crate::{BINARIES_ONLY, MAIN_TREE, SOURCE_TREE, VERSION, VERSION_FILE};

/// Suffixes of tarballs, and how each is compressed. `None` for one that can be
/// loaded and not be made.
pub const SUFFIXES: [(&str, Option<Option<Compression>>); 8] = [
    (".tar.gz", Some(Some(Compression::Gzip))),
    (".tgz", Some(Some(Compression::Gzip))),
    (".tar.xz", Some(Some(Compression::Xz))),
    (".txz", Some(Some(Compression::Xz))),
    (".tar.zst", Some(Some(Compression::Zstd))),
    (".tar.bz2", None),
    (".tbz2", None),
    (".tar", Some(None)),
];

/// Longest list of kernels in a name; dkms's limit.
const LONGEST: usize = 200;

pub fn assemble(request: &AssembleRequest, plan: &mut Plan) -> Result<()> {
    let (module, kernels, options, staging) =
        (request.package(), request.kernels(), request.options(), request.staging());
    let (name, version) = (module.name(), module.version());
    let content = staging.join("content");
    let main = content.join(MAIN_TREE);
    plan.make_directory(&main)?;
    plan.write_file(main.join(VERSION_FILE), format!("{VERSION}\n"), 0o644)?;
    for kernel in &kernels {
        let (release, arch) = (kernel.release(), kernel.arch());
        let place = main.join(&release);
        plan.make_directory(&place)?;
        plan.copy(module.build(kernel), place.join(&arch))?;
    }
    if given(&options, "binaries-only").is_some() {
        let binaries = content.join(BINARIES_ONLY);
        plan.make_directory(&binaries)?;
        plan.write_file(binaries.join("PACKAGE_NAME"), format!("{name}\n"), 0o644)?;
        plan.write_file(binaries.join("PACKAGE_VERSION"), format!("{version}\n"), 0o644)?;
        plan.copy(Path::source("dkms.conf"), binaries.join("dkms.conf"))?;
    } else {
        plan.copy(Path::source(""), content.join(SOURCE_TREE))?;
    }
    let file = match given(&options, "archive") {
        Some(file) => file.to_owned(),
        None => format!("{name}-{version}-{}.dkms.tar.gz", contents(&kernels)),
    };
    let compression = compression(&file)?;
    let result = staging.join("result");
    plan.make_directory(&result)?;
    plan.pack(content, result.join(&file), compression)
}

/// The part of the name that describes the contents.
fn contents(kernels: &[Kernel]) -> String {
    let names: Vec<String> =
        kernels.iter().map(|kernel| format!("kernel{}-{}", kernel.release(), kernel.arch())).collect();
    match names.join("-") {
        list if list.is_empty() => "source-only".into(),
        list if list.len() > LONGEST => "manykernels".into(),
        list => list,
    }
}

fn compression(file: &str) -> Result<Option<Compression>> {
    let known = SUFFIXES.iter().find(|(suffix, _)| file.ends_with(suffix)).and_then(|(_, compression)| *compression);
    known.ok_or_else(|| {
        let made: Vec<&str> = SUFFIXES.iter().filter(|(_, made)| made.is_some()).map(|(suffix, _)| *suffix).collect();
        invalid(format!("`{file}` is no name for a tarball that can be made: it has to end in {}", made.join(", ")))
    })
}
