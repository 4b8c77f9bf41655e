//! What an invocation has found out: each question is asked once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::conf::{self, Evaluated, PackageConf, ReaderChoice, Request, Strictness};
use crate::error::Result;
use crate::flow::env::Env;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::{Kernel, KernelInput, Lookup};
use modsmith_plan::Reporter;

/// The answers, for all threads of the invocation.
#[derive(Default)]
pub struct Facts {
    kernels: Mutex<BTreeMap<Target, Arc<OnceLock<Arc<Kernel>>>>>,
    addon_modules_dir: OnceLock<Option<String>>,
    /// See [`Facts::notice_once`].
    said_of_packages: Mutex<BTreeSet<Vec<String>>>,
}

impl Facts {
    /// The facts of a kernel.
    pub(super) fn kernel(&self, env: &Env, target: &Target, reporter: &dyn Reporter) -> Arc<Kernel> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kernels.entry(target.clone()).or_default().clone();
        drop(kernels);
        answer.get_or_init(|| Arc::new(look_up(env, target, reporter))).clone()
    }

    /// A package's dkms.conf for a kernel, validated.
    pub(super) fn conf(
        &self,
        env: &Env,
        package: &Package,
        kernel: &Kernel,
        strictness: Strictness,
        reporter: &dyn Reporter,
    ) -> Result<PackageConf> {
        let overrides = env.override_files(package, kernel.release(), kernel.arch());
        let evaluated = evaluate(env, package, kernel, overrides)?;
        if strictness == Strictness::Strict {
            evaluated.stderr.trim_end().lines().for_each(|line| self.notice_once(&evaluated, line, reporter));
        }
        typed(&evaluated, kernel, strictness)
    }

    /// Says something about a package's dkms.conf. An invocation evaluates the file
    /// several times, first where the user named it and then where it is
    /// registered: a sentence that differs in nothing but that path is said the
    /// first time only.
    pub(super) fn notice_once(&self, of: &Evaluated, text: &str, reporter: &dyn Reporter) {
        let word = |name: &str| of.get(name, 0).unwrap_or_default().to_owned();
        let without_path = text.replace(&of.file.display().to_string(), "dkms.conf");
        let key = vec![word("PACKAGE_NAME"), word("PACKAGE_VERSION"), without_path];
        if self.said_of_packages.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            reporter.notice(text);
        }
    }

    /// ADDON_MODULES_DIR overrules every policy.
    pub(super) fn addon_modules_dir(&self, env: &Env) -> Option<&str> {
        let read = || conf::addon_modules_dir(env.etc(), &env.environment);
        self.addon_modules_dir.get_or_init(read).as_deref()
    }
}

/// Reads a package's dkms.conf for a kernel, with the override files that may exist.
pub(super) fn evaluate(env: &Env, package: &Package, kernel: &Kernel, overrides: Vec<PathBuf>) -> Result<Evaluated> {
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
pub(super) fn typed(evaluated: &Evaluated, kernel: &Kernel, strictness: Strictness) -> Result<PackageConf> {
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
        env.plugins.header_dirs(&Arc::new(without_headers(kernel))).unwrap_or_else(|e| {
            reporter.warning(&e.message);
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
