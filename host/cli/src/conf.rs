//! `modsmith conf`: what a dkms.conf says.

use std::path::{Path, PathBuf};

use super::arguments::{ConfArguments, ReaderArgument};
use super::errors::ErrorView;
use super::output;
use super::setup::read_only;
use modsmith_core::Environment;
use modsmith_core::conf::report::Report;
use modsmith_core::conf::{self, PackageConf, ReaderChoice, Request, Strictness};
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::Env;
use modsmith_core::tree::{Package, PackageId, SourceState, Target, check_kernel_name};
use modsmith_facts::kernel::{machine, running_release};
use modsmith_facts::text::line;

/// `modsmith conf --json`; described by `docs/reference/conf-schema.json`.
#[derive(Debug, serde::Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Why it is no valid dkms.conf.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
}

/// Prints the evaluated dkms.conf; an invalid one is printed before its error.
pub fn run(arguments: &ConfArguments, environment: &Environment) -> Result<()> {
    let run = read_only(&arguments.directories, environment)?;
    let (package, file) = find(&run.env, &arguments.what)?;
    let target = Target {
        kernel: arguments.kernel.clone().unwrap_or_else(running_release),
        arch: arguments.arch.clone().unwrap_or_else(machine),
    };
    check_kernel_name("kernel", &target.kernel)?;
    let kernel = run.kernel(&target);
    let directives = arguments
        .directives
        .iter()
        .filter_map(|text| text.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect::<Vec<_>>();
    let evaluate = |package: &Package| {
        let request = Request {
            conf: &file,
            overrides: match package.id.module.is_empty() {
                true => Vec::new(),
                false => run.env.override_files(package, &target.kernel, &target.arch),
            },
            variables: &run.env.variables(package, &kernel),
            directives: &directives,
            reader: match arguments.reader {
                ReaderArgument::Auto => ReaderChoice::Auto,
                ReaderArgument::Plain => ReaderChoice::Plain,
                ReaderArgument::Bash => ReaderChoice::Bash,
            },
        };
        conf::evaluate(&request, environment)
    };
    let mut evaluated = evaluate(&package)?;
    // A file that was not named by its package says what that is called; once it is
    // added, the file is read with that name.
    let word = |name: &str| evaluated.get(name, 0).unwrap_or_default().to_owned();
    if let (true, Ok(id)) =
        (package.id.module.is_empty(), PackageId::new(word("PACKAGE_NAME"), word("PACKAGE_VERSION")))
    {
        evaluated = evaluate(&Package { id, ..package })?;
    }
    let checked = PackageConf::from_evaluated(&evaluated, &target.kernel, Strictness::Strict);
    let report = Report::new(&evaluated, &target.kernel, &target.arch);
    if arguments.json {
        let error = checked.as_ref().err().map(ErrorView::new);
        output::json(&Document { report: &report, error })?;
    } else {
        output::text(&report.to_text());
    }
    checked?.notices.iter().for_each(|notice| output::error(&format!("{}\n", line(notice))));
    Ok(())
}

/// A package by name (tree first, then source tree), or any file or directory.
fn find(env: &Env, what: &str) -> Result<(Package, PathBuf)> {
    let path = Path::new(what);
    let nameless = |directory: &Path| Package {
        id: PackageId { module: String::new(), version: String::new() },
        source: directory.to_path_buf(),
    };
    if path.is_file() {
        return Ok((nameless(path.parent().unwrap_or(Path::new("."))), path.to_path_buf()));
    }
    if path.join("dkms.conf").is_file() {
        return Ok((nameless(path), path.join("dkms.conf")));
    }
    let Some((module, version)) = what.split_once('/') else {
        return Err(Error::new(Kind::Usage, format!("`{what}` is neither a file nor a module with its version."))
            .hint("Name a dkms.conf, its directory, or a package as `module/version`."));
    };
    let id = PackageId::new(module, version)?;
    let registered = env.tree.entry(&id).and_then(|entry| match entry.source {
        SourceState::Present(source) => Some(source),
        SourceState::Broken => None,
    });
    let source = registered.unwrap_or_else(|| env.system.roots.path(&id.source_dir()).unwrap_or_default());
    if !source.is_dir() {
        return Err(modsmith_core::tree::not_in_tree(&env.tree, &id));
    }
    let file = source.join("dkms.conf");
    Ok((Package { id, source }, file))
}
