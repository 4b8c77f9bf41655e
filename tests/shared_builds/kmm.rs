//! An image that KMM loads as it is: umoci unpacks it, its shell copies the modules as KMM has it do,
//! and modprobe finds them.
//!
//! Source: the commands of the init container and of the worker of KMM 2.6, in its
//! `internal/pod/workerpodmanager.go`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::prelude::*;
use modsmith_tests::registry::Registry;
use modsmith_tests::world::modsmith;
use modsmith_tests::{debian, paths, tool};

use crate::scene::{PATH, Scene, target_dir};

fn umoci(words: &[&str]) {
    let program = debian::unpacked("umoci").join("usr/bin/umoci");
    tool::run(Command::new(program).args(words));
}

/// A base image: a shell, with the programs that KMM runs. An image layout with the tag `base`.
fn base(dir: &Path) -> PathBuf {
    let (layout, root) = (dir.join("base"), dir.join("root"));
    fs::create_dir_all(root.join("bin")).unwrap();
    let busybox = debian::unpacked("busybox-static").join("bin/busybox");
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for program in ["sh", "mkdir", "cp"] {
        symlink("busybox", root.join("bin").join(program)).unwrap();
    }
    let image = format!("{}:base", layout.display());
    umoci(&["init", "--layout", &layout.display().to_string()]);
    umoci(&["new", "--image", &image]);
    umoci(&["insert", "--image", &image, &root.join("bin").display().to_string(), "/bin"]);
    layout
}

#[test]
fn kmm_finds_the_module_of_an_image_as_it_was_pushed() {
    let (scene, registry) = (Scene::new(), Registry::open());
    let base = format!("{}:base", base(scene.dir.path()).display());
    let mut skopeo = Command::new(tool::path("skopeo"));
    skopeo.args(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"]).arg(format!("oci:{base}"));
    tool::run(skopeo.arg(format!("docker://{}/busybox:1", registry.host())));
    let to = format!("oci://{}", registry.host());
    scene.push(&to, "").expect(0);

    // What the guide has typed.
    let guide = fs::read_to_string(paths::checkout().join("docs/guides/kubernetes-with-kmm.md")).unwrap();
    let here = |text: &str| {
        let text = text.replace("registry.example", &registry.host()).replace("/good:", "/shared:");
        text.replace("good/1.0", "shared/1.0").replace("team.key", &scene.private("team"))
    };
    let step = guide.split("```sh\n").skip(1).find(|block| block.contains("--profile image")).expect("a step");
    let step = here(step.split("\n```").next().unwrap());
    let script = format!("RELEASE={}; modsmith() {{ '{}' \"$@\"; }}; set -e\n{step}", kernel(), modsmith().display());
    let run = || scene.maker.shell(&script).env("PATH", PATH).run().expect(0);
    let out = run();
    assert!(out.stdout.contains("is pushed"), "another form is pushed beside: {out}");
    let again = run();
    assert!(again.stdout.contains("is there already"), "{again}");
    // The same with a base that is a directory.
    scene.push(&to, &format!("--force --profile image --base {base}")).expect(0);

    // As a node pulls it: by the name that the guide has.
    let image = guide.split("containerImage: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an image");
    let image = here(image).replace("${KERNEL_FULL_VERSION}", &kernel()).replace("x86_64", kernel::arch());
    let layout = scene.dir.path().join("pulled");
    let mut skopeo = Command::new(tool::path("skopeo"));
    skopeo.args(["--insecure-policy", "copy", "-q", "--src-tls-verify=false"]);
    skopeo.arg(format!("docker://{image}"));
    tool::run(skopeo.arg(format!("oci:{}:kmm", layout.display())));
    let bundle = scene.dir.path().join("bundle");
    umoci(&["unpack", "--image", &format!("{}:kmm", layout.display()), &bundle.display().to_string()]);
    let root = bundle.join("rootfs");

    let script = format!("mkdir -p /tmp/opt/lib/modules; cp -R /opt/lib/modules/{} /tmp/opt/lib/modules;", kernel());
    tool::run(Command::new(tool::path("chroot")).arg(&root).args(["/bin/sh", "-c", &script]));
    let mut modprobe = Command::new(tool::path("modprobe"));
    modprobe.arg("-d").arg(root.join("tmp/opt")).args(["-S", &kernel(), "--show-depends", "shared"]);
    let shown = tool::run(&mut modprobe);
    assert!(shown.contains(&format!("/tmp/opt/lib/modules/{}/shared.ko", kernel())), "{shown}");

    // The same artefact is a build for other machines.
    scene.names("store-oci", &registry.host());
    assert!(scene.fetches());
    assert!(target_dir(&scene.user).join("module/shared.ko").is_file());
}

#[test]
fn a_base_that_is_none_is_an_error_that_says_so() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    for (options, why) in [
        ("--profile image --base nowhere", "names no image"),
        ("--profile image --base /nowhere:x", "is not an OCI image layout"),
        ("--profile typed --base /nowhere:x", "Only an image has a base"),
    ] {
        let out = scene.push(&place, options).expect_no_panic().expect_hint();
        assert!(out.code != 0 && out.stderr.contains(why), "{options}: {out}");
    }
}
