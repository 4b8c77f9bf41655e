//! Addresses of registries, of their token servers, and of where they redirect to.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

use crate::reference::normal_host;

/// An address with `http` or `https`, without a user's name and without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    /// Host and port, in lower case.
    authority: String,
    /// Begins with `/`; with the query.
    path: String,
}

impl Address {
    pub fn new(secure: bool, authority: &str, path: &str) -> Self {
        Self { secure, authority: authority.to_ascii_lowercase(), path: path.to_owned() }
    }

    /// # Errors
    /// A clause that says why the text is no such address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|e| format!("{e}"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(other) => return Err(format!("its scheme is `{other}` instead of `https`")),
            None => return Err("it has no scheme".to_owned()),
        };
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        if authority.is_empty() {
            return Err("it has no host".to_owned());
        }
        if authority.contains('@') {
            return Err("it has a user's name in it".to_owned());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, authority: authority.to_ascii_lowercase(), path })
    }

    /// An address as an administrator names it, in the one spelling that counts, since rules go by how
    /// addresses begin: the host as [`normal_host`] has it, and a path of plain names.
    ///
    /// # Errors
    /// A clause that says what is spelled otherwise; those of [`Address::parse`].
    pub fn parse_named(text: &str) -> Result<Self, String> {
        let address = Self::parse(text)?;
        let written = text.split_once("://").map_or(text, |(_, rest)| rest);
        let written = written.split(['/', '?', '#']).next().unwrap_or_default();
        match normal_host(written) {
            Some(normal) if normal == written => {}
            Some(normal) => return Err(format!("its host has one spelling that counts: write `{normal}`")),
            None => return Err(format!("`{written}` is not a host")),
        }
        let path = address.path.split('?').next().unwrap_or_default();
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').rev();
        // An address may end with `/`.
        let last = parts.next().unwrap_or_default();
        let plain = |part: &str| !matches!(part, "." | "..") && !part.to_ascii_lowercase().contains("%2");
        if !plain(last) || parts.any(|part| part.is_empty() || !plain(part)) {
            return Err("its path has `.`, `..`, `%2` or an empty name in it".to_owned());
        }
        Ok(address)
    }

    /// What a header `Location` names, seen from here. Source: RFC 9110, 10.2.2.
    ///
    /// # Errors
    /// A clause that says why it names nothing that can be asked.
    pub fn join(&self, location: &str) -> Result<Self, String> {
        let scheme = if self.secure { "https" } else { "http" };
        let base = match location {
            _ if location.contains("://") => String::new(),
            _ if location.starts_with("//") => format!("{scheme}:"),
            _ if location.starts_with('/') => format!("{scheme}://{}", self.authority),
            _ => {
                let path = self.path.split('?').next().unwrap_or_default();
                let folder = path.rfind('/').map_or("", |slash| &path[..slash]);
                format!("{scheme}://{}{folder}/", self.authority)
            }
        };
        Self::parse(&format!("{base}{location}"))
    }

    /// With one more parameter in the query.
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        self.path += &format!("{separator}{}={}", encode(name), encode(value));
        self
    }

    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host and port as they are written.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Without the port, and without the brackets of an address.
    pub fn host(&self) -> &str {
        host_of(&self.authority)
    }

    /// Whether both are served by the same program, as far as an address says.
    pub fn has_origin_of(&self, other: &Self) -> bool {
        self.secure == other.secure && self.authority == other.authority
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

/// The host of `HOST:PORT` or `[ADDRESS]:PORT`.
pub fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a host is this very machine, so that no one between can listen.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A text as a part of a query or of a form. Source: RFC 3986, 2.3.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_named_has_one_spelling() {
        for text in
            ["https://h.example/a/x.wasm", "http://localhost:5000/a/", "https://h.example", "https://h.example/"]
        {
            assert!(Address::parse_named(text).is_ok(), "{text}");
        }
        for text in [
            "https://H.example/a",
            "https://h.example:443/a",
            "https://h.example:0800/a",
            "https://h.example./a",
            "https://h.example/a/../b",
            "https://h.example//a",
            "https://h.example/%2e%2E/b",
            "https://h.example/a%2fb",
        ] {
            assert!(Address::parse_named(text).is_err(), "{text}");
        }
    }

    fn joined(base: &str, location: &str) -> String {
        Address::parse(base).unwrap().join(location).map_or_else(|e| e, |address| address.to_string())
    }

    #[test]
    fn a_location_is_absolute_or_relative() {
        let base = "https://h.example:5000/v2/a/blobs/uploads/?x=1";
        for (location, whole) in [
            ("https://other.example/b?c=d", "https://other.example/b?c=d"),
            ("/v2/a?b=c", "https://h.example:5000/v2/a?b=c"),
            ("next?n=2", "https://h.example:5000/v2/a/blobs/uploads/next?n=2"),
            ("//other.example/b", "https://other.example/b"),
        ] {
            assert_eq!(joined(base, location), whole);
        }
        assert!(joined(base, "ftp://h.example/x").contains("scheme"), "{}", joined(base, "ftp://h.example/x"));
        assert!(joined(base, "https://user:word@h.example/").contains("user's name"));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (authority, here) in [
            ("localhost:5000", true),
            ("127.0.0.1:1", true),
            ("[::1]:5000", true),
            ("localhost.example", false),
            ("127.0.0.1.example:1", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host_of(authority)), here, "{authority}");
        }
    }

    #[test]
    fn origins_differ_in_scheme_host_or_port() {
        let origin = |text: &str| Address::parse(text).unwrap();
        let here = origin("https://h.example/a");
        assert!(here.has_origin_of(&origin("https://H.example/b")));
        for other in ["http://h.example/a", "https://h.example:444/a", "https://x.h.example/a"] {
            assert!(!here.has_origin_of(&origin(other)), "{other}");
        }
    }

    #[test]
    fn a_query_is_encoded() {
        let address = Address::new(true, "h.example", "/u?a=b").with_query("digest", "sha256:1 &");
        assert_eq!(address.to_string(), "https://h.example/u?a=b&digest=sha256%3A1%20%26");
    }
}
