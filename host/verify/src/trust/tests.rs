use super::*;

/// Made with `openssl req -new -x509 -subj /O=modsmith/CN=tests`.
const DER: &[u8] = include_bytes!("certificate.der");

/// What a distribution configures.
const USUAL: [&str; 8] = [
    "MODULE_SIG",
    "LOAD_UEFI_KEYS",
    "SECONDARY_TRUSTED_KEYRING",
    "INTEGRITY_MACHINE_KEYRING",
    "SYSTEM_BLACKLIST_KEYRING",
    "SYSTEM_REVOCATION_LIST",
    "SECURITY_LOCKDOWN_LSM",
    "IMA_ARCH_POLICY",
];

/// A kernel and a machine, with nothing that trusts the certificate.
struct Scene {
    image: Image,
    firmware: FirmwareFacts,
    running: Option<RunningFacts>,
}

impl Scene {
    fn new(configured: &[&str]) -> Self {
        let config = configured.iter().map(|symbol| ((*symbol).to_owned(), "y".to_owned())).collect();
        let mut image = Image::unknown("6.1.0-x", "test");
        image.config = Fact::known(config, "config");
        image.certificates = Fact::known(Vec::new(), "vmlinuz");
        let stores = Store::ALL.into_iter().map(|store| (store, Fact::known(Vec::new(), store.name()))).collect();
        let firmware = FirmwareFacts {
            secure_boot: Fact::known(true, "SecureBoot"),
            is_owner_trusted: Fact::known(true, "MokListTrustedRT"),
            stores,
        };
        Self { image, firmware, running: None }
    }

    fn with(mut self, store: Store, entry: EfiSignature) -> Self {
        self.firmware.stores.insert(store, Fact::known(vec![entry], store.name()));
        self
    }

    fn lists(self, store: Store) -> Self {
        self.with(store, EfiSignature::Certificate(DER.to_vec()))
    }

    fn without_secure_boot(mut self) -> Self {
        self.firmware.secure_boot = Fact::known(false, "SecureBoot");
        self
    }

    /// The kernel that runs, with the key in this ring.
    fn running(mut self, ring: &str) -> Self {
        let id = Certificate::of(DER).unwrap().key_id.unwrap();
        let rings = BTreeMap::from([(ring.to_owned(), BTreeSet::from([id]))]);
        self.running = Some(RunningFacts {
            rings: Fact::known(rings, "/proc/keys"),
            forbidden: BTreeSet::new(),
            enforced: Fact::known(false, "sig_enforce"),
            lockdown: Fact::known("none".to_owned(), "lockdown"),
        });
        self
    }

    fn facts(&self) -> TrustFacts<'_> {
        TrustFacts { image: &self.image, firmware: &self.firmware, running: self.running.as_ref() }
    }

    #[track_caller]
    fn expect(&self, answer: Answer, words: &str) {
        let trust = trusts(&self.facts(), &Certificate::of(DER).unwrap());
        assert_eq!(trust.answer, answer, "{}", trust.evidence);
        assert!(trust.evidence.contains(words), "{}", trust.evidence);
    }
}

#[test]
fn a_certificate_is_known_by_what_the_kernel_calls_it() {
    let certificate = Certificate::of(DER).unwrap();
    assert_eq!(certificate.subject, "CN=tests,O=modsmith");
    assert!(certificate.is_called(&certificate.key_id.clone().unwrap().to_uppercase()));
    assert!(!certificate.is_called(&certificate.serial) && !certificate.is_called(""));
    let without_key_id = Certificate { key_id: None, ..certificate.clone() };
    assert!(without_key_id.is_called(&format!("00{}", certificate.serial)));
    for length in 0..DER.len() {
        assert!(Certificate::of(&DER[..length]).is_none(), "{length}");
    }
}

#[test]
fn a_kernel_trusts_what_is_part_of_it_and_what_the_owner_lists() {
    let mut own = Scene::new(&USUAL);
    own.image.certificates = Fact::known(vec![DER.to_vec()], "vmlinuz");
    own.expect(Answer::Yes, "part of the kernel (vmlinuz)");
    Scene::new(&USUAL).lists(Store::Owner).expect(Answer::Yes, "the ring .machine");
    Scene::new(&USUAL).expect(Answer::No, "MokListRT of the firmware does not have it");
    Scene::new(&USUAL).lists(Store::OwnerRequested).expect(Answer::No, "the next start asks");
    Scene::new(&[]).lists(Store::Owner).expect(Answer::No, "CONFIG_MODULE_SIG");
}

#[test]
fn the_owners_list_is_not_read_without_secure_boot() {
    Scene::new(&USUAL).lists(Store::Owner).without_secure_boot().expect(Answer::No, "while Secure Boot is off");
    let mut unknown = Scene::new(&USUAL).lists(Store::Owner);
    unknown.firmware.secure_boot = Fact::unknown("no variables");
    unknown.expect(Answer::Unknown, "no variables");
}

#[test]
fn what_distributions_change_is_unknown() {
    Scene::new(&USUAL).lists(Store::Allowed).expect(Answer::Unknown, ".platform");
    Scene::new(&["MODULE_SIG", "LOAD_UEFI_KEYS"]).lists(Store::Owner).expect(Answer::Unknown, ".platform");
    Scene::new(&[&USUAL[..], &["INTEGRITY_CA_MACHINE_KEYRING"]].concat())
        .lists(Store::Owner)
        .expect(Answer::Unknown, "only authorities");
    Scene::new(&["MODULE_SIG"]).lists(Store::Owner).expect(Answer::No, "CONFIG_LOAD_UEFI_KEYS");
}

#[test]
fn a_fact_that_is_missing_is_never_a_no() {
    let mut scene = Scene::new(&USUAL);
    scene.image.certificates = Fact::unknown("no image");
    scene.expect(Answer::Unknown, "no image");
    let mut scene = Scene::new(&USUAL);
    scene.firmware.stores.insert(Store::Owner, Fact::unknown("damaged"));
    scene.expect(Answer::Unknown, "damaged");
    let mut scene = Scene::new(&USUAL);
    scene.image.config = Fact::unknown("no configuration");
    scene.expect(Answer::Unknown, "no configuration");
    let mut scene = Scene::new(&USUAL).running(".machine");
    scene.running.as_mut().unwrap().rings = Fact::unknown("no rights");
    scene.expect(Answer::Unknown, "no rights");
}

#[test]
fn what_is_forbidden_is_trusted_by_none() {
    let scene = || Scene::new(&USUAL).lists(Store::Owner);
    scene().lists(Store::Forbidden).expect(Answer::No, "dbx");
    scene().lists(Store::OwnerForbidden).expect(Answer::No, "MokListXRT");
    let digest: [u8; 32] = Certificate::of(DER).unwrap().signed_part.try_into().unwrap();
    scene().with(Store::Forbidden, EfiSignature::CertificateDigest(digest)).expect(Answer::No, "dbx");
    scene().with(Store::Forbidden, EfiSignature::FileDigest(digest)).expect(Answer::Yes, ".machine");
    let unread = [&USUAL[..5], &["IMA_ARCH_POLICY"]].concat();
    Scene::new(&unread).lists(Store::Owner).lists(Store::Forbidden).expect(Answer::Yes, ".machine");
    let mut running = Scene::new(&USUAL).running(".machine");
    running.running.as_mut().unwrap().forbidden = BTreeSet::from([format!("tbs:{}", hexadecimal(&digest))]);
    running.expect(Answer::No, ".blacklist");
}

#[test]
fn the_running_kernel_has_the_last_word_about_itself() {
    for ring in ASKED {
        Scene::new(&USUAL).running(ring).expect(Answer::Yes, ring);
    }
    Scene::new(&USUAL).running(PLATFORM).expect(Answer::Unknown, PLATFORM);
    // Enrolled, and not in a ring: it was enrolled after the start.
    Scene::new(&USUAL).lists(Store::Owner).running(".ima").expect(Answer::No, "no ring");
}

#[test]
fn a_kernel_requires_signatures_by_configuration_by_secure_boot_or_because_it_says_so() {
    let answer = |scene: &Scene| requires_signatures(&scene.facts()).answer;
    assert_eq!(answer(&Scene::new(&["MODULE_SIG", "MODULE_SIG_FORCE"]).without_secure_boot()), Answer::Yes);
    assert_eq!(answer(&Scene::new(&[])), Answer::No);
    assert_eq!(answer(&Scene::new(&USUAL)), Answer::Yes);
    assert_eq!(answer(&Scene::new(&USUAL).without_secure_boot()), Answer::Unknown, "its command line is not known");
    assert_eq!(answer(&Scene::new(&["MODULE_SIG"])), Answer::Unknown);
    let mut running = Scene::new(&USUAL).running(".machine");
    assert_eq!(answer(&running), Answer::No);
    running.running.as_mut().unwrap().lockdown = Fact::known("integrity".to_owned(), "lockdown");
    assert_eq!(answer(&running), Answer::Yes);
    running.running.as_mut().unwrap().lockdown = Fact::unknown("not mounted");
    assert_eq!(answer(&running), Answer::Unknown);
    running.running.as_mut().unwrap().enforced = Fact::known(true, "sig_enforce");
    assert_eq!(answer(&running), Answer::Yes);
}
