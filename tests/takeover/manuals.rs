//! The manuals that are installed.

use std::fs;
use std::process::{Command, Stdio};

use modsmith_tests::tool;
use modsmith_tests::world::modsmith;

#[test]
fn manuals_render_without_warnings_and_show_every_option() {
    for name in ["dkms", "modsmith"] {
        let text = rendered(name);
        for shown in ["ACTIONS", "uninstall", "--kernelver", "--dry-run", "/etc/dkms/framework.conf", "EXIT STATUS"] {
            assert!(text.contains(shown), "{shown} is missing: {text}");
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("{name} - Builds, installs and maintains")), "the section NAME: {text}");
        for shown in ["plugin build", "plugin list", "EXIT CODES", "SIGNING", "--view"] {
            assert_eq!(text.contains(shown), name == "modsmith", "{shown} in {name}");
        }
    }
}

/// A manual page as a terminal of the usual width shows it, made without a warning.
fn rendered(name: &str) -> String {
    rendered_for(name, 80)
}

fn rendered_for(name: &str, width: u32) -> String {
    let page = tool::run(Command::new(modsmith()).args(["manual", "--name", name]));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page");
    fs::write(&file, page).unwrap();
    let out = Command::new(tool::path("groff"))
        .args(["-man", "-ww", "-Tascii", "-P-cbou", &format!("-rLL={}n", width - 2)])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(out.status.success());
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn no_word_of_the_manual_of_dkms_conf_is_broken_at_the_end_of_a_line() {
    // Page heads and feet are filled up with blanks, and are left out where they do not fit.
    let words = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with(' ') || line.chars().all(|c| !c.is_lowercase()));
        lines.flat_map(str::split_whitespace).map(str::to_owned).collect::<Vec<_>>()
    };
    let wide = words(&rendered_for("dkms.conf", 1_000));
    assert!(wide.iter().any(|word| word.starts_with("BUILT_MODULE_NAME")));
    for width in [60, 72, 80, 100, 132] {
        let text = rendered_for("dkms.conf", width);
        let narrow = words(&text);
        let first = wide.iter().zip(&narrow).find(|(wide, narrow)| wide != narrow);
        assert!(narrow == wide, "with {width} columns, {first:?} differ: {text}");
    }
}

#[test]
fn the_manual_of_dkms_conf_describes_every_directive() {
    let text = rendered("dkms.conf");
    assert!(text.contains("DKMS.CONF(5)"), "{text}");
    // Some share a line.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for directive in modsmith_core::conf::DIRECTIVES {
        let known = directive.replace("sign_tool", "SIGN_TOOL").replace("KERNEL_MAX", "KERNEL_MIN, _MAX");
        assert!(text.contains(&known), "{directive} is missing: {text}");
    }
    for shown in ["(default: required)", "BUILT_MODULE_NAME[0]=\"hello\"", "OVERRIDES", "dkms(8)"] {
        assert!(text.contains(shown), "{shown} is missing: {text}");
    }
}
