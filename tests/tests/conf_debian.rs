//! Every dkms.conf that Debian ships, for each kernel whose headers are here:
//! the plain reader, the bash reader and bash itself agree on every slot.

mod conf_common;

use std::path::{Path, PathBuf};
use std::process::Command;

use conf_common::{evaluate, oracle, slots, variables};
use modsmith::conf::{PackageConf, ReaderChoice, Strictness};

/// Runs a program to its end and gives its standard output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e} (apt-get install apt dpkg)"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The unpacked packages, downloaded once.
fn packages() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-dkms");
    if cache.join("complete").exists() {
        return cache;
    }
    let debs = cache.join("deb");
    std::fs::create_dir_all(&debs).unwrap();
    let found = run(Command::new("apt-cache").args(["search", "--names-only", "--", "-dkms$"]));
    let names: Vec<_> = found.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() >= 30, "apt-cache knows only {names:?}: run apt-get update");
    run(Command::new("apt-get").arg("download").args(&names).current_dir(&debs));
    for entry in std::fs::read_dir(&debs).unwrap() {
        let deb = entry.unwrap().path();
        let name = deb.file_name().unwrap().to_str().unwrap().split('_').next().unwrap().to_owned();
        run(Command::new("dpkg").arg("-x").arg(&deb).arg(cache.join("x").join(name)));
    }
    std::fs::write(cache.join("complete"), "").unwrap();
    cache
}

/// The kernel releases whose headers are installed.
fn kernels() -> Vec<String> {
    let entries = std::fs::read_dir("/lib/modules").into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| entry.path().join("build/include").is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    found.sort();
    found
}

#[test]
fn all_readers_agree_on_every_debian_package_and_most_need_no_shell() {
    let confs: Vec<_> = walkdir::WalkDir::new(packages().join("x"))
        .sort_by_file_name()
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_name() == "dkms.conf")
        .map(walkdir::DirEntry::into_path)
        .collect();
    assert!(confs.len() >= 30, "only {} packages ship a dkms.conf", confs.len());
    let kernels = kernels();
    assert!(kernels.len() >= 3, "headers for {kernels:?} only: apt-get install linux-headers-{{,cloud-,rt-}}amd64");
    let mut plain = 0;
    let mut compared = 0;
    for conf in &confs {
        let mut without_shell = true;
        for kernel in &kernels {
            let mut variables = variables();
            variables.kernelver.clone_from(kernel);
            variables.kernel_source_dir = format!("/lib/modules/{kernel}/build");
            variables.kernel_config = format!("/lib/modules/{kernel}/build/.config");
            let expected = oracle(conf, &variables, "/usr/sbin:/usr/bin:/sbin:/bin");
            let bash = evaluate(conf, &variables, ReaderChoice::Bash, 30).unwrap();
            assert_eq!(slots(&bash), expected, "bash reader, {} for {kernel}", conf.display());
            match evaluate(conf, &variables, ReaderChoice::Plain, 30) {
                Ok(read) => assert_eq!(slots(&read), expected, "plain reader, {} for {kernel}", conf.display()),
                Err(error) => {
                    if without_shell {
                        println!("{error}");
                    }
                    without_shell = false;
                }
            }
            compared += expected.len();
            PackageConf::from_evaluated(&bash, kernel, Strictness::Strict)
                .unwrap_or_else(|e| panic!("{}: {e}\n{:#?}", conf.display(), e.details));
        }
        plain += usize::from(without_shell);
    }
    println!("{plain} of {} read without a shell; {compared} slots compared for {kernels:?}", confs.len());
    assert!(plain >= 23, "only {plain} of {} were read without a shell", confs.len());
}
