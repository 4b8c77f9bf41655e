//! Steps, programs and words that would give away what is kept from a plugin.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::grant::named::Named;
use crate::manifest::{Manifest, Probe};
use crate::policy::Denials;
use crate::settings::{FrameworkSettings, Values};
use modsmith_facts::{OsRelease, System};
use modsmith_plan::{ArchiveFormat, Argument, Command, Environment, Inode, Program, Watch, verbs};

struct Target {
    dir: tempfile::TempDir,
    system: System,
}

impl Target {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let target = Self { system: System::new(dir.path(), OsRelease::default()), dir };
        for file in ["etc/d/secret/s", "etc/d/x", "etc/keys/k.key", "etc/open/f", "boot/img", "var/lib/dkms/mok.key"] {
            target.write(file);
        }
        std::fs::hard_link(target.path("var/lib/dkms/mok.key"), target.path("var/second")).unwrap();
        symlink("../keys/k.key", target.path("etc/open/link")).unwrap();
        target
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), "").unwrap();
        std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// The rights of a plugin, whose setting `key` the administrator has set.
    fn reach(&self, manifest: &str, policy: &str) -> Reach {
        let text = format!(
            "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n{manifest}\
             [settings]\nkey = {{ type = \"string\", default = \"\" }}\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        let framework = FrameworkSettings([("key".to_owned(), "/etc/keys/k.key".to_owned())].into());
        let values = Values::merge(&manifest.settings, &Default::default(), Path::new("/none"), &framework).unwrap();
        let named = Named::of(&manifest, &values, &self.system, &self.system.roots);
        let grant = Arc::new(Grant::new("x", &manifest, &Denials::parse("/p/site.toml", policy).unwrap()).unwrap());
        let places = Places::new(&self.system.root, self.system.roots.clone());
        Reach::new(&grant.with(&named), Arc::new(places))
    }
}

fn at(root: Root, relative: &str) -> Argument {
    Argument::Location(Location::new(root, relative).unwrap())
}

fn text(text: &str) -> Argument {
    Argument::Text(text.to_owned())
}

fn command(program: &str, arguments: Vec<Argument>) -> Command {
    Command { arguments, environment: Environment::Clean(Vec::new()), ..Command::new(program) }
}

fn run(reach: &Reach, command: Command) -> Result<(), String> {
    reach.permits(&Action::Run(command))
}

/// The rights to all but what is kept; a setting names the key `etc/keys/k.key`.
const BY_SETTING: &str = "[write]\nroots = [\"etc\", \"var\"]\n[sign]\nsettings = [\"key\"]\n";

#[test]
fn a_key_that_only_a_setting_names_is_had_under_no_name_and_in_no_directory() {
    let target = Target::new();
    std::fs::hard_link(target.path("etc/keys/k.key"), target.path("etc/second.key")).unwrap();
    let reach = target.reach(BY_SETTING, "");
    let etc = |name: &str| Location::new(Root::Etc, name).unwrap();
    let pack = |tree: Location| verbs::Pack { tree, to: etc("x"), format: ArchiveFormat::Tar, compress: None };
    let actions: Vec<Action> = vec![
        verbs::Copy { from: etc("keys/k.key"), to: etc("x") }.into(),
        verbs::Copy { from: etc("keys"), to: etc("x") }.into(),
        verbs::Copy { from: etc("second.key"), to: etc("x") }.into(),
        verbs::Unpack { archive: etc("open/link"), to: etc("x") }.into(),
        pack(etc("keys")).into(),
        pack(etc("")).into(),
        verbs::Rename { from: etc("keys/k.key"), to: etc("x") }.into(),
        verbs::Rename { from: etc("keys"), to: etc("x") }.into(),
        verbs::Remove { location: etc("keys") }.into(),
        verbs::Remove { location: etc("second.key") }.into(),
        verbs::BackUp { location: etc("keys/k.key"), suffix: ".old".into() }.into(),
        verbs::Symlink { location: etc("x"), target: "keys/k.key".into() }.into(),
        verbs::Symlink { location: etc("x"), target: "second.key".into() }.into(),
        verbs::Symlink { location: etc("x"), target: "keys".into() }.into(),
    ];
    for action in actions {
        let shown = format!("{action:?}");
        let refusal = reach.permits(&action).expect_err(&shown);
        assert!(refusal.contains("plugin `x`"), "{shown}: {refusal}");
    }
    for file in ["keys/k.key", "second.key"] {
        assert!(reach.readable(&etc(file), Last::Follow).is_err(), "{file}");
        use std::os::unix::fs::MetadataExt;
        let found = target.path(&format!("etc/{file}")).metadata().unwrap();
        let inode = Inode { device: found.dev(), inode: found.ino(), links: found.nlink(), is_directory: false };
        assert!(reach.reads(&etc(file), &inode).is_err(), "{file}");
    }
    assert!(reach.visible(&etc("keys/k.key")).is_ok(), "whether it is there may be known");
    assert_eq!(reach.permits(&verbs::Copy { from: etc("d"), to: etc("x") }.into()), Ok(()));
}

const COPY: &str = "[[run]]\nprogram = \"cp\"\narguments = [\"*\", \"etc/evil-*\"]\nenvironment = [\"FROM\"]\n\
    [[run]]\nprogram = \"cp\"\n[read]\nroots = [\"etc/open\"]\n[write]\nroots = [\"etc/evil-*\"]\n";

fn copy(reach: &Reach, from: Argument) -> Result<(), String> {
    run(reach, command("cp", vec![from, at(Root::Etc, "evil-x")]))
}

/// All of these are refused, with a sentence that has this part.
#[track_caller]
fn refused(reach: &Reach, words: Vec<Argument>, part: &str) {
    for word in words {
        let refusal = copy(reach, word.clone()).expect_err(&format!("{word:?}"));
        assert!(refusal.contains("plugin `x`") && refusal.contains(part), "{word:?}: {refusal}");
    }
}

#[test]
fn a_key_is_an_argument_only_where_the_pattern_names_it() {
    let target = Target::new();
    let sign = "[[run]]\nprogram = \"sign\"\narguments = [\"*\", \"tree/mok.key\", \"*\"]\n\
        [[run]]\nprogram = \"sign\"\narguments = [\"*\", \"*\", \"*\"]\n\
        [[run]]\nprogram = \"sign\"\narguments = [\"*\", \"var/second\"]\n\
        [[run]]\nprogram = \"sign\"\narguments = [\"*\", \"/etc/open/link\"]\n";
    for keys in [
        "[sign]\nkeys = [\"tree/mok.key\", \"etc/keys/*.key\"]\n",
        "[sign]\nkeys = [\"tree/mok.key\"]\nsettings = [\"key\"]\n",
    ] {
        let reach = target.reach(&format!("{COPY}{sign}{keys}"), "");
        let words = vec![
            at(Root::Tree, "mok.key"),
            at(Root::Var, "lib/dkms/mok.key"),
            at(Root::Var, "second"),
            at(Root::Etc, "keys/k.key"),
            text("/var/lib/dkms/mok.key"),
            text("/etc/../etc/keys/k.key"),
            text("from=/var/second"),
            text("a:/etc/keys/k.key"),
            text("@/etc/open/link"),
            text("var/lib/dkms/mok.key"),
        ];
        refused(&reach, words, "names it without `*`");
        refused(
            &reach,
            vec![at(Root::Tree, ""), at(Root::Etc, "keys"), text("/var/lib"), text("etc"), text("/")],
            "in it",
        );
        for from in [at(Root::Etc, "open/f"), text("/etc/d/x"), text("quiet"), text("/CN=a key"), text("/none/x")] {
            assert_eq!(copy(&reach, from.clone()), Ok(()), "{from:?}");
        }
        let module = || at(Root::Boot, "img");
        assert_eq!(run(&reach, command("sign", vec![text("a"), at(Root::Tree, "mok.key"), module()])), Ok(()));
        for key in [at(Root::Etc, "keys/k.key"), text("/var/lib/dkms/mok.key")] {
            assert!(run(&reach, command("sign", vec![text("a"), key, module()])).is_err());
        }
        // A second name of the key, or a link to it, is not the key's.
        for word in [at(Root::Var, "second"), text("/etc/open/link")] {
            assert!(run(&reach, command("sign", vec![text("a"), word.clone()])).is_err(), "{word:?}");
        }
        // In the place of another word the key is not named.
        let elsewhere = vec![at(Root::Tree, "mok.key"), at(Root::Tree, "mok.key"), module()];
        assert!(run(&reach, command("sign", elsewhere)).is_err());
    }
}

#[test]
fn a_key_is_passed_neither_by_lines_nor_by_variables_nor_from_a_directory() {
    let target = Target::new();
    let reach = target.reach(&format!("{COPY}[sign]\nsettings = [\"key\"]\n"), "");
    let plain = || command("cp", vec![at(Root::Etc, "open/f"), at(Root::Etc, "evil-x")]);
    assert_eq!(run(&reach, plain()), Ok(()));
    let directory = Some(Location::new(Root::Etc, "open").unwrap());
    for command in [
        Command { input: vec![text("/etc/keys/k.key")], ..plain() },
        Command { environment: Environment::Clean(vec![("FROM".into(), "a:/etc/keys/k.key".into())]), ..plain() },
        Command { directory: directory.clone(), ..command("cp", vec![text("../keys/k.key"), at(Root::Etc, "evil-x")]) },
        Command { directory, ..command("cp", vec![text("link"), at(Root::Etc, "evil-x")]) },
    ] {
        let refusal = run(&reach, command).unwrap_err();
        assert!(refusal.contains("etc/keys/k.key"), "{refusal}");
    }
}

#[test]
fn what_the_policy_denies_is_no_argument_and_in_no_directory_that_is_one() {
    let target = Target::new();
    let list = "[[run]]\nprogram = \"list\"\narguments = [\"--root\", \"/\"]\n\
        [[run]]\nprogram = \"list\"\narguments = [\"/etc/d\"]\n";
    let reach = target.reach(&format!("{COPY}{list}"), "[deny]\nroots = [\"etc/d/secret\"]\n");
    let words = vec![
        at(Root::Etc, "d"),
        at(Root::Etc, "d/secret"),
        at(Root::Etc, "d/secret/s"),
        text("/etc/d/secret/s"),
        text("/etc/d/secret/none"),
        text("/etc/d"),
        text("/"),
        text("etc/d/./secret/s"),
        text("x=/etc/open/../d/secret"),
    ];
    refused(&reach, words, "/p/site.toml");
    assert_eq!(copy(&reach, at(Root::Etc, "d/x")), Ok(()));
    assert_eq!(run(&reach, command("list", vec![text("--root"), text("/")])), Ok(()), "the system is no file of it");
    assert!(run(&reach, command("list", vec![text("/etc/d")])).is_err(), "the policy holds for the manifest's words");
    // Without a policy nothing is kept, and the top of the system is a word like others.
    assert_eq!(copy(&target.reach(COPY, ""), text("/")), Ok(()));
    assert_eq!(copy(&target.reach(COPY, ""), at(Root::Etc, "d")), Ok(()));
}

#[test]
fn a_probe_is_about_nothing_that_is_kept() {
    let target = Target::new();
    let probe = |arguments: &[&str]| Probe {
        name: "p".into(),
        program: "cat".into(),
        arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
    };
    let reach = target
        .reach("[sign]\nkeys = [\"tree/mok.key\"]\nsettings = [\"key\"]\n", "[deny]\nroots = [\"etc/d/secret\"]\n");
    for words in [
        &["/var/lib/dkms/mok.key"][..],
        &["-a", "/var/second"],
        &["--file=/etc/keys/k.key"],
        &["-r", "/etc/keys"],
        &["etc/keys/k.key"],
        &["/etc/d/secret/s"],
        &["-r", "/etc/d"],
    ] {
        assert!(reach.may_probe(&probe(words), &[]).is_err(), "{words:?}");
    }
    assert_eq!(reach.may_probe(&probe(&["--root", "/", "-q", "/etc/open/f"]), &["/boot/img".into()]), Ok(()));
    assert!(reach.may_probe(&probe(&["-q"]), &["/etc/d/secret/s".into()]).unwrap_err().contains("/p/site.toml"));
}

#[test]
fn a_program_that_the_plugin_may_write_is_not_run_wherever_it_really_is() {
    let mut target = Target::new();
    target.write("boot/tool");
    target.write("var/own/script");
    std::fs::create_dir_all(target.path("usr/bin")).unwrap();
    symlink("../../var/own/script", target.path("usr/bin/linked")).unwrap();
    target.write("usr/bin/good");
    // The module tree is where nobody would look for it.
    target.system.roots.set(Root::Tree, target.path("boot"));
    let reach = target.reach(
        "[write]\nroots = [\"tree/tool\", \"var/own\"]\n[[run]]\nprogram = \"tool\"\npaths = [\"boot/tool\"]\n\
         [[run]]\nprogram = \"linked\"\n[[run]]\nprogram = \"good\"\n[[probe]]\nname = \"p\"\nprogram = \"linked\"\n",
        "",
    );
    let file = Program::At(Location::new(Root::Boot, "tool").unwrap());
    for program in [file, Program::Named("linked".into())] {
        let refusal = run(&reach, Command { program, ..command("", Vec::new()) }).unwrap_err();
        assert!(refusal.contains("its own code") && refusal.contains("`[write]`"), "{refusal}");
    }
    let linked = Probe { name: "p".into(), program: "linked".into(), arguments: Vec::new() };
    assert!(reach.may_probe(&linked, &[]).unwrap_err().contains("its own code"));
    assert_eq!(run(&reach, command("good", Vec::new())), Ok(()));
}

#[test]
fn the_host_asks_for_a_plugin_about_nothing_that_is_kept_either() {
    let target = Target::new();
    let reach =
        target.reach("[[run]]\nprogram = \"rpm\"\narguments = [\"*\", \"*\"]\n[sign]\nkeys = [\"tree/mok.key\"]\n", "");
    let asked = |word: &str| reach.may_ask("rpm", &[word.to_owned(), "/a/directory".to_owned()]);
    assert_eq!(asked("query"), Ok(()));
    assert!(asked("/var/lib/dkms/mok.key").is_err() && asked("/var/lib/dkms").is_err());
}
