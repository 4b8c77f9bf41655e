//! A file over HTTPS, with the same certificates, proxies and limits as registries.

use std::io::{Read, Write};

use ureq::http::Method;

use crate::address::Address;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::transport::{Request, Transport};

const BUFFER: usize = 64 << 10;

/// Writes the file at an address to `sink`, of at most `limit` bytes, and returns its
/// digest. No credentials are sent.
///
/// # Errors
/// `BadAddress`, `NotFound`, `Forbidden`, `Refused`, `TooLarge`, `Truncated`; `Io`: the
/// sink failed. Those of every request.
pub fn fetch(settings: &Settings, address: &str, limit: u64, sink: &mut dyn Write) -> Result<Digest> {
    let bad = |reason: String| Error::BadAddress { address: address.to_owned(), reason };
    let parsed = Address::parse_named(address).map_err(bad)?;
    let (host, what) = (parsed.authority().to_owned(), address.to_owned());
    let response = Transport::new(settings.clone()).send(&Request::new(Method::GET, parsed))?;
    match response.status.as_u16() {
        200 => {}
        401 | 403 => return Err(Error::Forbidden { host, what }),
        404 | 410 => return Err(Error::NotFound { host, what }),
        status => return Err(Error::Refused { host, what, status, reason: String::new() }),
    }
    let expected = response.length();
    let too_large = |host, what| Error::TooLarge { host, what, limit };
    if expected.is_some_and(|length| length > limit) {
        return Err(too_large(host, what));
    }
    let (mut hasher, mut got, mut buffer) = (Hasher::new(), 0, vec![0; BUFFER]);
    let mut reader = response.into_reader();
    let until = std::time::Instant::now()
        + settings.patience
        + std::time::Duration::from_secs(limit / settings.least_speed.max(1));
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => {
                return Err(Error::Truncated { host, what, got, expected: expected.unwrap_or(limit) });
            }
        };
        got += read as u64;
        if got > limit {
            return Err(too_large(host, what));
        }
        if std::time::Instant::now() > until {
            return Err(Error::TooSlow { host, what, least: settings.least_speed });
        }
        sink.write_all(&buffer[..read]).map_err(Error::io("keep what was fetched"))?;
        hasher.update(&buffer[..read]);
    }
    match expected.filter(|expected| *expected != got) {
        Some(expected) => Err(Error::Truncated { host, what, got, expected }),
        None => Ok(hasher.finish()),
    }
}
