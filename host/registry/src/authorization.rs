//! The answer to a registry that wants to know who asks.
//!
//! Source: "Token Authentication Specification" and "OAuth2 Token Authentication" of the
//! distribution project. A token is for one registry and one scope, and is asked for
//! again when it is not taken any more.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::Method;

use crate::address::{Address, encode};
use crate::challenge::Challenge;
use crate::credentials::{Credential, find};
use crate::error::{Error, Result};
use crate::transport::{Part, Request, Response, Transport};

/// The largest answer of a token server, in bytes.
const LARGEST_ANSWER: u64 = 256 << 10;
/// How long a token without an expiry is used. Source: the specification's minimum.
const SHORTEST_LIFE: u64 = 60;
/// A token is not used for the last seconds of its life.
const MARGIN: Duration = Duration::from_secs(5);

/// The actions that a token allows at a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    pub registry: String,
    pub repository: String,
    /// `pull` or `pull,push`.
    pub actions: &'static str,
    /// A further repository to read from.
    pub from: Option<String>,
}

impl Scope {
    pub fn pull(registry: &str, repository: &str) -> Self {
        Self { registry: registry.to_owned(), repository: repository.to_owned(), actions: "pull", from: None }
    }

    pub fn push(registry: &str, repository: &str) -> Self {
        Self { actions: "pull,push", ..Self::pull(registry, repository) }
    }

    fn texts(&self) -> Vec<String> {
        let own = format!("repository:{}:{}", self.repository, self.actions);
        let from = self.from.as_ref().map(|from| format!("repository:{from}:pull"));
        std::iter::once(own).chain(from).collect()
    }
}

#[derive(Clone)]
struct Token {
    header: String,
    /// `None`: it does not end (a password).
    end: Option<Instant>,
}

/// Makes requests with the credentials that they need.
pub struct Authorized {
    transport: Transport,
    tokens: Mutex<BTreeMap<Scope, Token>>,
}

impl Authorized {
    pub fn new(transport: Transport) -> Self {
        Self { transport, tokens: Mutex::default() }
    }

    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Makes a request; once more with credentials, if the registry asks for some, and
    /// once more with new ones, if it does not take those that it has given.
    ///
    /// # Errors
    /// `Unauthorized`: it takes none that there are. Those of [`Transport::send`].
    pub fn send(&self, request: &Request, scope: &Scope) -> Result<Response> {
        // A registry may redirect to another host, which must not get the token.
        let is_registry = request.address.authority() == scope.registry.to_ascii_lowercase();
        let known = self.known(scope).filter(|_| is_registry);
        let was_known = known.is_some();
        let mut request = Request { authorization: known, ..request.clone() };
        let response = self.transport.send(&request)?;
        // Neither must it get the password: its challenge is not met.
        let is_asked = |response: &Response| response.address.has_origin_of(&request.address);
        if response.status != 401 || !is_registry || !is_asked(&response) {
            return Ok(response);
        }
        let header = self.meet(&response, scope)?;
        request.authorization = header.clone();
        let response = self.transport.send(&request)?;
        if response.status != 401 {
            return Ok(response);
        }
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
        let host = scope.registry.clone();
        Err(Error::Unauthorized { host, what: scope.repository.clone(), given: header.is_some() || was_known })
    }

    fn known(&self, scope: &Scope) -> Option<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.get(scope)?;
        token.end.is_none_or(|end| Instant::now() < end).then(|| token.header.clone())
    }

    /// The header that the registry's challenge asks for.
    fn meet(&self, response: &Response, scope: &Scope) -> Result<Option<String>> {
        let host = scope.registry.clone();
        let settings = self.transport.settings();
        let patience = settings.helper_patience_of(&host);
        let credential = find(&settings.auth_files_of(&host), &host, &scope.repository, patience)?;
        let refused = |given| Error::Unauthorized { host: host.clone(), what: scope.repository.clone(), given };
        let challenge = response.headers("www-authenticate").into_iter().filter_map(Challenge::parse);
        let challenge = challenge.max_by_key(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let token = match challenge.ok_or_else(|| refused(false))? {
            Challenge::Basic => {
                let header = credential.as_ref().and_then(Credential::basic).ok_or_else(|| refused(false))?;
                Token { header, end: None }
            }
            Challenge::Bearer { realm, service, scope: asked } => {
                self.fetch(&realm, &service, asked, credential.as_ref(), scope)?
            }
        };
        let header = token.header.clone();
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), token);
        Ok(Some(header))
    }

    fn fetch(
        &self,
        realm: &str,
        service: &str,
        asked: Option<String>,
        credential: Option<&Credential>,
        scope: &Scope,
    ) -> Result<Token> {
        let malformed = |reason: String| Error::Malformed {
            host: scope.registry.clone(),
            what: "its token server".to_owned(),
            reason,
        };
        let address = Address::parse(realm).map_err(malformed)?;
        let mut scopes = scope.texts();
        scopes.extend(asked.filter(|asked| !scopes.contains(asked)));
        let form: String;
        let body: &[u8];
        let request = match credential {
            Some(Credential::Refresh(token)) => {
                form = format!(
                    "grant_type=refresh_token&client_id=modsmith&service={}&scope={}&refresh_token={}",
                    encode(service),
                    encode(&scopes.join(" ")),
                    encode(token)
                );
                body = form.as_bytes();
                let request = Request::new(Method::POST, address.clone());
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                Request { body: Some(Part::whole(&body)), repeatable: true, ..request }
            }
            other => {
                let mut address =
                    if service.is_empty() { address.clone() } else { address.clone().with_query("service", service) };
                for scope in &scopes {
                    address = address.with_query("scope", scope);
                }
                Request { authorization: other.and_then(Credential::basic), ..Request::new(Method::GET, address) }
            }
        };
        let response = self.transport.send(&request)?;
        match response.status.as_u16() {
            200 => {}
            401 | 403 => {
                let given = credential.is_some();
                return Err(Error::Unauthorized {
                    host: scope.registry.clone(),
                    what: scope.repository.clone(),
                    given,
                });
            }
            status => {
                let host = address.authority().to_owned();
                return Err(Error::Refused { host, what: "a token".to_owned(), status, reason: String::new() });
            }
        }
        let unread = |e: std::io::Error| malformed(e.to_string());
        let answer = response.read(LARGEST_ANSWER).map_err(unread)?;
        let answer = answer.ok_or_else(|| malformed(format!("it is longer than {LARGEST_ANSWER} bytes")))?;
        // A parser's error may quote the token.
        let answer: TokenAnswer =
            serde_json::from_slice(&answer).map_err(|_| malformed("it is not JSON".to_owned()))?;
        answer.token().ok_or_else(|| malformed("it has no token that can be sent".to_owned()))
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl TokenAnswer {
    fn token(self) -> Option<Token> {
        let token = self.token.or(self.access_token).filter(|token| !token.is_empty())?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let life = Duration::from_secs(self.expires_in.unwrap_or(SHORTEST_LIFE)).saturating_sub(MARGIN);
        let now = Instant::now();
        Some(Token { header: format!("Bearer {token}"), end: Some(now.checked_add(life).unwrap_or(now)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_what_is_wanted() {
        let scope = Scope { from: Some("other/b".into()), ..Scope::push("h.example", "a/b") };
        assert_eq!(scope.texts(), ["repository:a/b:pull,push", "repository:other/b:pull"]);
    }

    #[test]
    fn a_token_has_either_name_and_a_life() {
        let token = |text: &str| serde_json::from_str::<TokenAnswer>(text).unwrap().token();
        assert_eq!(token(r#"{"token":"a"}"#).unwrap().header, "Bearer a");
        let other = token(r#"{"access_token":"b","expires_in":300,"issued_at":"x"}"#).unwrap();
        assert!(other.end.unwrap() > Instant::now() + Duration::from_secs(200));
        let past = token(r#"{"token":"a","expires_in":1}"#).unwrap();
        assert!(past.end.unwrap() <= Instant::now());
        for none in [r#"{}"#, r#"{"token":""}"#, r#"{"token":"a\r\nx: y"}"#] {
            assert!(token(none).is_none(), "{none}");
        }
    }
}
