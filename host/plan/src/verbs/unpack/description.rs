//! Entries of an archive that describe the member behind them: its long name, and where its link leads.
//!
//! They are kept in memory until the member comes. The library that reads archives would keep as much as an
//! archive says.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use tar::{Entry, EntryType, Header, PaxExtensions};

/// The most that one of them may have, in bytes.
const LARGEST: u64 = 1 << 20;

/// The description of the next member, as far as it has been read. Sources: tar(5), `pax Interchange Format`
/// and `GNU Tar Archives`.
#[derive(Debug, Default)]
pub(super) struct Description {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Option<Vec<u8>>,
}

impl Description {
    /// Takes what an entry says; `false`: it is a member itself.
    pub fn take(&mut self, entry: &mut Entry<'_, impl Read>) -> io::Result<bool> {
        let known = match entry.header().entry_type() {
            EntryType::GNULongName => Some(&mut self.name),
            EntryType::GNULongLink => Some(&mut self.link),
            EntryType::XHeader => Some(&mut self.records),
            // This header is for all members, and no member needs anything of it.
            EntryType::XGlobalHeader => None,
            _ => return Ok(false),
        };
        let size = entry.size();
        if size > LARGEST {
            let limit = LARGEST >> 20;
            return Err(io::Error::other(format!("it describes a member with {size} bytes, of at most {limit} MiB")));
        }
        let Some(known) = known else { return Ok(true) };
        if known.is_some() {
            return Err(io::Error::other("it describes a member twice"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *known = Some(bytes);
        Ok(true)
    }

    /// Whether no member is described.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.records.is_none()
    }

    /// The name of a member with this header.
    pub fn path(&self, header: &Header) -> PathBuf {
        let long = self.name.as_deref().map(text).or_else(|| self.record("path"));
        path_of(long.unwrap_or(&header.path_bytes()))
    }

    /// The target of the member, if the member is a link.
    pub fn link(&self, header: &Header) -> Option<PathBuf> {
        let long = self.link.as_deref().map(text).or_else(|| self.record("linkpath"));
        long.map(path_of).or_else(|| header.link_name_bytes().map(|link| path_of(&link)))
    }

    /// Whether another size is described than the member's header has: programs that read archives would not
    /// agree on what comes behind it.
    pub fn contradicts(&self, size: u64) -> bool {
        self.record("size").is_some_and(|described| described != size.to_string().as_bytes())
    }

    fn record(&self, key: &str) -> Option<&[u8]> {
        let mut records = PaxExtensions::new(self.records.as_deref()?).filter_map(Result::ok);
        records.find(|record| record.key_bytes() == key.as_bytes()).map(|record| record.value_bytes())
    }
}

/// Without the byte that ends it.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\0").unwrap_or(bytes)
}

fn path_of(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}
