//! Blobs to a registry.
//!
//! Source: "Pushing blobs" of distribution-spec 1.1.1. A registry that has a blob is not
//! sent it; one that has it in another repository is asked to take it from there.

use ureq::http::Method;

use crate::address::Address;
use crate::authorization::Scope;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::reference::Repository;
use crate::transport::{Content, Part, Request, Response};

/// How a blob is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// In one request.
    Whole,
    /// In requests of so many bytes, or of the registry's least number.
    Chunks(u64),
}

impl Client {
    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// The errors that every request has.
    pub fn has_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool> {
        let address = self.address(repository, &format!("blobs/{}", descriptor.digest));
        let scope = Scope::push(repository.registry(), repository.name());
        let response = self.send(&Request::new(Method::HEAD, address), &scope)?;
        match response.status.as_u16() {
            404 => Ok(false),
            _ => self.expect(response, &[200], repository, descriptor.digest.as_str()).map(|_| true),
        }
    }

    /// Sends a blob, if the repository does not have it. `from` is a repository of the
    /// same registry that may have it.
    ///
    /// # Errors
    /// `Refused`, `Malformed`; `Io`: the content cannot be read. Those of every request.
    pub fn push_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        content: &dyn Content,
        sending: Sending,
        from: Option<&Repository>,
    ) -> Result<()> {
        if self.has_blob(repository, descriptor)? {
            return Ok(());
        }
        let from = from.filter(|from| from.registry() == repository.registry()).map(|from| from.name().to_owned());
        let scope = Scope { from: from.clone(), ..Scope::push(repository.registry(), repository.name()) };
        let upload = Upload { client: self, repository, descriptor, scope };
        let Some(location) = upload.begin(from)? else { return Ok(()) };
        let location = match sending {
            Sending::Whole => return upload.end(&location.at, Some(Part::whole(content))),
            Sending::Chunks(size) => upload.chunks(location, content, size)?,
        };
        upload.end(&location, None)
    }
}

struct Upload<'u> {
    client: &'u Client,
    repository: &'u Repository,
    descriptor: &'u Descriptor,
    scope: Scope,
}

/// The address at which an upload continues.
struct Location {
    at: Address,
    /// The least number of bytes of a chunk that is not the last one.
    least: u64,
}

impl Upload<'_> {
    /// The address to send the blob to; `None`: the registry has copied the blob from another repository.
    fn begin(&self, from: Option<String>) -> Result<Option<Location>> {
        let mut address = self.client.address(self.repository, "blobs/uploads/");
        if let Some(from) = &from {
            address = address.with_query("mount", self.descriptor.digest.as_str()).with_query("from", from);
        }
        let nothing: &[u8] = b"";
        // Repeating the request is safe: a registry deletes an upload that was not finished.
        let request =
            Request { body: Some(Part::whole(&nothing)), repeatable: true, ..Request::new(Method::POST, address) };
        let response = self.send(&request, &[201, 202])?;
        if response.status == 201 && from.is_some() {
            return Ok(None);
        }
        let least = response.header("oci-chunk-min-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Some(Location { at: self.next(&request.address, &response)?, least }))
    }

    fn chunks(&self, location: Location, content: &dyn Content, size: u64) -> Result<Address> {
        let size = size.max(location.least).max(1);
        let (mut at, mut offset) = (location.at, 0);
        while offset < self.descriptor.size {
            let length = size.min(self.descriptor.size - offset);
            let request = Request::new(Method::PATCH, at.clone())
                .header("content-type", "application/octet-stream")
                .header("content-range", format!("{offset}-{}", offset + length - 1));
            let request = Request { body: Some(Part { content, offset, length }), ..request };
            let response = self.send(&request, &[202])?;
            at = self.next(&at, &response)?;
            offset += length;
        }
        Ok(at)
    }

    fn end(&self, at: &Address, body: Option<Part>) -> Result<()> {
        let address = at.clone().with_query("digest", self.descriptor.digest.as_str());
        let nothing: &[u8] = b"";
        let request = Request::new(Method::PUT, address).header("content-type", "application/octet-stream");
        let request = Request { body: Some(body.unwrap_or(Part::whole(&nothing))), ..request };
        self.send(&request, &[201]).map(drop)
    }

    fn send(&self, request: &Request, wanted: &[u16]) -> Result<Response> {
        let response = self.client.send(request, &self.scope)?;
        self.client.expect(response, wanted, self.repository, self.descriptor.digest.as_str())
    }

    /// The address that the registry names for what follows.
    fn next(&self, from: &Address, response: &Response) -> Result<Address> {
        let what = self.descriptor.digest.as_str();
        let malformed = |reason: &dyn std::fmt::Display| self.client.malformed(self.repository, what, reason);
        let location = response.header("location").ok_or_else(|| malformed(&"it names no place for the upload"))?;
        let next = from.join(location).map_err(|e| malformed(&e))?;
        if from.is_secure() && !next.is_secure() {
            let (host, what) = (self.repository.registry().to_owned(), what.to_owned());
            return Err(Error::Redirected { host, what, reason: format!("{} is not encrypted", next.authority()) });
        }
        Ok(next)
    }
}
