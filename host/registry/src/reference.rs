//! Names of artefacts: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.
//!
//! Source: "Pulling manifests" of distribution-spec 1.1.1. A reference always names its host, so that
//! its reader sees which server is asked for the artefact.

use std::fmt;

use crate::digest::Digest;
use crate::error::{Error, Result};

/// The longest host and repository together, in characters. Every client takes this length.
const LONGEST: usize = 255;

/// How a reference may begin, where a text may be something else as well.
pub const SCHEME: &str = "oci://";

/// A place for artefacts of one name at one registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    registry: String,
    name: String,
}

impl Repository {
    /// The host, with its port where that is not the usual one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path at the registry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The reference to what a tag names here.
    ///
    /// # Errors
    /// `BadReference`: it cannot be a tag.
    pub fn tagged(&self, tag: &str) -> Result<Reference> {
        check_tag(tag).map_err(|reason| Error::BadReference { text: format!("{self}:{tag}"), reason })?;
        Ok(Reference { repository: self.clone(), tag: Some(tag.to_owned()), digest: None })
    }

    /// The reference to a manifest by its content.
    pub fn with_digest(&self, digest: &Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest.clone()) }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

/// A manifest of a repository, by tag, by digest, or by both: then the digest counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub repository: Repository,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

impl Reference {
    /// Reads a reference, with or without `oci://` before it.
    ///
    /// # Errors
    /// `BadReference`, with the part that is not allowed.
    pub fn parse(text: &str) -> Result<Self> {
        parse(text).map_err(|reason| Error::BadReference { text: text.to_owned(), reason })
    }

    /// The digest or else the tag that a registry is asked for; `None` if the reference has neither.
    pub fn wanted(&self) -> Option<&str> {
        self.digest.as_ref().map(Digest::as_str).or(self.tag.as_deref())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    let rest = text.strip_prefix(SCHEME).unwrap_or(text);
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
        None => (rest, None),
    };
    let (registry, rest) = rest.split_once('/').ok_or("it has no repository behind its host")?;
    check_host(registry)?;
    let (name, tag) = match rest.split_once(':') {
        Some((name, tag)) => (name, Some(tag)),
        None => (rest, None),
    };
    name.split('/').try_for_each(check_component)?;
    tag.map_or(Ok(()), check_tag)?;
    if registry.len() + 1 + name.len() > LONGEST {
        return Err(format!("host and repository are longer than {LONGEST} characters"));
    }
    let repository = Repository { registry: registry.to_owned(), name: name.to_owned() };
    Ok(Reference { repository, tag: tag.map(str::to_owned), digest })
}

/// The one spelling of a host that counts, since rules go by it: lower case, no final dot, a port without
/// zeros before it, and no port where that is 443. `None`: the text is no host.
pub fn normal_host(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (format!("[{}]", address.parse::<std::net::Ipv6Addr>().ok()?), port)
        }
        None => {
            let (name, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
            (name.trim_end_matches('.').to_ascii_lowercase(), port)
        }
    };
    // `127.1` and `0x7f.1` are addresses to a resolver.
    let is_number = name
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x"));
    if is_number && name.parse::<std::net::Ipv4Addr>().is_err() {
        return None;
    }
    match port.strip_prefix(':') {
        None => port.is_empty().then_some(name),
        Some(port) => match port.parse::<u16>().ok()? {
            443 => Some(name),
            port => Some(format!("{name}:{port}")),
        },
    }
}

/// A host of a registry: a name with a dot, an address, or a name with a port.
fn check_host(host: &str) -> Result<(), String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("the bracket of its address is not closed")?,
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_v6 = host.starts_with('[');
    let allowed = |byte: u8| match is_v6 {
        true => byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'),
        false => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'),
    };
    if name.is_empty() || !name.bytes().all(allowed) || name.starts_with(['.', '-']) {
        return Err(format!("`{host}` is not a host"));
    }
    if !port.is_empty() && port.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()).is_none() {
        return Err(format!("`{}` is not a port", port.trim_start_matches(':')));
    }
    match normal_host(host) {
        None => return Err(format!("`{host}` is not a host")),
        Some(normal) if normal != host => {
            return Err(format!("its host has one spelling that counts: write `{normal}`"));
        }
        Some(_) => {}
    }
    match is_v6 || name == "localhost" || name.contains('.') || !port.is_empty() {
        true => Ok(()),
        false => Err(format!("`{host}` is not the host of a registry; write the host first, with its domain")),
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn check_component(component: &str) -> Result<(), String> {
    let wrong = || {
        format!(
            "`{component}` is not allowed in a repository; use lower case, digits, and `-`, `_` or `.` between them"
        )
    };
    let mut separator = String::new();
    for character in component.chars() {
        match character {
            'a'..='z' | '0'..='9' => {
                let fits = matches!(separator.as_str(), "" | "." | "_" | "__") || separator.chars().all(|c| c == '-');
                if !fits {
                    return Err(wrong());
                }
                separator.clear();
            }
            '.' | '_' | '-' => separator.push(character),
            _ => return Err(wrong()),
        }
    }
    let begins = component.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins && separator.is_empty() { Ok(()) } else { Err(wrong()) }
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn check_tag(tag: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let first = tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match first && tag.len() <= 128 && tag.bytes().all(inner) {
        true => Ok(()),
        false => Err(format!(
            "`{tag}` is not a tag; use at most 128 letters, digits, `_`, `.` and `-`, and begin with no `.` or `-`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_reference_is_written_as_it_was_read() {
        for text in [
            "localhost:5000/a",
            "registry.example/team/plugin:1.0.0",
            "127.0.0.1:5000/a.b/c__d/e--f:v1_2",
            "[::1]:5000/a:x",
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
            assert_eq!(Reference::parse(&format!("oci://{text}")).unwrap().to_string(), text);
        }
        let both = Reference::parse(&format!("h.example/a/b:1@{DIGEST}")).unwrap();
        assert_eq!((both.repository.registry(), both.repository.name()), ("h.example", "a/b"));
        assert_eq!((both.tag.as_deref(), both.wanted()), (Some("1"), Some(DIGEST)), "the digest counts");
        assert_eq!(Reference::parse("h.example/a").unwrap().wanted(), None);
    }

    #[test]
    fn what_no_registry_takes_is_refused_with_the_part_that_is_wrong() {
        for (text, part) in [
            ("plugin", "no repository"),
            ("team/plugin", "`team` is not the host"),
            ("LOCALHOST:5000/a", "write `localhost:5000`"),
            ("h.example:05000/a", "write `h.example:5000`"),
            ("h.example:443/a", "write `h.example`"),
            ("h.example./a", "write `h.example`"),
            ("[0:0:0:0:0:0:0:1]:5000/a", "write `[::1]:5000`"),
            ("127.1:5000/a", "`127.1:5000` is not a host"),
            ("h.example/A", "`A` is not allowed"),
            ("h.example/a//b", "`` is not allowed"),
            ("h.example/a/../b", "`..` is not allowed"),
            ("h.example/a.-b", "`a.-b` is not allowed"),
            ("h.example/a___b", "`a___b` is not allowed"),
            ("h.example/a-", "`a-` is not allowed"),
            ("h.example/a:1+2", "`1+2` is not a tag"),
            ("h.example/a:", "`` is not a tag"),
            ("user:word@h.example/a", "a digest begins"),
            ("h.example:port/a", "`port` is not a port"),
            ("h_x.example/a", "is not a host"),
            ("[::1/a", "not closed"),
            ("h.example/a@sha256:12", "64 digits"),
        ] {
            let error = Reference::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Reference::parse(&format!("h.example/{}", "a".repeat(300))).is_err());
    }

    #[test]
    fn a_tag_of_a_repository_is_checked() {
        let repository = Reference::parse("h.example/a").unwrap().repository;
        assert_eq!(repository.tagged("1.0").unwrap().to_string(), "h.example/a:1.0");
        assert!(repository.tagged("1/0").is_err() && repository.tagged(&"x".repeat(129)).is_err());
    }
}
