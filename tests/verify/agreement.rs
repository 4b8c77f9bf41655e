//! A kernel agrees: what the rules refuse, a running kernel refuses, with the same error and
//! the same words; what they pass, it loads. Kernels run in an emulated machine.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use modsmith_facts::kernel::ModInfo;
use modsmith_tests::{machine, tool};
use modsmith_verify::{Answer, Image};

use crate::cases::{NEWER, ON_BOTH, SAMPLE, WITH_VERSIONS, findings};
use crate::kernels::{Known, unpacked};
use crate::patch::Patch;

/// finit_module(2): the kernel unpacks the file.
const COMPRESSED: u32 = 4;

/// How many of the kernel's own modules are loaded.
const OWN: usize = 60;

/// A module that both sides judge.
struct Candidate {
    label: String,
    /// The module's name, and the name of its file.
    name: String,
    file: &'static str,
    bytes: Vec<u8>,
}

impl Candidate {
    fn new(label: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { label: label.into(), name: SAMPLE.to_owned(), file: "vsock.ko", bytes }
    }
}

/// What a kernel did with a file.
#[derive(Debug)]
struct Loaded {
    errno: i32,
    log: String,
}

/// Modules of the kernel that need no other one, as it has them. They drive no device, so that
/// it is the loader that answers.
fn own(kernel: &Known) -> Vec<Candidate> {
    let is_library = |path: &std::path::PathBuf| {
        let below = path.strip_prefix(kernel.debian.module_dir().join("kernel")).expect("below it");
        let name = path.file_name().expect("a file").to_string_lossy();
        // These ask for other modules when they start, or run for minutes.
        let is_left_out = ["jitterentropy_rng", "tcrypt", "test_"].iter().any(|begin| name.starts_with(begin));
        (below.starts_with("lib") || below.starts_with("crypto")) && !is_left_out
    };
    let needs_nothing = |bytes: &[u8]| {
        let info = ModInfo::parse(bytes).expect("a module");
        info.first("depends").unwrap_or_default().is_empty()
    };
    let files = kernel.modules().into_iter().filter(is_library);
    let all = files.map(|path| (path.clone(), unpacked(&path))).filter(|(_, bytes)| needs_nothing(bytes));
    all.take(OWN)
        .map(|(path, bytes)| {
            let stem = path.file_name().expect("a file").to_string_lossy();
            let stem = stem.split(".ko").next().expect("a name").to_owned();
            Candidate { label: format!("the kernel's own {stem}"), name: stem.replace('-', "_"), file: "own.ko", bytes }
        })
        .collect()
}

/// The sample as it is, and broken in every way that the rules know.
fn broken(kernel: &Known, more: &[crate::cases::Case]) -> Vec<Candidate> {
    let signed = kernel.module(SAMPLE);
    let mut altered = signed.clone();
    let at = altered.len() / 2;
    altered[at] ^= 1;
    let mut form = signed.clone();
    let description = form.len() - 28 - 12;
    form[description] = 1;
    let unsigned = Patch::new(signed.clone()).0;
    let cases = ON_BOTH.iter().chain(more);
    let cases = cases.enumerate().map(|(n, case)| Candidate::new(format!("{} ({n})", case.rule), case.broken(kernel)));
    let mut all = vec![
        Candidate::new("as it is", signed),
        Candidate::new("not signed", unsigned),
        Candidate::new("signature-intact", altered),
        Candidate::new("signature-form", form),
    ];
    all.extend(cases);
    all
}

/// The sample as xz packs it, whole and cut.
fn packed(kernel: &Known) -> Vec<Candidate> {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let file = dir.path().join("vsock.ko");
    fs::write(&file, kernel.module(SAMPLE)).expect("writable");
    tool::run(Command::new(tool::path("xz")).args(["--check=crc32", "--lzma2=dict=1MiB"]).arg(&file));
    let whole = fs::read(dir.path().join("vsock.ko.xz")).expect("xz made it");
    let cut = whole[..whole.len() / 2].to_vec();
    let xz = |label, bytes| Candidate { file: "vsock.ko.xz", ..Candidate::new(label, bytes) };
    vec![xz("packed by xz", whole), xz("packed by xz, and cut", cut)]
}

/// What a running kernel does with each.
fn loaded(kernel: &Known, command_line: &str, candidates: &[Candidate]) -> Vec<Loaded> {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("m")).expect("writable");
    let mut list = String::new();
    for (n, candidate) in candidates.iter().enumerate() {
        let flags = if candidate.file.ends_with(".xz") { COMPRESSED } else { 0 };
        list += &format!("{flags} {} /m/{n}\n", candidate.name);
        fs::write(root.join(format!("m/{n}")), &candidate.bytes).expect("writable");
    }
    fs::write(root.join("list"), list).expect("writable");
    let source = dir.path().join("loader.c");
    fs::write(&source, include_str!("loader.c")).expect("writable");
    tool::run(Command::new(tool::path("gcc")).args(["-static", "-O1", "-o"]).arg(root.join("init")).arg(&source));
    let initrd = dir.path().join("initrd");
    machine::boot_image(&root, &initrd);
    let console =
        machine::console(machine::Boot { kernel: &kernel.debian.image(), initrd: &initrd, command_line, disk: None });
    let console = console.replace('\r', "");
    assert!(console.contains("@@done"), "the machine did not get to its end:\n{console}");
    let parts = console.split("@@begin /m/").skip(1);
    let mut results: BTreeMap<usize, Loaded> = parts
        .map(|part| {
            let (head, log) = part.split_once('\n').expect("a line");
            let (number, errno) = head.split_once(' ').expect("two words");
            let log = log.split("@@end").next().unwrap_or_default().to_owned();
            (number.parse().expect("a number"), Loaded { errno: errno.parse().expect("a number"), log })
        })
        .collect();
    (0..candidates.len()).map(|n| results.remove(&n).unwrap_or_else(|| panic!("nothing of {n}:\n{console}"))).collect()
}

/// Errors of the loader by name, with what `insmod` prints for them.
const ERRORS: &[(&str, i32, &str)] = &[
    ("ENOENT", 2, "Unknown symbol"),
    ("ENOEXEC", 8, "Invalid module format"),
    ("EINVAL", 22, "Invalid"),
    ("EBADMSG", 74, "Bad message"),
    ("EKEYREJECTED", 129, "Key was rejected by service"),
    ("EPERM", 1, "Operation not permitted"),
];

/// Errors of a module that was loaded, and whose own start did not succeed.
const OF_THE_MODULE: &[i32] = &[libc::ENODEV, libc::EEXIST, libc::EBUSY, libc::ENXIO, libc::EAGAIN];

/// Compares both sides for each candidate; returns for how many ours was *yes* and *no*.
fn agree(kernel: &Known, image: &Image, command_line: &str, candidates: &[Candidate]) -> (usize, usize) {
    let (mut yes, mut no, mut wrong) = (0, 0, Vec::new());
    let release = &kernel.debian.release;
    for (candidate, loaded) in candidates.iter().zip(loaded(kernel, command_line, candidates)) {
        let found = findings(kernel, image, candidate.file, candidate.bytes.clone());
        let refusal = found.iter().find(|finding| finding.answer == Answer::No);
        let unknown = found.iter().find(|finding| finding.answer == Answer::Unknown && finding.rule != "btf");
        // As the kernel's source spells the byte.
        let log = loaded.log.trim().replace('\u{7f}', "\\177");
        let (ours, is_right) = match (refusal, unknown) {
            (Some(finding), _) => {
                no += 1;
                let words = finding.refusal.as_ref().expect("a no has words");
                let (_, errno, printed) =
                    ERRORS.iter().find(|(name, ..)| *name == words.errno).expect("an error of the loader");
                let says_so = log.contains(&words.kernel) || words.kernel.contains(printed);
                (format!("no: {} ({})", words.kernel, words.errno), loaded.errno == *errno && says_so)
            }
            (None, Some(finding)) => (format!("unknown: {}", finding.rule), true),
            (None, None) => {
                yes += 1;
                ("yes".to_owned(), loaded.errno == 0 || OF_THE_MODULE.contains(&loaded.errno))
            }
        };
        println!("{release} | {} | {ours} | {} | {log:?}", candidate.label, loaded.errno);
        if !is_right {
            wrong.push(format!("{}: {ours}, and the kernel: {} {log:?}", candidate.label, loaded.errno));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "on {release} {command_line}");
    (yes, no)
}

fn both_agree(debian: &str, more: &[crate::cases::Case], may_be_packed: bool) {
    let kernel = Known::of(debian);
    let mut candidates = own(&kernel);
    candidates.extend(broken(&kernel, more));
    if may_be_packed {
        candidates.extend(packed(&kernel));
    }
    let (yes, no) = agree(&kernel, &kernel.image, "", &candidates);
    let refused = ON_BOTH.len() + more.len() + 2 + usize::from(may_be_packed);
    assert_eq!((yes, no), (candidates.len() - refused, refused), "each answer is one or the other");

    // Who signed what counts where the kernel requires signatures.
    let strict = kernel.configured(&[("MODULE_SIG_FORCE", "y")]);
    let few: Vec<Candidate> =
        broken(&kernel, &[]).into_iter().take(4).chain(own(&kernel).into_iter().take(5)).collect();
    let (yes, no) = agree(&kernel, &strict, "module.sig_enforce=1", &few);
    assert_eq!((yes, no), (6, 3));
}

#[test]
#[ignore = "slow"]
fn a_kernel_that_compares_versions_does_what_the_rules_say() {
    both_agree("bookworm", &WITH_VERSIONS, false);
}

#[test]
#[ignore = "slow"]
fn a_newer_kernel_does_what_the_rules_say() {
    both_agree("sid", &NEWER, true);
}
