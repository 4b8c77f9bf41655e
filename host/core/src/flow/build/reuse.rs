//! A build that the store has: its products are signed and compressed as if they were just built.
//!
//! PRE_BUILD, patches, make and POST_BUILD are not run: a recipe that is kept writes in its build directory
//! only, and of that the store has all that lasts.

use std::sync::Arc;

use crate::conf::store::Settings;
use crate::conf::{PackageConf, SettingsFile};
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::build::products::{Source, plan_clear, plan_log, plan_products};
use crate::flow::failure_records::plan_forget;
use crate::flow::store::builds::{Keeping, Stored, stored};
use crate::flow::store::compatible::stored_compatible;
use crate::flow::store::shared_builds::{Wanted, fetch_compatible, fetch_for_build};
use crate::tree::{Origin, Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::text::line;
use modsmith_plan::{Builder, Bytes, Undo, verbs};

/// The build of the same identity: from this machine's store, else from one elsewhere, where the
/// administrator has named one. A dry run asks no other machine.
pub(crate) fn stored_or_fetched(
    run: &Invocation<'_>,
    package: &Package,
    target: &Target,
    conf: &PackageConf,
    keeping: &Keeping,
) -> Option<Stored> {
    let here = || stored(run, package, conf, keeping);
    if let Some(stored) = here() {
        return Some(stored);
    }
    if run.env.options.force {
        return None;
    }
    let wanted = Wanted { package: &package.id, target, identity: keeping.identity() };
    if run.runner.after_success(|| fetch_for_build(run, wanted)).flatten().is_some() {
        return here();
    }
    if !Settings::read().is_ok_and(|settings| settings.takes_compatible()) {
        return None;
    }
    let compatible = || stored_compatible(run, target, conf, keeping);
    if let Some(stored) = compatible() {
        return Some(stored);
    }
    run.runner.after_success(|| fetch_compatible(run, wanted, keeping.inputs())).flatten()?;
    compatible()
}

/// Takes a build of the store to the built state. The lock is held.
pub(crate) fn take_stored(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    decisions: &Decisions,
    stored: &Stored,
) -> Result<()> {
    let id = &package.id;
    let build = &decisions.place.location;
    let mut plan = Builder::new(format!("take {id} for {target} from the store"), run.env.roots(package, Some(kernel)));
    plan.push(verbs::Remove { location: build.clone() }, "a build starts from a clean directory").on_undo(Undo::Keep);
    plan.push(verbs::MakeDirectory { location: build.clone() }, "modules are signed where they would have been built");
    let head = crate::build::log_head(&format!("{id} for kernel {target}"));
    let fetched = stored.origin().map(|Origin { address, artefact, signer }| {
        format!(", fetched from {} as {artefact}, signed with {signer}", line(&address))
    });
    let compatible = stored.reason.as_ref().map(|reason| format!(", which is compatible: {}", line(reason)));
    let origin = format!(
        "# from the store: identity {}{}{}, built {}; its log:\n",
        stored.entry.identity(),
        compatible.unwrap_or_default(),
        fetched.unwrap_or_default(),
        line(stored.time())
    );
    let contents = Bytes([head.as_bytes(), origin.as_bytes(), &stored.log()].concat());
    plan.push(verbs::WriteFile { location: decisions.place.log(), contents, mode: 0o644 }, "the log of the build");
    let line = if run.env.options.tells_store { "Taking module(s) from the store" } else { "Building module(s)" };
    plan_products(run, package, kernel, target, decisions, &Source::Store { stored, line }, &mut plan)?;
    plan_forget(run, id, target, &mut plan);
    plan_log(package, target, &decisions.place, &mut plan);
    plan_clear(&decisions.place, &mut plan);
    run.runner.run(plan)
}
