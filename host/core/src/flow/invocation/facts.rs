//! The facts that an invocation has read: each is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::build::Toolchain;
use crate::conf::{self, Evaluated, PackageConf, ReaderChoice, Request, Strictness};
use crate::error::{Error, Kind, Result};
use crate::flow::invocation::env::Env;
use crate::flow::invocation::image::image_of;
use crate::flow::invocation::kernel_inputs::{HeaderTrees, KernelInputs, header_trees, kernel_inputs};
use crate::tree::{Package, PackageId, Target};
use modsmith_facts::inside;
use modsmith_facts::kernel::{Kernel, KernelInput, Lookup};
use modsmith_plan::Reporter;
use modsmith_plugins::KernelLayout;
use modsmith_sandbox::Level;
use modsmith_verify::Image;

/// The answers, for all threads of the invocation.
#[derive(Default)]
pub struct Facts {
    kernels: Answers<Target, OnceLock<Arc<Kernel>>>,
    images: Answers<Target, OnceLock<Arc<Image>>>,
    headers: Answers<Target, OnceLock<Result<Arc<HeaderTrees>, String>>>,
    kernel_inputs: Answers<Target, OnceLock<Result<Arc<KernelInputs>, String>>>,
    confs: Answers<ConfQuestion, Mutex<Option<ConfAnswer>>>,
    addon_modules_dir: OnceLock<Option<String>>,
    /// Kernels whose makefiles have asked their questions.
    asked: Answers<Target, OnceLock<()>>,
    levels: Answers<LevelQuestion, Mutex<Option<Level>>>,
    /// See [`Facts::notice_once`].
    said_of_packages: Mutex<BTreeSet<Vec<String>>>,
    /// Addresses of stores that did not answer.
    given_up: Mutex<BTreeSet<String>>,
}

/// Answers by question. Each has its own lock, so that no thread waits for the
/// answer to another question.
type Answers<Question, Answer> = Mutex<BTreeMap<Question, Arc<Answer>>>;

/// A package, where its source is (it is imported from one place to another), and a
/// kernel.
type ConfQuestion = (PackageId, PathBuf, Target);

/// Whether a build has a view of its own, is another user, reads only what is chosen, and may use
/// the network.
type LevelQuestion = (bool, bool, bool, bool);

/// What a dkms.conf and its override files said.
struct ConfAnswer {
    /// The files that there were, with their contents: after a change by a script
    /// they are read again.
    files: Vec<(PathBuf, Vec<u8>)>,
    evaluated: Result<Evaluated>,
}

impl Facts {
    /// Whether a store did not answer in this invocation.
    pub(crate) fn is_given_up(&self, address: &str) -> bool {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).contains(address)
    }

    /// Notes that a store does not answer.
    pub(crate) fn give_up(&self, address: &str) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned());
    }

    /// The facts of a kernel.
    pub(crate) fn kernel(&self, env: &Env, target: &Target, reporter: &dyn Reporter) -> Arc<Kernel> {
        answer_to(&self.kernels, target.clone()).get_or_init(|| Arc::new(look_up(env, target, reporter))).clone()
    }

    /// What the modules of a kernel are compared with.
    pub(crate) fn image(&self, env: &Env, target: &Target, kernel: &Kernel) -> Arc<Image> {
        answer_to(&self.images, target.clone()).get_or_init(|| Arc::new(image_of(env, kernel))).clone()
    }

    /// The headers of a kernel, by content; `Err`: why they are not known, as a clause.
    pub(crate) fn headers(&self, env: &Env, target: &Target, kernel: &Kernel) -> Result<Arc<HeaderTrees>, String> {
        let look = || header_trees(env, kernel).map(Arc::new);
        answer_to(&self.headers, target.clone()).get_or_init(look).clone()
    }

    /// What all builds for a kernel are made from; `Err`: why that is not known, as a clause.
    pub(crate) fn kernel_inputs(
        &self,
        env: &Env,
        target: &Target,
        kernel: &Kernel,
        toolchain: &Toolchain,
    ) -> Result<Arc<KernelInputs>, String> {
        let gather = || kernel_inputs(env, kernel, toolchain, self.headers(env, target, kernel)?).map(Arc::new);
        answer_to(&self.kernel_inputs, target.clone()).get_or_init(gather).clone()
    }

    /// A package's dkms.conf for a kernel, validated.
    pub(crate) fn conf(
        &self,
        env: &Env,
        package: &Package,
        kernel: &Kernel,
        strictness: Strictness,
        reporter: &dyn Reporter,
    ) -> Result<PackageConf> {
        let evaluated = self.evaluated(env, package, kernel)?;
        if strictness == Strictness::Strict {
            evaluated.stderr.trim_end().lines().for_each(|line| self.notice_once(&evaluated, line, reporter));
        }
        typed(&evaluated, kernel, strictness)
    }

    /// A package's dkms.conf for a kernel, evaluated the first time only.
    fn evaluated(&self, env: &Env, package: &Package, kernel: &Kernel) -> Result<Evaluated> {
        let overrides = env.override_files(package, kernel.release(), kernel.arch());
        // If a file cannot be read, each evaluation reports its own error.
        let Some(files) = contents(env.conf_file(package), &overrides) else {
            return evaluate(env, package, kernel, overrides);
        };
        let target = Target { kernel: kernel.release().to_owned(), arch: kernel.arch().to_owned() };
        let known = answer_to(&self.confs, (package.id.clone(), package.source.clone(), target));
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.as_ref().filter(|answer| answer.files == files) {
            return answer.evaluated.as_ref().map(Evaluated::clone).map_err(Error::repeated);
        }
        let evaluated = evaluate(env, package, kernel, overrides);
        if !evaluated.as_ref().is_err_and(|error| error.kind == Kind::Interrupted) {
            let evaluated = evaluated.as_ref().map(Evaluated::clone).map_err(Error::repeated);
            *known = Some(ConfAnswer { files, evaluated });
        }
        evaluated
    }

    /// Says something about a package's dkms.conf. A source that is imported is read
    /// where the user named it and then where it is registered, and for each kernel:
    /// a sentence that differs in nothing but the file's path is said the first time
    /// only.
    pub(crate) fn notice_once(&self, of: &Evaluated, text: &str, reporter: &dyn Reporter) {
        let word = |name: &str| of.get(name, 0).unwrap_or_default().to_owned();
        let without_path = text.replace(&of.file.display().to_string(), "dkms.conf");
        let key = vec![word("PACKAGE_NAME"), word("PACKAGE_VERSION"), without_path];
        if self.said_of_packages.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            reporter.notice(text);
        }
    }

    /// How far builds are confined here; tried the first time only.
    pub(crate) fn confinement_level(
        &self,
        question: LevelQuestion,
        probe: impl FnOnce() -> io::Result<Level>,
    ) -> io::Result<Level> {
        let known = answer_to(&self.levels, question);
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some(level) => Ok(level),
            None => probe().inspect(|level| *known = Some(*level)),
        }
    }

    /// Does something for a kernel the first time only; others wait for it.
    pub(crate) fn ask_once(&self, target: &Target, ask: impl FnOnce()) {
        answer_to(&self.asked, target.clone()).get_or_init(ask);
    }

    /// ADDON_MODULES_DIR overrules every policy.
    pub(crate) fn addon_modules_dir(&self, env: &Env) -> Option<&str> {
        let read = || conf::addon_modules_dir(env.etc(), &env.environment);
        self.addon_modules_dir.get_or_init(read).as_deref()
    }
}

/// The place of the answer to a question.
fn answer_to<Question: Ord, Answer: Default>(answers: &Answers<Question, Answer>, question: Question) -> Arc<Answer> {
    answers.lock().unwrap_or_else(PoisonError::into_inner).entry(question).or_default().clone()
}

/// What a dkms.conf and those of its override files hold that exist. `None` where one
/// cannot be read.
fn contents(conf: PathBuf, overrides: &[PathBuf]) -> Option<Vec<(PathBuf, Vec<u8>)>> {
    let there = overrides.iter().filter(|file| conf::is_override(file)).cloned();
    let read = |file: PathBuf| inside::read_configuration(&file).ok().map(|contents| (file, contents));
    std::iter::once(conf).chain(there).map(read).collect()
}
/// Reads a package's dkms.conf for a kernel, with the override files that may exist.
pub(crate) fn evaluate(env: &Env, package: &Package, kernel: &Kernel, overrides: Vec<PathBuf>) -> Result<Evaluated> {
    let request = Request {
        conf: &env.conf_file(package),
        overrides,
        variables: &env.variables(package, kernel),
        directives: &env.options.directives,
        reader: ReaderChoice::Auto,
    };
    conf::evaluate(&request, &env.environment)
}

/// What was evaluated, validated for a kernel.
pub(crate) fn typed(evaluated: &Evaluated, kernel: &Kernel, strictness: Strictness) -> Result<PackageConf> {
    let mut conf = PackageConf::from_evaluated(evaluated, kernel.release(), strictness)?;
    conf.exclude(kernel);
    Ok(conf)
}

fn look_up(env: &Env, target: &Target, reporter: &dyn Reporter) -> Kernel {
    let lookup = Lookup {
        system: &env.system,
        source_dir: env.options.kernel_source_dir.as_deref(),
        config: env.options.kernel_config.as_deref(),
    };
    lookup.kernel(&target.kernel, &target.arch, |kernel| {
        KernelLayout(&env.plugins).header_directories(&Arc::new(without_headers(kernel))).unwrap_or_else(|e| {
            reporter.warning(&e.to_string());
            Vec::new()
        })
    })
}

/// A kernel without headers, as plugins are asked about it.
fn without_headers(kernel: &Kernel) -> Kernel {
    Kernel::new(KernelInput {
        release: kernel.release().to_owned(),
        arch: kernel.arch().to_owned(),
        machine: kernel.machine().to_owned(),
        module_dir: kernel.module_dir().to_path_buf(),
        headers: None,
        source_dir: kernel.source_dir().to_path_buf(),
        config_file: None,
        running: kernel.running(),
    })
}
