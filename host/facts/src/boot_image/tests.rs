use std::io::Write;

use super::*;

const DIR: &str = "lib/modules/6.1.0-x";

/// An archive of these files, with its trailer.
fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let all = files.iter().map(|(name, contents)| (*name, 0o100_644, *contents));
    for (name, mode, contents) in all.chain([("TRAILER!!!", 0, &b""[..])]) {
        let fields = [0, mode, 0, 0, 1, 0, contents.len(), 0, 0, 0, 0, name.len() + 1, 0];
        archive.extend(b"070701");
        fields.iter().for_each(|field| archive.extend(format!("{field:08X}").bytes()));
        archive.extend(name.bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(contents);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

fn compressed(name: &str, plain: &[u8]) -> Vec<u8> {
    match name {
        "none" => plain.to_vec(),
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "bzip2" => {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "xz" => {
            let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "lzma" => {
            let options = lzma_rust2::LzmaOptions::with_preset(0);
            let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "lz4" => {
            let block = lz4_flex::block::compress(plain);
            let length = u32::try_from(block.len()).unwrap().to_le_bytes();
            [&[0x02, 0x21, 0x4c, 0x18][..], &length, &block].concat()
        }
        "zstd" => ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest),
        other => panic!("{other}"),
    }
}

fn padded(mut archive: Vec<u8>) -> Vec<u8> {
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive
}

fn module(letter: char) -> (String, Vec<u8>) {
    (format!("{DIR}/updates/{letter}.ko"), vec![letter as u8; 5000])
}

fn archive_of(letter: char) -> Vec<u8> {
    let (name, contents) = module(letter);
    cpio(&[(&name, &contents)])
}

fn names(image: &BootImage) -> Vec<&str> {
    image.kernels.values().flat_map(|kernel| kernel.files.keys()).map(String::as_str).collect()
}

#[test]
fn archives_are_found_before_between_and_behind_compressed_ones() {
    for compression in ["gzip", "bzip2", "xz", "lzma", "zstd"] {
        let image = [
            cpio(&[("kernel/x86/microcode/GenuineIntel.bin", b"microcode")]),
            vec![0; 512],
            archive_of('a'),
            padded(compressed(compression, &archive_of('b'))),
            archive_of('c'),
            compressed(compression, &[archive_of('d'), vec![0; 512], archive_of('e')].concat()),
        ]
        .concat();
        let read = read(image.as_slice()).unwrap_or_else(|error| panic!("{compression}: {error}"));
        assert_eq!(names(&read), ["updates/a.ko", "updates/b.ko", "updates/c.ko", "updates/d.ko", "updates/e.ko"]);
        let kinds: Vec<(&str, u64)> = read.archives.iter().map(|a| (a.compression.as_str(), a.members)).collect();
        assert_eq!(kinds, [("none", 1), ("none", 1), (compression, 1), ("none", 1), (compression, 2)]);
    }
}

#[test]
fn archives_of_lz4_follow_each_other() {
    let image = [archive_of('a'), compressed("lz4", &archive_of('b')), compressed("lz4", &archive_of('c'))].concat();
    assert_eq!(names(&read(image.as_slice()).unwrap()), ["updates/a.ko", "updates/b.ko", "updates/c.ko"]);
}

#[test]
fn of_two_files_of_one_name_the_later_counts() {
    let name = format!("usr/{DIR}/extra/a.ko");
    let image = [cpio(&[(&name, b"old")]), cpio(&[(&format!("./{name}"), b"new")])].concat();
    let read = read(image.as_slice()).unwrap();
    let new = ModuleIdentity::of(b"new".to_vec());
    assert_eq!(read.kernels["6.1.0-x"].files["extra/a.ko"], new);
    assert_eq!(read.kernels["6.1.0-x"].named("a").collect::<Vec<_>>(), [("extra/a.ko", new.as_ref())]);
}

#[test]
fn the_images_own_index_and_nested_file_systems_are_known() {
    let index = format!("{DIR}/modules.dep");
    let image = cpio(&[(&index, b"updates/a.ko: kernel/b.ko\n"), ("squashfs-root.img", b"hsqs")]);
    let read = read(image.as_slice()).unwrap();
    assert_eq!(read.kernels["6.1.0-x"].indexed, Some(BTreeSet::from(["updates/a.ko".to_owned()])));
    assert_eq!(read.nested, ["squashfs-root.img"]);
}

#[test]
fn an_image_that_ends_too_early_is_damaged() {
    for compression in ["none", "gzip", "bzip2", "xz", "lzma", "zstd", "lz4"] {
        let image = compressed(compression, &archive_of('a'));
        for length in (1..image.len() - 5).step_by(7) {
            let outcome = read(&image[..length]);
            assert!(matches!(outcome, Err(BootImageError::Damaged { .. })), "{compression}, {length}: {outcome:?}");
        }
    }
}

#[test]
fn what_is_not_read_is_not_called_damaged() {
    assert!(matches!(read(&b"\x89LZO\0\r\n"[..]), Err(BootImageError::Unsupported { offset: 0, .. })));
    let mut huge = cpio(&[(&format!("{DIR}/a.ko"), b"")]);
    huge[54..62].copy_from_slice(b"FFFFFFF0");
    assert!(matches!(read(huge.as_slice()), Err(BootImageError::Unsupported { .. })));
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is broken"))
        }
    }
    let half = compressed("gzip", &archive_of('a'));
    let outcome = read((&half[..20]).chain(Broken));
    assert!(matches!(outcome, Err(BootImageError::Unreadable(_))), "{outcome:?}");
}

/// Why an archive is not read, as a reader says that has counted `found` before.
fn refusal(found: &mut Found, archive: &[u8]) -> String {
    found.archive(&mut Source::new(archive), 0, archive).unwrap_err().to_string()
}

fn nothing() -> Found {
    Found { image: BootImage::default(), streamed: 0, unpacked: 0, members: 0, names: 0 }
}

#[test]
fn what_compressed_modules_unpack_to_is_counted() {
    let packed = compressed("gzip", &vec![0; 8 << 20]);
    let damaged = &packed[..packed.len() - 8];
    let files: Vec<(String, &[u8])> = (0..60).map(|index| (format!("{DIR}/{index}.ko.gz"), &packed[..])).collect();
    let archive = |files: &[(String, &[u8])]| {
        cpio(&files.iter().map(|(name, contents)| (name.as_str(), *contents)).collect::<Vec<_>>())
    };
    let mut found = nothing();
    let two = [files[0].clone(), (files[1].0.clone(), damaged)];
    let two = archive(&two);
    found.archive(&mut Source::new(two.as_slice()), 0, &two).unwrap();
    assert_eq!(found.unpacked, (16 << 20) + packed.len() as u64 + damaged.len() as u64);
    let mut found = Found { unpacked: UNPACKED_LIMIT - (20 << 20), ..nothing() };
    assert_eq!(refusal(&mut found, &archive(&files)), "it holds more than 500000 files or 4096 MiB");
    assert_eq!(found.members, 3, "the others are not unpacked");
}

#[test]
fn the_memory_of_indexes_and_names_is_counted() {
    let words = "its indexes and names of modules take more than 64 MiB, which is more than any image needs";
    let index = b"a:\n".repeat(1 << 20);
    let mut found = nothing();
    assert_eq!(refusal(&mut found, &cpio(&[(&format!("{DIR}/modules.dep"), &index)])), words);
    let index = vec![b'a'; 30 << 20];
    let names = ["1", "2", "3"].map(|release| format!("lib/modules/{release}/modules.dep"));
    let archive = cpio(&names.each_ref().map(|name| (name.as_str(), &index[..])));
    let mut found = nothing();
    assert_eq!(refusal(&mut found, &archive), words);
    assert_eq!(found.image.kernels.len(), 2);
    let long = format!("{DIR}/{}.ko", "a".repeat(4000));
    let archive = cpio(&vec![(long.as_str(), &b""[..]); (NAMES_LIMIT / 4000) as usize]);
    assert_eq!(refusal(&mut nothing(), &archive), words);
}

#[test]
fn what_the_kernel_refuses_is_damaged() {
    let old =
        b"070707000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
    for image in [&b"text"[..], old, b"x070701", &[&archive_of('a')[..], b"\n"].concat()] {
        assert!(matches!(read(image), Err(BootImageError::Damaged { .. })), "{image:?}");
    }
    assert_eq!(read(&b""[..]).unwrap(), BootImage::default());
}

/// Bytes that are wrong anywhere end with an answer.
#[test]
fn no_image_makes_the_reader_fail_otherwise() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for compression in ["none", "gzip", "bzip2", "xz", "lzma", "zstd", "lz4"] {
        let good = [archive_of('a'), compressed(compression, &archive_of('b'))].concat();
        for _ in 0..100 {
            let mut bad = good.clone();
            for _ in 0..=next() % 4 {
                let at = usize::try_from(next()).unwrap() % bad.len();
                bad[at] = next().to_le_bytes()[0];
            }
            let _ = read(bad.as_slice());
        }
    }
}
