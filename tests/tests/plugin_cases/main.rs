//! The cases of the first-party plugins: facts in, a plan, a value or a refusal
//! out. The plugins are built as anybody's are, and called by the real engine.

mod guide;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use modsmith::plugin::build::{BuildOptions, build};
use modsmith::plugin::manifest::Manifest;
use modsmith::plugin::testing::{self, Call, Facts, Target};
use modsmith::plugin::{FrameworkSettings, Plugins, SearchPath};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins")
}

/// All plugins, built once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        let built = build(&BuildOptions { directory: sources(), out: out.clone() });
        if let Err(error) = built {
            panic!("{error}\n{}\nhint: {}", error.details.join("\n"), error.hints.join("\nhint: "));
        }
        out
    })
}

/// A directory with one plugin and, for a table, its base.
fn alone(plugin: &str) -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    let component = format!("{plugin}.wasm");
    let files = if built().join(&component).exists() {
        vec![component]
    } else {
        vec![format!("{plugin}.toml"), "table.wasm".to_owned()]
    };
    for file in files {
        std::fs::copy(built().join(&file), dir.path().join(&file)).with_context(|| file.clone())?;
    }
    Ok(dir)
}

fn directories(of: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(of).with_context(|| of.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Directories of plugins: crates and tables.
fn plugins() -> Result<Vec<PathBuf>> {
    let is_plugin = |dir: &PathBuf| dir.join("plugin.toml").is_file() || dir.join("policy.toml").is_file();
    Ok(directories(&sources())?.into_iter().filter(is_plugin).collect())
}

/// The answer's lines, or why there is none.
fn answer(facts: &Facts, case: &Path, plugin: &str, built: &Path) -> Result<Result<String, String>> {
    let target = Target::lay_out(facts, Some(case), plugin)?;
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache");
    let plugins = Plugins::open(target.system.clone(), SearchPath::only(built, cache), FrameworkSettings::default());
    anyhow::ensure!(plugins.problems().is_empty(), "{:?}", plugins.problems());
    Ok(testing::ask(facts, facts.call, &target, &plugins, plugin)?.text())
}

/// What the case expects, and what is wrong with the answer.
fn check(case: &Path, plugin: &str) -> Result<Option<String>> {
    let facts = Facts::read(case)?;
    let given = answer(&facts, case, plugin, alone(plugin)?.path())?;
    if given != answer(&facts, case, plugin, alone(plugin)?.path())? {
        return Ok(Some("the same facts gave another answer the second time".into()));
    }
    let expected = |file: &str| std::fs::read_to_string(case.join(file)).ok().map(|text| text.trim().to_owned());
    Ok(match (expected("expected.plan"), expected("error.txt"), given) {
        (Some(plan), None, Ok(given)) if plan == given => None,
        (Some(plan), None, Ok(given)) => Some(format!("expected:\n{plan}\ngiven:\n{given}")),
        (Some(plan), None, Err(error)) => Some(format!("expected:\n{plan}\nrefused:\n{error}")),
        (None, Some(part), Err(error)) if error.contains(&part) => None,
        (None, Some(part), Err(error)) => Some(format!("expected a refusal with:\n{part}\nrefused:\n{error}")),
        (None, Some(part), Ok(given)) => Some(format!("expected a refusal with:\n{part}\ngiven:\n{given}")),
        _ => Some("a case has either expected.plan or error.txt".into()),
    })
}

#[test]
fn every_case_gives_its_answer() -> Result<()> {
    let mut wrong = Vec::new();
    for dir in plugins()? {
        let plugin = name(&dir);
        let cases = directories(&dir.join("cases"))?;
        assert!(!cases.is_empty(), "{plugin} has no cases");
        for case in cases {
            let problem = check(&case, &plugin).with_context(|| format!("{plugin}: {}", name(&case)))?;
            wrong.extend(problem.map(|problem| format!("{plugin}: {}\n{problem}\n", name(&case))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn absurd_facts_never_crash_a_plugin() -> Result<()> {
    let long = "9".repeat(5000);
    for dir in plugins()? {
        let plugin = name(&dir);
        // A table does what its base does.
        let code = if dir.join("plugin.toml").exists() { dir } else { sources().join("table") };
        let manifest = Manifest::parse(&std::fs::read_to_string(code.join("plugin.toml"))?)?;
        for release in ["", "-", ".", "..", "+", "a b\n", "../../etc/shadow", "6.1\u{0}", "é-ß.ü", &long] {
            for call in Call::all().filter(|call| manifest.provides(call.role())) {
                let facts = Facts::about(call, release);
                let answer = answer(&facts, Path::new("/nowhere"), &plugin, alone(&plugin)?.path())?;
                let crashed = answer.as_ref().is_err_and(|error| error.contains("crashed"));
                assert!(!crashed, "{plugin}, {call:?}, {release:?}: {answer:?}");
            }
        }
    }
    Ok(())
}
