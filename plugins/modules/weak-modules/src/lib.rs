//! Compatible kernels get a module by a script of the distribution, which knows
//! the system's own rules for that and runs depmod itself: `weak-modules` on RHEL,
//! `weak-modules2` on SUSE.

mod script;

use modsmith_plugin::prelude::*;
use script::{Action, Script};

struct Scripts;

impl WeakModules for Scripts {
    fn link(request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>> {
        run(Action::Add, request, plan)
    }

    fn unlink(request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>> {
        run(Action::Remove, request, plan)
    }
}

/// The script reads the files' paths. A failure for other kernels is a warning, because the module
/// is still good for its own kernel.
fn run(action: Action, request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>> {
    let scripts = script::of_system(&distro_ids());
    let script = installed(&scripts)?;
    let files = request.package().installed_files();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let command = match script {
        Script::WeakModules => cmd!("weak-modules", "--no-initramfs", script.option(action)),
        Script::WeakModules2 => cmd!("weak-modules2", script.option(action), request.kernel().release()),
    };
    plan.run_or_warn(files.into_iter().fold(command, |command, file| command.line(Path::modules(file))))?;
    Ok(Vec::new())
}

/// The first script that is installed. The administrator's script is installed
/// under each name, so that the order of the system's ids decides its usage.
fn installed(scripts: &[Script]) -> Result<Script> {
    for script in scripts {
        if has_program(script.program())? {
            return Ok(*script);
        }
    }
    let names: Vec<&str> = scripts.iter().map(|script| script.program()).collect();
    Err(unsupported(match names.as_slice() {
        [] => "no script for this system is known".to_owned(),
        names => format!("the script {} is not installed", names.join(" or ")),
    }))
}

export!(Scripts: WeakModules);
