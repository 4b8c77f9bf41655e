//! The list of a package's files (mtree(5)), by which `pacman -Qkk` tells which
//! were changed: written as bsdtar does for makepkg.

use std::fmt::Write;
use std::io::Read;

use md5::Md5;
use modsmith_plugin::packaging::{Content, Entry, Files};
use modsmith_plugin::{Result, name};
use sha2::{Digest, Sha256};

/// The list of these files, which are root's and all of one date.
///
/// # Errors
/// As reading has them.
pub fn mtree(files: &Files<impl Content>, date: u64) -> Result<String> {
    let mut text = String::from("#mtree\n/set type=file uid=0 gid=0 mode=644\n");
    for (path, entry) in files.iter() {
        write!(text, "./{} time={date}.0", escaped(path)).expect("a text takes everything");
        match entry {
            Entry::Directory => text.push_str(" mode=755 type=dir"),
            Entry::File { contents, mode } => {
                if *mode != 0o644 {
                    write!(text, " mode={mode:o}").expect("a text takes everything");
                }
                // pacman before 6.1 compares the MD5 sum, and takes a missing one for another.
                let (md5, sha256) = sums(&mut contents.open()?)?;
                write!(text, " size={} md5digest={md5} sha256digest={sha256}", contents.size())
                    .expect("a text takes everything");
            }
            Entry::Link(target) => {
                write!(text, " mode=777 type=link link={}", escaped(target)).expect("a text takes everything");
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn sums(from: &mut dyn Read) -> Result<(String, String)> {
    let (mut md5, mut sha256, mut buffer) = (Md5::new(), Sha256::new(), [0; 1 << 14]);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok((hex(&md5.finalize()), hex(&sha256.finalize()))),
            read => {
                md5.update(&buffer[..read]);
                sha256.update(&buffer[..read]);
            }
        }
    }
}

/// With everything but plain characters in octal.
fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'=');
    name::to_bytes(path)
        .iter()
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("\\{byte:03o}") })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_a_line_with_what_is_particular_to_it() {
        let mut files = Files::new();
        files.add("usr/a b", "x\n", 0o644);
        files.add("usr/script", "", 0o755);
        files.link("usr/link", "a=b");
        assert_eq!(
            mtree(&files, 7).unwrap(),
            "#mtree\n/set type=file uid=0 gid=0 mode=644\n\
             ./usr time=7.0 mode=755 type=dir\n\
             ./usr/a\\040b time=7.0 size=2 md5digest=401b30e3b8b5d629635a5c613cdb7919 sha256digest=73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac\n\
             ./usr/link time=7.0 mode=777 type=link link=a\\075b\n\
             ./usr/script time=7.0 mode=755 size=0 md5digest=d41d8cd98f00b204e9800998ecf8427e sha256digest=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        );
    }
}
