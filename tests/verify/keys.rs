//! `modsmith keys`: which certificates there are, and whether Debian's kernel trusts them.

use std::fs;

use modsmith_tests::debian_kernel::DebianKernel;
use modsmith_tests::prelude::kernel;
use modsmith_tests::schema::validate;
use modsmith_tests::{Output, World, fixture::Package};
use serde_json::Value;

const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const OWNER: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";
const IMAGES: &str = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

/// `EFI_CERT_X509_GUID`, as it lies in memory.
const X509: [u8; 16] = [0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72];

/// A system with Debian's kernel and a signing key.
struct Machine {
    world: World,
    kernel: String,
}

impl Machine {
    fn new() -> Machine {
        let debian = DebianKernel::named(&kernel());
        let world = World::new(std::slice::from_ref(&debian.release));
        fs::copy(debian.image(), world.path(format!("boot/vmlinuz-{}", debian.release))).expect("writable");
        fs::copy(debian.config(), world.path(format!("boot/config-{}", debian.release))).expect("writable");
        world.write("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        Machine { world, kernel: debian.release }
    }

    /// With EFI firmware, whose Secure Boot is on or off.
    fn with_firmware(self, secure_boot: bool) -> Machine {
        fs::create_dir_all(self.world.path("sys/kernel")).expect("writable");
        self.variable(&format!("SecureBoot-{GLOBAL}"), &[u8::from(secure_boot)]);
        self.variable(&format!("SetupMode-{GLOBAL}"), &[0]);
        self.variable(&format!("MokListTrustedRT-{OWNER}"), &[1]);
        self
    }

    fn variable(&self, name: &str, value: &[u8]) {
        let contents = [&[6, 0, 0, 0], value].concat();
        self.world.write(&format!("sys/firmware/efi/efivars/{name}"), contents);
    }

    /// Puts the signing certificate into a list of the firmware.
    fn lists(&self, name: &str) {
        self.variable(name, &list(&self.certificate()));
    }

    fn certificate(&self) -> Vec<u8> {
        fs::read(self.world.tree().join("mok.pub")).expect("it was copied")
    }

    fn run(&self, line: &str) -> Output {
        let line = format!("{line} --root {}", self.world.dir().display());
        self.world.program(modsmith_tests::world::modsmith()).words(&line).run()
    }

    /// The JSON, which is as its schema says.
    fn keys(&self) -> Value {
        let json = self.run("keys --json").expect(0).json();
        validate("keys-schema.json", &json).expect("as its schema says");
        json
    }

    /// What is known of the signing certificate: the answer, and the evidence.
    #[track_caller]
    fn signing(&self) -> (String, String) {
        let json = self.keys();
        let certificate = with_place(&json, "kind", "signing").unwrap_or_else(|| panic!("not listed: {json:#}"));
        let answer = &certificate["kernels"][0];
        assert_eq!(answer["kernel"], self.kernel.as_str());
        (answer["answer"].as_str().unwrap().to_owned(), answer["evidence"].as_str().unwrap().to_owned())
    }

    #[track_caller]
    fn expect(&self, answer: &str, words: &str) {
        let (found, evidence) = self.signing();
        assert_eq!(found, answer, "{evidence}");
        assert!(evidence.contains(words), "{evidence}");
    }
}

/// `EFI_SIGNATURE_LIST` with one certificate.
fn list(certificate: &[u8]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).expect("short").to_le_bytes();
    let each = 16 + certificate.len();
    [&X509[..], &number(28 + each), &number(0), &number(each), &[0; 16], certificate].concat()
}

fn with_place<'j>(json: &'j Value, key: &str, value: &str) -> Option<&'j Value> {
    let places =
        |certificate: &Value| certificate["places"].as_array().unwrap().iter().any(|place| place[key] == value);
    json["certificates"].as_array().unwrap().iter().find(|certificate| places(certificate))
}

#[test]
fn a_kernel_trusts_its_own_key_and_what_is_not_known_is_said() {
    let machine = Machine::new();
    let json = machine.keys();
    let own = with_place(&json, "kind", "kernel").unwrap_or_else(|| panic!("the kernel's own key: {json:#}"));
    assert_eq!(own["kernels"][0]["answer"], "yes", "{own:#}");
    assert_eq!(json["secure_boot"]["answer"], "unknown", "{json:#}");
    machine.expect("unknown", "are not there");
    let text = machine.run("keys").expect(0).stdout;
    assert!(text.contains("\nCN=modsmith tests\n") && text.contains("\nNot known:\n"), "{text}");
}

#[test]
fn an_enrolled_certificate_is_trusted_where_secure_boot_is_on() {
    let machine = Machine::new().with_firmware(true);
    machine.expect("no", "MokListRT of the firmware does not have it");
    assert_eq!(machine.keys()["kernels"][0]["requires_signatures"]["answer"], "yes");
    machine.lists(&format!("MokNew-{OWNER}"));
    machine.expect("no", "the next start asks");
    assert!(with_place(&machine.keys(), "store", "owner-requested").is_some());
    machine.lists(&format!("MokListRT-{OWNER}"));
    machine.expect("yes", "the ring .machine");
    machine.lists(&format!("MokListXRT-{OWNER}"));
    assert_eq!(machine.keys()["certificates"].as_array().unwrap().len(), 2, "one certificate is listed once");
}

#[test]
fn an_enrolled_certificate_is_not_trusted_without_secure_boot() {
    let machine = Machine::new().with_firmware(false);
    machine.lists(&format!("MokListRT-{OWNER}"));
    machine.expect("no", "while Secure Boot is off");
    machine.lists(&format!("db-{IMAGES}"));
    machine.expect("unknown", ".platform");
    assert_eq!(machine.keys()["kernels"][0]["requires_signatures"]["answer"], "unknown");
}

#[test]
fn a_damaged_list_makes_no_answer_of_no() {
    let machine = Machine::new().with_firmware(true);
    let whole = list(&machine.certificate());
    for bad in [&whole[..40], b"text", &[0; 28][..], &[0xff; 64][..]] {
        machine.variable(&format!("MokListRT-{OWNER}"), bad);
        machine.expect("unknown", "MokListRT cannot be read");
        assert!(machine.keys()["unread"].to_string().contains("MokListRT"));
    }
    machine.variable(&format!("MokListRT-{OWNER}"), &list(b"no certificate"));
    machine.expect("no", "does not have it");
    assert!(machine.keys()["unread"].to_string().contains("no form that is read"));
}

#[test]
fn verify_knows_the_certificates_that_are_enrolled() {
    let machine = Machine::new().with_firmware(true);
    let config = machine.world.path(format!("boot/config-{}", machine.kernel));
    let text = fs::read_to_string(&config).expect("readable");
    fs::write(&config, format!("{text}\nCONFIG_MODULE_SIG_FORCE=y\n")).expect("writable");
    machine.world.add_package(&Package::new("signed", "1.0"));
    machine.world.dkms(&format!("build signed/1.0 -k {}", machine.kernel)).expect(0);
    let rule = || {
        let json = machine.run(&format!("verify signed -k {} --json", machine.kernel)).json();
        let checks = json["modules"][0]["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["rule"] == "signature-required").expect("the rule")
    };
    assert_eq!(rule()["answer"], "unknown", "{:#}", rule());
    machine.lists(&format!("MokListRT-{OWNER}"));
    assert_eq!(rule()["answer"], "yes", "{:#}", rule());
}

#[test]
fn names_of_others_are_harmless_on_a_terminal() {
    let machine = Machine::new().with_firmware(true);
    let mut certificate = machine.certificate();
    let name = b"modsmith tests";
    let places: Vec<usize> =
        (0..certificate.len() - name.len()).filter(|at| certificate[*at..].starts_with(name)).collect();
    assert_eq!(places.len(), 2, "issuer and subject");
    places.iter().for_each(|at| certificate[*at..*at + 5].copy_from_slice(b"\x1b[31m"));
    machine.variable(&format!("MokListRT-{OWNER}"), &list(&certificate));
    let out = machine.run("keys").expect(0);
    assert!(out.stdout.contains("[31m") && !out.stdout.contains('\u{1b}'), "{out}");
}
