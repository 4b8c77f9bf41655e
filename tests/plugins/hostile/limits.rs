//! Calls that use up too much, or crash.

use std::sync::Arc;

use modsmith_facts::kernel::{Kernel, KernelInput};
use modsmith_plan::Builder;
use modsmith_plugins::Initrd;

use super::guest::Body;
use super::setting::{Setting, assert_names, installed};

#[test]
fn an_endless_loop_is_stopped() {
    let setting = Setting::doing(Body::new().code("(loop $for-ever (br $for-ever))")).limited("fuel = 1000000\n");
    let message = setting.failure();
    assert_names(&message, &["`hostile`", "initrd", "6.1.0-test", "1000000 units of work", "`fuel`", "limits.toml"]);
}

#[test]
fn a_memory_bomb_is_stopped() {
    let bomb = "(loop $more (drop (memory.grow (i32.const 16))) (br $more))";
    let message = Setting::doing(Body::new().code(bomb)).failure();
    assert_names(&message, &["`hostile`", "128 MiB of memory", "`memory-mib`", "limits.toml"]);
}

#[test]
fn a_million_steps_are_stopped() {
    let message = Setting::doing(Body::new().repeat(1_000_000, |body| body.note("x"))).failure();
    assert_names(&message, &["`hostile`", "10000 steps", "`steps`", "limits.toml"]);
}

#[test]
fn a_hundred_mebibytes_of_content_are_stopped() {
    let message = Setting::doing(Body::new().repeat(100, |body| body.write("boot", "img-1", 1 << 20))).failure();
    assert_names(&message, &["`hostile`", "64 MiB of file content", "`content-mib`", "limits.toml"]);
}

#[test]
fn a_hundred_mebibytes_of_arguments_are_stopped() {
    let message = Setting::doing(Body::new().command(100, 1 << 20)).failure();
    assert_names(&message, &["`hostile`", "64 MiB of answers and steps", "`content-mib`", "limits.toml"]);
}

#[test]
fn limits_count_what_the_plan_already_has() {
    let setting = Setting::doing(Body::new().repeat(60, |body| body.note("x"))).limited("steps = 100\n");
    let plugins = setting.open();
    let kernel = Arc::new(Kernel::new(KernelInput::default()));
    let mut plan = Builder::new("a test", setting.system().roots.clone());
    assert!(Initrd(&plugins).refresh(installed(&kernel), &mut plan).is_ok());
    let error = Initrd(&plugins).refresh(installed(&kernel), &mut plan).unwrap_err();
    assert_names(&error.to_string(), &["100 steps"]);
    assert_eq!(plan.steps().len(), 60);
}

#[test]
fn a_trap_is_told_with_plugin_role_kernel_and_remedy() {
    let message = Setting::doing(Body::new().note("x").code("unreachable")).failure();
    assert_names(
        &message,
        &["`hostile`", "(initrd)", "6.1.0-test", "unreachable", "[deny] plugins", "0: refresh-image"],
    );
}

#[test]
fn what_a_panicking_guest_logged_is_in_the_message() {
    let body = Body::new().log_error("panicked at src/lib.rs:7: no image").code("unreachable");
    assert_names(&Setting::doing(body).failure(), &["`hostile`", "src/lib.rs:7: no image"]);
}
