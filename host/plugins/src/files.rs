//! Reading the files of the administrator, of packages and of images: all that this crate reads
//! beside what plugins ask for.
//!
//! One rule holds for all of them ([`inside`]): such a file is regular and of bounded size,
//! nothing waits for it, and below `--root` no link leads out. Who owns it is looked up on the file
//! that was opened.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use modsmith_facts::inside::{self, CONFIGURATION_LIMIT};

pub(crate) mod owner;

use owner::check_metadata;

/// The text of a configuration file; `None` where there is none.
///
/// # Errors
/// The file cannot be read, is no regular file, is too large, or is not UTF-8.
pub fn text(file: &Path) -> io::Result<Option<String>> {
    match inside::read_configuration(file) {
        Ok(bytes) => utf_8(bytes).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// As [`text`], of a file that only root or the invoking user can change.
///
/// # Errors
/// As for [`text`], and others could have written the file: a clause.
pub(crate) fn trusted_text(file: &Path) -> Result<Option<String>, String> {
    if inside::metadata(file).is_err_and(|e| e.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let fits = |bytes: u64| match bytes > CONFIGURATION_LIMIT {
        true => Err(format!("it is larger than {} MiB", CONFIGURATION_LIMIT >> 20)),
        false => Ok(()),
    };
    let bytes = trusted(file, fits)?;
    utf_8(bytes).map(Some).map_err(|e| e.to_string())
}

/// The bytes of a file that only root or the invoking user can change. `fits` refuses the number
/// of bytes that the file has, and that are read.
///
/// # Errors
/// A clause.
pub fn trusted(file: &Path, fits: impl Fn(u64) -> Result<(), String>) -> Result<Vec<u8>, String> {
    let cannot = |e: io::Error| format!("it cannot be read: {e}");
    let Some(open) = inside::open(file).map_err(cannot)? else { return Ok(Vec::new()) };
    let metadata = open.metadata().map_err(cannot)?;
    check_metadata(file, &metadata)?;
    fits(metadata.len())?;
    // One byte more than the file had: a file that grows is noticed.
    let bytes = at_most(&open, metadata.len() + 1).map_err(cannot)?;
    fits(bytes.len() as u64)?;
    Ok(bytes)
}

/// Whether a file may be handed to code that opens it by its name: there is none, or it is regular.
///
/// # Errors
/// The kind of file that is there.
pub(crate) fn check_regular(file: &Path) -> io::Result<()> {
    match inside::open(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn at_most(file: &File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    file.take(bytes).read_to_end(&mut out)?;
    Ok(out)
}

fn utf_8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::path::PathBuf;

    /// What is put in the place of a file, with the words about it.
    pub(crate) const INSTEAD: [(&str, &str); 4] = [
        ("pipe", "it is a named pipe, not a regular file"),
        ("device", "it is a device, not a regular file"),
        ("directory", "it is a directory, not a regular file"),
        ("large", "larger than"),
    ];

    /// Puts one of [`INSTEAD`] there.
    pub(crate) fn put(kind: &str, file: &Path) {
        let _ = std::fs::remove_file(file);
        let _ = std::fs::remove_dir(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        match kind {
            "pipe" => {
                let mode = rustix::fs::Mode::from_raw_mode(0o644);
                rustix::fs::mknodat(rustix::fs::CWD, file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
            }
            "device" => std::os::unix::fs::symlink("/dev/zero", file).unwrap(),
            "directory" => std::fs::create_dir(file).unwrap(),
            _ => File::create(file).unwrap().set_len(9 << 20).unwrap(),
        }
    }

    #[test]
    fn what_is_no_regular_file_is_reported_and_not_waited_for_by_any_reader() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let fits = |bytes: u64| if bytes > 8 << 20 { Err("it is larger than 8 MiB".to_owned()) } else { Ok(()) };
        for (kind, words) in INSTEAD {
            put(kind, &file);
            let messages = [
                text(&file).unwrap_err().to_string(),
                trusted_text(&file).unwrap_err(),
                trusted(&file, fits).unwrap_err(),
            ];
            assert!(messages.iter().all(|messages| messages.contains(words)), "{kind}: {messages:?}");
            assert_eq!(check_regular(&file).is_ok(), kind == "large", "{kind}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_has_no_text_and_a_link_of_the_administrators_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| -> PathBuf { dir.path().join(name) };
        assert_eq!((text(&at("none")).unwrap(), trusted_text(&at("none")).unwrap()), (None, None));
        std::fs::write(at("real"), "x = 1\n").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("empty")).unwrap();
        for (name, contents) in [("real", "x = 1\n"), ("link", "x = 1\n"), ("empty", "")] {
            assert_eq!(text(&at(name)).unwrap().as_deref(), Some(contents), "{name}");
            assert_eq!(trusted_text(&at(name)).unwrap().as_deref(), Some(contents), "{name}");
        }
        std::fs::write(at("real"), b"\xff").unwrap();
        assert!(text(&at("real")).unwrap_err().to_string().contains("not UTF-8"));
    }
}
