//! What a real registry takes and gives back.

use std::fs;
use std::io::Write;

use modsmith_registry::manifest::{Descriptor, EMPTY, EMPTY_CONTENT, Manifest};
use modsmith_registry::{Client, Content, Digest, Error, Host, Reference, Repository, Sending, Settings, SigningKey};
use modsmith_tests::registry::{PASSWORD, Registry, USER};
use modsmith_tests::tool;

fn repository(registry: &Registry, name: &str) -> Repository {
    Reference::parse(&format!("{}/{name}", registry.host())).expect("a reference").repository
}

fn push(client: &Client, repository: &Repository, tag: &str, content: &[u8], sending: Sending) -> Manifest {
    let layer = Descriptor::of("application/octet-stream", content);
    client.push_blob(repository, &layer, &content, sending, None).expect("pushed");
    let config = Descriptor::of(EMPTY, EMPTY_CONTENT);
    client.push_blob(repository, &config, &EMPTY_CONTENT, Sending::Whole, None).expect("pushed");
    let mut manifest = Manifest::new(config, vec![layer]);
    manifest.artifact_type = Some("application/vnd.example.test".into());
    client.push_manifest(&repository.tagged(tag).expect("a tag"), &manifest.to_raw()).expect("pushed");
    manifest
}

fn key(dir: &std::path::Path, name: &str) -> SigningKey {
    let file = dir.join(name);
    let words = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    tool::run(std::process::Command::new(tool::path("openssl")).args(words.split(' ')).arg(&file));
    SigningKey::from_pem(&fs::read(file).expect("a key")).expect("a key that can be used")
}

#[test]
fn what_is_pushed_is_pulled_byte_for_byte_in_one_piece_or_in_chunks() {
    let registry = Registry::open();
    let client = Client::new(Settings::default());
    let repository = repository(&registry, "team/thing");
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    for (tag, sending) in [("whole", Sending::Whole), ("chunks", Sending::Chunks(100_000))] {
        let content = [tag.as_bytes(), &content].concat();
        let manifest = push(&client, &repository, tag, &content, sending);
        let raw = client.manifest(&repository.tagged(tag).expect("a tag")).expect("pulled");
        assert_eq!(raw, manifest.to_raw());
        let pulled = client.small_blob(&repository, &manifest.layers[0], 1 << 24).expect("pulled");
        assert!(pulled == content);
        let small = client.small_blob(&repository, &manifest.layers[0], 1000).expect_err("too large");
        assert!(matches!(small, Error::TooLarge { limit: 1000, .. }), "{small}");
    }
    let mut tags = client.tags(&repository).expect("tags");
    tags.sort();
    assert_eq!(tags, ["chunks", "whole"]);
    let gone = client.manifest(&repository.tagged("none").expect("a tag")).expect_err("not there");
    assert!(gone.is_not_found(), "{gone}");
}

#[test]
fn a_blob_is_taken_from_another_repository_and_from_a_file() {
    let registry = Registry::open();
    let client = Client::new(Settings::default());
    let (first, second) = (repository(&registry, "first"), repository(&registry, "second"));
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(b"content of a file").expect("writable");
    let descriptor = Descriptor::of("text/plain", b"content of a file");
    client.push_blob(&first, &descriptor, &file, Sending::Whole, None).expect("pushed");
    assert!(!client.has_blob(&second, &descriptor).expect("an answer"));
    // What cannot be read shows that nothing is sent.
    struct Unreadable;
    impl Content for Unreadable {
        fn length(&self) -> u64 {
            17
        }
        fn open(&self, _: u64) -> std::io::Result<Box<dyn std::io::Read + '_>> {
            Err(std::io::Error::other("it was read"))
        }
    }
    client.push_blob(&second, &descriptor, &Unreadable, Sending::Whole, Some(&first)).expect("mounted");
    assert_eq!(client.small_blob(&second, &descriptor, 100).expect("pulled"), b"content of a file");
}

#[test]
fn a_guarded_registry_wants_its_certificate_and_a_password() {
    let registry = Registry::guarded();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let repository = repository(&registry, "x");
    let probe = |settings: Settings| {
        let client = Client::new(Settings { attempts: 1, ..settings });
        client.has_blob(&repository, &Descriptor::of(EMPTY, EMPTY_CONTENT))
    };
    let untrusted = probe(Settings::default()).expect_err("its authority is not known").to_string();
    assert!(untrusted.contains("certificate is not trusted"), "{untrusted}");

    let folders = dir.path().join("certs.d");
    fs::create_dir_all(folders.join(registry.host())).expect("writable");
    fs::copy(registry.authority(), folders.join(registry.host()).join("ca.crt")).expect("writable");
    let trusting = Settings { certificate_directories: vec![folders], ..Settings::default() };
    let denied = probe(trusting.clone()).expect_err("no password is known");
    assert!(matches!(denied, Error::Unauthorized { given: false, .. }), "{denied}");

    let auth = |password: &str| {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"));
        let file = dir.path().join(format!("{password}.json"));
        fs::write(&file, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{encoded}\"}}}}}}", registry.host()))
            .expect("writable");
        Settings { auth_files: vec![file], ..trusting.clone() }
    };
    let denied = probe(auth("wrong")).expect_err("the password is another one");
    assert!(matches!(denied, Error::Unauthorized { given: true, .. }), "{denied}");
    assert!(!probe(auth(PASSWORD)).expect("an answer"));

    let own = Host {
        certificates: vec![registry.authority()],
        auth_file: auth(PASSWORD).auth_files.pop(),
        ..Host::default()
    };
    let hosts = [(registry.host(), own)].into();
    let client = Client::new(Settings { hosts, ..Settings::default() });
    let manifest = push(&client, &repository, "1", b"guarded", Sending::Whole);
    assert_eq!(client.small_blob(&repository, &manifest.layers[0], 100).expect("pulled"), b"guarded");
}

#[test]
fn a_signature_in_either_form_is_found_and_one_of_another_key_is_not_taken() {
    let registry = Registry::open();
    let client = Client::new(Settings::default());
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mine, other) = (key(dir.path(), "mine"), key(dir.path(), "other"));
    let repository = repository(&registry, "signed");
    let manifest = push(&client, &repository, "1", b"signed", Sending::Whole).to_raw();
    let keys = [mine.public()];
    let verify = || client.verify(&repository, &manifest.digest, &keys);
    assert!(matches!(verify(), Err(Error::Unsigned { .. })));

    client.sign(&repository, &manifest.descriptor(), &other).expect("signed");
    assert!(matches!(verify(), Err(Error::OtherSigner { keys: 1, .. })));
    client.sign(&repository, &manifest.descriptor(), &mine).expect("signed");
    assert_eq!(verify().expect("a signature"), &keys[0]);

    // Each form alone.
    let hex = Digest::parse(manifest.digest.as_str()).expect("a digest").hex().to_owned();
    registry.forget_tag("signed", &format!("sha256-{hex}.sig"));
    assert_eq!(verify().expect("the bundle"), &keys[0]);
    registry.forget_tag("signed", &format!("sha256-{hex}"));
    assert!(matches!(verify(), Err(Error::Unsigned { .. })));
}
