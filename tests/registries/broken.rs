//! Registries that serve something else, too much, too little, or not yet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use modsmith_registry::manifest::{Descriptor, Index, MANIFEST};
use modsmith_registry::{Client, Digest, Error, Reference, Repository, Settings, fetch};
use modsmith_tests::emulated::{Asked, Emulated, Reply};

const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn settings() -> Settings {
    Settings {
        attempts: 3,
        first_pause: Duration::from_millis(10),
        patience: Duration::from_secs(5),
        ..Settings::default()
    }
}

fn repository(server: &Emulated) -> Repository {
    Reference::parse(&format!("{}/a/b", server.host())).expect("a reference").repository
}

fn descriptor() -> Descriptor {
    Descriptor::of("application/octet-stream", CONTENT)
}

/// Pulls [`CONTENT`] from a server.
fn pull(server: &Emulated) -> Result<Vec<u8>, Error> {
    Client::new(settings()).small_blob(&repository(server), &descriptor(), 1000)
}

#[test]
fn other_bytes_and_too_many_and_too_few_are_refused() {
    let other = Emulated::start(|_| Reply::of(200, CONTENT.to_ascii_uppercase()));
    assert!(matches!(pull(&other), Err(Error::WrongDigest { .. })));
    let longer = Emulated::start(|_| Reply::of(200, [CONTENT, b"!"].concat()));
    assert!(matches!(pull(&longer), Err(Error::TooLarge { limit: 36, .. })));
    let endless = Emulated::start(|_| Reply { endless: true, ..Reply::of(200, CONTENT) });
    assert!(matches!(pull(&endless), Err(Error::TooLarge { .. })));
    let cut = Emulated::start(|_| Reply { claimed: Some(CONTENT.len()), ..Reply::of(200, &CONTENT[..10]) });
    assert!(matches!(pull(&cut), Err(Error::Truncated { got: 10, expected: 36, .. })));
    assert_eq!(cut.asked().len(), 3, "as often as the settings allow");
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    for ranges in [true, false] {
        let server = Emulated::start(move |asked: &Asked| {
            let from =
                asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
            match from.unwrap_or(0) {
                0 => Reply { claimed: Some(CONTENT.len()), ..Reply::of(200, &CONTENT[..10]) },
                // A server may answer with everything.
                _ if !ranges => Reply::of(200, CONTENT),
                from => Reply::of(206, &CONTENT[from..]).header("Content-Range", format!("bytes {from}-35/36")),
            }
        });
        assert_eq!(pull(&server).expect("all of it"), CONTENT, "ranges: {ranges}");
        let asked: Vec<_> = server.asked().iter().map(|asked| asked.header("range").map(str::to_owned)).collect();
        assert_eq!(asked, [None, Some("bytes=10-".into())]);
    }
}

#[test]
fn a_busy_registry_is_asked_again_when_it_says_so_and_not_for_ever() {
    let count = AtomicUsize::new(0);
    let server = Emulated::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::of(429, "").header("Retry-After", "1"),
        _ => Reply::of(200, CONTENT),
    });
    let begun = Instant::now();
    assert_eq!(pull(&server).expect("all of it"), CONTENT);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it is not asked before");
    let always = Emulated::start(|_| Reply::of(503, ""));
    assert!(matches!(pull(&always), Err(Error::Busy { status: 503, .. })));
    assert_eq!(always.asked().len(), 3);
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    let elsewhere = Emulated::start(|_| Reply::of(200, CONTENT));
    let target = format!("http://{}/blob", elsewhere.host());
    let server = Emulated::start(move |asked: &Asked| match asked.header("authorization") {
        None => Reply::of(401, "").header("WWW-Authenticate", "Basic realm=\"x\""),
        Some(_) => Reply::of(307, "").header("Location", target.as_str()),
    });
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("auth.json");
    std::fs::write(&file, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"dTpw\"}}}}}}", server.host())).expect("writable");
    let client = Client::new(Settings { auth_files: vec![file], ..settings() });
    assert_eq!(client.small_blob(&repository(&server), &descriptor(), 1000).expect("all of it"), CONTENT);
    let heard = elsewhere.asked();
    assert_eq!((heard.len(), heard[0].header("authorization")), (1, None));
    assert_eq!(
        server.asked().last().and_then(|asked| asked.header("authorization").map(str::to_owned)),
        Some("Basic dTpw".into())
    );
}

#[test]
fn a_redirect_in_a_circle_or_to_another_machine_without_tls_is_not_followed() {
    let circle = Emulated::start(|asked: &Asked| Reply::of(302, "").header("Location", asked.path.as_str()));
    assert!(matches!(pull(&circle), Err(Error::Redirected { .. })));
    let away = Emulated::start(|_| Reply::of(302, "").header("Location", "http://192.0.2.1/blob"));
    assert!(matches!(pull(&away), Err(Error::BadAddress { .. })));
    let file = Emulated::start(|_| Reply::of(302, "").header("Location", "file:///etc/passwd"));
    assert!(matches!(pull(&file), Err(Error::Redirected { .. })));
}

/// A registry whose tokens are taken twice, and that counts those it has given.
fn with_tokens() -> Emulated {
    let (given, used) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Emulated::start(move |asked: &Asked| {
        let host = asked.header("host").unwrap_or_default();
        if asked.path.starts_with("/token") {
            let number = given.fetch_add(1, Ordering::Relaxed) + 1;
            used.store(0, Ordering::Relaxed);
            return Reply::of(200, format!("{{\"token\":\"t{number}\",\"expires_in\":300}}"));
        }
        let valid = format!("Bearer t{}", given.load(Ordering::Relaxed));
        if asked.header("authorization") == Some(&valid) && used.fetch_add(1, Ordering::Relaxed) < 2 {
            return Reply::of(200, CONTENT);
        }
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"reg\",scope=\"repository:a/b:pull\"");
        Reply::of(401, "").header("WWW-Authenticate", challenge)
    })
}

#[test]
fn a_token_is_used_until_it_is_not_taken_any_more() {
    let server = with_tokens();
    let client = Client::new(settings());
    for _ in 0..3 {
        assert_eq!(client.small_blob(&repository(&server), &descriptor(), 1000).expect("all of it"), CONTENT);
    }
    let tokens: Vec<String> = server
        .asked()
        .iter()
        .filter(|asked| asked.path.starts_with("/token"))
        .map(|asked| asked.path.clone())
        .collect();
    assert_eq!(tokens, vec!["/token?service=reg&scope=repository%3Aa%2Fb%3Apull"; 2]);
}

#[test]
fn a_registry_that_takes_no_token_is_not_asked_for_ever() {
    let server = Emulated::start(|asked: &Asked| match asked.path.starts_with("/token") {
        true => Reply::of(200, "{\"token\":\"t\"}"),
        false => {
            let realm = format!("Bearer realm=\"http://{}/token\"", asked.header("host").unwrap_or_default());
            Reply::of(401, "").header("WWW-Authenticate", realm)
        }
    });
    assert!(matches!(pull(&server), Err(Error::Unauthorized { given: true, .. })));
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_manifest_has_the_digest_that_it_is_asked_by_and_a_limit() {
    let server = Emulated::start(|_| Reply::of(200, "{}").header("Content-Type", MANIFEST));
    let client = Client::new(settings());
    let good = repository(&server).with_digest(&Digest::of(b"{}"));
    assert_eq!(client.manifest(&good).expect("the manifest").bytes, b"{}");
    let other = repository(&server).with_digest(&Digest::of(b"other"));
    assert!(matches!(client.manifest(&other), Err(Error::WrongDigest { .. })));
    let endless = Emulated::start(|_| Reply { endless: true, ..Reply::of(200, "") });
    assert!(matches!(client.manifest(&repository(&endless).tagged("x").expect("a tag")), Err(Error::TooLarge { .. })));
}

#[test]
fn referrers_are_those_of_the_api_and_of_the_list_and_of_all_pages() {
    let entry = |text: &str| Descriptor::of(MANIFEST, text.as_bytes());
    let page = move |names: &[&str]| Index::new(names.iter().map(|name| entry(name)).collect()).to_raw().bytes;
    let server = Emulated::start(move |asked: &Asked| {
        if asked.path.contains("/referrers/") && !asked.path.contains("page") {
            return Reply::of(200, page(&["a"])).header("Link", format!("<{}?page=2>; rel=\"next\"", asked.path));
        }
        match asked.path.contains("/referrers/") {
            true => Reply::of(200, page(&["b"])),
            false => {
                Reply::of(200, page(&["b", "c"])).header("Content-Type", "application/vnd.oci.image.index.v1+json")
            }
        }
    });
    let found = Client::new(settings()).referrers(&repository(&server), &Digest::of(b"x")).expect("a list");
    assert_eq!(found, [entry("a"), entry("b"), entry("c")]);
}

#[test]
fn a_file_over_http_has_a_limit_and_an_end() {
    let get = |reply: Reply, limit| {
        let server = Emulated::start(move |_| reply.clone());
        let mut bytes = Vec::new();
        let fetched = fetch(&settings(), &format!("http://{}/x.wasm", server.host()), limit, &mut bytes);
        fetched.map(|digest| (digest, bytes))
    };
    assert_eq!(get(Reply::of(200, CONTENT), 36).expect("the file"), (Digest::of(CONTENT), CONTENT.to_vec()));
    assert!(matches!(get(Reply::of(200, CONTENT), 35), Err(Error::TooLarge { .. })));
    assert!(matches!(get(Reply { endless: true, ..Reply::of(200, CONTENT) }, 100), Err(Error::TooLarge { .. })));
    assert!(matches!(get(Reply { claimed: Some(50), ..Reply::of(200, CONTENT) }, 100), Err(Error::Truncated { .. })));
    assert!(matches!(get(Reply::of(404, ""), 100), Err(Error::NotFound { .. })));
    assert!(matches!(get(Reply::of(403, ""), 100), Err(Error::Forbidden { .. })));
}
