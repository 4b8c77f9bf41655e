//! cosign of two releases of Debian: it believes what is pushed, and what it signs is believed.

use std::path::PathBuf;
use std::process::Command;

use modsmith_tests::registry::Registry;
use modsmith_tests::{debian_packages, tool};

use crate::scene::Scene;

/// cosign, with a home of its own and without the internet.
struct Cosign {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Cosign {
    fn of(debian: &str) -> Self {
        let program = debian_packages::unpacked(debian, "cosign").join("usr/bin/cosign");
        Self { program, home: tempfile::tempdir().expect("a temporary directory") }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words.split_whitespace()).current_dir(self.home.path());
        command.env("HOME", self.home.path()).env("COSIGN_PASSWORD", "");
        command
    }

    fn run(&self, words: &str) -> String {
        tool::run(&mut self.command(words))
    }

    /// The options that have it sign without a log on the internet.
    fn signs_alone(&self) -> &'static str {
        match self.run("sign --help").contains("--use-signing-config") {
            true => "--use-signing-config=false --tlog-upload=false",
            false => "--tlog-upload=false",
        }
    }
}

const PLAIN: &str = "--allow-http-registry --allow-insecure-registry";

/// What cosign knows beside signatures.
#[derive(PartialEq)]
enum Reads {
    Signatures,
    Statements,
}

fn both_ways(debian: &str, reads: &Reads) {
    let (scene, registry, cosign) = (Scene::new(), Registry::open(), Cosign::of(debian));
    let address = format!("{}/modules", registry.host());
    let out = scene.push(&format!("oci://{address}"), "").expect(0);
    let digest = out.stdout.split("sha256:").nth(1).and_then(|rest| rest.get(..64)).expect("a digest");
    let artefact = format!("{address}/shared@sha256:{digest}");

    let ignoring = "--insecure-ignore-tlog --private-infrastructure";
    let known = |key: &str| format!("--key {key} {ignoring} {PLAIN} {artefact}");
    cosign.run(&format!("verify {}", known(&scene.public("team"))));
    if *reads == Reads::Statements {
        cosign.run(&format!("verify-attestation --type slsaprovenance1 {}", known(&scene.public("team"))));
    }
    let refused = tool::output(&mut cosign.command(&format!("verify {}", known(&scene.public("other")))));
    assert_ne!(refused.code, 0, "{refused}");

    // The administrator believes cosign's own key alone, with which nothing is signed yet.
    cosign.run("generate-key-pair");
    scene.names("store-oci", &address);
    let public = std::fs::read(cosign.home.path().join("cosign.pub")).expect("cosign made it");
    scene.user.settings("modsmith/keys/other.pub", public);
    let settings = format!("address = \"{address}\"\nkeys = [\"other\"]\n");
    scene.user.settings("modsmith/settings/store-oci.toml", &settings);
    assert!(!scene.fetches(), "a build that is signed by another key is used");
    scene.forgets();
    cosign.run(&format!("sign --yes --key cosign.key {} {PLAIN} {artefact}", cosign.signs_alone()));
    assert!(scene.fetches(), "a build that cosign signed is not used");
}

#[test]
#[ignore = "slow"]
fn cosign_of_debian_13_accepts_our_signatures() {
    // Its version, 2.5, does not see statements in sigstore bundles.
    both_ways("trixie", &Reads::Signatures);
}

#[test]
#[ignore = "slow"]
fn cosign_of_unstable_accepts_our_signatures_and_statements() {
    both_ways("sid", &Reads::Statements);
}
