//! Packing a directory into an archive, and the way back.

use std::io::{self, Read};
use std::path::{Component, Path};

use super::files::Files;
use super::step::ArchiveFormat;
use crate::kernel::Compression;
use crate::system::Location;

/// Packs the contents of a directory, entries in name order.
pub fn pack(
    files: &Files,
    tree: &Location,
    to: &Location,
    format: ArchiveFormat,
    compress: Option<Compression>,
) -> io::Result<()> {
    let bytes = match format {
        ArchiveFormat::Tar => tar_of(&files.path(tree))?,
    };
    let bytes = match compress {
        None => bytes,
        Some(Compression::Gzip) => {
            let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
            io::Write::write_all(&mut encoder, &bytes)?;
            encoder.finish()?
        }
        Some(Compression::Xz) => {
            let mut out = Vec::new();
            lzma_rs::xz_compress(&mut bytes.as_slice(), &mut out)?;
            out
        }
        Some(Compression::Zstd) => {
            ruzstd::encoding::compress_to_vec(bytes.as_slice(), ruzstd::encoding::CompressionLevel::Fastest)
        }
    };
    files.write(to, &bytes, 0o644)
}

fn tar_of(directory: &Path) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    for entry in walkdir::WalkDir::new(directory).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(io::Error::from)?;
        let name = entry.path().strip_prefix(directory).map_err(io::Error::other)?;
        archive.append_path_with_name(entry.path(), name)?;
    }
    archive.into_inner()
}

/// Unpacks a tar archive, compressed or not, below a directory. A member that
/// would leave it (absolute, `..`, a link out) stops the unpacking.
pub fn unpack(files: &Files, archive: &Location, to: &Location) -> io::Result<()> {
    let bytes = std::fs::read(files.path(archive))?;
    let bytes = decompress(bytes)?;
    files.make_directory(to)?;
    let target = files.path(to);
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let climbs = path.components().any(|c| matches!(c, Component::ParentDir | Component::RootDir));
        if climbs || !entry.unpack_in(&target)? {
            return Err(io::Error::other(format!("the archive's member {} would leave the directory", path.display())));
        }
    }
    Ok(())
}

/// Undoes gzip, xz or zstd, told by the first bytes.
pub fn decompress(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut out)?;
    } else if bytes.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        lzma_rs::xz_decompress(&mut bytes.as_slice(), &mut out).map_err(|e| io::Error::other(format!("{e:?}")))?;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        ruzstd::decoding::StreamingDecoder::new(bytes.as_slice()).map_err(io::Error::other)?.read_to_end(&mut out)?;
    } else {
        return Ok(bytes);
    }
    Ok(out)
}
