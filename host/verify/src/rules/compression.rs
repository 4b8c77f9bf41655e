//! The file is compressed in a way that is read when a module is loaded.

use modsmith_facts::Compression;

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::frame::Frame;
use crate::rule::{Case, Gate, Rule};

pub(super) const RULE: Rule = Rule {
    id: "compression",
    title: "the file can be unpacked",
    source: "kernel/module/decompress.c",
    gate: Gate::Stops,
    check,
};

fn check(case: &Case<'_>) -> Result<Verdict, Unknown> {
    let Some(frame) = case.module.frame else {
        return match case.module.suffix {
            None => Verdict::yes("the file is not compressed"),
            Some(suffix) => Refusal {
                words: "Invalid module format".into(),
                errno: "ENOEXEC",
                evidence: format!("the file's name ends with {}, and its contents are not {suffix:?}", suffix.suffix()),
                cause: "the file's name promises a compression that the file does not have".into(),
                remedy: "Build it again.".into(),
            }
            .no(),
        };
    };
    if let Some(damage) = case.module.damage() {
        return Refusal {
            words: "decompression failed".into(),
            errno: "EINVAL",
            evidence: format!("the file cannot be unpacked: {damage}"),
            cause: "the file is damaged or incomplete".into(),
            remedy: "Build it again.".into(),
        }
        .no();
    }
    let name = frame.compression().name();
    let own = match frame.compression() {
        Compression::Gzip => "MODULE_COMPRESS_GZIP",
        Compression::Xz => "MODULE_COMPRESS_XZ",
        Compression::Zstd => "MODULE_COMPRESS_ZSTD",
    };
    let unpacks_itself = case.image.is_configured("MODULE_DECOMPRESS")? && case.image.is_configured(own)?;
    if !unpacks_itself {
        return Err(Unknown::because(format!(
            "kernel {} leaves the unpacking of {name} to kmod, and what kmod can unpack is not known",
            case.image.release
        )));
    }
    match frame {
        Frame::Xz { checksum } if checksum > 1 => Err(Unknown::because(
            "the kernel's own decompressor of xz checks CRC32 only, and this file has another checksum: \
             kmod 31 and newer hand the file to the kernel, which refuses it with `decompression failed with status 6`",
        )),
        Frame::Gzip { has_other_fields: true } => Err(Unknown::because(
            "the head of the gzip file has fields that the kernel's own decompressor does not read: kmod 31 and newer \
             hand the file to the kernel",
        )),
        Frame::Zstd { has_size: false } => Err(Unknown::because(
            "the head of the zstd file has no size: kmod 34 and newer cannot unpack it themselves",
        )),
        _ => Verdict::yes(format!("{name}, which the kernel unpacks itself (CONFIG_{own})")),
    }
}
