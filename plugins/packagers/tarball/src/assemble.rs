//! From the tree to a tarball.

use modsmith_plugin::prelude::*;

use crate::{BINARIES_ONLY, MAIN_TREE, SOURCE_TREE, VERSION, VERSION_FILE};

/// Suffixes of tarballs that are loaded.
pub const SUFFIXES: [&str; 13] = [
    ".tar.gz",
    ".tgz",
    ".taz",
    ".tar.xz",
    ".txz",
    ".tar.zst",
    ".tzst",
    ".tar.bz2",
    ".tbz2",
    ".tbz",
    ".tar.lzma",
    ".tlz",
    ".tar",
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

/// How a tarball is compressed: by the last suffix of its name. Source: GNU tar 1.34, `--auto-compress`.
fn compression(file: &str) -> Result<Option<Compression>> {
    let program = match file.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
        "gz" | "tgz" | "taz" => return Ok(Some(Compression::Gzip)),
        "xz" | "txz" => return Ok(Some(Compression::Xz)),
        "zst" | "tzst" => return Ok(Some(Compression::Zstd)),
        "bz2" | "tbz" | "tbz2" | "tb2" | "tz2" => "bzip2",
        "lzma" | "tlz" => "lzma",
        "lz" => "lzip",
        "lzo" => "lzop",
        "Z" | "taZ" => "compress",
        _ => return Ok(None),
    };
    Err(invalid(format!(
        "`{file}` would be compressed with {program}, which is not supported: let its name end in .tar.gz, .tar.xz, .tar.zst or .tar"
    )))
}
