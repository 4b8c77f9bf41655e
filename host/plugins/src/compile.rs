//! Compiling a component, in a process of its own: how long it takes and how much
//! memory it needs depends on the author of the component, and a compiler that runs in
//! this process cannot be stopped.

use std::ffi::OsString;
use std::io::{Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Output, Stdio};

use rustix::fs::MemfdFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::exceeded::Exceeded;
use super::limits::LoadingLimits;
use crate::form::wasm::wasmtime;
use modsmith_sandbox::start;

/// The name that this program is called by to compile: with the seconds and MiB
/// that it has, the component on standard input, and native code on standard output.
const NAME: &str = "modsmith-compile-plugin";

/// This program, also where its file has been replaced since it was started.
const SELF: &str = "/proc/self/exe";

/// The process in which components are compiled.
#[derive(Debug, Clone, Copy)]
pub enum Compiler {
    /// In this process: for programs that are not modsmith itself, such as tests.
    Here,
    /// In a process of this program's that has these limits. Where `/proc` is not
    /// mounted no such process can be started, and [`Compiler::Here`] counts: then
    /// only the size of the component bounds the work.
    Isolated(LoadingLimits),
}

/// Why there is no native code.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("it cannot be compiled ({0}); report this to its author")]
    Failed(String),
    #[error("{0}; if it rightly needs more, raise `{key}` in /etc/modsmith/limits.toml", key = .0.key)]
    Exceeded(Exceeded),
    #[error("the compiler could not be started ({0})")]
    NotStarted(std::io::Error),
}

impl Compiler {
    /// Native code for the engine with this program's configuration.
    pub fn compile(&self, engine: &::wasmtime::Engine, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        match self {
            Compiler::Isolated(limits) if std::fs::exists(SELF).unwrap_or(false) => isolated(component, limits),
            _ => engine.precompile_component(component).map_err(|e| CompileError::Failed(format!("{e:#}"))),
        }
    }
}

fn isolated(component: &[u8], limits: &LoadingLimits) -> Result<Vec<u8>, CompileError> {
    let LoadingLimits { compile_seconds, compile_mib, .. } = limits;
    // Through memory, not through a pipe: the compiler may end before it has read
    // everything.
    let input = in_memory(component).map_err(CompileError::NotStarted)?;
    let mut command = Command::new(SELF);
    command.arg0(NAME).args([compile_seconds.to_string(), compile_mib.to_string()]);
    command.env_clear().current_dir("/").stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let compiler = start(&mut command).map_err(CompileError::NotStarted)?;
    let Output { status, stdout, stderr } = compiler.wait_with_output().map_err(CompileError::NotStarted)?;
    if status.success() {
        return Ok(stdout);
    }
    let messages = String::from_utf8_lossy(&stderr);
    match status.signal() {
        Some(libc::SIGXCPU) => Err(CompileError::Exceeded(limits.no_compile_time())),
        // How Rust ends a program that gets no memory.
        Some(libc::SIGABRT) if messages.contains("memory allocation") => {
            Err(CompileError::Exceeded(limits.no_compile_memory()))
        }
        _ if NO_MEMORY.iter().any(|words| messages.contains(words)) => {
            Err(CompileError::Exceeded(limits.no_compile_memory()))
        }
        _ if messages.trim().is_empty() => Err(CompileError::Failed(status.to_string())),
        _ => Err(CompileError::Failed(messages.trim().to_owned())),
    }
}

/// How the system tells of an allocation that it refuses (ENOMEM), and the standard
/// library of a buffer that cannot grow.
const NO_MEMORY: [&str; 2] = ["Cannot allocate memory", "out of memory"];

fn in_memory(contents: &[u8]) -> std::io::Result<std::fs::File> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create("component", MemfdFlags::CLOEXEC)?);
    file.write_all(contents)?;
    file.rewind()?;
    Ok(file)
}

/// Compiles, if that is what this program was called for.
pub fn serve(words: &[OsString]) -> Option<ExitCode> {
    if words.first()? != NAME {
        return None;
    }
    let number = |index: usize| words.get(index)?.to_str()?.parse::<u64>().ok();
    let (Some(seconds), Some(mib)) = (number(1), number(2)) else {
        eprintln!("{NAME}: called without limits");
        return Some(ExitCode::FAILURE);
    };
    Some(match compile_within(seconds, mib) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    })
}

fn compile_within(seconds: u64, mib: u64) -> Result<(), String> {
    // Ignored signals are inherited from the caller of this program.
    // SAFETY: the disposition is the default one, and no other thread runs.
    unsafe { libc::signal(libc::SIGXCPU, libc::SIG_DFL) };
    // Of processor time, the first limit ends it by the signal that says why.
    let limits = [(Resource::Cpu, seconds, 5), (Resource::As, mib.saturating_mul(1 << 20), 0), (Resource::Core, 0, 0)];
    for (resource, limit, more) in limits {
        // Who has a lower one cannot raise it.
        let highest = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit =
            Rlimit { current: Some(limit.min(highest)), maximum: Some(limit.saturating_add(more).min(highest)) };
        setrlimit(resource, limit).map_err(|e| format!("the limits of the compiler cannot be set: {e}"))?;
    }
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component).map_err(|e| format!("the component cannot be read: {e}"))?;
    let engine = wasmtime().map_err(|e| format!("{e:#}"))?;
    let code = engine.precompile_component(&component).map_err(|e| format!("{e:#}"))?;
    std::io::stdout().write_all(&code).map_err(|e| format!("the code cannot be handed over: {e}"))
}
