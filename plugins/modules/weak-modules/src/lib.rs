//! Compatible kernels get a module by a script of the distribution, which knows
//! the system's own rules for that and runs depmod itself: `weak-modules` on RHEL,
//! `weak-modules2` on SUSE.

mod script;

use modsmith_plugin::prelude::*;
use script::{Action, Script};

struct Scripts;

impl WeakModules for Scripts {
    fn link(module: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<()> {
        run(Action::Add, module, built_for, plan)
    }

    fn unlink(module: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<()> {
        run(Action::Remove, module, built_for, plan)
    }
}

/// The script reads the files' paths. The module is good for its own kernel
/// whatever becomes of the others: a failure is a warning.
fn run(action: Action, module: &ModulePackage, kernel: &Kernel, plan: &mut Plan) -> Result<()> {
    let scripts = script::of_system(&distro_ids());
    let script = installed(&scripts)?;
    let files = module.installed();
    if files.is_empty() {
        return Ok(());
    }
    let command = match script {
        Script::WeakModules => cmd!("weak-modules", "--no-initramfs", script.option(action)),
        Script::WeakModules2 => cmd!("weak-modules2", script.option(action), kernel.release()),
    };
    plan.run_or_warn(files.into_iter().fold(command, |command, file| command.line(Path::modules(file))))
}

/// The first script that is installed. The administrator's script is installed
/// under each name, so that the order of the system's ids decides its usage.
fn installed(scripts: &[Script]) -> Result<Script> {
    if let Some(script) = scripts.iter().find(|script| has_program(script.program())) {
        return Ok(*script);
    }
    let names: Vec<&str> = scripts.iter().map(|script| script.program()).collect();
    Err(unsupported(match names.as_slice() {
        [] => "no script for this system is known".to_owned(),
        names => format!("the script {} is not installed", names.join(" or ")),
    }))
}

export!(Scripts: WeakModules);
