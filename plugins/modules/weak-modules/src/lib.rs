//! Compatible kernels get a module by the script `weak-modules`, which knows the
//! system's own rules for that and runs depmod itself.

use modsmith_plugin::prelude::*;

struct Script;

impl WeakModules for Script {
    fn link(module: &ModulePackage, _built_for: &Kernel, plan: &mut Plan) -> Result<()> {
        run("--add-modules", module, plan)
    }

    fn unlink(module: &ModulePackage, _built_for: &Kernel, plan: &mut Plan) -> Result<()> {
        run("--remove-modules", module, plan)
    }
}

/// The script reads the files' paths. The module is good for its own kernel
/// whatever becomes of the others: a failure is a warning.
fn run(action: &str, module: &ModulePackage, plan: &mut Plan) -> Result<()> {
    if !has_program("weak-modules") {
        return Err(unsupported("the script weak-modules is not installed"));
    }
    let command = cmd!("weak-modules", "--no-initramfs", action);
    let files = module.installed();
    if files.is_empty() {
        return Ok(());
    }
    plan.run_or_warn(files.into_iter().fold(command, |command, file| command.line(Path::modules(file))))
}

export!(Script: WeakModules);
