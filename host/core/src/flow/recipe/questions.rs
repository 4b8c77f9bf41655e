//! What a kernel's makefiles ask the compiler is asked once, before several packages are built
//! for that kernel.
//!
//! A recipe cannot write where another one reads: it could answer instead of the compiler. So a
//! module without a source is made first, and each recipe finds a copy of the answers that the
//! compiler gave then.

use crate::build::Toolchain;
use crate::conf::default_make_command;
use crate::flow::Invocation;
use crate::flow::recipe::confinement::Confined;
use crate::flow::recipe::make_command::MakeCommand;
use crate::flow::recipe::script;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Command, OnFailure, RunsIn, copy_missing, own_copy};

/// A module without a source.
const MAKEFILE: &str = "obj-m :=\n";

/// Asks the first time for a kernel. That nothing comes of it costs time only.
pub(crate) fn ask_beforehand(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    confined: &Confined,
    toolchain: &Toolchain,
    make: &MakeCommand,
) {
    let Some(answers) = run.runner.shims().map(|shims| shims.answers()).filter(|_| run.scope.multi_package) else {
        return;
    };
    run.facts.ask_once(target, || {
        let asked = tempfile::Builder::new().prefix("modsmith-questions-").tempdir().and_then(|directory| {
            std::fs::write(directory.path().join("Makefile"), MAKEFILE)?;
            let source = run.env.variables(package, kernel).kernel_source_dir;
            let text = default_make_command(&source, &directory.path().display().to_string());
            let staging = Location::new(Root::Staging, "").map_err(std::io::Error::other)?;
            let mut command = Command::new("bash").args(["-c", text.as_str()]);
            command.environment = script::environment(package, kernel, toolchain).and(make.environment.clone());
            (command.runs_in, command.failure) = (RunsIn::Either, OnFailure::Ignore);
            confined.apply_in_copy(&staging, &mut command);
            let roots = run.env.kernel_roots(kernel).with(Root::Staging, directory.path());
            let mut plan = Builder::new(format!("ask the compiler for {target}"), roots);
            plan.push(Action::Run(command), "several packages would ask it the same");
            run.runner.run_in_staging(plan).map_err(std::io::Error::other)?;
            // The directory belongs to root again, and no program of a package was there.
            copy_missing(&own_copy(directory.path()), &answers)
        });
        if let Err(error) = asked {
            tracing::debug!(%target, %error, "the compiler is asked by each package");
        }
    });
}
