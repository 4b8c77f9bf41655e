//! Scripts of a package that act on the system by design: POST_ADD, PRE_INSTALL,
//! POST_INSTALL and POST_REMOVE. They run outside the walls of a build, with the caller's
//! rights, if the administrator lets them.

use std::path::Path;

use crate::conf::SettingsFile;
use crate::conf::confinement::{FILE, Scripts, Settings};
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::recipe::script::script_command;
use crate::tree::Package;
use modsmith_facts::file_digest;
use modsmith_plan::{Action, Builder, Command, Environment, Program, Step};

/// A script that is going to be run.
#[derive(Debug, Clone)]
pub struct SystemScript {
    pub command: Command,
    digest: Option<String>,
}

impl SystemScript {
    /// Why a step runs it, where `directive` names it.
    pub fn reason(&self, directive: &str) -> String {
        let whom = if rustix::process::geteuid().is_root() { "root" } else { "the caller" };
        let digest = self.digest.as_ref().map(|digest| format!(" ({digest})")).unwrap_or_default();
        format!("{directive} of its dkms.conf: runs as {whom}, the package's own script{digest}")
    }

    /// The script, with its failure ignored.
    pub fn ignored(self) -> Self {
        Self { command: crate::flow::recipe::script::ignored(self.command), ..self }
    }

    /// Adds the step that runs it.
    pub fn push<'p>(self, directive: &str, plan: &'p mut Builder) -> &'p mut Step {
        let reason = self.reason(directive);
        plan.push(Action::Run(self.command), reason)
    }
}

/// A script of the package's source. `None` for one that is empty or outside the source, and for one
/// that the administrator does not let run, which is a warning.
///
/// # Errors
/// Settings that cannot be used.
pub(crate) fn system_script(
    run: &Invocation<'_>,
    package: &Package,
    text: &str,
    environment: Environment,
) -> Result<Option<SystemScript>> {
    // The path of the link in the tree, as with dkms: scripts read name and version from it.
    let source = package.id.source_link();
    let directory = run.env.system.inside(&run.env.tree.real(&source)).display().to_string();
    let environment = environment.and(vec![("PWD".to_owned(), directory)]);
    let Some(mut command) = script_command(run, package, text, &source, environment) else { return Ok(None) };
    // The administrator reads the output, which may say what to do next.
    command.shows_output = true;
    let digest = match &command.program {
        Program::At(location) if location.root == source.root => {
            let below = location.relative().strip_prefix(source.relative()).unwrap_or(location.relative());
            digest(&package.source.join(below))
        }
        Program::At(location) => run.env.roots(package, None).path(location).and_then(|path| digest(&path)),
        Program::Named(_) => None,
    };
    let settings = Settings::read()?.recipe(&package.id.module);
    let why = match (settings.scripts, &digest) {
        (Scripts::Allow, _) => None,
        (Scripts::Pinned, Some(digest)) if settings.digests.contains(digest) => None,
        (Scripts::Pinned, digest) => {
            let digest = digest.as_deref().unwrap_or("that cannot be read");
            Some(format!("its digest, {digest}, is not among `digests` of `[package.{}]`", package.id.module))
        }
        (Scripts::Deny, _) => Some("`scripts` is \"deny\"".to_owned()),
    };
    match why {
        None => Ok(Some(SystemScript { command, digest })),
        Some(why) => {
            let text = format!("The script `{text}` of {} is not run: in {FILE}, {why}.", package.id);
            run.runner.reporter.warning(&text);
            Ok(None)
        }
    }
}

fn digest(path: &Path) -> Option<String> {
    path.is_file().then(|| file_digest(path).ok()).flatten()
}
