//! Blobs from a registry.
//!
//! Size and digest are checked while bytes arrive: no more than the size that the descriptor names
//! is read, and `Ok` means that the bytes are right. A connection that breaks is taken up where it
//! broke. Source: "Pulling blobs" of distribution-spec 1.1.1; RFC 9110, 14.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ureq::http::Method;

use crate::authorization::Scope;
use crate::client::Client;
use crate::digest::Hasher;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::reference::Repository;
use crate::transport::{Request, Response};

const BUFFER: usize = 64 << 10;

impl Client {
    /// Writes a blob's bytes to `sink`, which has to throw them away after an error.
    ///
    /// # Errors
    /// `TooLarge`: it is larger than `limit` bytes, or than its descriptor says.
    /// `Truncated`, `WrongDigest`, `TooSlow`; `Io`: the sink failed. Those of every
    /// request.
    pub fn pull_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        limit: u64,
        sink: &mut dyn Write,
    ) -> Result<()> {
        let settings = self.settings();
        let (host, what) = (repository.registry().to_owned(), descriptor.digest.to_string());
        if descriptor.size > limit {
            return Err(Error::TooLarge { host, what, limit });
        }
        let mut arrival = Arrival {
            expected: descriptor.size,
            got: 0,
            hasher: Hasher::new(),
            until: Instant::now()
                + settings.patience
                + Duration::from_secs(descriptor.size / settings.least_speed.max(1)),
        };
        let mut pause = settings.first_pause;
        let mut left = settings.attempts.max(1);
        loop {
            left -= 1;
            let before = arrival.got;
            let response = self.ask(repository, descriptor, before)?;
            let ended = match arrival.take(response, before, sink)? {
                Ended::Complete => break,
                ended => ended,
            };
            tracing::debug!("{what}: {} of {} bytes", arrival.got, arrival.expected);
            match ended {
                Ended::Excess => return Err(Error::TooLarge { host, what, limit: arrival.expected }),
                Ended::Late => return Err(Error::TooSlow { host, what, least: settings.least_speed }),
                // A registry that sends nothing more is not asked for ever.
                _ if left == 0 => {
                    return Err(Error::Truncated { host, what, got: arrival.got, expected: arrival.expected });
                }
                _ => std::thread::sleep(pause.min(settings.longest_pause)),
            }
            pause = pause.saturating_mul(2);
        }
        let got = arrival.hasher.finish();
        if got != descriptor.digest {
            return Err(Error::WrongDigest { host, what, got: got.to_string() });
        }
        Ok(())
    }

    /// A blob that fits into memory.
    ///
    /// # Errors
    /// The errors of [`Client::pull_blob`].
    pub fn small_blob(&self, repository: &Repository, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.pull_blob(repository, descriptor, limit, &mut bytes)?;
        Ok(bytes)
    }

    fn ask(&self, repository: &Repository, descriptor: &Descriptor, from: u64) -> Result<Response> {
        let address = self.address(repository, &format!("blobs/{}", descriptor.digest));
        let mut request = Request::new(Method::GET, address);
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        let scope = Scope::pull(repository.registry(), repository.name());
        self.expect(self.send(&request, &scope)?, &[200, 206], repository, descriptor.digest.as_str())
    }
}

/// A blob on its way.
struct Arrival {
    /// In bytes, as is `got`.
    expected: u64,
    got: u64,
    hasher: Hasher,
    /// When all of it has to be there.
    until: Instant,
}

enum Ended {
    Complete,
    /// Before its end.
    Early,
    /// There is more than was expected.
    Excess,
    /// Too little came in the time that was given.
    Late,
}

impl Arrival {
    /// Takes what an answer has, which begins at `from` or at 0.
    fn take(&mut self, response: Response, from: u64, sink: &mut dyn Write) -> Result<Ended> {
        let begins_at = match response.status.as_u16() {
            206 => response.header("content-range").and_then(beginning).unwrap_or(from),
            _ => 0,
        };
        if begins_at > from {
            return Ok(Ended::Early);
        }
        let mut passed_over = from - begins_at;
        let mut reader = response.into_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return Ok(if self.got == self.expected { Ended::Complete } else { Ended::Early }),
            };
            if read == 0 {
                return Ok(if self.got == self.expected { Ended::Complete } else { Ended::Early });
            }
            if Instant::now() > self.until {
                return Ok(Ended::Late);
            }
            let known = passed_over.min(read as u64);
            passed_over -= known;
            let bytes = &buffer[usize::try_from(known).unwrap_or(read)..read];
            if self.got + bytes.len() as u64 > self.expected {
                return Ok(Ended::Excess);
            }
            sink.write_all(bytes).map_err(Error::io("keep what was fetched"))?;
            self.hasher.update(bytes);
            self.got += bytes.len() as u64;
        }
    }
}

/// `bytes FIRST-LAST/LENGTH`
fn beginning(range: &str) -> Option<u64> {
    range.trim().strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_where_it_begins() {
        assert_eq!(beginning("bytes 100-199/200"), Some(100));
        assert_eq!(beginning("bytes */200"), None);
    }
}
