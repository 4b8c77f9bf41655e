use super::list::tests::certificate;
use super::*;

/// A machine with these variables.
fn firmware(variables: &[(&str, u32, &[u8])]) -> (tempfile::TempDir, Firmware) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("sys/kernel")).unwrap();
    std::fs::create_dir_all(dir.path().join("sys/firmware/efi/efivars")).unwrap();
    for (name, attributes, value) in variables {
        let contents = [&attributes.to_le_bytes(), *value].concat();
        std::fs::write(dir.path().join("sys/firmware/efi/efivars").join(name), contents).unwrap();
    }
    let firmware = Firmware::of(dir.path());
    (dir, firmware)
}

const SECURE_BOOT: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SETUP_MODE: &str = "SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const VALIDATION: &str = "MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23";
const LIST: &str = "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23";
const MORE: &str = "MokListRT1-605dab50-e046-4300-abb6-3dd810dd8b23";
const TRUSTED: &str = "MokListTrustedRT-605dab50-e046-4300-abb6-3dd810dd8b23";

#[test]
fn secure_boot_is_on_by_the_kernels_own_rule() {
    let on = (SECURE_BOOT, 6, [1].as_slice());
    for (variables, is_on) in [
        (&[on][..], true),
        (&[(SECURE_BOOT, 6, &[0])], false),
        (&[on, (SETUP_MODE, 6, &[1])], false),
        (&[on, (SETUP_MODE, 6, &[0])], true),
        (&[on, (VALIDATION, 6, &[1])], false),
        (&[on, (VALIDATION, 7, &[1])], true),
        (&[(SETUP_MODE, 6, &[0])], false),
    ] {
        let (_dir, firmware) = firmware(variables);
        assert_eq!(firmware.secure_boot().unwrap().is_on, is_on, "{variables:?}");
    }
}

#[test]
fn what_is_not_there_and_what_cannot_be_read_are_told_apart() {
    let (dir, firmware) = firmware(&[]);
    assert!(firmware.secure_boot().unwrap_err().contains("are not there"), "efivarfs is not mounted");
    assert!(firmware.store(Store::Owner).is_err());
    std::fs::remove_dir_all(dir.path().join("sys/firmware")).unwrap();
    assert!(!firmware.secure_boot().unwrap().is_on, "no EFI firmware");
    assert_eq!(firmware.store(Store::Owner).unwrap().entries, []);
    std::fs::remove_dir_all(dir.path().join("sys")).unwrap();
    assert!(firmware.secure_boot().is_err(), "a root without a running kernel");
    assert!(firmware.variable("../../../etc/passwd").is_err());
}

#[test]
fn a_list_that_is_split_is_one_list() {
    let value = [certificate(b"one"), certificate(b"two")].concat();
    let (first, second) = value.split_at(50);
    let (dir, firmware) = firmware(&[(LIST, 6, first), (MORE, 6, second), (TRUSTED, 6, &[1])]);
    let two = [EfiSignature::Certificate(b"one".to_vec()), EfiSignature::Certificate(b"two".to_vec())];
    assert_eq!(firmware.store(Store::Owner).unwrap().entries, two);
    assert_eq!(firmware.is_owner_trusted(), Ok(true));
    // The copy counts before the variables.
    let copies = dir.path().join("sys/firmware/efi/mok-variables");
    std::fs::create_dir(&copies).unwrap();
    std::fs::write(copies.join("MokListRT"), certificate(b"copy")).unwrap();
    assert_eq!(firmware.store(Store::Owner).unwrap().entries, [EfiSignature::Certificate(b"copy".to_vec())]);
}

#[test]
fn a_store_that_is_damaged_says_so() {
    let (_dir, firmware) = firmware(&[(LIST, 6, &certificate(b"one")[..20]), (MORE, 6, b"")]);
    assert_eq!(
        firmware.store(Store::Owner).unwrap_err(),
        "MokListRT cannot be read: the list that begins at byte 0 is cut off"
    );
    assert_eq!(firmware.store(Store::Forbidden).unwrap().entries, []);
}
