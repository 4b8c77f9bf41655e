//! The output of a program, kept in memory until it is known whether the user is shown the output.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::secrets::conceal_text;

/// The longest end of an output that the user is shown, in bytes.
const SHOWN: u64 = 64 << 10;

/// A file without a name or a directory: what a program says is kept wherever
/// temporary files go, and where they cannot go.
pub fn in_memory(name: &str) -> io::Result<File> {
    Ok(rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC)?.into())
}

/// The last lines of what a program said, at most 20.
pub fn tail(file: &mut File) -> io::Result<Vec<String>> {
    let lines: Vec<String> = end(file, 4096)?.1.into_iter().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(20)..].to_vec())
}

/// The lines of an output, without a beginning that is too long to be shown.
pub fn shown(file: &mut File) -> io::Result<Vec<String>> {
    let (left_out, mut lines) = end(file, SHOWN)?;
    if left_out > 0 {
        lines.insert(0, format!("({left_out} bytes of output before this are not shown.)"));
    }
    Ok(lines)
}

/// How much comes before the last `limit` bytes, and the lines that these are.
fn end(file: &mut File, limit: u64) -> io::Result<(u64, Vec<String>)> {
    let left_out = file.seek(SeekFrom::End(0))?.saturating_sub(limit);
    file.seek(SeekFrom::Start(left_out))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // Programs that sign repeat their arguments when they complain.
    Ok((left_out, String::from_utf8_lossy(&bytes).lines().map(conceal_text).collect()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn said(text: &str) -> File {
        let mut file = in_memory("test").unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn output_is_shown_as_it_is_up_to_a_limit() {
        assert!(shown(&mut said("")).unwrap().is_empty());
        assert_eq!(shown(&mut said("a\r\n\n  b")).unwrap(), ["a", "", "  b"]);
        let much = shown(&mut said(&"0123456789abcde\n".repeat(4097))).unwrap();
        assert_eq!(much[0], "(16 bytes of output before this are not shown.)");
        assert_eq!(much.len(), 4097);
    }

    #[test]
    fn an_error_has_the_last_lines() {
        let text: String = (0..30).map(|number| format!("{number}\n\n")).collect();
        let lines = tail(&mut said(&text)).unwrap();
        assert_eq!((lines.len(), lines[0].as_str(), lines[19].as_str()), (20, "10", "29"));
    }
}
