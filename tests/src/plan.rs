//! Plans as `--dry-run --json` prints them.

use serde_json::Value;

use crate::Output;

/// One step of a plan; absent members are empty.
#[derive(Debug)]
pub struct Step {
    pub action: String,
    pub path: String,
    pub text: String,
    pub command: String,
    pub reason: String,
}

/// All steps of all plans in the output, in order.
///
/// # Panics
/// When the output is not JSON or holds no plan.
#[track_caller]
pub fn steps(output: &Output) -> Vec<Step> {
    let mut found = Vec::new();
    let mut plans = 0;
    collect(&output.json(), &mut plans, &mut found);
    assert!(plans > 0, "no plan in {output}");
    found
}

/// A plan is an object with `steps`, wherever it is.
fn collect(value: &Value, plans: &mut usize, out: &mut Vec<Step>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, plans, out)),
        Value::Object(members) => match members.get("steps") {
            Some(Value::Array(steps)) => {
                *plans += 1;
                out.extend(steps.iter().map(step));
            }
            _ => members.values().for_each(|member| collect(member, plans, out)),
        },
        _ => {}
    }
}

fn step(value: &Value) -> Step {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Step {
        action: text("action"),
        path: text("path"),
        text: text("text"),
        command: text("command"),
        reason: text("reason"),
    }
}
