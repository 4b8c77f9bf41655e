//! Puts a case's question to a plugin through the host's own facade.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use modsmith::error::Error;
use modsmith::kernel::Compression;
use modsmith::plan::Builder;
use modsmith::plugin::{self, Answer, FrameworkSettings, PackageFacts, Plugins, Prune, SearchPath};
use modsmith::system::{Location, Root};

use crate::facts::{Call, Facts, Occasion, Target};
use crate::render;

/// The answer's lines, or why there is none.
pub fn answer(facts: &Facts, case: &Path, plugin: &str, plugins: &Path) -> Result<Result<String, String>> {
    let target = facts.target(case, plugin)?;
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache");
    let search = SearchPath::only(plugins, cache);
    let plugins = Plugins::open(Arc::new(target.system.clone()), search, FrameworkSettings::default());
    anyhow::ensure!(plugins.problems().is_empty(), "{:?}", plugins.problems());
    let mut plan = Builder::new("case", target.roots());
    let said = question(facts, &target, &plugins, &mut plan)?;
    let steps = render::lines(plan.steps());
    Ok(match said {
        Err(error) => Err(error.to_string()),
        Ok(Answer::Unsupported(reasons)) => {
            Err(reasons.into_iter().map(|(plugin, why)| format!("{plugin}: {why}")).collect::<Vec<_>>().join("\n"))
        }
        Ok(Answer::Given { value, .. }) => {
            Ok(value.map(|value| format!("answer: {value}")).into_iter().chain(steps).collect::<Vec<_>>().join("\n"))
        }
    })
}

/// `None` as value: the steps are the answer.
type Said = Result<Answer<Option<String>>, Error>;

fn question(facts: &Facts, target: &Target, plugins: &Plugins, plan: &mut Builder) -> Result<Said> {
    let kernel = &target.kernel;
    Ok(match facts.call {
        Call::Destination => {
            let requested = facts.requested.as_deref().context("`requested` is the argument of destination")?;
            value(plugins.destination(kernel, requested), |given| given.unwrap_or_else(none))
        }
        Call::Compression => value(plugins.compression(kernel), |given| given.flatten().map_or_else(none, compression)),
        Call::Prune => value(plugins.prune(), |given| match given {
            Prune::Always => "always".into(),
            Prune::Never => "never".into(),
            Prune::UnlessOwned(query) => format!("unless-owned {}", query.join(" ")),
        }),
        Call::KernelArch => {
            let machine = facts.machine.as_deref().context("`machine` is the argument of kernel-arch")?;
            value(plugins.kernel_arch(machine), |given| given.unwrap_or_else(none))
        }
        Call::HeaderDirs => value(plugins.header_dirs(kernel), |dirs| {
            let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
            if dirs.is_empty() { none() } else { dirs.join(" ") }
        }),
        Call::HeaderPackage => value(plugins.header_package(kernel), |given| given.unwrap_or_else(none)),
        Call::Refresh => {
            let occasion = match facts.occasion.context("`occasion` is the argument of refresh")? {
                Occasion::Installed => plugin::Occasion::Installed,
                Occasion::Removed => plugin::Occasion::Removed,
            };
            plugins.refresh_initrd(kernel, occasion, plan).map(|answer| map(answer, |()| None))
        }
        Call::Prepare => plugins.prepare_signing(kernel, plan).map(|answer| map(answer, |s| Some(signing(&s)))),
        Call::Sign => {
            let file = facts.file.as_deref().context("`file` is the argument of sign")?;
            let (root, relative) = file.split_once('/').context("`file` is root/relative")?;
            let file = Location::new(Root::for_plugins(root).context("`file` begins with a root")?, relative)?;
            // Steps of the preparation belong to another plan.
            let mut before = Builder::new("before", target.roots());
            match plugins.prepare_signing(kernel, &mut before) {
                Ok(Answer::Given { plugin, value: signing }) => {
                    plugins.sign(&signing, kernel, &file, plan).map(|()| Answer::Given { plugin, value: None })
                }
                Ok(Answer::Unsupported(reasons)) => Ok(Answer::Unsupported(reasons)),
                Err(error) => Err(error),
            }
        }
        Call::Assemble | Call::Load | Call::Arrange => format(facts, target, plugins, plan)?,
        Call::Enrolment => plugins.enrolment(kernel).map(|answer| {
            map(answer, |enrolment| {
                let accepted = enrolment.accepted.map_or("unknown".into(), |accepted| accepted.to_string());
                Some(
                    [format!("accepted {accepted}")].into_iter().chain(enrolment.advice).collect::<Vec<_>>().join("\n"),
                )
            })
        }),
    })
}

/// The plugin's first format, of a package `demo/1.0` and the kernel of the facts.
fn format(facts: &Facts, target: &Target, plugins: &Plugins, plan: &mut Builder) -> Result<Said> {
    let format = plugins.formats().into_iter().next().context("the plugin has a format")?;
    let staging = Location::new(Root::Staging, "")?;
    let options: Vec<_> = facts.options.clone().into_iter().collect();
    let said = match facts.call {
        Call::Assemble => {
            let package = PackageFacts { name: "demo".into(), version: "1.0".into(), ..PackageFacts::default() };
            let kernels = match facts.options.contains_key("source-only") {
                true => Vec::new(),
                false => vec![target.kernel.clone()],
            };
            plugins.assemble(&format, &Arc::new(package), &kernels, &options, &staging, plan)
        }
        Call::Load => plugins.load_archive(&format, &staging.join("archive")?, &options, &staging, plan),
        _ => plugins.arrange(&format, &options, &staging, plan),
    };
    let plugin = format.plugin.clone();
    Ok(match said {
        Ok(Ok(())) => Ok(Answer::Given { plugin, value: None }),
        Ok(Err(why)) => Ok(Answer::Unsupported(vec![(plugin, why.0)])),
        Err(error) => Err(error),
    })
}

fn value<T>(given: Result<T, Error>, text: impl FnOnce(T) -> String) -> Said {
    given.map(|given| Answer::Given { plugin: String::new(), value: Some(text(given)) })
}

fn map<T>(answer: Answer<T>, text: impl FnOnce(T) -> Option<String>) -> Answer<Option<String>> {
    match answer {
        Answer::Given { plugin, value } => Answer::Given { plugin, value: text(value) },
        Answer::Unsupported(reasons) => Answer::Unsupported(reasons),
    }
}

fn none() -> String {
    "none".into()
}

fn compression(given: Compression) -> String {
    format!("{given:?}").to_lowercase()
}

fn signing(given: &plugin::Signing) -> String {
    format!(
        "program {}, key {}, certificate {}, digest {}",
        render::argument(&given.program),
        render::argument(&given.key),
        render::argument(&given.certificate),
        given.digest
    )
}
