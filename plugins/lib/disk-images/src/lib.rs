//! Images of file systems, made from files: ext2, FAT and ISO 9660. Each module names
//! the source of its format. The same files give the same bytes.

mod date;
mod ext2;
mod fat;
mod iso;
mod tree;

pub use ext2::ext2;
pub use fat::fat;
pub use iso::iso;

/// The identity of a file system.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its name, as far as the file system can hold it.
    pub label: String,
    /// Its identity: 16 bytes that look random.
    pub id: [u8; 16],
    /// The date of all files, in seconds since 1970.
    pub date: u32,
}

/// Why files do not become an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The image is too small.
    Full,
    /// What the file system cannot hold at any size: a clause.
    Never(String),
}

#[cfg(test)]
mod samples {
    use modsmith_plugin::packaging::Files;

    use super::Volume;

    pub fn volume() -> Volume {
        Volume { label: "demo".into(), id: *b"0123456789abcdef", date: 946_684_800 }
    }

    /// Names short and long, a file of many blocks, an empty one, directories.
    pub fn files() -> Files {
        let mut files = Files::new();
        files.add("modules.cgz", vec![7; 300_000], 0o644);
        files.add("rpms/x86_64/kmod-demo-1.0-1.6.1.0_56_amd64.x86_64.rpm", "package", 0o644);
        files.add("rpms/x86_64/repodata/repomd.xml", "<repomd/>\n", 0o644);
        files.add("rhdd-6.1", "demo-1.0 driver disk\n", 0o644);
        files.add("a/script", "#!/bin/sh\n", 0o755);
        files.add("a/empty", "", 0o644);
        files
    }
}
