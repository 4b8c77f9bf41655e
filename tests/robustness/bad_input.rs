//! Broken packages, broken trees, full and read-only disks, wrong arguments:
//! each gets its exit code and a message that says what to do, and nothing is
//! lost.

use std::fs;
use std::os::unix::fs::symlink;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World};

fn package() -> Package {
    Package::new("bad", "1.0")
}

/// `modsmith add` of a package, and a check that it changed nothing.
fn refused(package: &Package, code: i32) -> Output {
    let world = World::generic();
    world.add_package(package);
    world.dkms("status").expect(0);
    let before = world.snapshot().with(world.sources());
    let out = world.modsmith(&format!("add {}", package.id())).expect(code).expect_hint();
    before.assert_same(&world.snapshot().with(world.sources()), "a refused add");
    out
}

#[test]
fn a_source_without_dkms_conf_is_refused() {
    refused(&package().without("dkms.conf"), 4).expect_error("/usr/src/bad-1.0/dkms.conf");
}

#[test]
fn an_empty_dkms_conf_misses_everything() {
    refused(&package().file("dkms.conf", ""), 8).expect_error("PACKAGE_NAME").expect_error("PACKAGE_VERSION");
}

#[test]
fn a_binary_dkms_conf_is_refused() {
    let bytes: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused(&package().file("dkms.conf", bytes), 4).expect_error("dkms.conf").expect_error("not a text file");
}

#[test]
fn a_dkms_conf_that_never_ends_is_stopped() {
    refused(&package().conf("while :; do :; done"), 8).expect_error("dkms.conf");
}

#[test]
fn a_dkms_conf_that_begins_with_a_syntax_error_says_nothing() {
    refused(&package().file("dkms.conf", "if then\n"), 8).expect_error("PACKAGE_NAME");
}

#[test]
fn a_syntax_error_behind_the_directives_is_told_with_its_line() {
    // As with dkms: what was said before it counts.
    let world = World::generic();
    world.add_package(&package().conf("if then"));
    world.modsmith("add bad/1.0").expect(0).expect_error("dkms.conf: line 6: syntax error");
}

#[test]
fn a_dkms_conf_that_exits_says_nothing() {
    refused(&package().conf("exit 0"), 8).expect_error("PACKAGE_NAME");
}

#[test]
fn a_dkms_conf_with_carriage_returns_works() {
    let world = World::generic();
    let conf = "PACKAGE_NAME=\"bad\"\r\nPACKAGE_VERSION=\"1.0\"\r\nBUILT_MODULE_NAME[0]=\"bad\"\r\n\
                DEST_MODULE_LOCATION[0]=\"/extra\"\r\nAUTOINSTALL=\"yes\"\r\n";
    world.add_package(&package().file("dkms.conf", conf));
    world.modsmith(&format!("install bad/1.0 -k {}", kernel())).expect(0);
    let status = world.dkms("status").expect(0).stdout;
    assert_eq!(status, format!("bad/1.0, {}, {}: installed\n", kernel(), kernel::arch()));
}

#[test]
fn a_dkms_conf_that_is_a_directory_is_refused() {
    let world = World::generic();
    let dir = world.add_package(&package().without("dkms.conf"));
    fs::create_dir(dir.join("dkms.conf")).expect("writable");
    world.modsmith("add bad/1.0").expect(4).expect_error("dkms.conf").expect_hint();
}

#[test]
fn a_file_where_the_tree_should_be_is_named_and_stays() {
    let world = World::generic();
    world.add_package(&package());
    let file = world.path("tree");
    fs::write(&file, "precious").expect("writable");
    let out = world.modsmith(&format!("add bad/1.0 --dkmstree {}", file.display())).expect_no_panic();
    assert_ne!(out.code, 0, "{out}");
    out.expect_error("tree").expect_hint();
    assert_eq!(fs::read_to_string(&file).expect("still a file"), "precious");
}

#[test]
fn a_file_where_a_package_should_be_is_named_and_stays() {
    let world = World::generic();
    world.add_package(&package());
    fs::write(world.tree().join("bad"), "precious").expect("writable");
    let out = world.modsmith("add bad/1.0").expect_no_panic();
    assert_ne!(out.code, 0, "{out}");
    out.expect_error("/var/lib/dkms/bad").expect_hint();
    world.dkms("status").expect(0);
    assert_eq!(fs::read_to_string(world.tree().join("bad")).expect("still a file"), "precious");
}

#[test]
fn a_file_where_modules_go_is_named_and_nothing_is_installed() {
    let world = World::generic();
    world.add_package(&package());
    world.modsmith(&format!("build bad/1.0 -k {}", kernel())).expect(0);
    let updates = world.modules(&kernel()).join("updates");
    fs::write(&updates, "precious").expect("writable");
    let before = world.snapshot();
    let out = world.modsmith(&format!("install bad/1.0 -k {}", kernel())).expect_no_panic();
    assert_ne!(out.code, 0, "{out}");
    out.expect_error("updates").expect_hint();
    before.assert_same(&world.snapshot(), "an install that failed");
}

#[test]
fn a_source_link_that_leads_nowhere_is_broken() {
    let world = World::generic();
    fs::create_dir_all(world.tree().join("bad/1.0")).expect("writable");
    symlink("/nowhere", world.tree().join("bad/1.0/source")).expect("writable");
    assert_eq!(world.dkms("status").expect(0).stdout, "bad/1.0: broken\n");
    let before = world.snapshot();
    world.modsmith(&format!("build bad/1.0 -k {}", kernel())).expect(4).expect_hint();
    world.modsmith("remove bad/1.0 --all").expect(4).expect_hint();
    before.assert_same(&world.snapshot(), "commands on a broken entry");
}

#[test]
fn a_read_only_tree_is_named_and_not_changed() {
    let world = World::generic();
    world.add_package(&package());
    let before = world.snapshot();
    for line in ["add bad/1.0".to_owned(), format!("install bad/1.0 -k {}", kernel())] {
        let out = world.program(modsmith_tests::world::modsmith()).words(&line).read_only("/var/lib/dkms").run();
        let out = out.expect_no_panic();
        assert!(matches!(out.code, 1 | 30), "{out}");
        out.expect_error("/var/lib/dkms").expect_error("ead-only").expect_hint();
    }
    before.assert_same(&world.snapshot(), "commands on a read-only tree");
}

#[test]
fn read_only_modules_leave_the_package_built() {
    let world = World::generic();
    world.add_package(&package());
    world.modsmith(&format!("build bad/1.0 -k {}", kernel())).expect(0);
    let before = world.snapshot();
    let install = format!("install bad/1.0 -k {}", kernel());
    let out = world.program(modsmith_tests::world::modsmith()).words(&install).read_only("/lib/modules").run();
    let out = out.expect_no_panic();
    assert_ne!(out.code, 0, "{out}");
    out.expect_error("/lib/modules").expect_error("ead-only").expect_hint();
    before.assert_same(&world.snapshot(), "an install to a read-only directory");
    world.modsmith(&install).expect(0);
}

#[test]
fn without_space_for_a_build_the_package_stays_added() {
    let world = World::generic();
    world.add_package(&package());
    let script = format!(
        "dkms add bad/1.0 >/dev/null || exit 9
         dkms install bad/1.0 -k {} ; echo \"code $?\"
         dkms status
         ls /lib/modules/{}/updates 2>/dev/null",
        kernel(),
        kernel()
    );
    // Enough for the source, not for a compiled module.
    let out = world.shell(&script).small("/var/lib/dkms", 64).run().expect_no_panic();
    assert!(out.stdout.contains("code ") && !out.stdout.contains("code 0"), "{out}");
    assert!(out.stdout.ends_with("bad/1.0: added\n"), "still registered, nothing installed: {out}");
    out.expect_error("pace");
}

#[test]
fn without_space_for_an_install_the_package_stays_built() {
    let world = World::generic();
    world.add_package(&package());
    world.modsmith(&format!("build bad/1.0 -k {}", kernel())).expect(0);
    // The kernel's directory has room for its links, not for a module.
    let script = format!(
        "headers=$(readlink -f {modules}/build)
         mount -t tmpfs -o size=8k,mode=755 small {modules}
         ln -s $headers {modules}/build
         head -c 10000 /dev/zero > {modules}/modules.dep 2>/dev/null
         dkms install bad/1.0 -k {kernel}; echo \"code $?\"
         dkms status
         find {modules} -name '*.ko*'",
        modules = format!("/lib/modules/{}", kernel()),
        kernel = kernel()
    );
    let out = world.shell(&script).run().expect_no_panic();
    assert!(out.stdout.contains("code ") && !out.stdout.contains("code 0"), "{out}");
    let built = format!("bad/1.0, {}, {}: built\n", kernel(), kernel::arch());
    assert!(out.stdout.ends_with(&built), "still built, nothing half installed: {out}");
    out.expect_error("pace");
}

#[test]
fn a_build_without_headers_names_the_kernel_and_stays_added() {
    let world = World::generic();
    world.add_package(&package());
    world.modsmith("build bad/1.0 -k 6.1.0-999-amd64").expect(21).expect_error("6.1.0-999-amd64").expect_hint();
    assert_eq!(world.dkms("status").stdout, "bad/1.0: added\n");
}

#[test]
fn names_that_climb_out_are_refused() {
    let world = World::generic();
    world.add_package(&package());
    world.dkms("status").expect(0);
    let before = world.snapshot().with(world.sources());
    for line in [
        "add -m ../../etc -v 1.0",
        "add -m bad -v ../../etc",
        "build bad/1.0 -k ../../etc",
        "build bad/1.0 -k /etc",
        "remove -m .. -v .. --all",
        "status -m ../..",
    ] {
        let out = world.modsmith(line).expect_no_panic();
        if !line.starts_with("status") {
            assert_ne!(out.code, 0, "{out}");
            out.expect_hint();
        }
    }
    before.assert_same(&world.snapshot().with(world.sources()), "refused commands");
}

#[test]
fn wrong_arguments_have_their_codes() {
    let world = World::generic();
    for (line, code, says) in [
        ("install --no-such-option bad/1.0", 2, "--no-such-option"),
        ("build bad/1.0 -k", 16, "--kernelver"),
        ("build bad/1.0 -j many", 1, "many"),
        ("remove", 1, "version"),
        ("build bad/1.0 -k 1.0 --all", 2, "--all"),
        ("build bad/1.0 -a x86_64 --all", 3, "--all"),
        ("uninstall bad/1.0 --all", 3, "bad/1.0"),
    ] {
        let out = world.modsmith(line).expect(code).expect_error(says);
        assert!(
            out.stderr.contains("hint: ") || out.stderr.contains("try '--help'"),
            "nothing to do is offered: {out}"
        );
    }
    let list = world.modsmith("").expect(1);
    assert!(list.stdout.contains("\n  install ") && list.stdout.contains("\n  status "), "commands are listed: {list}");
    let unknown = world.modsmith("frobnicate").expect(1);
    assert!(unknown.stderr.contains("`modsmith help` lists the commands"), "where the list is: {unknown}");
    assert!(!unknown.stderr.contains("autoinstall"), "and not the list itself: {unknown}");
    assert!(world.modsmith("help").expect(0).stdout.contains("\n  install "));
    for line in ["", "frobnicate"] {
        let out = world.dkms(line).expect(0);
        assert!(out.stdout.contains("install") && out.stdout.contains("status"), "the actions are named: {out}");
    }
}

#[test]
fn help_and_version_are_success() {
    let world = World::generic();
    assert!(world.modsmith("--help").expect(0).stdout.contains("--dry-run"));
    assert!(world.dkms("--help").expect(0).stdout.contains("--dry-run"));
    assert!(world.modsmith("--version").expect(0).stdout.starts_with("modsmith"));
    assert!(world.dkms("--version").expect(0).stdout.starts_with("dkms-"));
}

#[test]
fn a_path_that_leads_to_no_package_is_named() {
    let world = World::generic();
    fs::create_dir(world.path("boot/empty")).unwrap();
    for (word, code, said) in [
        ("/no/such.txz", 1, "/no/such.txz does not exist"),
        ("/boot/empty", 1, "The directory /boot/empty has no dkms.conf"),
        ("./no.tar.gz", 2, "./no.tar.gz does not exist"),
        ("several/names/more", 2, "several/names/more does not exist"),
    ] {
        let line = format!("add {word}");
        world.modsmith(&line).expect(code).expect_error(said).expect_hint();
        assert_eq!(world.peer(&line).code, code, "{word}");
    }
}

#[test]
fn an_action_of_a_plugin_that_may_not_be_used_says_so() {
    let debian = "ID=debian\nVERSION_ID=12\n";
    let world = World::generic().of_system(debian);
    world.modsmith("mkdeb bad/1.0").expect(3).expect_error("is not in the tree");
    world.write("etc/modsmith/policy.d/site.toml", "[deny]\nplugins = [\"deb\"]\n");
    world.modsmith("mkdeb bad/1.0").expect(1).expect_error("`mkdeb` is not an action").expect_error("site.toml");
}

#[test]
fn a_source_tree_that_is_not_there_is_made() {
    let world = World::generic();
    world.add_package(&package());
    let trees = "--sourcetree /boot/several/src --dkmstree /boot/tree";
    fs::create_dir(world.path("boot/tree")).unwrap();
    world.shell(&format!("dkms add /usr/src/bad-1.0 {trees}")).run().expect(0);
    assert!(world.path("boot/several/src/bad-1.0/dkms.conf").is_file());
    world.shell(&format!("dkms mktarball bad/1.0 --source-only --archive /boot/bad.tgz {trees}")).run().expect(0);
    world.shell("dkms ldtarball /boot/bad.tgz --sourcetree /boot/other --dkmstree /boot/tree2").run().expect(0);
    assert!(world.path("boot/other/bad-1.0/dkms.conf").is_file());
    fs::create_dir(world.path("boot/tree3")).unwrap();
    world.peer("add /usr/src/bad-1.0 --sourcetree /boot/dkms/src --dkmstree /boot/tree3").expect(0);
}

#[test]
fn a_tree_that_was_named_and_is_not_there_is_not_begun_by_a_slip() {
    let world = World::generic();
    world.add_package(&package());
    world.dkms("status").expect(0);
    let before = world.snapshot();
    for action in ["add bad/1.0", "add /usr/src/bad-1.0", "build bad/1.0"] {
        let line = format!("{action} -k {} --dkmstree /boot/none/tree", kernel());
        world.peer(&line).expect(1);
        let out = world.modsmith(&line).expect(1).expect_error("There is no tree at /boot/none/tree").expect_hint();
        out.expect_error("correct --dkmstree");
    }
    world.write("etc/dkms/framework.conf", "dkms_tree=/boot/none/tree\n");
    world.peer("add bad/1.0").expect(1);
    world.modsmith("add bad/1.0").expect(1).expect_error("correct dkms_tree in /etc/dkms/framework.conf");
    world.modsmith("status").expect(0);
    fs::remove_file(world.path("etc/dkms/framework.conf")).unwrap();
    before.assert_same(&world.snapshot(), "a tree that is not there");
}

#[test]
fn a_link_to_the_source_that_is_lost_is_told_from_a_lost_source() {
    let world = World::generic();
    world.add_package(&package());
    let link = world.tree().join("bad/1.0/source");
    for dangling in [false, true] {
        world.dkms("add bad/1.0").expect(0);
        fs::remove_file(&link).unwrap();
        if dangling {
            symlink("/usr/src/none", &link).unwrap();
        }
        let why = if dangling { "source leads to nothing" } else { "source is missing" };
        let out = world.dkms("status").expect(0).expect_error(&format!("its link /var/lib/dkms/bad/1.0/{why}"));
        assert!(out.stdout == "bad/1.0: broken\n" && !out.stderr.contains("gone"), "{out}");
        let out = out.expect_error("Its source is at /usr/src/bad-1.0: run `dkms add bad/1.0`");
        assert_eq!(out.stderr.lines().count(), 1, "{out}");
        let build = format!("build bad/1.0 -k {}", kernel());
        world.modsmith(&build).expect(4).expect_error(why).expect_error("which makes the link again");
        let out = world.modsmith("status --view people").expect(0);
        assert!(out.stdout.contains("only the link to its source is lost"), "{out}");
        world.dkms("add bad/1.0").expect(0);
        assert_eq!(world.dkms("status").expect(0).stdout, "bad/1.0: added\n");
        fs::remove_dir_all(world.tree().join("bad")).unwrap();
    }
}

#[test]
fn a_name_that_the_tree_itself_uses_is_refused_with_the_reason() {
    let world = World::generic();
    for name in ["mok.key", "mok.pub"] {
        let package = Package::new(name, "1.0");
        world.add_package(&package);
        let key = fs::read(world.tree().join("mok.key")).unwrap();
        let out = world.modsmith(&format!("add {name}/1.0")).expect(1).expect_hint();
        out.expect_error(&format!("`{name}` cannot be the name of a module: the tree has a file of this name"));
        assert_eq!(fs::read(world.tree().join("mok.key")).unwrap(), key);
    }
    assert_eq!(world.dkms("status").expect(0).stdout, "");
}

#[test]
fn an_empty_name_is_empty_to_modsmith_and_missing_to_dkms() {
    let world = World::generic();
    for line in ["add ''", "build ''", "remove '' --all"] {
        let out = world.shell(&format!("{} {line}", modsmith_tests::world::modsmith().display())).run().expect(1);
        assert!(!out.expect_error(" is empty.").stderr.contains("The version of  is missing"), "{line}");
        world.shell(&format!("dkms {line}")).run().expect(1).expect_error("The module and its version are missing.");
    }
    world.modsmith("build bad/1.0 -a x/y").expect(1).expect_error("cannot be the name of an architecture");
    world.modsmith("build bad/1.0 --arch=").expect(16).expect_error("Write the architecture after -a");
}

#[test]
fn a_slip_in_an_action_is_understood_as_one() {
    let world = World::generic();
    for (word, meant) in [("instal", "install"), ("ldtarbal", "ldtarball"), ("plugins", "plugin"), ("stauts", "status")]
    {
        let out = world.modsmith(&format!("{word} bad/1.0")).expect(1).expect_hint();
        assert!(out.stderr.contains(&format!("hint: Did you mean `{meant}`?")), "{out}");
        assert!(!out.stderr.contains("bad/1.0"), "only one thing is wrong: {out}");
    }
    let out = world.modsmith("frobnicate").expect(1);
    assert!(!out.stderr.contains("Did you mean"), "{out}");
}
