//! A system with one hostile plugin.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modsmith_facts::kernel::{Kernel, KernelInput};
use modsmith_facts::{OsRelease, System};
use modsmith_plan::{Action, Builder, verbs};
use modsmith_plugins::error::{Error, Kind};
use modsmith_plugins::{Administration, Answer, Change, FrameworkSettings, Initrd, Occasion, Plugins, SearchPath};

use super::guest::{Body, GRANT, manifest_text};

/// A directory with one plugin in it.
pub struct Setting {
    pub dir: tempfile::TempDir,
}

impl Setting {
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("plugins")).unwrap();
        std::fs::create_dir(dir.path().join("root")).unwrap();
        std::fs::create_dir(dir.path().join("cache")).unwrap();
        Self { dir }
    }

    pub fn of(bytes: &[u8]) -> Self {
        let setting = Self::empty();
        std::fs::write(setting.plugin(), bytes).unwrap();
        setting
    }

    pub fn doing(body: Body) -> Self {
        Self::of(&modsmith_kit::build::embed(&body.component(), &manifest_text(GRANT)))
    }

    /// A component from text, as no encoder would write it.
    pub fn raw(component: &str) -> Self {
        let bytes = wat::parse_str(component).expect("the test's own text is a component");
        Self::of(&modsmith_kit::build::embed(&bytes, &manifest_text("")))
    }

    /// With a limits.toml of the administrator's.
    pub fn limited(self, limits: &str) -> Self {
        let config = self.search().config;
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(config.join(modsmith_plugins::limits::FILE), limits).unwrap();
        self
    }

    pub fn plugin(&self) -> PathBuf {
        self.dir.path().join("plugins/hostile.wasm")
    }

    pub fn search(&self) -> SearchPath {
        SearchPath::only(self.dir.path().join("plugins"), self.dir.path().join("cache"))
    }

    pub fn system(&self) -> Arc<System> {
        Arc::new(System::new(self.dir.path().join("root"), OsRelease::default()))
    }

    pub fn open(&self) -> Plugins {
        Plugins::open(self.system(), self.search(), FrameworkSettings::default())
    }

    pub fn refresh(&self) -> (Result<Answer<()>, Error>, Vec<Action>) {
        refresh(&self.open(), &self.system())
    }

    /// The failure of a call, as the user reads it; the plan is untouched.
    #[track_caller]
    pub fn failure(&self) -> String {
        failure_of(&self.open(), &self.system())
    }

    /// The refusal of the file, as the user reads it.
    #[track_caller]
    pub fn problem(&self) -> String {
        let plugins = self.open();
        assert_eq!(plugins.problems().len(), 1, "{:?}", plugins.problems());
        assert!(Administration(&plugins).list().is_empty());
        plugins.problems()[0].to_string()
    }

    /// The only compiled file in the cache.
    pub fn compiled(&self) -> PathBuf {
        let only = |dir: &Path| {
            let entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(entries.len(), 1, "{entries:?}");
            entries[0].clone()
        };
        only(&only(&self.dir.path().join("cache")))
    }
}

/// Modules were installed for a kernel.
pub fn installed(kernel: &Arc<Kernel>) -> Change<'_> {
    Change { kernel, occasion: Occasion::Installed, packages: &[] }
}

pub fn refresh(plugins: &Plugins, system: &System) -> (Result<Answer<()>, Error>, Vec<Action>) {
    let kernel = Arc::new(Kernel::new(KernelInput { release: "6.1.0-test".into(), ..KernelInput::default() }));
    let mut plan = Builder::new("a test", system.roots.clone());
    plan.push(Action::Note(verbs::Note("before".into())), "a test");
    let answer = Initrd(plugins).refresh(installed(&kernel), &mut plan);
    (answer, plan.steps().iter().skip(1).map(|step| step.action.clone()).collect())
}

#[track_caller]
fn failure_of(plugins: &Plugins, system: &System) -> String {
    let (answer, steps) = refresh(plugins, system);
    let error = answer.expect_err("the plugin should have been stopped");
    assert_eq!(error.kind(), Kind::Plugin);
    assert!(steps.is_empty(), "steps of a failed call are still in the plan: {steps:?}");
    assert!(!error.hints().is_empty(), "no remedy: {error}");
    [vec![error.to_string()], error.details().to_vec(), error.hints()].concat().join("\n")
}

#[track_caller]
pub fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}
