use super::*;

/// An empty component with a plugin.toml.
pub(crate) fn embedded(text: &str) -> Vec<u8> {
    use wasm_encoder::ComponentSection;
    let mut out = b"\0asm\x0d\0\x01\0".to_vec();
    let section = wasm_encoder::CustomSection { name: SECTION.into(), data: text.as_bytes().into() };
    section.append_to_component(&mut out);
    out
}

const MINIMAL: &str =
    "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\", \"weak-modules\"]\n";

#[test]
fn a_minimal_manifest_asks_for_nothing_and_matches_everything() {
    let manifest = Manifest::parse(MINIMAL).unwrap();
    assert!(manifest.run.is_empty() && manifest.write.roots.is_empty());
    assert_eq!(manifest.matches.rank(&["debian".into()]), Some(MatchRank::ANY));
    assert_eq!(manifest.roles.provides.map_names(), ["initrd", "weak-modules"]);
}

trait Names {
    fn map_names(&self) -> Vec<&'static str>;
}
impl Names for Vec<Role> {
    fn map_names(&self) -> Vec<&'static str> {
        self.iter().map(|r| r.name()).collect()
    }
}

#[test]
fn every_role_is_written_as_its_interface_is_named() {
    for role in [Role::InstallPolicy, Role::WeakModules, Role::ModprobeConfig, Role::SettingsCheck] {
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = Manifest::parse(&format!("{MINIMAL}\n[write]\nrots = []\n")).unwrap_err().to_string();
    assert!(error.contains("line 8") && error.contains("rots"), "{error}");
}

#[test]
fn an_unknown_root_is_refused() {
    let error = Manifest::parse(&format!("{MINIMAL}[write]\nroots = [\"sys/power/state\"]\n")).unwrap_err().to_string();
    assert!(error.contains("`sys/power/state`") && error.contains("only read"), "{error}");
    let error = Manifest::parse(&format!("{MINIMAL}[write]\nroots = [\"system/x\"]\n")).unwrap_err().to_string();
    assert!(error.contains("line 7") && error.contains("system"), "{error}");
}

#[test]
fn all_that_the_kernel_says_is_too_much_to_ask_for() {
    for pattern in ["sys", "proc/", "proc/*", "sys/**/uevent"] {
        for table in ["[read]\nroots", "[sign]\nkeys", "[[run]]\nprogram = \"tool\"\npaths"] {
            let error = Manifest::parse(&format!("{MINIMAL}{table} = [\"{pattern}\"]\n")).unwrap_err().to_string();
            assert!(error.contains(&format!("`{pattern}` takes too much")), "{error}");
        }
    }
    Manifest::parse(&format!("{MINIMAL}[read]\nroots = [\"sys/module\", \"proc/modules\"]\n")).unwrap();
}

#[test]
fn a_plugin_may_not_run_what_it_can_write() {
    let run = |more: &str| format!("{MINIMAL}[[run]]\nprogram = \"tool\"\n{more}");
    let refused = |text: &str| Manifest::parse(text).map(drop).map_err(|e| e.to_string());
    let settings = "[settings]\na = { type = \"string\", default = \"\" }\nb = { type = \"string\", default = \"\" }\n";
    for (rights, named) in [
        (run("paths = [\"etc/evil-*\"]\n[write]\nroots = [\"etc/evil-*\"]\n"), "`etc/evil-*`"),
        (run("paths = [\"etc/evil-a/tool\"]\n[write]\nroots = [\"etc/evil-*\"]\n"), "`etc/evil-a/tool`"),
        (run("paths = [\"tree/m/tool\"]\n[write]\nroots = [\"var/lib\"]\n"), "`tree/m/tool`"),
        (run("paths = [\"staging/tool\"]\n"), "`staging/tool`"),
        (run("paths = [\"usr\"]\n"), "`usr`, which is no file"),
        (run("[write]\nroots = [\"usr/local/sbin\"]\n"), "`tool`"),
        (run("[write]\nroots = [\"usr/bin/t*\"]\n"), "`tool`"),
        (
            format!("{MINIMAL}[[probe]]\nname = \"p\"\nprogram = \"tool\"\n[write]\nroots = [\"usr\"]\n"),
            "`probe.program`",
        ),
        (run(&format!("setting = \"a\"\n[write]\nsettings = [\"a\"]\n{settings}")), "`a`"),
    ] {
        let error = refused(&rights).unwrap_err();
        assert!(error.contains(named) && error.contains("may not run") | error.contains("no file"), "{error}");
    }
    for rights in [
        run("paths = [\"usr/lib/x/tool\"]\n[write]\nroots = [\"etc\", \"boot\", \"usr/share\"]\n"),
        run(&format!("setting = \"a\"\n[write]\nsettings = [\"b\"]\n{settings}")),
    ] {
        assert_eq!(refused(&rights), Ok(()));
    }
}

#[test]
fn a_probe_may_not_be_about_a_key_to_sign_with() {
    let probe = |argument: &str| {
        let probe = format!("[[probe]]\nname = \"p\"\nprogram = \"cat\"\narguments = [\"-x\", \"{argument}\"]\n");
        Manifest::parse(&format!("{MINIMAL}{probe}[sign]\nkeys = [\"tree/mok.key\", \"etc/keys/*.key\"]\n"))
    };
    for argument in
        ["/var/lib/dkms/mok.key", "--file=/etc/keys/a.key", "etc/keys/a.key", "/var/lib/dkms", "/etc/x/../keys", "/"]
    {
        let error = probe(argument).unwrap_err().to_string();
        assert!(error.contains("`probe.arguments`") && error.contains(argument), "{error}");
    }
    for argument in ["--sb-state", "/var/lib/rpm", "/etc/keys/a.crt"] {
        assert!(probe(argument).is_ok(), "{argument}");
    }
}

#[test]
fn another_track_is_refused_by_name() {
    let other = MINIMAL.replace("api = \"1.0\"", "api = \"0.9\"");
    let error = Manifest::parse(&other).unwrap_err().to_string();
    assert!(error.contains("0.9") && error.contains("track 1.0"), "{error}");
}

#[test]
fn a_variable_that_decides_what_is_run_is_not_passed_on() {
    let run = |variable: &str| format!("{MINIMAL}[[run]]\nprogram = \"p\"\npass = [\"{variable}\"]\n");
    assert!(Manifest::parse(&run("KBUILD_SIGN_PIN")).is_ok());
    for variable in ["PATH", "LD_PRELOAD", "A=B", ""] {
        assert!(Manifest::parse(&run(variable)).unwrap_err().to_string().contains("run.pass"), "{variable}");
    }
}

#[test]
fn a_variable_to_set_may_be_any_that_is_a_variable() {
    let run = |variable: &str| format!("{MINIMAL}[[run]]\nprogram = \"p\"\nenvironment = [\"{variable}\"]\n");
    assert_eq!(Manifest::parse(&run("LD_PRELOAD")).unwrap().run[0].environment, ["LD_PRELOAD"]);
    for name in ["BASH_FUNC_x%%", "A=B", ""] {
        let error = Manifest::parse(&run(name)).unwrap_err().to_string();
        assert!(error.contains("run.environment") && error.contains(name), "{error}");
    }
}

#[test]
fn a_build_command_names_a_program_and_a_file_below_the_folder() {
    let build = |lines: &str| Manifest::parse(&format!("{MINIMAL}[build]\n{lines}")).map_err(|e| e.to_string());
    let manifest = build("command = [\"make\"]\noutput = \"out/x.wasm\"\n").unwrap();
    assert_eq!(manifest.build.unwrap().output, "out/x.wasm");
    for output in ["", "/tmp/x.wasm", "../x.wasm"] {
        let error = build(&format!("command = [\"make\"]\noutput = \"{output}\"\n")).unwrap_err();
        assert!(error.contains("build.output"), "{error}");
    }
    assert!(build("command = []\noutput = \"x.wasm\"\n").unwrap_err().contains("build.command"));
    assert!(build("command = [\"make\"]\n").unwrap_err().contains("output"));
}

#[test]
fn an_id_that_is_no_file_name_is_refused() {
    assert!(Manifest::parse(&MINIMAL.replace("\"x\"", "\"../x\"")).is_err());
}

#[test]
fn a_default_of_another_type_is_refused() {
    let text = format!("{MINIMAL}[settings]\na = {{ type = \"bool\", default = \"yes\" }}\n");
    assert!(Manifest::parse(&text).unwrap_err().to_string().contains("settings.a"));
}

#[test]
fn the_id_fits_closer_than_a_word_of_id_like_and_earlier_words_closer_than_later() {
    let ids: Vec<String> = ["rocky", "rhel", "fedora"].map(String::from).to_vec();
    let of = |word: &str| Match { distro: vec![word.into()], ..Match::default() }.rank(&ids);
    assert!(of("rocky") > of("rhel") && of("rhel") > of("Fedora") && of("Fedora") > Some(MatchRank::claimed(255)));
    assert_eq!(of("debian"), None);
}

#[test]
fn a_plugin_for_systems_without_os_release_fits_no_other() {
    let old = Match { no_os_release: true, ..Match::default() };
    assert_eq!(old.rank(&[]), Some(MatchRank::ANY));
    assert_eq!(old.rank(&["debian".into()]), None);
}
