//! Registries that serve something else, too much, too little, or not yet.

use std::time::{Duration, Instant};

use modsmith_registry::manifest::{Descriptor, Index, MANIFEST, Manifest, RawManifest};
use modsmith_registry::{Client, Digest, Error, Reference, Repository, Settings, fetch};
use modsmith_tests::emulated::{Emulated, Reply};
use modsmith_tests::stub_registry::{Blobs, Fault, Faulty, StubRegistry, Switches};

const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn settings() -> Settings {
    Settings {
        attempts: 3,
        first_pause: Duration::from_millis(10),
        patience: Duration::from_secs(5),
        ..Settings::default()
    }
}

/// A registry that has [`CONTENT`].
fn registry(switches: Switches) -> StubRegistry {
    let stub = StubRegistry::new(switches);
    stub.keep_blob(CONTENT);
    stub
}

fn with_blobs(blobs: Blobs) -> StubRegistry {
    registry(Switches { blobs, ..Switches::default() })
}

fn repository(stub: &StubRegistry) -> Repository {
    Reference::parse(&format!("{}/a/b", stub.host())).expect("a reference").repository
}

fn descriptor() -> Descriptor {
    Descriptor::of("application/octet-stream", CONTENT)
}

/// Pulls [`CONTENT`] from a registry.
fn pull(stub: &StubRegistry) -> Result<Vec<u8>, Error> {
    Client::new(settings()).small_blob(&repository(stub), &descriptor(), 1000)
}

#[test]
fn other_bytes_and_too_many_and_too_few_are_refused() {
    assert!(matches!(pull(&with_blobs(Blobs::Changed)), Err(Error::WrongDigest { .. })));
    assert!(matches!(pull(&with_blobs(Blobs::Long)), Err(Error::TooLarge { limit: 36, .. })));
    assert!(matches!(pull(&with_blobs(Blobs::Endless)), Err(Error::TooLarge { .. })));
    let cut = with_blobs(Blobs::Short(26));
    assert!(matches!(pull(&cut), Err(Error::Truncated { got: 10, expected: 36, .. })));
    assert_eq!(cut.asked().len(), 3, "as often as the settings allow");
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    for blobs in [Blobs::Halved, Blobs::HalvedOnce] {
        let stub = with_blobs(blobs.clone());
        assert_eq!(pull(&stub).expect("all of it"), CONTENT, "{blobs:?}");
        let asked: Vec<_> = stub.asked().iter().map(|asked| asked.header("range").map(str::to_owned)).collect();
        assert_eq!(asked, [None, Some("bytes=18-".into())]);
    }
}

#[test]
fn a_busy_registry_is_asked_again_when_it_says_so_and_not_for_ever() {
    let faulty = |faulty| registry(Switches { faulty: Some(faulty), ..Switches::default() });
    let once = faulty(Faulty::only(1, Fault::Busy(1)));
    let begun = Instant::now();
    assert_eq!(pull(&once).expect("all of it"), CONTENT);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it is not asked before");
    let always = faulty(Faulty::from(1, Fault::Status(503)));
    assert!(matches!(pull(&always), Err(Error::Busy { status: 503, .. })));
    assert_eq!(always.asked().len(), 3);
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    let elsewhere = Emulated::start(|_| Reply::of(200, CONTENT));
    let blobs = Blobs::At(elsewhere.host());
    let stub = registry(Switches { password: Some("Basic dTpw"), blobs, ..Switches::default() });
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("auth.json");
    std::fs::write(&file, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"dTpw\"}}}}}}", stub.host())).expect("writable");
    let client = Client::new(Settings { auth_files: vec![file], ..settings() });
    assert_eq!(client.small_blob(&repository(&stub), &descriptor(), 1000).expect("all of it"), CONTENT);
    let heard = elsewhere.asked();
    assert_eq!((heard.len(), heard[0].header("authorization")), (1, None));
    assert_eq!(
        stub.asked().last().and_then(|asked| asked.header("authorization").map(str::to_owned)),
        Some("Basic dTpw".into())
    );
}

/// The host that is redirected to asks for credentials in the registry's stead, and names a token server of
/// its own.
#[test]
fn credentials_do_not_meet_the_challenge_of_another_host() {
    for refresh in [false, true] {
        let elsewhere = Emulated::start(|_| {
            let challenge = "Bearer realm=\"http://localhost:1/token\",service=\"evil\"";
            Reply::of(401, "").header("www-authenticate", challenge).header("www-authenticate", "Basic realm=\"x\"")
        });
        let away = format!("http://{}/x", elsewhere.host());
        let registry = Emulated::start(move |_| Reply::of(307, "").header("location", away.clone()));
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("auth.json");
        let entry = if refresh { "\"identitytoken\":\"secret\"" } else { "\"auth\":\"dTpw\"" };
        let text = format!("{{\"auths\":{{\"{}\":{{{entry}}}}}}}", registry.host());
        std::fs::write(&file, text).expect("writable");
        let client = Client::new(Settings { auth_files: vec![file], ..settings() });
        let reference = Reference::parse(&format!("{}/a/b:1", registry.host())).expect("a reference");
        let error = client.manifest(&reference).expect_err("there are no credentials for the other host");
        assert!(!matches!(error, Error::Unreachable { .. }), "the token server was asked: {error}");
        let heard = elsewhere.asked();
        assert!(!heard.is_empty() && heard.iter().all(|asked| asked.header("authorization").is_none()), "{heard:?}");
    }
}

#[test]
fn a_redirect_in_a_circle_or_to_another_machine_without_tls_is_not_followed() {
    assert!(matches!(pull(&with_blobs(Blobs::Circling)), Err(Error::Redirected { .. })));
    let away = with_blobs(Blobs::Moved("http://192.0.2.1/blob"));
    assert!(matches!(pull(&away), Err(Error::BadAddress { .. })));
    assert!(matches!(pull(&with_blobs(Blobs::Moved("file:///etc/passwd"))), Err(Error::Redirected { .. })));
}

#[test]
fn a_token_is_used_until_it_is_not_taken_any_more() {
    let stub = registry(Switches { tokens: Some(2), ..Switches::default() });
    let client = Client::new(settings());
    for _ in 0..3 {
        assert_eq!(client.small_blob(&repository(&stub), &descriptor(), 1000).expect("all of it"), CONTENT);
    }
    let tokens: Vec<String> =
        stub.asked().iter().filter(|asked| asked.path.starts_with("/token")).map(|asked| asked.path.clone()).collect();
    assert_eq!(tokens, vec!["/token?service=stub&scope=repository%3Aa%2Fb%3Apull"; 2]);
}

#[test]
fn a_registry_that_takes_no_token_is_not_asked_for_ever() {
    let stub = registry(Switches { tokens: Some(0), ..Switches::default() });
    assert!(matches!(pull(&stub), Err(Error::Unauthorized { given: true, .. })));
    assert_eq!(stub.asked().len(), 3);
}

#[test]
fn a_manifest_has_the_digest_that_it_is_asked_by_and_a_limit() {
    let stub = StubRegistry::default();
    let raw = RawManifest::new(MANIFEST, b"{}".to_vec());
    let wrong = Digest::of(b"other");
    stub.keep_manifest_as(&wrong, raw.clone());
    stub.keep_manifest(raw);
    let client = Client::new(settings());
    let good = repository(&stub).with_digest(&Digest::of(b"{}"));
    assert_eq!(client.manifest(&good).expect("the manifest").bytes, b"{}");
    let other = repository(&stub).with_digest(&wrong);
    assert!(matches!(client.manifest(&other), Err(Error::WrongDigest { .. })));
    stub.set(Switches { endless_manifests: true, ..Switches::default() });
    assert!(matches!(client.manifest(&repository(&stub).tagged("x").expect("a tag")), Err(Error::TooLarge { .. })));
}

#[test]
fn referrers_are_those_of_the_api_and_of_the_list_and_of_all_pages() {
    let subject = Descriptor::of(MANIFEST, b"x");
    let stub = StubRegistry::new(Switches { parts_referrers: true, ..Switches::default() });
    let mut referrers = ["a", "b", "c"].map(|kind| {
        let config = Descriptor::of(kind, b"{}");
        let artifact_type = Some(kind.to_owned());
        Manifest { subject: Some(subject.clone()), artifact_type, ..Manifest::new(config, Vec::new()) }
    });
    // The API has them by their digests.
    referrers[..2].sort_by_key(|manifest| manifest.to_raw().digest.to_string());
    let entries = referrers
        .clone()
        .map(|manifest| Descriptor { artifact_type: manifest.artifact_type.clone(), ..manifest.to_raw().descriptor() });
    referrers[..2].iter().for_each(|manifest| stub.keep_manifest(manifest.to_raw()));
    let list = Index::new(entries[1..].to_vec()).to_raw();
    stub.keep_tagged("a/b", &format!("sha256-{}", subject.digest.hex()), list);
    let found = Client::new(settings()).referrers(&repository(&stub), &subject.digest).expect("a list");
    assert_eq!(found, entries);
    assert_eq!(stub.asked().iter().filter(|asked| asked.path.contains("/referrers/")).count(), 2, "one for each page");
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
