//! A kernel image, unpacked: the ELF file of the kernel inside of what a boot loader
//! starts.
//!
//! Source: the kernel's `Documentation/arch/x86/boot.rst`, `arch/x86/boot/header.S`,
//! `scripts/extract-vmlinux`; for unified kernel images, UAPI.5.

use std::io::{self, Read};

use crate::kernel_compression::KernelCompression;

/// The largest image and the largest kernel inside of one, in bytes.
const LIMIT: u64 = 1 << 30;

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("it is no kernel image of a known form")]
    UnknownForm,
    #[error("its compression is not one that is read here (first bytes {0:02x?})")]
    UnknownCompression(Vec<u8>),
    #[error("it cannot be unpacked: {0}")]
    Damaged(#[from] io::Error),
}

/// The release of an x86 kernel, from its image's header; nothing is unpacked.
pub fn image_release(image: &[u8]) -> Option<String> {
    let image = boot_image(image)?;
    // Relative to the header of 512 bytes.
    let at = usize::from(u16_at(image, 0x20e)?).checked_add(0x200)?;
    let text = image.get(at..)?.split(|byte| *byte == 0).next()?;
    let release = std::str::from_utf8(text).ok()?.split(' ').next()?;
    (!release.is_empty()).then(|| release.to_owned())
}

/// The kernel inside of an x86 image, of a unified kernel image with one, or the file
/// itself where it is an ELF file.
///
/// # Errors
/// [`ImageError`]. More than 1 GiB is an error.
pub fn unpack_image(image: &[u8]) -> Result<Vec<u8>, ImageError> {
    if image.starts_with(b"\x7fELF") {
        return Ok(image.to_vec());
    }
    let payload = boot_image(image).and_then(payload).ok_or(ImageError::UnknownForm)?;
    let kernel = decompress(payload)?;
    if kernel.starts_with(b"\x7fELF") { Ok(kernel) } else { Err(ImageError::UnknownForm) }
}

/// The x86 image: the file itself, or the one in a unified kernel image.
fn boot_image(image: &[u8]) -> Option<&[u8]> {
    let is_boot_image = |image: &&[u8]| image.get(0x202..0x206) == Some(b"HdrS");
    Some(image).filter(is_boot_image).or_else(|| section_of_pe(image, b".linux\0\0").filter(is_boot_image))
}

/// The contents of a section of a PE file, such as a unified kernel image. The name is
/// filled up with NULs.
pub fn section_of_pe<'i>(image: &'i [u8], name: &[u8; 8]) -> Option<&'i [u8]> {
    if !image.starts_with(b"MZ") {
        return None;
    }
    let header = u32_at(image, 0x3c)? as usize;
    if image.get(header..header.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let count = usize::from(u16_at(image, header.checked_add(6)?)?);
    let table = header.checked_add(24)?.checked_add(usize::from(u16_at(image, header.checked_add(20)?)?))?;
    image.get(table..)?.chunks_exact(40).take(count).find(|entry| entry.starts_with(name)).and_then(|entry| {
        let (size, raw_size, at) = (u32_at(entry, 8)?, u32_at(entry, 16)?, u32_at(entry, 20)?);
        let size = if size == 0 { raw_size } else { size.min(raw_size) };
        image.get(at as usize..(at as usize).checked_add(size as usize)?)
    })
}

/// The compressed kernel of an x86 image of boot protocol 2.08 or newer.
fn payload(image: &[u8]) -> Option<&[u8]> {
    if u16_at(image, 0x206)? < 0x208 {
        return None;
    }
    // 0 stands for 4, as in the oldest images.
    let sectors = match *image.get(0x1f1)? {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (sectors + 1).checked_mul(512)?.checked_add(u32_at(image, 0x248)? as usize)?;
    image.get(start..start.checked_add(u32_at(image, 0x24c)? as usize)?)
}

/// Unpacks what the kernel's own decompressors unpack, but for lzo. Behind all of
/// them but gzip, the image has the kernel's size, in four bytes.
fn decompress(payload: &[u8]) -> Result<Vec<u8>, ImageError> {
    let unknown = || ImageError::UnknownCompression(payload.iter().take(4).copied().collect());
    let compression = KernelCompression::of(payload).ok_or_else(unknown)?;
    let packed = match compression {
        KernelCompression::Gzip => payload,
        _ => payload.get(..payload.len().saturating_sub(4)).unwrap_or_default(),
    };
    let reader = compression.unpack(packed)?.ok_or_else(unknown)?;
    let mut kernel = Vec::new();
    reader.take(LIMIT + 1).read_to_end(&mut kernel)?;
    if kernel.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("it is larger than {} MiB", LIMIT >> 20)).into());
    }
    Ok(kernel)
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const KERNEL: &[u8] = b"\x7fELF and what follows";

    /// An image with a payload, whose size is appended unless it is gzip.
    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0_u8; 0x400];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
        image[0x20e..0x210].copy_from_slice(&0x180_u16.to_le_bytes());
        image[0x380..0x38d].copy_from_slice(b"6.1.0-x (y) #");
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend(payload);
        image
    }

    fn sized(mut payload: Vec<u8>) -> Vec<u8> {
        payload.extend(u32::try_from(KERNEL.len()).unwrap().to_le_bytes());
        payload
    }

    #[test]
    fn the_kernel_is_unpacked_from_each_compression() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(KERNEL).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(KERNEL).unwrap();
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
        xz.write_all(KERNEL).unwrap();
        let options = lzma_rust2::LzmaOptions::with_preset(0);
        let mut lzma = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
        lzma.write_all(KERNEL).unwrap();
        let block = lz4_flex::block::compress(KERNEL);
        let length = u32::try_from(block.len()).unwrap().to_le_bytes();
        let lz4 = [&[0x02, 0x21, 0x4c, 0x18][..], &length, &block].concat();
        let zstd = ruzstd::encoding::compress_to_vec(KERNEL, ruzstd::encoding::CompressionLevel::Fastest);
        for (name, payload) in [
            ("gzip", gzip.finish().unwrap()),
            ("bzip2", sized(bzip2.finish().unwrap())),
            ("xz", sized(xz.finish().unwrap())),
            ("lzma", sized(lzma.finish().unwrap())),
            ("lz4", sized(lz4)),
            ("zstd", sized(zstd)),
        ] {
            let image = image(&payload);
            assert_eq!(unpack_image(&image).unwrap_or_else(|e| panic!("{name}: {e}")), KERNEL, "{name}");
            assert_eq!(image_release(&image).as_deref(), Some("6.1.0-x"));
            for length in 0..image.len() {
                let _ = unpack_image(&image[..length]);
            }
        }
    }

    #[test]
    fn a_unified_image_holds_the_kernel_in_a_section() {
        let inner =
            image(&sized(ruzstd::encoding::compress_to_vec(KERNEL, ruzstd::encoding::CompressionLevel::Fastest)));
        let mut outer = vec![0_u8; 0x100];
        outer[..2].copy_from_slice(b"MZ");
        outer[0x3c] = 0x40;
        outer[0x40..0x44].copy_from_slice(b"PE\0\0");
        outer[0x46] = 1;
        outer[0x58..0x5e].copy_from_slice(b".linux");
        let length = u32::try_from(inner.len()).unwrap().to_le_bytes();
        outer[0x60..0x64].copy_from_slice(&length);
        outer[0x68..0x6c].copy_from_slice(&length);
        outer[0x6d] = 1;
        outer.extend(&inner);
        assert_eq!(unpack_image(&outer).unwrap(), KERNEL);
        assert_eq!(image_release(&outer).as_deref(), Some("6.1.0-x"));
    }

    #[test]
    fn what_is_not_read_says_why() {
        assert!(matches!(unpack_image(b"text"), Err(ImageError::UnknownForm)));
        assert!(matches!(unpack_image(&image(b"\x89LZO....")), Err(ImageError::UnknownCompression(_))));
    }
}
