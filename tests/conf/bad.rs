//! Files that are no dkms.conf, or a hostile one: the right kind of error, a
//! message that helps, and nothing written anywhere.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{evaluate, variables};
use modsmith_core::conf::{Evaluated, PackageConf, Reader, ReaderChoice, Strictness};
use modsmith_core::error::{Error, Kind};
use modsmith_tests::world::is_root;

const GOOD: &str = "PACKAGE_NAME=hello\nPACKAGE_VERSION=1\nDEST_MODULE_LOCATION=/extra\n";

/// Evaluates a text in a directory that must stay as it is.
fn read(text: impl AsRef<[u8]>) -> Result<Evaluated, Error> {
    read_in(tempfile::tempdir().unwrap().path(), text.as_ref(), 20)
}

fn read_in(dir: &Path, text: &[u8], seconds: u64) -> Result<Evaluated, Error> {
    let conf = dir.join("dkms.conf");
    std::fs::write(&conf, text).unwrap();
    // So that only confinement keeps it from being written to.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let result = evaluate(&conf, &variables(), ReaderChoice::Auto, seconds);
    let names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["dkms.conf"], "something was written");
    assert_eq!(std::fs::read(&conf).unwrap(), text, "the file was changed");
    result
}

fn running(line: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|e| {
        std::fs::read(e.path().join("cmdline"))
            .is_ok_and(|c| String::from_utf8_lossy(&c).replace('\0', " ").contains(line))
    })
}

fn validate(evaluated: &Evaluated) -> Result<PackageConf, Error> {
    PackageConf::from_evaluated(evaluated, "6.1.0-56-amd64", Strictness::Strict)
}

#[test]
fn a_missing_file_is_unreadable_and_named() {
    let error = evaluate(Path::new("/nonexistent/dkms.conf"), &variables(), ReaderChoice::Auto, 5).unwrap_err();
    assert_eq!((error.kind, modsmith::exit_code(error.kind)), (Kind::ConfUnreadable, 4));
    assert!(error.message.starts_with("Could not read /nonexistent/dkms.conf: No such file"), "{error}");
    assert!(error.hints[0].contains("-c"), "{:?}", error.hints);
}

#[test]
fn a_directory_in_its_place_is_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let error = evaluate(dir.path(), &variables(), ReaderChoice::Auto, 5).unwrap_err();
    assert_eq!(error.kind, Kind::ConfUnreadable);
}

#[test]
fn an_empty_file_lacks_name_and_version() {
    let error = validate(&read("").unwrap()).unwrap_err();
    assert_eq!((error.kind, modsmith::exit_code(error.kind)), (Kind::ConfInvalid, 8));
    assert_eq!(error.details.len(), 2, "{:?}", error.details);
    assert!(error.details[0].starts_with("dkms.conf: Error! PACKAGE_NAME is not set in "), "{:?}", error.details);
    assert!(error.details[0].ends_with("write PACKAGE_NAME=\"hello\"."), "{:?}", error.details);
}

#[test]
fn a_binary_file_is_told_to_be_one() {
    let error = read(std::fs::read("/bin/true").unwrap()).unwrap_err();
    assert_eq!(error.kind, Kind::ConfUnreadable);
    assert!(error.message.ends_with("is not a text file: it contains NUL bytes."), "{error}");
}

#[test]
fn an_endless_loop_ends_at_the_time_limit() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["while :; do :; done", "sleep 1000", "read x < <(sleep 1000)", "sleep 1000 & wait"] {
        let error = read_in(dir.path(), text.as_bytes(), 1).unwrap_err();
        assert_eq!(error.kind, Kind::ConfInvalid, "{text}");
        let ended = error.message.ends_with("did not finish within 1 seconds.")
            || error.message.starts_with("bash gave no result");
        assert!(ended, "{text}: {error}");
        assert!(!error.hints.is_empty());
    }
}

#[test]
fn what_it_starts_in_the_background_does_not_outlive_it() {
    let dir = tempfile::tempdir().unwrap();
    // A number that nothing else sleeps for.
    let nap = format!("8{:0>7}", std::process::id());
    let text = format!("{GOOD}setsid sleep {nap}1 &\nsleep {nap}2 &\n");
    let evaluated = read_in(dir.path(), text.as_bytes(), 20).unwrap();
    assert!(validate(&evaluated).is_ok());
    assert!(!running(&format!("sleep {nap}1")) && !running(&format!("sleep {nap}2")));
}

#[test]
fn an_exit_loses_every_directive() {
    let evaluated = read(format!("{GOOD}exit 0\n")).unwrap();
    assert!(evaluated.directives.is_empty());
    let error = validate(&evaluated).unwrap_err();
    assert_eq!(error.kind, Kind::ConfInvalid);
    assert!(error.hints[0].starts_with("Remove what ends the shell from "), "{:?}", error.hints);
}

#[test]
fn ending_the_shell_in_the_second_evaluation_is_an_error() {
    for text in ["MAKE='\"; exit; \"'", "MAKE='${undefined:?message}'"] {
        let error = read(text).unwrap_err();
        assert_eq!(error.kind, Kind::ConfInvalid);
        assert!(error.message.starts_with("bash gave no result for "), "{error}");
    }
}

#[test]
fn a_syntax_error_keeps_what_was_before_it_and_bash_own_message() {
    let evaluated = read(format!("{GOOD}if [\n")).unwrap();
    assert_eq!(evaluated.get("PACKAGE_NAME", 0), Some("hello"));
    assert!(evaluated.stderr.contains("syntax error: unexpected end of file"), "{}", evaluated.stderr);
    let evaluated = read("PACKAGE_NAME=\"hello\nPACKAGE_VERSION=1\n").unwrap();
    assert!(evaluated.stderr.contains("unexpected EOF while looking for matching"), "{}", evaluated.stderr);
    assert_eq!(validate(&evaluated).unwrap_err().kind, Kind::ConfInvalid);
}

#[test]
fn windows_line_ends_are_read() {
    let evaluated = read(GOOD.replace('\n', "\r\n")).unwrap();
    assert_eq!(validate(&evaluated).unwrap().name, "hello");
    assert_eq!(evaluated.readings[0].reader, Reader::Plain);
    // An empty line is a command then, which bash complains about.
    let evaluated = read(GOOD.replace('\n', "\r\n\r\n")).unwrap();
    assert_eq!(validate(&evaluated).unwrap().name, "hello");
    assert!(evaluated.stderr.contains("command not found"), "{}", evaluated.stderr);
}

#[test]
fn it_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().display();
    let text = format!(
        "{GOOD}echo x > {here}/new\nmkdir {here}/d\nchmod 600 {here}/dkms.conf\nrm {here}/dkms.conf\n\
         mv {here}/dkms.conf {here}/moved\necho x >> {here}/dkms.conf\necho x 2>/dev/null >/dev/null\n\
         ln -s x {here}/link\ntouch /tmp/modsmith-conf-was-here\n"
    );
    let evaluated = read_in(dir.path(), text.as_bytes(), 20).unwrap();
    assert!(evaluated.stderr.contains("Permission denied"), "{}", evaluated.stderr);
    assert!(validate(&evaluated).is_ok());
    assert!(!Path::new("/tmp/modsmith-conf-was-here").exists());
    // The mode of one's own files is beyond Landlock; root's child is another user.
    use std::os::unix::fs::MetadataExt;
    let file = dir.path().join("dkms.conf").metadata().unwrap();
    if file.uid() == 0 {
        assert_eq!(file.mode() & 0o777, 0o644);
    }
}

#[test]
fn it_cannot_reach_the_network() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let evaluated = read(format!("{GOOD}(echo x > /dev/tcp/127.0.0.1/{port}) || BUILD_DEPENDS=refused\n")).unwrap();
    assert_eq!(evaluated.get("BUILD_DEPENDS", 0), Some("refused"));
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn it_cannot_see_the_callers_environment() {
    let evaluated = read("MAKE=$(env | cut -d= -f1 | sort | tr '\\n' ' ')\nCLEAN=$CARGO_MANIFEST_DIR\n").unwrap();
    assert_eq!(evaluated.get("MAKE", 0), Some("HOME LC_ALL PATH PWD SHLVL _ "));
    assert_eq!(evaluated.get("CLEAN", 0), Some(""));
}

#[test]
fn a_fork_bomb_ends() {
    // Either the limit on processes stops it or the time limit; both end it.
    let text = format!("{GOOD}f() {{ f | f & }}\nf 2>/dev/null\nsleep 1000\n");
    let dir = tempfile::tempdir().unwrap();
    let error = read_in(dir.path(), text.as_bytes(), 2).unwrap_err();
    assert_eq!(error.kind, Kind::ConfInvalid, "{error}");
}

#[test]
fn memory_is_limited() {
    let text = format!("{GOOD}a=x\nwhile :; do a=$a$a; done\n");
    let evaluated = read(text).unwrap();
    assert!(evaluated.stderr.contains("cannot allocate"), "{}", evaluated.stderr);
    let error = validate(&evaluated).unwrap_err();
    assert!(error.hints[0].contains("too much memory"), "{:?}", error.hints);
}

#[test]
fn memory_is_limited_for_all_processes_together() {
    // Each is far below what one may have; they wait for each other's end.
    let hog = "head -c 60000000 /dev/zero | tail -c 60000000 | (sleep 60; cat) >/dev/null";
    let text = format!("{GOOD}for i in 1 2 3 4 5 6 7 8 9 10 11 12; do {hog} & done; wait\n");
    let error = read(text).unwrap_err();
    assert_eq!(error.kind, Kind::ConfInvalid);
    assert!(error.message.ends_with("used more than 512 MiB of memory while it was read, and was stopped."), "{error}");
}

#[test]
fn the_shell_itself_can_be_replaced_without_outliving_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["exec sleep 98763", "MAKE='$(exec sleep 98763)'", "MAKE='\"; exec sleep 98763; \"'"] {
        let error = read_in(dir.path(), format!("{GOOD}{text}\n").as_bytes(), 1).unwrap_err();
        assert_eq!(error.kind, Kind::ConfInvalid, "{text}: {error}");
        assert!(!running("sleep 98763"), "{text}");
    }
}

#[test]
fn what_only_root_may_enter_or_read_is_read_as_far_as_it_goes() {
    assert!(is_root(), "run this test as root");
    let private = tempfile::tempdir().unwrap();
    let source = private.path().join("inner/evil-1");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(source.join("version.sh"), "BUILD_DEPENDS=sourced\n").unwrap();
    std::fs::write(private.path().join("other"), "CLEAN=seen\n").unwrap();
    let conf = source.join("dkms.conf");
    let text =
        format!("{GOOD}. ${{BASH_SOURCE%/*}}/version.sh; . {}/other\nMAKE=$(echo it)\n", private.path().display());
    std::fs::write(&conf, text).unwrap();
    // The directory above is root's alone: there is a way to the source, and to nothing else.
    std::fs::set_permissions(private.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let evaluated = evaluate(&conf, &variables(), ReaderChoice::Auto, 20).unwrap();
    let values = ["BUILD_DEPENDS", "CLEAN", "MAKE"].map(|name| evaluated.get(name, 0));
    assert_eq!(values, [Some("sourced"), None, Some("it")], "{}", evaluated.stderr);
    // The file itself is root's alone: its text is read, what is beside it is not.
    std::fs::set_permissions(&conf, std::fs::Permissions::from_mode(0o600)).unwrap();
    let evaluated = evaluate(&conf, &variables(), ReaderChoice::Auto, 20).unwrap();
    assert_eq!(evaluated.get("MAKE", 0), Some("it"), "{}", evaluated.stderr);
    assert!(evaluated.stderr.contains(&format!("{}: line", conf.display())), "{}", evaluated.stderr);
}

#[test]
fn a_flood_of_output_is_cut_off() {
    let evaluated = read(format!("{GOOD}yes | head -c 30000000 >&2\nyes | head -c 30000000\n")).unwrap();
    assert_eq!(evaluated.stderr.len(), 64 << 10);
    assert!(validate(&evaluated).is_ok());
}

#[test]
fn the_plain_reader_alone_names_line_and_construct() {
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("dkms.conf");
    std::fs::write(&conf, format!("{GOOD}MAKE=$(uname -r)\n")).unwrap();
    let error = evaluate(&conf, &variables(), ReaderChoice::Plain, 5).unwrap_err();
    assert_eq!(error.kind, Kind::ConfInvalid);
    assert!(
        error.message.ends_with("dkms.conf cannot be read without a shell: line 4: command substitution."),
        "{error}"
    );
}
