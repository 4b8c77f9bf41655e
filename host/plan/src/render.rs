//! Plans as people and programs read them.

use serde::Serialize;

use crate::files::Files;
use crate::step::{Origin, Plan, Step};
use crate::view::StepView;
use modsmith_facts::text::prose;

/// A plan for programs. `docs/reference/plan-schema.json` describes it.
#[derive(Debug, Serialize)]
pub struct PlanView {
    pub title: String,
    pub steps: Vec<StepView>,
}

impl PlanView {
    pub fn new(plan: &Plan) -> Self {
        let files = Files::new(plan.roots.clone());
        Self { title: plan.title.clone(), steps: plan.steps.iter().map(|step| view(step, &files)).collect() }
    }

    /// One numbered line per step, its reason behind it. No text in a step makes
    /// further lines, or fills a line of the terminal up to the next one.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n", prose(&self.title));
        for (index, step) in self.steps.iter().enumerate() {
            let input = (!step.input.is_empty()).then(|| format!("<< {}", step.input.join(" ")));
            let what = [step.command.clone(), input, step.from.clone(), step.path.clone(), step.text.clone()];
            let what: Vec<String> = what.into_iter().flatten().map(|text| prose(&text).into_owned()).collect();
            let what = what.join(if step.from.is_some() { " -> " } else { "  " });
            let asked = step.plugin.as_ref().map(|plugin| format!(" [{plugin}]")).unwrap_or_default();
            let why = prose(&step.reason);
            out += &format!("{:4}. {:<14} {what}\n{:21}# {why}{asked}\n", index + 1, step.action, "");
        }
        out
    }
}

fn view(step: &Step, files: &Files) -> StepView {
    let verb = step.action.verb();
    let mut view = verb.view(files);
    view.action = verb.name();
    view.reason = step.reason.clone();
    if let Origin::Plugin { id, .. } = &step.origin {
        view.plugin = Some(id.clone());
    }
    view
}
