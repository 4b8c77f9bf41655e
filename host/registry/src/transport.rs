//! Requests and answers over HTTP: certificates, proxies, redirects, further attempts.
//!
//! Nothing here knows what a registry is, and no credentials are made up here: they come
//! with a request, and leave it when it is redirected to another origin (RFC 9110,
//! 15.4; distribution-spec 1.1.1, "Pulling blobs").

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustls::CertificateError;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use ureq::http::{self, Method, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Proxy, SendBody};

use crate::address::Address;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// The largest number of redirects that are followed for one request.
const MOST_REDIRECTS: usize = 5;

/// The largest header of an answer, in bytes.
const LARGEST_HEADER: usize = 64 << 10;

/// The body of a request. A body can be read from its beginning more than once.
pub trait Content {
    /// In bytes.
    fn length(&self) -> u64;

    /// The bytes from an offset on.
    fn open(&self, offset: u64) -> std::io::Result<Box<dyn Read + '_>>;
}

impl Content for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self, offset: u64) -> std::io::Result<Box<dyn Read + '_>> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        Ok(Box::new(&self[offset..]))
    }
}

impl Content for std::fs::File {
    fn length(&self) -> u64 {
        self.metadata().map_or(0, |metadata| metadata.len())
    }

    fn open(&self, offset: u64) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(FileFrom { file: self, offset }))
    }
}

/// Reads a file without moving its position, which its other users share.
struct FileFrom<'f> {
    file: &'f std::fs::File,
    offset: u64,
}

impl Read for FileFrom<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// A part of content.
#[derive(Clone, Copy)]
pub struct Part<'c> {
    pub content: &'c dyn Content,
    pub offset: u64,
    pub length: u64,
}

impl<'c> Part<'c> {
    pub fn whole(content: &'c dyn Content) -> Self {
        Self { content, offset: 0, length: content.length() }
    }
}

/// One request.
#[derive(Clone)]
pub struct Request<'c> {
    pub method: Method,
    pub address: Address,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Part<'c>>,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
    /// Whether another attempt can change nothing that the first one has not changed.
    pub repeatable: bool,
}

impl Request<'_> {
    pub fn new(method: Method, address: Address) -> Self {
        let repeatable = method.is_safe();
        Self { method, address, headers: Vec::new(), body: None, authorization: None, repeatable }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An answer, whose body is still to be read.
pub struct Response {
    pub status: StatusCode,
    /// Which address has answered: another one than was asked, after a redirect.
    pub address: Address,
    pace: Pace,
    headers: http::HeaderMap,
    body: ureq::Body,
}

impl Response {
    /// A header's text; `None` if it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers of one name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    pub fn into_reader(self) -> impl Read {
        self.body.into_reader()
    }

    /// The body, of at most so many bytes; `None` if it is longer.
    ///
    /// # Errors
    /// The connection failed. `TimedOut`: the body comes more slowly than the settings allow.
    pub fn read(self, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
        let most = self.length().map_or(limit, |length| length.min(limit));
        let (until, least) = (self.pace.until(most), self.pace.least_speed);
        let mut bytes = Vec::new();
        let mut reader = self.into_reader().take(limit.saturating_add(1));
        let mut buffer = [0; 16 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok((bytes.len() as u64 <= limit).then_some(bytes)),
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if Instant::now() > until {
                let why = format!("it sends fewer than {least} bytes in a second");
                return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, why));
            }
        }
    }
}

/// How slowly a body may come.
#[derive(Clone, Copy)]
struct Pace {
    patience: Duration,
    /// In bytes per second.
    least_speed: u64,
}

impl Pace {
    /// When a body of so many bytes has to be here that begins now.
    fn until(self, length: u64) -> Instant {
        Instant::now() + self.patience + Duration::from_secs(length / self.least_speed.max(1))
    }
}

/// Makes requests.
pub struct Transport {
    settings: Settings,
    /// One agent for each host and port, since certificates and proxies differ.
    agents: Mutex<BTreeMap<String, Agent>>,
    system_certificates: OnceLock<Vec<Certificate<'static>>>,
}

impl Transport {
    pub fn new(settings: Settings) -> Self {
        Self { settings, agents: Mutex::default(), system_certificates: OnceLock::new() }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes a request, again if it fails for a reason that passes, and follows
    /// redirects of requests that only read. The answer has any other status.
    ///
    /// # Errors
    /// `Unreachable`, `Busy`, `Redirected`, `BadAddress`, `Certificates`, `Io`.
    pub fn send(&self, request: &Request) -> Result<Response> {
        let mut request = request.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.persist(&request)?;
            if !is_redirect(response.status) || !request.method.is_safe() {
                return Ok(response);
            }
            let refused = |reason: String| Error::Redirected {
                host: request.address.authority().to_owned(),
                what: "a request".to_owned(),
                reason,
            };
            let location = response.header("location").ok_or_else(|| refused("it does not say where".to_owned()))?;
            let next = request.address.join(location).map_err(refused)?;
            if request.address.is_secure() && !next.is_secure() {
                return Err(refused(format!("{} is not encrypted", next.authority())));
            }
            if !next.has_origin_of(&request.address) {
                request.authorization = None;
            }
            request.address = next;
        }
        Err(Error::Redirected {
            host: request.address.authority().to_owned(),
            what: "a request".to_owned(),
            reason: format!("there were more than {MOST_REDIRECTS} redirects"),
        })
    }

    /// Sends the request again after a failure that may pass, as often as the settings allow.
    fn persist(&self, request: &Request) -> Result<Response> {
        let mut pause = self.settings.first_pause;
        let mut left = self.settings.attempts.max(1);
        loop {
            left -= 1;
            let outcome = self.exchange(request);
            let wanted = match &outcome {
                Ok(response) if is_busy(response.status) => retry_after(response),
                Err(Error::Unreachable { .. }) if request.repeatable => None,
                _ => return outcome,
            };
            // A status of its own says that the request was not carried out.
            if left == 0 {
                return outcome.and_then(|response| {
                    let host = request.address.authority().to_owned();
                    Err(Error::Busy { host, status: response.status.as_u16() })
                });
            }
            let rest = wanted.unwrap_or(pause).min(self.settings.longest_pause);
            tracing::debug!("{} is asked again after {rest:?}", request.address.authority());
            std::thread::sleep(rest);
            pause = pause.saturating_mul(2);
        }
    }

    fn exchange(&self, request: &Request) -> Result<Response> {
        let address = &request.address;
        if !address.is_secure() && !self.settings.may_be_plain(address.authority()) {
            return Err(Error::BadAddress {
                address: address.to_string(),
                reason: "it is not encrypted, and only this machine is spoken to like that".to_owned(),
            });
        }
        let unreachable = |reason: String| Error::Unreachable { host: address.authority().to_owned(), reason };
        let mut builder = http::Request::builder().method(request.method.clone()).uri(address.to_string());
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(authorization) = &request.authorization {
            builder = builder.header("authorization", authorization);
        }
        tracing::debug!("{} {address}", request.method);
        let agent = self.agent(address)?;
        let response = match request.body {
            Some(part) => {
                builder = builder.header("content-length", part.length.to_string());
                let opened = part.content.open(part.offset).map_err(Error::io("read what is to be pushed"))?;
                let mut reader = opened.take(part.length);
                let whole = builder.body(SendBody::from_reader(&mut reader)).map_err(|e| unreachable(e.to_string()))?;
                agent.run(whole)
            }
            None => agent.run(builder.body(()).map_err(|e| unreachable(e.to_string()))?),
        };
        let response = response.map_err(|e| unreachable(reason(&e)))?;
        let (head, body) = response.into_parts();
        tracing::debug!("{} {address}", head.status);
        let pace = Pace { patience: self.settings.patience, least_speed: self.settings.least_speed };
        Ok(Response { status: head.status, address: address.clone(), pace, headers: head.headers, body })
    }

    fn agent(&self, address: &Address) -> Result<Agent> {
        let key = format!("{} {}", address.is_secure(), address.authority());
        if let Some(agent) = self.agents.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(agent.clone());
        }
        let patience = Some(self.settings.patience);
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(LARGEST_HEADER)
            .user_agent(self.settings.user_agent.as_str())
            .accept("*/*")
            .timeout_resolve(patience)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .timeout_per_write(patience)
            .proxy(self.proxy(address)?);
        if address.is_secure() {
            config = config.tls_config(self.tls(address.authority())?);
        }
        let agent = Agent::new_with_config(config.build());
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).insert(key, agent.clone());
        Ok(agent)
    }

    fn proxy(&self, address: &Address) -> Result<Option<Proxy>> {
        let Some(proxy) = self.settings.proxies.of(address) else { return Ok(None) };
        // A proxy's address may have a password in it: it is not quoted.
        let bad = |_| Error::BadAddress {
            address: "that of the proxy in the environment".to_owned(),
            reason: "it is not one of a proxy".to_owned(),
        };
        Proxy::new(proxy).map(Some).map_err(bad)
    }

    fn tls(&self, authority: &str) -> Result<TlsConfig> {
        let mut certificates = self.system_certificates().to_vec();
        for file in self.settings.certificates_of(authority) {
            let bad = |reason: String| Error::Certificates { file: file.clone(), reason };
            let pem = modsmith_facts::inside::read_configuration(&file).map_err(|e| bad(e.to_string()))?;
            let before = certificates.len();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|e| bad(e.to_string()))?;
                certificates.push(Certificate::from_der(&certificate).to_owned());
            }
            if certificates.len() == before {
                return Err(bad("there is none in PEM form".to_owned()));
            }
        }
        Ok(TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&certificates))
            .build())
    }

    /// The certificates that this machine trusts. A file that cannot be read leaves the others in use.
    fn system_certificates(&self) -> &[Certificate<'static>] {
        self.system_certificates.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!("certificates of the system: {error}");
            }
            found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
        })
    }

    /// Whether this address is served without TLS, where that may be: a server that does
    /// not begin TLS has none, while one whose certificate is not trusted has it.
    pub fn is_plain(&self, authority: &str) -> bool {
        if self.settings.host(authority).plain_http {
            return true;
        }
        if !self.settings.may_be_plain(authority) {
            return false;
        }
        let address = Address::new(true, authority, "/v2/");
        let Ok(agent) = self.agent(&address) else { return false };
        match agent.get(address.to_string()).call() {
            Ok(_) => false,
            Err(error) => tls_error(&error).is_some_and(|error| matches!(error, rustls::Error::InvalidMessage(_))),
        }
    }
}

fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Why there was no answer, as a clause.
fn reason(error: &ureq::Error) -> String {
    match (tls_error(error), error) {
        (Some(rustls::Error::InvalidCertificate(why)), _) => distrust(why),
        (Some(other), _) => other.to_string(),
        (None, ureq::Error::HostNotFound) => "its name is not known".to_owned(),
        (None, ureq::Error::Timeout(_)) => "it does not answer in time".to_owned(),
        (None, ureq::Error::Io(error)) => error.to_string(),
        (None, other) => other.to_string(),
    }
}

/// Why a certificate is not trusted, as a clause.
fn distrust(why: &CertificateError) -> String {
    let by_clock = |what: &str| {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d");
        format!("its certificate is {what} by this machine's clock, which says {now}; set the clock, if that is wrong")
    };
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => by_clock("not valid any more"),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => by_clock("not valid yet"),
        why => format!("its certificate is not trusted ({why:?})"),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// The pause that a server asks for, in seconds; a date is not looked at, since clocks
/// differ. Source: RFC 9110, 10.2.3.
fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_read_from_any_offset_and_more_than_once() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcdef").unwrap();
        let bytes: &[u8] = b"abcdef";
        for content in [&file as &dyn Content, &bytes] {
            assert_eq!(content.length(), 6);
            for (offset, rest) in [(0, "abcdef"), (4, "ef"), (4, "ef"), (9, "")] {
                let mut read = String::new();
                content.open(offset).unwrap().read_to_string(&mut read).unwrap();
                assert_eq!(read, rest);
            }
        }
    }

    #[test]
    fn a_certificate_of_another_time_speaks_of_the_clock_and_no_other_does() {
        assert!(distrust(&CertificateError::Expired).contains("not valid any more by this machine's clock"));
        assert!(distrust(&CertificateError::NotValidYet).contains("not valid yet by this machine's clock"));
        assert!(!distrust(&CertificateError::UnknownIssuer).contains("clock"));
    }

    #[test]
    fn nothing_is_sent_unencrypted_to_another_machine() {
        let transport = Transport::new(Settings { attempts: 1, ..Settings::default() });
        let request = Request::new(Method::GET, Address::new(false, "registry.example", "/v2/"));
        let error = transport.send(&request).map(|response| response.status).unwrap_err();
        assert!(matches!(error, Error::BadAddress { .. }), "{error}");
    }
}
