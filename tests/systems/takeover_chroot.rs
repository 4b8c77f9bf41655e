//! A Debian system that has used dkms for a while: modsmith takes its place and
//! gives it back, by apt alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use modsmith_tests::Snapshot;
use modsmith_tests::chroot::Chroot;

/// What must be the same, whichever program is installed.
#[derive(Debug, PartialEq)]
struct Facts {
    status: String,
    /// Modules for all kernels, with their contents.
    modules: Snapshot,
    settings: BTreeMap<&'static str, String>,
    keys: Vec<Vec<u8>>,
}

const SETTINGS: [&str; 2] = ["etc/dkms/framework.conf", "etc/modprobe.d/dkms.conf"];

fn facts(system: &Chroot) -> Facts {
    let is_module = |path: &std::path::Path| path.components().any(|part| part.as_os_str() == "dkms");
    let read = |path: &str| fs::read_to_string(system.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    Facts {
        status: system.run("dkms status").expect(0).stdout,
        modules: Snapshot::of(&system.path("lib/modules")).without(|path| !is_module(path)),
        settings: SETTINGS.iter().map(|path| (*path, read(path))).collect(),
        keys: ["mok.key", "mok.pub"].map(|key| fs::read(system.path("var/lib/dkms").join(key)).expect("a key")).into(),
    }
}

fn version(system: &Chroot) -> String {
    system.run("dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n' dkms modsmith").stdout
}

/// There and back, with edited settings.
fn take_over_and_go_back(release: &str) {
    let system = Chroot::of(release);
    system.bring_package();
    system.apt("update");
    system.apt("install dkms openssl linux-headers-amd64 bbswitch-dkms");
    let edit = |path: &str, line: &str| {
        let file: PathBuf = system.path(path);
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, format!("{text}{line}\n")).expect("writable");
    };
    edit(SETTINGS[0], "# The administrator's.");
    edit(SETTINGS[0], "autoinstall_all_kernels=yes");
    edit(SETTINGS[1], "# The administrator's.");
    let before = facts(&system);
    assert!(before.status.contains("bbswitch/") && before.status.contains(": installed"), "{before:?}");
    assert!(!before.modules.0.is_empty(), "{before:?}");

    for _ in 0..2 {
        system.apt("install /modsmith.deb");
        assert!(version(&system).contains("modsmith ii"), "{}", version(&system));
        assert_eq!(facts(&system), before);
        system.apt("install dkms");
        assert!(version(&system).contains("dkms ii"), "{}", version(&system));
        assert_eq!(facts(&system), before);
    }

    // What is left of either may be purged while the other is in use.
    system.apt("purge modsmith");
    assert_eq!(facts(&system), before);
    system.apt("install /modsmith.deb");
    system.run("dpkg --purge dkms").expect(0);
    assert_eq!(facts(&system), before);
    system.apt("install --reinstall bbswitch-dkms");
    assert_eq!(facts(&system).keys, before.keys);
    assert_eq!(facts(&system).status, before.status);

    // dpkg knows nothing of the settings any more: they count from elsewhere.
    system.apt("install dkms");
    let after = facts(&system);
    assert_eq!((&after.status, &after.keys), (&before.status, &before.keys));
    let kept = fs::read_to_string(system.path("etc/dkms/framework.conf.d/00-framework.conf")).expect("kept");
    assert_eq!(kept, before.settings[SETTINGS[0]]);
}

#[test]
#[ignore = "slow"]
fn edited_settings_keys_and_modules_stay_there_and_back_on_debian_12() {
    take_over_and_go_back("bookworm");
}

#[test]
#[ignore = "slow"]
fn edited_settings_keys_and_modules_stay_there_and_back_on_debian_13() {
    take_over_and_go_back("trixie");
}

#[test]
#[ignore = "slow"]
fn edited_settings_keys_and_modules_stay_there_and_back_on_debian_unstable() {
    take_over_and_go_back("sid");
}
