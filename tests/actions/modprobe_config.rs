//! Aliases and options that packages bring into modprobe's configuration, and
//! out of it again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::peer::{self, Program};
use modsmith_tests::{World, tool};

const DEBIAN: &str = "ID=debian\n";
const COMMON: &str = "etc/modprobe.d/dkms.conf";

fn fill(line: &str) -> String {
    line.replace("KERNEL", &kernel::newest(Flavour::Generic)).replace("CLOUD", &kernel::newest(Flavour::Cloud))
}

fn dkms(world: &World, line: &str) -> String {
    world.dkms(&fill(line)).expect_no_panic().expect(0).stdout
}

/// A package with an alias and options.
fn package() -> Package {
    Package::new("wired", "1.0").conf(
        "MODULES_CONF_ALIAS_TYPE[0]=\"eth\"\nMODULES_CONF[0]=\"alias wired-any wired\"\nMODULES_CONF[1]=\"options wired debug=1\"",
    )
}

fn world() -> World {
    let world = World::new(&[kernel::newest(Flavour::Generic), kernel::newest(Flavour::Cloud)]).of_system(DEBIAN);
    world.add_package(&package());
    world
}

/// What modprobe makes of a name, for the generic kernel.
fn resolved(world: &World, name: &str) -> String {
    let words = fill(&format!("-S KERNEL -R {name}"));
    world.program(tool::path("modprobe")).words(&words).run().stdout.trim().to_owned()
}

#[test]
fn modprobe_knows_what_the_package_asks_for_while_it_is_installed() {
    let world = world();
    world.write(COMMON, "# the administrator's\nalias eth0 other\n");
    let said = dkms(&world, "install wired/1.0 -k KERNEL");
    assert!(said.contains("/etc/modprobe.d/dkms.conf: + alias eth1 wired"), "{said}");
    assert_eq!(resolved(&world, "eth1"), "wired");
    assert_eq!(resolved(&world, "wired-any"), "wired");
    let all = world.program(tool::path("modprobe")).words("-c").run().expect(0).stdout;
    assert!(all.lines().any(|line| line == "options wired debug=1"), "{all}");
    let said = dkms(&world, "uninstall wired/1.0 -k KERNEL");
    assert!(said.contains("/etc/modprobe.d/dkms.conf: - alias eth1 wired"), "{said}");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), "# the administrator's\nalias eth0 other\n");
    assert_ne!(resolved(&world, "eth1"), "wired");
}

/// Files as administrators leave them.
const ODD: [&[u8]; 10] = [
    b"",
    b"\n",
    b"# no line end",
    b"options x a=1\r\n# windows\r\n",
    b"options x a=1\r\n# windows, no line end",
    b"\n\n  options   x\ta=1  \n\n\n",
    b"alias eth4 x\nalias eth x",
    b"\xff\xfe not text \x00\n",
    b"# options wired debug=1\n",
    b"install wired /bin/true # wired\n",
];

#[test]
fn files_are_as_they_were_to_the_byte() {
    let world = world();
    dkms(&world, "build wired/1.0 -k KERNEL");
    let files = [COMMON, "etc/modprobe.conf", "etc/modules.conf"];
    for (i, odd) in ODD.iter().enumerate() {
        let file = files[i % files.len()];
        world.write(file, odd);
        fs::set_permissions(world.path(file), fs::Permissions::from_mode(0o640)).unwrap();
        dkms(&world, "install wired/1.0 -k KERNEL");
        let changed = fs::read(world.path(file)).unwrap();
        assert!(changed.len() > odd.len(), "{}", String::from_utf8_lossy(&changed));
        dkms(&world, "install wired/1.0 -k KERNEL --force");
        assert_eq!(fs::read(world.path(file)).unwrap(), changed, "a second time");
        dkms(&world, "uninstall wired/1.0 -k KERNEL");
        assert_eq!(fs::read(world.path(file)).unwrap(), *odd, "{}", String::from_utf8_lossy(&changed));
        assert_eq!(fs::metadata(world.path(file)).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_file(world.path(file)).unwrap();
    }
}

#[test]
fn without_any_file_the_package_gets_one_of_its_own() {
    let world = world();
    dkms(&world, "install wired/1.0 -k KERNEL");
    let own = world.path("etc/modprobe.d/wired.conf");
    let text = fs::read_to_string(&own).unwrap();
    assert_eq!(text, "alias eth0 wired\nalias wired-any wired\noptions wired debug=1\n");
    assert_eq!(resolved(&world, "eth0"), "wired");
    dkms(&world, "remove wired/1.0 --all");
    assert!(!own.exists());
}

#[test]
fn the_lines_go_with_the_last_kernel() {
    let world = world();
    world.write(COMMON, "");
    dkms(&world, "install wired/1.0 -k KERNEL -k CLOUD");
    let lines = fs::read_to_string(world.path(COMMON)).unwrap();
    assert_eq!(lines.matches("alias eth").count(), 1, "{lines}");
    dkms(&world, "uninstall wired/1.0 -k KERNEL");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), lines);
    dkms(&world, "uninstall wired/1.0 -k CLOUD");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), "");
}

#[test]
fn an_alias_goes_back_to_the_module_that_was_replaced() {
    let world = world();
    world.add_package(&Package::new("newer", "1.0").conf(
        "MODULES_CONF_ALIAS_TYPE=\"sound\"\nMODULES_CONF_OBSOLETES=\"absent,resident\"\nMODULES_CONF_OBSOLETE_ONLY=yes",
    ));
    world.write(COMMON, "alias sound3   resident\n");
    dkms(&world, "install newer/1.0 -k KERNEL");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), "alias sound3   newer\n");
    assert_eq!(resolved(&world, "sound3"), "newer");
    dkms(&world, "uninstall newer/1.0 -k KERNEL");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), "alias sound3   resident\n");
    assert_eq!(resolved(&world, "sound3"), "resident");
}

#[test]
fn a_kernel_that_has_its_own_module_again_keeps_the_alias() {
    let world = world();
    world.write(COMMON, "");
    world.add_module(&fill("KERNEL"), &modsmith_tests::fixture::module(&fill("KERNEL"), "wired", Some("0.5")));
    dkms(&world, "install wired/1.0 -k KERNEL");
    let lines = fs::read_to_string(world.path(COMMON)).unwrap();
    dkms(&world, "uninstall wired/1.0 -k KERNEL");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), lines);
}

#[test]
fn the_boot_image_is_made_without_an_alias_that_leads_nowhere() {
    let world = world();
    world.add_package(&package().conf("REMAKE_INITRD=yes"));
    world.write(COMMON, "");
    world.write("etc/sysconfig/kernel", "INITRD_MODULES=\"ext4\" # boot\n");
    dkms(&world, "install wired/1.0 -k KERNEL -k CLOUD --no-initrd");
    assert_eq!(
        fs::read_to_string(world.path("etc/sysconfig/kernel")).unwrap(),
        "INITRD_MODULES=\"ext4 wired\" # boot\n"
    );
    let json = world.modsmith(&fill("uninstall wired/1.0 -k KERNEL --dry-run --json")).expect(0).stdout;
    let plans: serde_json::Value = serde_json::from_str(&json).unwrap();
    let steps: Vec<String> = plans.to_string().split("\"action\":").skip(1).map(str::to_owned).collect();
    let writes: Vec<usize> = (0..steps.len())
        .filter(|i| steps[*i].starts_with("\"write-file\"") && steps[*i].contains("dkms.conf"))
        .collect();
    assert_eq!(writes.len(), 2, "taken out and put back: {json}");
    // Installed elsewhere, the lines stay.
    let before = fs::read_to_string(world.path(COMMON)).unwrap();
    dkms(&world, "uninstall wired/1.0 -k KERNEL");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), before);
    dkms(&world, "uninstall wired/1.0 -k CLOUD");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), "");
    assert_eq!(fs::read_to_string(world.path("etc/sysconfig/kernel")).unwrap(), "INITRD_MODULES=\"ext4\" # boot\n");
}

#[test]
fn an_install_that_fails_leaves_the_files_alone() {
    let world = world();
    world.add_package(&Package::new("booted", "1.0").conf("MODULES_CONF=\"options booted a=1\"\nREMAKE_INITRD=yes"));
    world.write(COMMON, "# mine");
    // There is an image, and dracut cannot write another.
    world.write(&fill("boot/initrd.img-KERNEL"), "");
    world.write("etc/dracut.conf.d/broken.conf", "exit 9\n");
    let out = world.dkms(&fill("install booted/1.0 -k KERNEL")).expect_no_panic();
    assert_eq!(out.code, 7, "{out}");
    assert_eq!(fs::read_to_string(world.path(COMMON)).unwrap(), "# mine");
    assert!(dkms(&world, "status").contains(": built"));
}

#[test]
fn a_link_is_not_replaced_by_a_file() {
    let world = world();
    world.write("etc/elsewhere", "# managed\n");
    std::os::unix::fs::symlink("/etc/elsewhere", world.path(COMMON)).unwrap();
    let said = dkms(&world, "install wired/1.0 -k KERNEL");
    assert!(said.contains("/etc/modprobe.d/dkms.conf is a symbolic link"), "{said}");
    assert_eq!(fs::read_to_string(world.path("etc/elsewhere")).unwrap(), "# managed\n");
    assert!(world.path("etc/modprobe.d/wired.conf").is_file());
}

#[test]
fn dkms_3_leaves_the_configuration_alone() {
    let commands = ["install wired/1.0 -k KERNEL", "uninstall wired/1.0 -k KERNEL"].map(fill);
    let run = |program| peer::observe(program, &world(), &commands);
    peer::assert_differs_only_in(
        &run(Program::Peer),
        &run(Program::Ours),
        &[
            "MODULES_CONF is heeded",
            "Module.symvers is kept",
            "The kernel's configuration is not copied beside the log",
            "modsmith's own records",
        ],
    );
}
