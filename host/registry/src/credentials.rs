//! Credentials for registries, where Docker and Podman keep them.
//!
//! Source: containers-auth.json(5), and "Credential helpers" of Docker's command line: a
//! helper `docker-credential-NAME get` reads the host and writes JSON. If a helper has no
//! credential, no other place is searched. A helper that cannot be run is passed over. A helper
//! that does not answer in time is ended, and that is an error.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modsmith_facts::inside;
use serde::Deserialize;

use crate::error::{Error, Result};

/// The largest file of credentials and the largest answer of a helper, in bytes.
const LARGEST: u64 = 1 << 20;

/// The name that a helper gives for a token instead of a password.
const TOKEN: &str = "<token>";

/// A credential for a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// A token that a token server exchanges for others.
    Refresh(String),
}

/// Secrets are not shown.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::Refresh(_) => f.write_str("Refresh"),
        }
    }
}

impl Credential {
    /// The value of a header `Authorization`; `None` for what only a token server takes.
    pub fn basic(&self) -> Option<String> {
        match self {
            Self::Password { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Self::Refresh(_) => None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct AuthFile {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
}

/// The credentials for a repository at a registry, from the first of the files that has
/// some. Files that are not there have none. A helper is waited for as long as `patience` says.
///
/// # Errors
/// `Credentials`: a file is not in order. `SlowHelper`.
pub fn find(files: &[PathBuf], registry: &str, repository: &str, patience: Duration) -> Result<Option<Credential>> {
    for file in files {
        let Some(auths) = read(file)? else { continue };
        match of_helper(&auths, registry, patience)? {
            Helped::Found(credential) => return Ok(Some(credential)),
            Helped::Nothing => return Ok(None),
            Helped::NoHelper => {}
        }
        let bad = |reason: &str| Error::Credentials { file: file.clone(), reason: reason.to_owned() };
        for key in keys(registry, repository) {
            // Old files have whole addresses.
            let plain = |written: &str| written.trim_start_matches("https://").trim_start_matches("http://").to_owned();
            let entry = auths.auths.iter().find(|(written, _)| {
                let written = plain(written);
                written == key || written.trim_end_matches('/') == key || written.strip_suffix("/v1/") == Some(&key)
            });
            if let Some(credential) = entry.map(|(_, auth)| of_entry(auth)).transpose().map_err(bad)?.flatten() {
                return Ok(Some(credential));
            }
        }
    }
    Ok(None)
}

fn read(file: &Path) -> Result<Option<AuthFile>> {
    let bad = |reason: String| Error::Credentials { file: file.to_path_buf(), reason };
    // A named pipe would be waited for.
    let open = match inside::open(file) {
        Ok(Some(open)) => open,
        // It leads to /dev/null.
        Ok(None) => return Ok(None),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(bad(e.to_string())),
    };
    let mut text = String::new();
    let length = open.take(LARGEST + 1).read_to_string(&mut text).map_err(|e| bad(e.to_string()))?;
    if length as u64 > LARGEST {
        return Err(bad(format!("it is longer than {} KiB", LARGEST >> 10)));
    }
    // The error of a parser may quote a secret: only its place is named.
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| bad(format!("it is not the JSON that is expected, in line {}", e.line())))
}

/// `host/a/b`, `host/a`, `host`: as precise as Podman has them.
fn keys(registry: &str, repository: &str) -> impl Iterator<Item = String> {
    let whole = format!("{registry}/{repository}");
    let least = registry.len();
    std::iter::successors(Some(whole), move |key| {
        let slash = key.rfind('/').filter(|slash| *slash >= least)?;
        Some(key[..slash].to_owned())
    })
}

fn of_entry(auth: &Auth) -> Result<Option<Credential>, &'static str> {
    if let Some(token) = auth.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Some(Credential::Refresh(token.clone())));
    }
    let Some(encoded) = auth.auth.as_ref().filter(|encoded| !encoded.is_empty()) else { return Ok(None) };
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| "an `auth` is not base64")?;
    let text = String::from_utf8(decoded).map_err(|_| "an `auth` is not UTF-8")?;
    let (user, password) = text.split_once(':').ok_or("an `auth` has no colon")?;
    Ok(Some(Credential::Password { user: user.to_owned(), password: password.trim_end_matches('\0').to_owned() }))
}

enum Helped {
    Found(Credential),
    /// The helper has none, and so there are none.
    Nothing,
    /// There is no helper, or it cannot be run.
    NoHelper,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

fn of_helper(auths: &AuthFile, registry: &str, patience: Duration) -> Result<Helped> {
    let named = auths.cred_helpers.get(registry).or(auths.creds_store.as_ref()).filter(|name| !name.is_empty());
    let Some(name) = named else { return Ok(Helped::NoHelper) };
    // The helper's name becomes part of the name of a program.
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        tracing::warn!("a credential helper has a name that is not allowed");
        return Ok(Helped::NoHelper);
    }
    let program = format!("docker-credential-{name}");
    Ok(match ask_helper(&program, registry, patience) {
        Ok(Some(HelperAnswer { username, secret })) if username == TOKEN => Helped::Found(Credential::Refresh(secret)),
        Ok(Some(HelperAnswer { username, secret })) => {
            Helped::Found(Credential::Password { user: username, password: secret })
        }
        Ok(None) => Helped::Nothing,
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            return Err(Error::SlowHelper { program, host: registry.to_owned(), seconds: patience.as_secs() });
        }
        Err(error) => {
            tracing::warn!("{program} cannot be asked: {error}");
            Helped::NoHelper
        }
    })
}

/// `None`: the helper ran, and has nothing. An error `TimedOut`: it was ended.
fn ask_helper(program: &str, registry: &str, patience: Duration) -> std::io::Result<Option<HelperAnswer>> {
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // The helper's own processes are in its group, so that they can be ended with it.
    let mut child = command.process_group(0).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read says so by its answer.
        let _ = input.write_all(registry.as_bytes());
    }
    let (sender, answered) = channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = output.map_or(Ok(0), |output| output.take(LARGEST).read_to_end(&mut answer));
        // After the time limit, nothing receives the answer.
        let _ = sender.send(read.map(|_| answer));
    });
    let answer = match answered.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => {
            end(&mut child);
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        Err(RecvTimeoutError::Disconnected) => Ok(Vec::new()),
    };
    // The helper has closed its output, so it has nothing more to do.
    let status = child.wait()?;
    if !status.success() {
        return Ok(None);
    }
    serde_json::from_slice(&answer?).map(Some).map_err(std::io::Error::other)
}

/// Ends a helper, and what it has started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        std::fs::write(&file, text).unwrap();
        (directory, vec!["/nosuch/auth.json".into(), file])
    }

    fn password(user: &str, password: &str) -> Option<Credential> {
        Some(Credential::Password { user: user.into(), password: password.into() })
    }

    #[test]
    fn the_most_precise_entry_counts() {
        let of = |text: &str| STANDARD.encode(text);
        let text = format!(
            r#"{{"auths":{{"h.example":{{"auth":"{}"}},"h.example/a/b":{{"auth":"{}"}},"https://old.example/v1/":{{"auth":"{}"}},
                "t.example":{{"identitytoken":"T"}},"empty.example":{{}}}},"HttpHeaders":{{"x":"y"}}}}"#,
            of("u:p:q"),
            of("ab:secret"),
            of("o:o")
        );
        let (_directory, files) = file(&text);
        let found =
            |registry: &str, repository: &str| find(&files, registry, repository, Duration::from_secs(30)).unwrap();
        assert_eq!(found("h.example", "a/b"), password("ab", "secret"));
        assert_eq!(found("h.example", "a/b/c"), password("ab", "secret"));
        assert_eq!(found("h.example", "a/bc"), password("u", "p:q"));
        assert_eq!(found("old.example", "x"), password("o", "o"));
        assert_eq!(found("t.example", "x"), Some(Credential::Refresh("T".into())));
        assert_eq!(found("h.example:5000", "a/b"), None);
        assert_eq!(found("empty.example", "x"), None);
        assert_eq!(format!("{:?}", found("h.example", "a/b")), "Some(Password(ab))", "no secret is shown");
    }

    #[test]
    fn a_file_that_is_not_in_order_is_an_error_that_quotes_no_secret() {
        for (text, why) in [
            ("{\"auths\": {\"h.example\": {\"auth\": \"s3cret!\"}}}", "not base64"),
            ("{\"auths\": {\"h.example\": {\"auth\": \"czNjcmV0\"}}}", "no colon"),
            ("{\"auths\": \"s3cret\"}", "line 1"),
        ] {
            let (_directory, files) = file(text);
            let error = find(&files, "h.example", "x", Duration::from_secs(30)).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("cret!") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_pipe_in_the_place_of_the_file_is_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("config.json");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let error = find(&[pipe], "h.example", "x", Duration::from_secs(30)).unwrap_err().to_string();
        assert!(error.contains("config.json") && error.contains("a named pipe"), "{error}");
        assert_eq!(find(&["/dev/null".into()], "h.example", "x", Duration::from_secs(30)).unwrap(), None);
    }

    #[test]
    fn a_helper_that_does_not_answer_is_ended_with_all_that_it_started() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (program, lives) = (directory.path().join("slow"), directory.path().join("lives"));
        std::fs::write(&program, format!("#!/bin/sh\n(sleep 3; touch {}) &\nwait\n", lives.display())).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let begun = std::time::Instant::now();
        let asked = ask_helper(&program.display().to_string(), "h.example", Duration::from_millis(200));
        assert_eq!(asked.map(drop).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(2), "it is not waited for");
        std::thread::sleep(Duration::from_secs(4).saturating_sub(begun.elapsed()));
        assert!(!lives.exists(), "what it started has gone on");
    }

    #[test]
    fn a_helper_that_cannot_be_run_or_has_no_good_name_is_passed_over() {
        let auth = STANDARD.encode("u:p");
        for helper in ["nosuch-helper-anywhere", "../../bin/sh", "a b"] {
            let text =
                format!(r#"{{"auths":{{"h.example":{{"auth":"{auth}"}}}},"credHelpers":{{"h.example":"{helper}"}}}}"#);
            let (_directory, files) = file(&text);
            assert_eq!(
                find(&files, "h.example", "x", Duration::from_secs(30)).unwrap(),
                password("u", "p"),
                "{helper}"
            );
        }
    }
}
