//! Every dkms.conf that Debian ships, for each kernel whose headers are here:
//! the plain reader, the bash reader and bash itself agree on every slot.

use std::path::PathBuf;
use std::process::Command;

use crate::common::{evaluate, oracle, slots, variables};
use modsmith_core::conf::{PackageConf, ReaderChoice, Strictness};
use modsmith_tests::{debian, tool};

/// The dkms.conf files of all packages that Debian's index knows.
fn confs() -> Vec<PathBuf> {
    let found = tool::run(Command::new(tool::path("apt-cache")).args(["search", "--names-only", "--", "-dkms$"]));
    let names: Vec<_> = found.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() >= 30, "apt-cache knows only {names:?}: run apt-get update");
    let files = names.iter().flat_map(|name| walkdir::WalkDir::new(debian::unpacked(name)).sort_by_file_name());
    files
        .map(Result::unwrap)
        .filter(|entry| entry.file_name() == "dkms.conf")
        .map(walkdir::DirEntry::into_path)
        .collect()
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
    let confs = confs();
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
