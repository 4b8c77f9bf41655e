//! The make command as it is run.

use crate::conf::{PackageConf, default_make_command, make_command};
use crate::flow::Session;
use crate::kernel::{Kernel, Toolchain};
use crate::tree::Package;

/// A build's command line.
pub struct MakeCommand {
    /// As logs show it, with the number of jobs.
    pub shown: String,
    /// As it is run: behind the shell variables that it may use. With a
    /// jobserver the number of jobs is not said again, because a make that is
    /// told `-jN` leaves the common budget.
    pub script: String,
}

/// The command that builds a package for a kernel. It is shell text, evaluated
/// in the build directory with the variables of dkms.conf visible.
pub fn build_commands(
    session: &Session<'_>,
    package: &Package,
    kernel: &Kernel,
    conf: &PackageConf,
    toolchain: &Toolchain,
) -> MakeCommand {
    let jobs = session.jobs();
    let build_dir = session.seen_by_build(&session.tree.real(&package.id.build_dir()));
    let base_dir = session.seen_by_build(&session.tree.real(&package.id.version_dir()));
    let variables = session.variables(package, kernel);
    let default = default_make_command(&variables.kernel_source_dir, &build_dir);
    let command = |jobs| make_command(conf, &default, jobs, kernel.release(), toolchain.llvm);
    let shown = command(Some(jobs.limit()));
    let run = if jobs.is_shared() { command(None) } else { shown.clone() };
    let assignments: String = [
        ("kernel_source_dir", variables.kernel_source_dir.as_str()),
        ("kernel_config", &variables.kernel_config),
        ("dkms_tree", &variables.dkms_tree),
        ("source_tree", &variables.source_tree),
        ("install_tree", &variables.install_tree),
        ("build_dir", &build_dir),
        ("base_dir", &base_dir),
    ]
    .iter()
    .map(|(name, value)| format!("{name}={}\n", quote(value)))
    .collect();
    MakeCommand { script: format!("{assignments}{run}"), shown }
}

/// For a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_survive_quoting() {
        assert_eq!(super::quote("a'b c"), r"'a'\''b c'");
    }
}
