//! Steps and programs outside what a plugin was granted.

use modsmith_plan::{Action, verbs};
use modsmith_plugins::Answer;

use super::guest::Body;
use super::setting::{Setting, assert_names};

#[test]
fn a_well_behaved_plugin_gets_its_steps_into_the_plan() {
    let setting = Setting::doing(Body::new().note("hello").write("boot", "img-1", 4).run("tool", &["-f", "img-1"]));
    let (answer, steps) = setting.refresh();
    assert_eq!(answer.unwrap(), Answer::Given { plugin: "hostile".into(), value: () });
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[0], Action::Note(verbs::Note("hello".into())));
}

#[test]
fn a_write_outside_the_grant_is_refused_even_if_the_plugin_says_nothing() {
    let message = Setting::doing(Body::new().note("x").write("etc", "shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "etc/shadow", "[write] roots = [\"boot/img-*\"]", "ask its author"]);
}

#[test]
fn a_path_that_climbs_is_refused() {
    let message = Setting::doing(Body::new().write("boot", "img-1/../../etc/shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "img-1/../../etc/shadow", "without `..`", "plugin inspect hostile"]);
}

#[test]
fn an_absolute_path_is_refused() {
    let message = Setting::doing(Body::new().write("boot", "/etc/shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "/etc/shadow", "must be relative", "plugin inspect hostile"]);
}

#[test]
fn a_root_of_the_hosts_own_is_refused() {
    let message = Setting::doing(Body::new().write("system", "etc/shadow", 4)).failure();
    assert_names(&message, &["`hostile`", "`system`", "plugin inspect hostile"]);
}

#[test]
fn a_link_out_of_its_root_is_refused() {
    let message = Setting::doing(Body::new().symlink("img-1", "/etc")).failure();
    assert_names(&message, &["`hostile`", "boot/img-1", "`/etc`", "link-targets"]);
}

#[test]
fn a_program_outside_the_grant_is_refused() {
    let message = Setting::doing(Body::new().run("sh", &["-c", "true"])).failure();
    assert_names(&message, &["`hostile`", "`sh`", "[[run]]", "ask its author"]);
}

#[test]
fn a_program_by_its_path_is_not_a_granted_program() {
    let message = Setting::doing(Body::new().run("/tmp/tool", &["-f", "img-1"])).failure();
    assert_names(&message, &["`hostile`", "/tmp/tool", "[[run]]"]);
}

#[test]
fn too_many_arguments_are_refused() {
    let message = Setting::doing(Body::new().run("tool", &["-f", "img-1", "--also"])).failure();
    assert_names(&message, &["`hostile`", "`tool -f img-1 --also`", "`tool -f img-*`", "ask its author"]);
}

#[test]
fn arguments_of_another_pattern_are_refused() {
    let message = Setting::doing(Body::new().run("tool", &["-f", "vmlinuz"])).failure();
    assert_names(&message, &["`hostile`", "`tool -f vmlinuz`", "`tool -f img-*`", "ask its author"]);
}
