//! A pair of Debian systems, one with modsmith and one with Debian's dkms: real
//! packages come and go through apt, kernels too, and after each step both systems
//! have ended it with the same exit code, and agree on states and files.
//!
//! `PAIR_RELEASE=trixie PAIR_PACKAGES='dahdi-dkms hinic-dkms'` chooses others;
//! `PAIR_PACKAGES=all` takes every package of the release.

use std::collections::BTreeSet;
use std::fmt::Write;

use modsmith_tests::chroot::Chroot;

/// Several modules, one that runs make twice, one with files that it makes for
/// itself, one whose recipe sets its own environment, one that does not build for
/// this kernel, and one with a configure script.
const REPRESENTATIVE: &str = "bbswitch-dkms ddcci-dkms hinic-dkms jool-dkms falcosecurity-scap-dkms dahdi-dkms";

const RELEASE: &str = "sid";

/// What one system shows after a step.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    code: i32,
    states: BTreeSet<String>,
    /// Modules, by kernel and path; and what else packages leave.
    files: BTreeSet<String>,
}

/// All modules outside of kernels' own packages, the registered sources, and the
/// lines for modprobe.
const FILES: &str = "cd /lib/modules && find . -path '*/updates/*' -o -path '*/kernel/*' -newer /var/lib/started -type f; \
                     cd /usr/src && ls -d *-* | grep -v ^linux-; cat /etc/modprobe.d/dkms.conf 2>/dev/null";

fn see(system: &Chroot, code: i32) -> Seen {
    let lines = |text: String| text.lines().map(|line| line.trim().to_owned()).collect();
    let files: BTreeSet<String> = lines(system.run(FILES).stdout);
    // Comments come with one of the two.
    let files = files.into_iter().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    Seen { code, states: lines(system.run("dkms status").expect(0).stdout), files }
}

/// A system with one of the programs and the kernel's headers.
fn prepared(release: &str, program: &str) -> Chroot {
    let system = Chroot::of(release);
    if program.starts_with('/') {
        system.bring_package();
    }
    system.apt("update");
    system.apt(&format!("install {program} openssl linux-headers-amd64"));
    system.run("touch /var/lib/started").expect(0);
    system
}

fn packages(system: &Chroot) -> Vec<String> {
    let chosen = std::env::var("PAIR_PACKAGES").unwrap_or_else(|_| REPRESENTATIVE.into());
    match chosen.as_str() {
        "all" => system.packages_of_modules(),
        chosen => chosen.split_whitespace().map(String::from).collect(),
    }
}

#[test]
#[ignore = "slow"]
fn packages_end_as_with_dkms() {
    let release = std::env::var("PAIR_RELEASE").unwrap_or_else(|_| RELEASE.into());
    let [ours, peer] = ["/modsmith.deb", "dkms"].map(|program| prepared(&release, program));
    let mut differences = String::new();
    let mut step = |what: &str| {
        let [ours, peer] = [&ours, &peer].map(|system| see(system, system.try_apt(what).code));
        println!("{what}: {} with modsmith, {} with dkms", ours.code, peer.code);
        if ours.code != peer.code {
            let _ = writeln!(differences, "{what}: ends with {}, with dkms {}", ours.code, peer.code);
        }
        for (ours, peer) in [(&ours.states, &peer.states), (&ours.files, &peer.files)] {
            for (kind, lines) in [("only with modsmith", ours - peer), ("only with dkms", peer - ours)] {
                for line in &lines {
                    let _ = writeln!(differences, "{what}: {kind}: {line}");
                }
            }
        }
        ours.code == 0 && peer.code == 0
    };
    let packages = packages(&peer);
    let mut installed: Vec<&String> = Vec::new();
    for package in &packages {
        match step(&format!("install {package}")) {
            true => installed.push(package),
            // So that apt does not try again with the next one.
            false => drop(step(&format!("purge {package}"))),
        }
    }
    assert!(!installed.is_empty(), "no package can be installed: {packages:?}");
    // Another kernel: its packages' hooks build for it what is there.
    step("install linux-headers-cloud-amd64");
    step(&format!("install --reinstall {}", installed[0]));
    // The kernel goes, and what was built for it with it; then it comes again.
    step("purge --autoremove linux-headers-cloud-amd64");
    step("install linux-headers-cloud-amd64");
    let (first, others) = installed.split_first().expect("at least one");
    for package in others {
        step(&format!("purge {package}"));
    }
    // Several in one transaction, for both kernels, beside one that is there.
    let others: Vec<&str> = others.iter().map(|package| package.as_str()).collect();
    if !others.is_empty() {
        step(&format!("install {}", others.join(" ")));
    }
    step(&format!("purge {first} {}", others.join(" ")));
    step("purge linux-headers-cloud-amd64");
    assert_eq!(differences, "");
}
