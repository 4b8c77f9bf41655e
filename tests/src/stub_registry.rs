//! A registry of OCI in the test itself, with switches for what registries leave out, refuse, or
//! do wrong.
//!
//! Source: distribution-spec 1.1.1. Its contents are right; its answers are as the switches say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use modsmith_registry::Digest;
use modsmith_registry::manifest::{Descriptor, INDEX, Index, Manifest, RawManifest};

use crate::emulated::{Asked, Emulated, Reply};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with a status alone.
    Status(u16),
    /// `429` with a `Retry-After` of so many seconds.
    Busy(u32),
    /// The connection is closed.
    HangUp,
}

/// Requests that go wrong: from one number to another, counted from one, both included.
#[derive(Debug, Clone, Copy)]
pub struct Faulty {
    pub first: usize,
    pub last: usize,
    pub fault: Fault,
}

impl Faulty {
    /// One request.
    pub fn only(number: usize, fault: Fault) -> Self {
        Self { first: number, last: number, fault }
    }

    /// One request and all that follow.
    pub fn from(number: usize, fault: Fault) -> Self {
        Self { first: number, last: usize::MAX, fault }
    }
}

/// How blobs are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Blobs {
    #[default]
    Right,
    /// Other bytes of the same number.
    Changed,
    /// So many bytes fewer than there are, also where a range is asked for.
    Short(usize),
    /// The first half, and the rest where a range is asked for.
    Halved,
    /// The first half, and all of them where a range is asked for.
    HalvedOnce,
    /// More bytes than there are.
    Long,
    /// More and more bytes.
    Endless,
    /// Another host has them.
    At(String),
    /// They are at this address.
    Moved(&'static str),
    /// They are where they were asked for.
    Circling,
}

/// What is different from a registry that does all that the specification has.
#[derive(Debug, Clone, Default)]
pub struct Switches {
    /// There is no API for referrers.
    pub lacks_referrers: bool,
    /// The answer to a manifest with a subject does not have the header `OCI-Subject`.
    pub hides_subject: bool,
    /// In lists of referrers, all entries have one wrong type, for every request, and some are
    /// blobs that refer to nothing.
    pub mixes_referrers: bool,
    /// A page has one referrer.
    pub parts_referrers: bool,
    /// Manifests have no end.
    pub endless_manifests: bool,
    /// Types of configurations and layers that are taken; `None`: all.
    pub takes_only: Option<Vec<&'static str>>,
    /// A token is taken so many times.
    pub tokens: Option<usize>,
    /// The `Authorization` that is asked for.
    pub password: Option<&'static str>,
    pub blobs: Blobs,
    pub faulty: Option<Faulty>,
}

#[derive(Default)]
struct Contents {
    switches: Switches,
    /// Requests that were made since the switches were set.
    requests: usize,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, RawManifest>,
    /// By `REPOSITORY:TAG`.
    tags: BTreeMap<String, String>,
    /// The number of the last token, and how often it was taken.
    token: (usize, usize),
}

/// The registry; it ends with the value.
pub struct StubRegistry {
    server: Emulated,
    contents: Arc<Mutex<Contents>>,
}

impl Default for StubRegistry {
    fn default() -> Self {
        Self::new(Switches::default())
    }
}

impl StubRegistry {
    pub fn new(switches: Switches) -> Self {
        let contents = Arc::new(Mutex::new(Contents { switches, ..Contents::default() }));
        let shared = contents.clone();
        let server = Emulated::start(move |asked| shared.lock().expect("no panic holds it").answer(asked));
        Self { server, contents }
    }

    /// `HOST:PORT`
    pub fn host(&self) -> String {
        self.server.host()
    }

    /// From now on.
    pub fn set(&self, switches: Switches) {
        let mut contents = self.contents();
        (contents.switches, contents.requests) = (switches, 0);
    }

    /// Requests that were made since the switches were set.
    pub fn requests(&self) -> usize {
        self.contents().requests
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }

    /// The tags of all repositories, without their repository.
    pub fn tags(&self) -> Vec<String> {
        let contents = self.contents();
        contents.tags.keys().filter_map(|tag| Some(tag.split_once(':')?.1.to_owned())).collect()
    }

    /// Keeps a blob.
    pub fn keep_blob(&self, bytes: &[u8]) {
        self.contents().blobs.insert(Digest::of(bytes).to_string(), bytes.to_vec());
    }

    /// Keeps a manifest by its own digest.
    pub fn keep_manifest(&self, raw: RawManifest) {
        self.keep_manifest_as(&raw.digest.clone(), raw);
    }

    /// Keeps a manifest by a digest, also by a wrong one.
    pub fn keep_manifest_as(&self, digest: &Digest, raw: RawManifest) {
        self.contents().manifests.insert(digest.to_string(), raw);
    }

    /// Keeps a manifest below a tag.
    pub fn keep_tagged(&self, repository: &str, tag: &str, raw: RawManifest) {
        self.contents().tags.insert(format!("{repository}:{tag}"), raw.digest.to_string());
        self.keep_manifest(raw);
    }

    /// A blob by its digest.
    pub fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.contents().blobs.get(digest).cloned()
    }

    /// Forgets all that was pushed.
    pub fn forget(&self) {
        let mut contents = self.contents();
        *contents = Contents { switches: contents.switches.clone(), ..Contents::default() };
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("no panic holds it")
    }
}

/// What is in the middle of paths.
const KINDS: [&str; 5] = ["/blobs/uploads/", "/blobs/", "/manifests/", "/referrers/", "/tags/"];

/// The repository that a path is about.
fn repository_of(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/v2/")?;
    KINDS.iter().find_map(|kind| Some(path.rsplit_once(kind)?.0))
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::of(status, format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#))
}

fn missing(what: &str) -> Reply {
    refusal(404, "NOT_FOUND", &format!("{what} is not there"))
}

impl Contents {
    fn answer(&mut self, asked: &Asked) -> Reply {
        self.requests += 1;
        let number = self.requests;
        if let Some(faulty) = self.switches.faulty.filter(|f| (f.first..=f.last).contains(&number)) {
            return match faulty.fault {
                Fault::Status(status) => Reply::of(status, ""),
                Fault::Busy(seconds) => Reply::of(429, "").header("Retry-After", seconds.to_string()),
                Fault::HangUp => Reply { hangs_up: true, ..Reply::default() },
            };
        }
        if asked.path.starts_with("/token") {
            self.token = (self.token.0 + 1, 0);
            return Reply::of(200, format!("{{\"token\":\"t{}\",\"expires_in\":300}}", self.token.0));
        }
        self.challenge(asked).unwrap_or_else(|| self.of_repository(asked))
    }

    /// The answer to who has not shown what is wanted.
    fn challenge(&mut self, asked: &Asked) -> Option<Reply> {
        let given = asked.header("authorization");
        if let Some(uses) = self.switches.tokens {
            let (number, used) = self.token;
            if given == Some(&format!("Bearer t{number}")) && used < uses {
                self.token.1 += 1;
                return None;
            }
            let host = asked.header("host").unwrap_or_default();
            let actions = if matches!(asked.method.as_str(), "GET" | "HEAD") { "pull" } else { "pull,push" };
            let scope = repository_of(&asked.path).map(|name| format!(",scope=\"repository:{name}:{actions}\""));
            let scope = scope.unwrap_or_default();
            let realm = format!("Bearer realm=\"http://{host}/token\",service=\"stub\"{scope}");
            return Some(refusal(401, "UNAUTHORIZED", "a token is needed").header("WWW-Authenticate", realm));
        }
        let wanted = self.switches.password.filter(|wanted| given != Some(wanted));
        wanted.map(|_| {
            refusal(401, "UNAUTHORIZED", "a password is needed").header("WWW-Authenticate", "Basic realm=\"stub\"")
        })
    }

    fn of_repository(&mut self, asked: &Asked) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let Some(path) = path.strip_prefix("/v2/").filter(|path| !path.is_empty()) else { return Reply::of(200, "{}") };
        for kind in KINDS {
            let Some((repository, name)) = path.rsplit_once(kind) else { continue };
            return match (asked.method.as_str(), kind) {
                (_, "/blobs/uploads/") => self.upload(asked, repository, query),
                ("GET" | "HEAD", "/blobs/") => self.read_blob(asked, name),
                ("GET" | "HEAD", "/manifests/") => self.read_manifest(repository, name),
                ("PUT", "/manifests/") => self.put_manifest(asked, repository, name),
                ("GET", "/referrers/") => self.referrers(name, &asked.path, query),
                ("GET", "/tags/") => self.list_tags(repository),
                _ => Reply::of(405, ""),
            };
        }
        missing(path)
    }

    fn upload(&mut self, asked: &Asked, repository: &str, query: &str) -> Reply {
        if asked.method == "POST" {
            let location = format!("/v2/{repository}/blobs/uploads/1?state=x");
            return Reply::of(202, "").header("Location", location);
        }
        let digest = query.split('&').find_map(|part| part.strip_prefix("digest=")).unwrap_or_default();
        let digest = digest.replace("%3A", ":").replace("%3a", ":");
        if asked.method != "PUT" || Digest::of(&asked.body).to_string() != digest {
            return refusal(400, "DIGEST_INVALID", "the digest is that of other bytes");
        }
        self.blobs.insert(digest, asked.body.clone());
        Reply::of(201, "")
    }

    fn read_blob(&self, asked: &Asked, digest: &str) -> Reply {
        let Some(bytes) = self.blobs.get(digest) else { return missing(digest) };
        if asked.method == "HEAD" {
            return Reply { claimed: Some(bytes.len()), ..Reply::of(200, "") };
        }
        let range = asked.header("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let from: usize = range.unwrap_or(0).min(bytes.len());
        let rest = &bytes[from..];
        let status = if from > 0 { 206 } else { 200 };
        let claimed = Some(rest.len());
        let reply = match &self.switches.blobs {
            Blobs::Right => Reply::of(status, rest),
            Blobs::Changed => Reply::of(status, rest.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()),
            Blobs::Short(few) => Reply { claimed, ..Reply::of(status, &rest[..rest.len().saturating_sub(*few)]) },
            Blobs::Halved if from == 0 => Reply { claimed, ..Reply::of(status, &rest[..rest.len() / 2]) },
            Blobs::Halved => Reply::of(status, rest),
            Blobs::HalvedOnce if from == 0 => Reply { claimed, ..Reply::of(status, &rest[..rest.len() / 2]) },
            // A server may answer with everything.
            Blobs::HalvedOnce => return Reply::of(200, bytes.as_slice()),
            Blobs::Long => Reply::of(status, [rest, b"!"].concat()),
            Blobs::Endless => Reply { endless: true, ..Reply::of(status, rest) },
            Blobs::At(host) => Reply::of(307, "").header("Location", format!("http://{host}/elsewhere/{digest}")),
            Blobs::Moved(address) => Reply::of(302, "").header("Location", *address),
            Blobs::Circling => Reply::of(302, "").header("Location", asked.path.as_str()),
        };
        if status == 206 {
            return reply.header("Content-Range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()));
        }
        reply
    }

    fn read_manifest(&self, repository: &str, name: &str) -> Reply {
        let digest = self.tags.get(&format!("{repository}:{name}")).map_or(name, String::as_str);
        if self.switches.endless_manifests {
            return Reply { endless: true, ..Reply::of(200, "") };
        }
        match self.manifests.get(digest) {
            Some(raw) => Reply::of(200, raw.bytes.clone()).header("Content-Type", raw.media_type.as_str()),
            None => missing(name),
        }
    }

    fn put_manifest(&mut self, asked: &Asked, repository: &str, name: &str) -> Reply {
        let raw = RawManifest::new(asked.header("content-type").unwrap_or_default(), asked.body.clone());
        let manifest = raw.manifest().ok();
        for part in manifest.iter().flat_map(|manifest| manifest.layers.iter().chain([&manifest.config])) {
            if let Some(types) = &self.switches.takes_only
                && !types.contains(&part.media_type.as_str())
            {
                return refusal(400, "MANIFEST_INVALID", &format!("unknown media type: {}", part.media_type));
            }
            if !self.blobs.contains_key(part.digest.as_str()) {
                return refusal(400, "MANIFEST_BLOB_UNKNOWN", "a blob is missing");
            }
        }
        let subject = manifest.and_then(|manifest| manifest.subject);
        let digest = raw.digest.to_string();
        self.manifests.insert(digest.clone(), raw);
        if !name.starts_with("sha256:") {
            self.tags.insert(format!("{repository}:{name}"), digest);
        }
        let is_told = !self.switches.lacks_referrers && !self.switches.hides_subject;
        match subject.filter(|_| is_told) {
            Some(subject) => Reply::of(201, "").header("OCI-Subject", subject.digest.to_string()),
            None => Reply::of(201, ""),
        }
    }

    fn referrers(&self, subject: &str, path: &str, query: &str) -> Reply {
        if self.switches.lacks_referrers {
            return Reply::of(404, "404 page not found\n");
        }
        let refers = |manifest: &Manifest| manifest.subject.as_ref().is_some_and(|s| s.digest.as_str() == subject);
        let mut listed: Vec<Descriptor> = Vec::new();
        if self.switches.mixes_referrers {
            listed.extend(self.blobs.values().map(|bytes| Descriptor::of("text/plain", bytes)));
        }
        for raw in self.manifests.values() {
            let Some(manifest) = raw.manifest().ok().filter(refers) else { continue };
            let right = manifest.artifact_type.unwrap_or(manifest.config.media_type);
            let wrong = self.switches.mixes_referrers.then(|| "application/vnd.oci.empty.v1+json".to_owned());
            listed.push(Descriptor { artifact_type: Some(wrong.unwrap_or(right)), ..raw.descriptor() });
        }
        let page = |listed| Reply::of(200, Index::new(listed).to_raw().bytes).header("Content-Type", INDEX);
        if !self.switches.parts_referrers {
            return page(listed);
        }
        let number: usize = query.strip_prefix("page=").and_then(|number| number.parse().ok()).unwrap_or(0);
        let is_last = number + 1 >= listed.len();
        let reply = page(listed.into_iter().skip(number).take(1).collect());
        if is_last {
            return reply;
        }
        let path = path.split('?').next().unwrap_or_default();
        reply.header("Link", format!("<{path}?page={}>; rel=\"next\"", number + 1))
    }

    fn list_tags(&self, repository: &str) -> Reply {
        let own = self.tags.keys().filter_map(|tag| tag.strip_prefix(repository)?.strip_prefix(':'));
        let tags: Vec<String> = own.map(|tag| format!("\"{tag}\"")).collect();
        Reply::of(200, format!("{{\"name\":\"{repository}\",\"tags\":[{}]}}", tags.join(",")))
    }
}
