//! dnf5 with its plugin of actions, which Debian 12 does not have, runs the file of `ready-hooks`.

use std::fs;

use modsmith_tests::chroot::Chroot;

/// A package without files.
const SPEC: &str =
    "Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%files\n";

const UNKNOWN: &str = "The safety of a restart: unknown. `modsmith ready` says why.";

#[test]
#[ignore = "slow"]
fn dnf5_tells_after_a_transaction_on_the_host() {
    let system = Chroot::of("sid");
    system.bring_package();
    system.apt("update");
    system.apt("install /modsmith.deb dnf5 rpm createrepo-c");
    let settings = system.path("etc/modsmith/settings");
    fs::create_dir_all(&settings).expect("writable");
    fs::write(settings.join("ready-hooks.toml"), "dnf5 = true\n").expect("writable");
    system.run("modsmith plugin hook-files ready-hooks --into / --libdir /usr/lib").expect(0);
    fs::write(system.path("x.spec"), SPEC).expect("writable");
    system.run("rpmbuild -bb --define '_rpmdir /packages' /x.spec").expect(0);

    let install = |options: &str| {
        system.run(&format!(
            "dnf5 -y --setopt=reposdir=/none --setopt=pkg_gpgcheck=0 {options} install /packages/noarch/*.rpm; \
             code=$?; cat /run/modsmith/ready; cat /var/log/dnf5.log >&2; exit $code"
        ))
    };
    let out = install("").expect(0);
    // The report's own line, and the line that it keeps.
    assert!(out.stderr.contains(UNKNOWN) && out.stdout.contains(UNKNOWN), "{out}");
    assert!(!out.stderr.contains("Syntax error"), "{out}");

    // Of another root directory it says nothing.
    system.run("rm -r /run/modsmith /var/log/dnf5.log; mkdir /image").expect(0);
    let out = install("--installroot=/image --use-host-config").expect(0);
    assert!(!out.stderr.contains("safety of a restart") && !out.stdout.contains(UNKNOWN), "{out}");
}
