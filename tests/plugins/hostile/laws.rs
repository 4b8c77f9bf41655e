//! Plugins that break a law of `modsmith plugin test`: each is caught, by name.

use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::{Output, tool};

use super::guest::{Body, GRANT, manifest_of, manifest_text};

/// A plugin file with a folder of cases beside it.
struct Bench {
    dir: tempfile::TempDir,
}

const REFRESH: &str = "call = \"refresh\"\noccasion = \"installed\"\n[kernel]\nrelease = \"6.1.0\"\n";
const ADD: &str = "call = \"modprobe-add\"\nfiles = [\"/etc/modprobe.d/\"]\n[kernel]\nrelease = \"6.1.0\"\n";

/// What a plugin that edits files below /etc is granted.
const ETC: &str = "[write]\nroots = [\"etc/modprobe.d/*\"]\n[[run]]\nprogram = \"tool\"\narguments = [\"**\"]\n";

impl Bench {
    fn new(component: &[u8], manifest: &str) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(bench.plugin(), modsmith_kit::build::embed(component, manifest)).unwrap();
        bench
    }

    fn initrd(body: Body) -> Self {
        Self::new(&body.component(), &manifest_text(GRANT))
    }

    fn modprobe_config(add: Body, remove: impl FnOnce(Body) -> Body) -> Self {
        Self::new(&add.component_that_removes(remove), &manifest_of("modprobe-config", ETC))
    }

    /// One more case; the expectation is accepted as it comes.
    fn case(self, name: &str, facts: &str) -> Self {
        self.file(&format!("cases/{name}/facts.toml"), facts).accepting()
    }

    fn file(self, name: &str, contents: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    fn accepting(self) -> Self {
        self.test(&["--update"]);
        self
    }

    fn plugin(&self) -> PathBuf {
        self.path("hostile.wasm")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn test(&self, words: &[&str]) -> Output {
        let mut command = Command::new(modsmith_tests::paths::programs().join("modsmith"));
        command.args(["plugin", "test"]).arg(self.plugin()).arg("--cases").arg(self.path("cases")).args(words);
        tool::output(&mut command)
    }

    /// The report of a test that fails by this law and no other.
    #[track_caller]
    fn breaks(&self, law: &str) -> String {
        let output = self.test(&[]).expect(1).expect_error("1 of");
        let broken: Vec<&str> = output.stdout.lines().filter(|line| line.contains("broken law")).collect();
        assert!(broken.len() == 1 && broken[0].contains(&format!("`{law}`")), "{output}");
        output.stdout
    }
}

fn nothing(body: Body) -> Body {
    body
}

#[test]
fn a_well_behaved_plugin_breaks_no_law() {
    let bench = Bench::modprobe_config(Body::new().write("etc", "modprobe.d/demo.conf", 3), |body| {
        body.remove("etc", "modprobe.d/demo.conf")
    })
    .file("cases/add/root/etc/modprobe.d/other.conf", "alias a b\n")
    .case("add", ADD);
    // It serves every system, the empty one too.
    let report = bench.breaks("empty-system");
    assert!(report.contains("hostile: 1 case, 7 laws"), "{report}");
}

#[test]
fn a_plan_that_is_not_the_expected_one_is_shown_line_by_line() {
    let bench = Bench::initrd(Body::new().note("one").note("two")).case("installed", REFRESH);
    let accepted = std::fs::read_to_string(bench.path("cases/installed/expected.plan")).unwrap();
    assert_eq!(accepted, "note one\nnote two\n");
    let bench = bench.file("cases/installed/expected.plan", "note one\nnote three\n");
    let output = bench.test(&["--case", "installed"]).expect(1).expect_error("1 of 1 case failed");
    for part in ["cases/installed", "      note one\n    - note three\n    + note two\n", "--case installed --update"] {
        assert!(output.stdout.contains(part), "{part:?} is not in {output}");
    }
    bench.test(&["--case", "installed", "--update"]).expect(0);
    bench.test(&["--case", "installed"]).expect(0);
}

/// `plugin test` is a tool for authors: its report names the right that the manifest lacks.
#[test]
fn an_author_is_told_what_to_write_and_not_whom_to_ask() {
    for (body, told) in [
        (Body::new().write("etc", "passwd", 1), "name that path there"),
        (Body::new().run("tool", &["--other"]), "correct `arguments`"),
        (Body::new().run("other", &[]), "add one"),
    ] {
        let bench = Bench::initrd(body).file("cases/installed/facts.toml", REFRESH);
        let output = bench.test(&[]).expect(1);
        assert!(output.stdout.contains(told), "{output}");
        assert!(!format!("{}{}", output.stdout, output.stderr).contains("author"), "{output}");
    }
}

#[test]
fn json_lists_cases_laws_and_what_broke_them() {
    let bench = Bench::initrd(Body::new().note("one")).case("installed", REFRESH);
    let json = bench.test(&["--json"]).expect(1).json();
    let plugin = &json["plugins"][0];
    assert_eq!((&plugin["id"], &plugin["cases"][0]["outcome"]), (&"hostile".into(), &"passed".into()));
    let laws = plugin["laws"].as_array().unwrap();
    let broken: Vec<_> = laws.iter().filter(|law| !law["breaches"].as_array().unwrap().is_empty()).collect();
    assert_eq!(broken[0]["law"], "empty-system");
    assert!(broken.len() == 1 && broken[0]["breaches"][0]["facts"].as_str().unwrap().contains("Installed"));
}

#[test]
fn steps_on_an_empty_system_are_caught() {
    let report = Bench::initrd(Body::new().note("at your service")).case("installed", REFRESH).breaks("empty-system");
    assert!(report.contains("call `refresh` (Installed)") && report.contains("note at your service"), "{report}");
}

#[test]
fn a_crash_on_absurd_facts_is_caught_with_the_facts() {
    let bench = Bench::initrd(Body::new().trap_on_a_long_release()).case("installed", REFRESH);
    let output = bench.test(&[]).expect(1).expect_error("2 of");
    for part in ["`robust`", "`empty-system`", "kernel release \"999", "(5000 bytes)", "crashed"] {
        assert!(output.stdout.contains(part), "{part:?} is not in {output}");
    }
}

#[test]
fn a_limit_that_is_run_into_is_caught() {
    let bench = Bench::initrd(Body::new().repeat(20_000, |body| body.note("x")));
    let output = bench.case("installed", REFRESH).test(&[]).expect(1);
    assert!(output.stdout.contains("`limits`") && output.stdout.contains("10000 steps"), "{output}");
}

#[test]
fn a_case_that_expects_a_denial_does_not_excuse_it() {
    let bench = Bench::initrd(Body::new().write("etc", "shadow", 4)).case("installed", REFRESH);
    std::fs::write(bench.path("cases/installed/error.txt"), "etc/shadow").unwrap();
    let output = bench.test(&["--case", "installed"]).expect(1).expect_error("1 of 4 laws failed");
    assert!(output.stdout.contains("`granted`"), "{output}");
}

#[test]
fn adding_that_adds_again_is_caught() {
    // The second backup is one of the file that the first time wrote.
    let add = Body::new().back_up("etc", "modprobe.d/x", ".old").write("etc", "modprobe.d/x", 3);
    let bench =
        Bench::modprobe_config(add, |body| body.remove("etc", "modprobe.d/x").remove("etc", "modprobe.d/x.old"))
            .case("add", ADD);
    let output = bench.test(&["--case", "add"]).expect(1);
    let told = output.stdout.contains("/etc/modprobe.d/x.old was not there");
    assert!(told && output.stdout.contains("`idempotent`"), "{output}");
}

#[test]
fn removing_that_leaves_something_behind_is_caught() {
    let bench = Bench::modprobe_config(Body::new().write("etc", "modprobe.d/x", 3), nothing).case("add", ADD);
    let output = bench.test(&["--case", "add"]).expect(1).expect_error("1 of 6 laws failed");
    let told = output.stdout.contains("/etc/modprobe.d/x was not there");
    assert!(told && output.stdout.contains("`reversible`"), "{output}");
}

#[test]
fn a_replaced_file_that_does_not_come_back_is_shown_as_it_was() {
    let bench =
        Bench::modprobe_config(Body::new().write("etc", "modprobe.d/x", 3), |body| body.remove("etc", "modprobe.d/x"))
            .file("cases/add/root/etc/modprobe.d/x", "alias a b\n")
            .case("add", ADD);
    let output = bench.test(&["--case", "add"]).expect(1);
    assert!(output.stdout.contains("`reversible`") && output.stdout.contains("/etc/modprobe.d/x is gone"), "{output}");
}

#[test]
fn a_case_may_say_why_it_cannot_be_undone_but_not_without_need() {
    let add = || Body::new().write("etc", "modprobe.d/x", 3);
    let facts = format!("not-reversible = \"nothing remembers it\"\n{ADD}");
    let without_need = Bench::modprobe_config(add(), |body| body.remove("etc", "modprobe.d/x")).case("add", &facts);
    let output = without_need.test(&["--case", "add"]).expect(1);
    assert!(output.stdout.contains("`reversible`") && output.stdout.contains("`not-reversible`"), "{output}");

    let output = Bench::modprobe_config(add(), nothing).case("add", &facts).test(&["--case", "add"]).expect(0);
    assert!(
        output.stdout.contains("note: ") && output.stdout.contains("not undone: nothing remembers it."),
        "{output}"
    );
}

#[test]
fn programs_run_only_where_the_case_supplies_them() {
    let add = || Body::new().run("tool", &["etc/modprobe.d/made"]);
    let remove = |body: Body| body.remove("etc", "modprobe.d/made");
    let without = Bench::modprobe_config(add(), remove).case("add", &format!("programs = [\"tool\"]\n{ADD}"));
    let output = without.test(&["--case", "add"]).expect(0);
    assert!(output.stdout.contains("note: ") && output.stdout.contains("it runs `tool`"), "{output}");

    let bench = Bench::modprobe_config(add(), remove);
    let tool = "cases/add/root/usr/sbin/tool";
    let bench = bench.file(tool, "#!/bin/sh\nmkdir -p etc/modprobe.d\necho made > \"$1\"\n");
    executable(&bench.path(tool));
    let bench = bench.case("add", ADD);
    let output = bench.test(&["--case", "add"]).expect(0);
    assert!(output.stdout.contains("1 case, 6 laws: all passed"), "{output}");
}

fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_file_that_is_no_plugin_is_told_before_any_case() {
    let bench = Bench::initrd(Body::new()).case("installed", REFRESH).file("hostile.wasm", "no plugin");
    bench.test(&[]).expect(31).expect_error("hostile.wasm is not a usable plugin").expect_error("not WebAssembly");
}

#[test]
fn no_case_is_an_error_that_says_what_a_case_is() {
    let bench = Bench::initrd(Body::new());
    bench.test(&[]).expect(1).expect_error("There are no cases in").expect_error("facts.toml").expect_hint();
    let bench = bench.case("installed", REFRESH);
    bench.test(&["--case", "removed"]).expect(1).expect_error("There is no case `removed`").expect_error("installed");
}

#[test]
fn facts_that_are_not_in_order_are_told_with_their_file() {
    let facts = REFRESH.replace("occasion = \"installed\"\n", "");
    let bench = Bench::initrd(Body::new()).file("cases/one/facts.toml", &facts);
    bench.test(&[]).expect(1).expect_error("cases/one").expect_error("needs `occasion`").expect_hint();
    let bench = bench.file("cases/one/facts.toml", &format!("kernl = 1\n{REFRESH}"));
    bench.test(&[]).expect(1).expect_error("cases/one/facts.toml").expect_error("kernl").expect_hint();
}
