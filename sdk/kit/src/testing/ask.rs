//! Puts a case's question to a plugin, through the facade that the flows use.

use modsmith_facts::kernel::Kernel;
use modsmith_facts::machine::Machine;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Argument, Builder, Step};
use modsmith_plugins::for_author;
use modsmith_plugins::{
    BootEntry, BootLoader, BootMenu, Change, CheckReport, CheckSubject, Checks, Fault, FileOwners, HookFile, Initrd,
    InstallPolicy, KernelHooks, KernelLayout, KernelPrepare, ModprobeConfig, NextBoot, Occasion, PackageFacts,
    Packager, Plugins, Prune, Regeneration, Signer, StorePlace, StoreQuestion, Stores, WeakModules,
};

use super::call::Call;
use super::facts::Facts;
use super::render;
use super::target::Target;
use crate::error::Error;

/// The outcome of a question.
#[derive(Debug)]
pub enum Answer {
    Given {
        /// `None` where the steps are all of the answer.
        value: Option<String>,
        steps: Vec<Step>,
    },
    /// Each plugin that was asked, and its reason.
    Unsupported(Vec<(String, String)>),
    Failed {
        why: String,
        /// The plugin's fault, if the plugin is to blame for the failure.
        fault: Option<Fault>,
    },
}

impl Answer {
    /// As expected.plan has it, or why there is no answer.
    pub fn text(&self) -> Result<String, String> {
        match self {
            Answer::Given { value, steps } => {
                let value = value.as_ref().map(|value| format!("answer: {value}").trim_end().to_owned());
                Ok(value.into_iter().chain(render::lines(steps)).collect::<Vec<_>>().join("\n"))
            }
            Answer::Unsupported(reasons) => {
                let lines = reasons.iter().map(|(plugin, why)| format!("{plugin}: {why}"));
                Err(lines.collect::<Vec<_>>().join("\n"))
            }
            Answer::Failed { why, .. } => Err(why.clone()),
        }
    }

    /// The plugin's fault, if the plugin is to blame for the failure.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Answer::Failed { fault, .. } => *fault,
            _ => None,
        }
    }
}

/// Asks. The facts' call may be put again to the same target after its files
/// have changed, with plugins that were opened again.
///
/// # Errors
/// `Usage` for facts that lack an argument of the call. Every behaviour of the plugin, also a
/// failure, is an [`Answer`].
pub fn ask(facts: &Facts, call: Call, target: &Target, plugins: &Plugins, id: &str) -> Result<Answer, Error> {
    know_probes(facts, plugins, id)?;
    let mut plan = Builder::new("case", target.roots());
    let result = Question { facts, call, target, plugins, id }.put(&mut plan)?;
    // The target's place on this machine is no part of the answer.
    let root = target.system.root.display().to_string();
    let plain = |text: String| if target.system.is_live() { text } else { text.replace(&root, "") };
    Ok(match result {
        Err(error) => Answer::Failed { why: plain(for_author(&error.to_string())), fault: Fault::of(&error) },
        Ok(modsmith_plugins::Answer::Unsupported(reasons)) => {
            Answer::Unsupported(reasons.into_iter().map(|(plugin, why)| (plugin, plain(why))).collect())
        }
        Ok(modsmith_plugins::Answer::Given { value, .. }) => Answer::Given { value, steps: plan.finish().steps },
    })
}

/// Makes the case's answers to probes known, so that none is run.
fn know_probes(facts: &Facts, plugins: &Plugins, id: &str) -> Result<(), Error> {
    for (question, output) in &facts.probes {
        let mut words = question.split(' ').map(str::to_owned);
        let name = words.next().unwrap_or_default();
        let declared = plugins.index().get(id).map(|entry| entry.manifest.probe.as_slice()).unwrap_or_default();
        let probe = declared
            .iter()
            .find(|probe| probe.name == name)
            .ok_or_else(|| Error::NoProbe { id: id.to_owned(), name: name.clone() })?;
        plugins.know_probe(probe, &words.collect::<Vec<_>>(), output);
    }
    Ok(())
}

/// The result of a call. An `Err` around it is a mistake of the case.
type CallResult = Result<modsmith_plugins::Answer<Option<String>>, modsmith_plugins::Error>;

struct Question<'a> {
    facts: &'a Facts,
    call: Call,
    target: &'a Target,
    plugins: &'a Plugins,
    id: &'a str,
}

impl Question<'_> {
    fn put(&self, plan: &mut Builder) -> Result<CallResult, Error> {
        let Self { facts, plugins, .. } = self;
        let (kernel, package) = (&self.target.kernel, &self.target.package);
        Ok(match self.call {
            Call::Score => self.own(|entry| plugins.score(entry).map(|score| score.to_string())),
            Call::Validate => self.own(|entry| plugins.checked_settings(entry, None).map(|_| "valid".to_owned())),
            Call::Destination | Call::Compression | Call::Prune => self.install_policy()?,
            Call::KernelArch | Call::HeaderDirs | Call::HeaderPackage | Call::Compiler => self.kernel_layout()?,
            Call::KernelPrepare => {
                steps(KernelPrepare(plugins).prepare(kernel, facts.config.as_ref().map(String::as_bytes), plan))
            }
            Call::KernelClean => steps(KernelPrepare(plugins).clean(kernel, plan)),
            Call::Refresh | Call::Images | Call::Regeneration => self.initrd(plan)?,
            Call::Prepare => Signer(plugins).prepare(kernel, plan).map(|answer| map(answer, |s| Some(signing(&s)))),
            Call::Sign => self.sign(plan)?,
            Call::Enrolment => Signer(plugins).enrolment(kernel).map(|answer| map(answer, |e| Some(enrolment(e)))),
            Call::ModprobeAdd => steps(ModprobeConfig(plugins).add(package, kernel, plan)),
            Call::ModprobeRemove => steps(ModprobeConfig(plugins).remove(package, kernel, plan)),
            Call::WeakLink => kernels(WeakModules(plugins).link(package, kernel, plan)),
            Call::WeakUnlink => kernels(WeakModules(plugins).unlink(package, kernel, plan)),
            Call::KernelRemoved => kernels(WeakModules(plugins).kernel_removed(kernel, plan)),
            Call::Assemble | Call::Load | Call::Arrange => self.format(plan)?,
            Call::OnEvent => {
                let event = self.argument("event", facts.event)?;
                kernels(KernelHooks(plugins).event(event, kernel, std::slice::from_ref(package), plan))
            }
            Call::HookFiles => lines(KernelHooks(plugins).hook_files(None), |files| {
                files.iter().map(|(_, file)| hook_file(file)).collect()
            }),
            Call::BootMenu => lines(BootLoader(plugins).menus(), |menus| menus.iter().flat_map(boot_menu).collect()),
            Call::Inspect => self.inspect(),
            Call::Places => lines(Stores(plugins).places(&store_question(package, kernel)), |places| {
                places.iter().map(store_place).collect()
            }),
            Call::Owners => lines(FileOwners(plugins).of(&facts.paths), |owners| {
                owners.iter().map(|(file, package)| format!("{file}: {package}")).collect()
            }),
        })
    }

    fn install_policy(&self) -> Result<CallResult, Error> {
        let (policy, kernel) = (InstallPolicy(self.plugins), &self.target.kernel);
        Ok(match self.call {
            Call::Destination => {
                let requested = self.argument("requested", self.facts.requested.as_deref())?;
                value(policy.destination(kernel, Some(&self.target.package), requested), or_none)
            }
            Call::Compression => value(policy.compression(kernel), |given| {
                or_none(given.flatten().map(|compression| compression.name().to_owned()))
            }),
            _ => value(policy.prune(), prune),
        })
    }

    fn kernel_layout(&self) -> Result<CallResult, Error> {
        let (layout, kernel) = (KernelLayout(self.plugins), &self.target.kernel);
        Ok(match self.call {
            Call::KernelArch => {
                value(layout.kernel_arch(self.argument("machine", self.facts.machine.as_deref())?), or_none)
            }
            Call::HeaderDirs => value(layout.header_directories(kernel), |dirs| {
                let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
                or_none(Some(dirs.join(" ")).filter(|dirs| !dirs.is_empty()))
            }),
            Call::HeaderPackage => value(layout.header_package(kernel), or_none),
            _ => value(layout.compiler(kernel), or_none),
        })
    }

    fn initrd(&self, plan: &mut Builder) -> Result<CallResult, Error> {
        let packages = std::slice::from_ref(&self.target.package);
        let change = |occasion| Change { kernel: &self.target.kernel, occasion, packages };
        let (initrd, installed) = (Initrd(self.plugins), change(Occasion::Installed));
        Ok(match self.call {
            Call::Refresh => {
                let occasion = self.argument("occasion", self.facts.occasion)?;
                steps(initrd.refresh(change(occasion), plan))
            }
            Call::Images => value(initrd.images(installed), |answer| match answer {
                modsmith_plugins::Answer::Given { value, .. } => or_none(images(&value)),
                modsmith_plugins::Answer::Unsupported(_) => "none".to_owned(),
            }),
            _ => initrd.regeneration(installed).map(|answer| map(answer, |when| Some(regeneration(when)))),
        })
    }

    /// The report of the plugin itself.
    fn inspect(&self) -> CallResult {
        let (package, machine) = (&self.target.package, Machine::of(&self.target.system.root));
        let maker = format!("{}/{}", package.name, package.version);
        let makers = package.modules.iter().map(|module| (module.replace('-', "_"), maker.clone())).collect();
        let subject = CheckSubject { kernel: &self.target.kernel, machine: &machine, makers };
        let reports = Checks(self.plugins).reports(&subject);
        match reports.into_iter().find(|(plugin, _)| plugin == self.id) {
            Some((plugin, Ok(report))) => {
                Ok(modsmith_plugins::Answer::Given { plugin, value: Some(block_or_none(&check_report(&report))) })
            }
            Some((_, Err(error))) => Err(error),
            None => Ok(modsmith_plugins::Answer::Unsupported(vec![(
                self.id.to_owned(),
                "the plugin has nothing to check here".to_owned(),
            )])),
        }
    }

    fn argument<T>(&self, name: &str, given: Option<T>) -> Result<T, Error> {
        given.ok_or_else(|| Error::NoArgument { call: self.call.name(), name: name.to_owned() })
    }

    /// A question that only the plugin itself can answer.
    fn own(
        &self,
        question: impl FnOnce(&modsmith_plugins::index::IndexedPlugin) -> Result<String, modsmith_plugins::Error>,
    ) -> CallResult {
        let entry = self.plugins.index().get(self.id).expect("the plugin was found usable when it was installed");
        value(question(entry), |text| text)
    }

    /// Steps of the preparation belong to another plan.
    fn sign(&self, plan: &mut Builder) -> Result<CallResult, Error> {
        let file = self.location(self.argument("file", self.facts.file.as_deref())?)?;
        let mut before = Builder::new("before", self.target.roots());
        let (plugins, kernel) = (self.plugins, &self.target.kernel);
        Ok(match Signer(plugins).prepare(kernel, &mut before) {
            Ok(modsmith_plugins::Answer::Given { plugin, value: signing }) => Signer(plugins)
                .sign(&signing, kernel, Some(&self.target.package), &file, plan)
                .map(|()| modsmith_plugins::Answer::Given { plugin, value: None }),
            Ok(modsmith_plugins::Answer::Unsupported(reasons)) => Ok(modsmith_plugins::Answer::Unsupported(reasons)),
            Err(error) => Err(error),
        })
    }

    fn location(&self, text: &str) -> Result<Location, Error> {
        let root = text.split_once('/').and_then(|(root, relative)| Some((Root::narrow(root)?, relative)));
        root.and_then(|(root, relative)| Location::new(root, relative).ok())
            .ok_or_else(|| Error::NoPath { text: text.to_owned() })
    }

    fn format(&self, plan: &mut Builder) -> Result<CallResult, Error> {
        let (facts, plugins) = (self.facts, self.plugins);
        let wanted = |format: &modsmith_plugins::Format| facts.format.as_ref().is_none_or(|name| *name == format.name);
        let Some(format) = Packager(plugins).formats().into_iter().find(wanted) else {
            let name = facts.format.as_deref().unwrap_or("any");
            return Ok(Ok(modsmith_plugins::Answer::Unsupported(vec![(
                self.id.to_owned(),
                format!("it has no format `{name}`"),
            )])));
        };
        let location = |name: &str| Location::new(Root::Staging, name).expect("a plain name is a location");
        let options: Vec<_> = facts.options.clone().into_iter().collect();
        let result = match self.call {
            Call::Load | Call::Arrange => {
                let (archive, staging) = (location("archive"), location(""));
                let purpose = facts.purpose.unwrap_or(modsmith_plugins::LoadPurpose::ModulePackage);
                let loading =
                    modsmith_plugins::Loading { archive: &archive, options: &options, staging: &staging, purpose };
                match self.call {
                    Call::Load => Packager(plugins).load(&format, loading, plan),
                    _ => Packager(plugins).arrange(&format, loading, plan),
                }
            }
            _ => {
                let without = |name: &String| format.options.iter().any(|o| o.name == *name && o.without_kernels);
                let needs = match Packager(plugins).requirements(&format, &options) {
                    Ok(needs) => needs,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let kernels =
                    match needs.kernels == modsmith_plugins::KernelCount::None || facts.options.keys().any(without) {
                        true => Vec::new(),
                        false => vec![self.target.kernel.clone()],
                    };
                let (package, staging) = (&self.target.package, location(""));
                let assembly =
                    modsmith_plugins::Assembly { package, kernels: &kernels, options: &options, staging: &staging };
                Packager(plugins).assemble(&format, assembly, plan).map(Ok)
            }
        };
        Ok(match result {
            Ok(Ok(())) => Ok(modsmith_plugins::Answer::Given { plugin: format.plugin, value: None }),
            Ok(Err(why)) => {
                Err(modsmith_plugins::Error::FormatRefused { exit_code: 1, reason: why.0, advice: Vec::new() })
            }
            Err(error) => Err(error),
        })
    }
}

/// An answer of one line.
fn value<T>(given: Result<T, modsmith_plugins::Error>, text: impl FnOnce(T) -> String) -> CallResult {
    lines(given, |given| vec![text(given)])
}

/// An answer of lines.
fn lines<T>(given: Result<T, modsmith_plugins::Error>, lines: impl FnOnce(T) -> Vec<String>) -> CallResult {
    let value = |given| Some(block_or_none(&lines(given)));
    given.map(|given| modsmith_plugins::Answer::Given { plugin: String::new(), value: value(given) })
}

fn block_or_none(lines: &[String]) -> String {
    or_none(Some(render::block(lines)).filter(|_| !lines.is_empty()))
}

fn steps(given: Result<modsmith_plugins::Answer<()>, modsmith_plugins::Error>) -> CallResult {
    given.map(|answer| map(answer, |()| None))
}

/// Steps, and the kernels whose module directories they change.
fn kernels(given: Result<modsmith_plugins::Answer<Vec<String>>, modsmith_plugins::Error>) -> CallResult {
    let joined = |kernels: Vec<String>| render::block(&[kernels.join(" ")]);
    given.map(|answer| map(answer, |kernels| Some(joined(kernels)).filter(|kernels| !kernels.is_empty())))
}

fn images(given: &[Location]) -> Option<String> {
    let images: Vec<String> = given.iter().map(render::path).collect();
    Some(images.join(" ")).filter(|images| !images.is_empty())
}

fn map<T>(
    answer: modsmith_plugins::Answer<T>,
    text: impl FnOnce(T) -> Option<String>,
) -> modsmith_plugins::Answer<Option<String>> {
    match answer {
        modsmith_plugins::Answer::Given { plugin, value } => {
            modsmith_plugins::Answer::Given { plugin, value: text(value) }
        }
        modsmith_plugins::Answer::Unsupported(reasons) => modsmith_plugins::Answer::Unsupported(reasons),
    }
}

fn or_none(given: Option<String>) -> String {
    given.unwrap_or_else(|| "none".into())
}

fn prune(given: Prune) -> String {
    match given {
        Prune::Always => "always".into(),
        Prune::Never => "never".into(),
        Prune::UnlessOwned(query) => format!("unless-owned {}", query.join(" ")),
    }
}

fn regeneration(given: Regeneration) -> String {
    match given {
        Regeneration::WhenAsked => "when-asked".into(),
        Regeneration::Always => "always".into(),
        Regeneration::Never => "never".into(),
    }
}

fn signing(given: &modsmith_plugins::Signing) -> String {
    let half = |half: &Option<Argument>| half.as_ref().map_or_else(|| "none".into(), render::argument);
    render::block(&[format!(
        "program {}, key {}, certificate {}, digest {}",
        render::argument(&given.program),
        half(&given.key),
        half(&given.certificate),
        given.digest.as_deref().unwrap_or("none")
    )])
}

fn enrolment(given: modsmith_plugins::Enrolment) -> String {
    let accepted = given.accepted.map_or("unknown".into(), |accepted| accepted.to_string());
    render::block(&[vec![format!("accepted {accepted}")], given.advice].concat())
}

/// Path, mode and the first line; the size of what is no text.
fn hook_file(file: &HookFile) -> String {
    let text = std::str::from_utf8(&file.contents).ok().and_then(|text| text.lines().next());
    let shown = text.map_or_else(|| format!("{} bytes", file.contents.len()), str::to_owned);
    format!("{} {:o} {shown}", file.path.display(), file.mode)
}

/// A line for each finding, with a line for its evidence and one for its remedy; then a line for
/// each module that the machine needs.
fn check_report(given: &CheckReport) -> Vec<String> {
    let findings = given.findings.iter().flat_map(|finding| {
        let head = format!("{} {} of {}: {}", finding.level.name(), finding.id, finding.subject, finding.message);
        let evidence = finding.evidence.iter().map(|text| format!("  evidence: {text}"));
        let remedy = finding.remedy.iter().map(|text| format!("  remedy: {text}"));
        [head].into_iter().chain(evidence).chain(remedy).collect::<Vec<_>>()
    });
    let needs =
        given.needs.iter().map(|need| format!("needs {} for {}: {}", need.module, need.purpose.name(), need.why));
    findings.chain(needs).collect()
}

/// The build of the case's package, which is looked for.
fn store_question<'q>(package: &'q PackageFacts, kernel: &'q Kernel) -> StoreQuestion<'q> {
    StoreQuestion {
        purpose: "pull",
        module: &package.name,
        version: &package.version,
        kernel: kernel.release(),
        arch: kernel.arch(),
        identity: "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    }
}

fn store_place(place: &StorePlace) -> String {
    let keys = if place.keys.is_empty() { "none".to_owned() } else { place.keys.join(", ") };
    format!("{}, keys: {keys}", place.address)
}

/// The boot loader, what starts next and why, then a line for each entry.
fn boot_menu(given: &BootMenu) -> Vec<String> {
    let next = match &given.next {
        NextBoot::Known { entry, rule, evidence } => format!("{}, {} ({evidence})", entry.id, rule.name()),
        NextBoot::Unknown(why) => format!("unknown ({why})"),
    };
    let in_use = given.in_use.iter().map(|evidence| format!(", in use ({evidence})"));
    let head = [given.loader.clone()].into_iter().chain(in_use).collect::<String>();
    let lines = given.entries.iter().map(boot_entry);
    [format!("{head}: next {next}")].into_iter().chain(lines).collect()
}

fn boot_entry(given: &BootEntry) -> String {
    let initrds = given.initrds.iter().map(render::path);
    let files = given.image.iter().map(render::path).chain(initrds).collect::<Vec<_>>().join(" ");
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let (release, line) = (or_dash(&given.release), or_dash(&given.command_line));
    format!("{}: {} [{release}] {files} ({line})", given.id, given.title)
}
