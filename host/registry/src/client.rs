//! Manifests at registries, and what all requests to registries have in common.

use serde::Deserialize;
use ureq::http::Method;

use crate::address::Address;
use crate::authorization::{Authorized, Scope};
use crate::digest::Digest;
use crate::error::{Error, Result, quote};
use crate::manifest::{DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, RawManifest};
use crate::reference::{Reference, Repository};
use crate::settings::Settings;
use crate::transport::{Part, Request, Response, Transport};

/// The largest explanation of a refusal that is read, in bytes.
const LARGEST_REASON: u64 = 16 << 10;
/// The largest page of a list of tags, in bytes, and the largest number of pages.
const LARGEST_PAGE: u64 = 1 << 20;
const MOST_PAGES: usize = 64;

/// Speaks to registries. One client remembers what it has learnt of each: tokens, and
/// whether it has TLS.
pub struct Client {
    authorized: Authorized,
    plain: std::sync::Mutex<std::collections::BTreeMap<String, bool>>,
}

/// The answer of a registry that has taken a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    pub digest: Digest,
    /// Whether it will list the manifest among those of its subject.
    pub knows_subject: bool,
}

impl Client {
    pub fn new(settings: Settings) -> Self {
        Self { authorized: Authorized::new(Transport::new(settings)), plain: std::sync::Mutex::default() }
    }

    pub fn settings(&self) -> &Settings {
        self.authorized.transport().settings()
    }

    /// The manifest or index of a reference. Where the reference has a digest, the bytes
    /// have it too.
    ///
    /// # Errors
    /// `NotFound`, `WrongDigest`, `TooLarge`, and those of every request.
    pub fn manifest(&self, reference: &Reference) -> Result<RawManifest> {
        let repository = &reference.repository;
        let wanted = reference.wanted().unwrap_or("latest");
        let what = format!("{}:{wanted}", repository.name());
        let address = self.address(repository, &format!("manifests/{wanted}"));
        let accept = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ");
        let request = Request::new(Method::GET, address).header("accept", accept);
        let scope = Scope::pull(repository.registry(), repository.name());
        let response = self.expect(self.authorized.send(&request, &scope)?, &[200], repository, &what)?;
        let host = repository.registry().to_owned();
        let media_type = response.header("content-type").unwrap_or(MANIFEST).split(';').next().unwrap_or(MANIFEST);
        let media_type = media_type.trim().to_owned();
        let limit = self.settings().largest_manifest;
        let bytes =
            response.read(limit).map_err(|e| Error::Unreachable { host: host.clone(), reason: e.to_string() })?;
        let bytes = bytes.ok_or_else(|| Error::TooLarge { host: host.clone(), what: what.clone(), limit })?;
        let raw = RawManifest::new(&media_type, bytes);
        match &reference.digest {
            Some(digest) if *digest != raw.digest => {
                Err(Error::WrongDigest { host, what, got: raw.digest.to_string() })
            }
            _ => Ok(raw),
        }
    }

    /// Puts a manifest or index to a reference: to its tag, else to its own digest.
    ///
    /// # Errors
    /// `Refused`: the registry does not take it, for instance since a blob is missing.
    /// The errors that every request has.
    pub fn push_manifest(&self, reference: &Reference, raw: &RawManifest) -> Result<Pushed> {
        let repository = &reference.repository;
        let name = reference.tag.as_deref().unwrap_or(raw.digest.as_str());
        let what = format!("{}:{name}", repository.name());
        let address = self.address(repository, &format!("manifests/{name}"));
        let body: &[u8] = &raw.bytes;
        let request = Request::new(Method::PUT, address).header("content-type", raw.media_type.clone());
        let request = Request { body: Some(Part::whole(&body)), repeatable: true, ..request };
        let scope = Scope::push(repository.registry(), repository.name());
        let response = self.expect(self.authorized.send(&request, &scope)?, &[201], repository, &what)?;
        Ok(Pushed { digest: raw.digest.clone(), knows_subject: response.header("oci-subject").is_some() })
    }

    /// All tags of a repository, as the registry orders them.
    ///
    /// # Errors
    /// `NotFound`, `Malformed`, `TooLarge`, and those of every request.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let what = format!("the tags of {}", repository.name());
        let mut tags = Vec::new();
        let pages = self.pages(self.address(repository, "tags/list"), repository, &what, LARGEST_PAGE)?;
        for page in pages {
            let page: Page = serde_json::from_slice(&page).map_err(|e| self.malformed(repository, &what, &e))?;
            tags.extend(page.tags.unwrap_or_default());
        }
        Ok(tags)
    }

    /// All pages of a list, whose next one a header `Link` names. Source: "Listing tags"
    /// of distribution-spec 1.1.1; RFC 8288.
    pub(crate) fn pages(
        &self,
        first: Address,
        repository: &Repository,
        what: &str,
        limit: u64,
    ) -> Result<Vec<Vec<u8>>> {
        let scope = Scope::pull(repository.registry(), repository.name());
        let mut next = Some(first);
        let mut pages = Vec::new();
        while let Some(address) = next.take().filter(|_| pages.len() < MOST_PAGES) {
            let request = Request::new(Method::GET, address.clone());
            let response = self.expect(self.authorized.send(&request, &scope)?, &[200], repository, what)?;
            let link = response.header("link").and_then(next_of_link).map(str::to_owned);
            let host = repository.registry().to_owned();
            let page =
                response.read(limit).map_err(|e| Error::Unreachable { host: host.clone(), reason: e.to_string() })?;
            pages.push(page.ok_or_else(|| Error::TooLarge { host, what: what.to_owned(), limit })?);
            next = match link {
                Some(link) => {
                    let next = address.join(&link).map_err(|e| self.malformed(repository, what, &e))?;
                    // A list is one registry's own; nothing else is asked for a part of it.
                    next.has_origin_of(&address).then_some(next)
                }
                None => None,
            };
        }
        Ok(pages)
    }

    /// `/v2/REPOSITORY/…` at the registry.
    pub(crate) fn address(&self, repository: &Repository, path: &str) -> Address {
        let secure = !self.is_plain(repository.registry());
        Address::new(secure, repository.registry(), &format!("/v2/{}/{path}", repository.name()))
    }

    fn is_plain(&self, registry: &str) -> bool {
        let known = self.plain.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(registry).copied();
        known.unwrap_or_else(|| {
            let plain = self.authorized.transport().is_plain(registry);
            self.plain.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(registry.to_owned(), plain);
            plain
        })
    }

    pub(crate) fn send(&self, request: &Request, scope: &Scope) -> Result<Response> {
        self.authorized.send(request, scope)
    }

    /// An answer with one of these states; an error for all others.
    pub(crate) fn expect(
        &self,
        response: Response,
        wanted: &[u16],
        repository: &Repository,
        what: &str,
    ) -> Result<Response> {
        let status = response.status.as_u16();
        if wanted.contains(&status) {
            return Ok(response);
        }
        let (host, what) = (repository.registry().to_owned(), what.to_owned());
        Err(match status {
            404 => Error::NotFound { host, what },
            401 => Error::Unauthorized { host, what, given: true },
            403 => Error::Forbidden { host, what },
            301..=308 => {
                Error::Redirected { host, what, reason: "content that is sent is not sent elsewhere".to_owned() }
            }
            _ => {
                let reason = response.read(LARGEST_REASON).ok().flatten().map(|body| explanation(&body));
                Error::Refused { host, what, status, reason: reason.unwrap_or_default() }
            }
        })
    }

    pub(crate) fn malformed(&self, repository: &Repository, what: &str, reason: &dyn std::fmt::Display) -> Error {
        let host = repository.registry().to_owned();
        Error::Malformed { host, what: what.to_owned(), reason: quote(&reason.to_string()) }
    }
}

/// The address of `<ADDRESS>; rel="next"`.
fn next_of_link(header: &str) -> Option<&str> {
    let (address, parameters) = header.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
    is_next.then_some(address)
}

/// The registry's message about a refusal. Source: "Error codes" of distribution-spec 1.1.1. Other
/// answers, such as pages of a proxy, are not quoted.
fn explanation(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        errors: Vec<Explained>,
    }
    #[derive(Deserialize)]
    struct Explained {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return String::new() };
    let texts: Vec<String> = answer.errors.iter().map(|error| format!("{} ({})", error.message, error.code)).collect();
    quote(&texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_of_that_relation() {
        assert_eq!(next_of_link("</v2/a/tags/list?n=1&last=x>; rel=\"next\""), Some("/v2/a/tags/list?n=1&last=x"));
        assert_eq!(next_of_link("</x>; rel=\"prev\""), None);
        assert_eq!(next_of_link("/x; rel=\"next\""), None);
    }

    #[test]
    fn a_refusal_is_quoted_where_it_has_the_form_of_one() {
        let body = br#"{"errors":[{"code":"MANIFEST_INVALID","message":"bad","detail":{}},{"code":"X"}]}"#;
        assert_eq!(explanation(body), "bad (MANIFEST_INVALID),  (X)");
        assert_eq!(explanation(b"<html>"), "");
    }
}
