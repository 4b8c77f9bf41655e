//! Compatible kernels get a module by the script `weak-modules2`, which is told
//! the kernel that has it, and the files.

use modsmith_plugin::prelude::*;

struct Script;

impl WeakModules for Script {
    fn link(module: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<()> {
        run("--add-kernel-modules", module, built_for, plan)
    }

    fn unlink(module: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<()> {
        run("--remove-kernel-modules", module, built_for, plan)
    }
}

/// The module is good for its own kernel whatever becomes of the others: a
/// failure is a warning.
fn run(action: &str, module: &ModulePackage, kernel: &Kernel, plan: &mut Plan) -> Result<()> {
    if !has_program("weak-modules2") {
        return Err(unsupported("the script weak-modules2 is not installed"));
    }
    let files = module.installed();
    if files.is_empty() {
        return Ok(());
    }
    let command = cmd!("weak-modules2", action, kernel.release());
    plan.run_or_warn(files.into_iter().fold(command, |command, file| command.line(Path::modules(file))))
}

export!(Script: WeakModules);
