//! Running a program as a step of a plan.

use std::cell::RefCell;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, Signal};

use crate::command::{Argument, Bind, Command, Environment, Program, RunsIn};
use crate::failure::Failure;
use crate::files::Files;
use crate::interpreter::{NOT_FOUND, missing_interpreter};
use crate::interrupt::INTERRUPTED;
use crate::jobs::{Jobs, withhold};
use crate::output::{in_memory, shown, tail};
use crate::report::Reporter;
use crate::sandbox_dir::SandboxDir;
use crate::secrets::{conceal_text, is_secret_variable};
use crate::walls::Enclosure;
use modsmith_facts::{Location, PROGRAM_PATH, Root, find_program, resolve_in_root};
use modsmith_sandbox::{Leash, bind, start};

/// Variables that steer compilers: a caller's own must not leak into modules.
const COMPILER_VARIABLES: [&str; 5] = ["CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS"];

/// Runs the programs of steps.
pub struct Runner<'a> {
    pub system_root: &'a Path,
    pub reporter: &'a dyn Reporter,
    pub jobs: &'a Jobs,
    /// Whether a stop signal ends programs. Not while cleaning up after one.
    pub stops_on_signal: bool,
    /// What the program said that was run, where the user is shown it.
    pub said: RefCell<Vec<String>>,
}

/// A program and how paths look to it.
struct Resolved {
    /// As the system that it runs in sees it.
    program: PathBuf,
    /// The root that it is confined to, if it is not this system's own.
    chroot: Option<PathBuf>,
}

/// A program that was started.
struct Running {
    child: Child,
    /// Of a program that is confined to a directory.
    leash: Option<Leash>,
    sandbox: Option<SandboxDir>,
}

impl Running {
    /// Ends a program and everything that it started.
    fn stop(&mut self) {
        if let Some(leash) = self.leash.take() {
            let _ = leash.end(&mut self.child);
            return;
        }
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Runner<'_> {
    /// Runs a command to its end.
    pub fn run(&self, command: &Command, files: &Files) -> Result<(), Failure> {
        let resolved = match self.resolve(command, files) {
            Err(Failure::NoProgram { program, place }) if command.optional => {
                self.reporter.warning(&format!("`{program}` is not executable{place}; it was not run."));
                return Ok(());
            }
            other => other?,
        };
        let text = command.shown(files);
        tracing::debug!(command = %text, "run");

        let mut output = match &command.log {
            Some(block) => {
                let mut log = files.append(&block.location)?;
                write!(log, "\n{}\n# command: {}\n", block.description, conceal_text(&block.command))?;
                log
            }
            None => in_memory("output")?,
        };
        let _job = command.shares_jobs.then(|| self.jobs.take()).transpose()?;
        let begun = Instant::now();
        let root = resolved.chroot.as_deref().unwrap_or(Path::new("/"));
        let enclosure = command.walls.as_ref().map(|walls| Enclosure::open(walls, files, root)).transpose()?;
        let outcome = match self.spawn(command, &resolved, files, &output, enclosure.as_ref()) {
            Ok(mut running) => {
                let outcome = self.wait(&mut running, command.time_limit, &text);
                running.sandbox.as_ref().map_or(Ok(()), SandboxDir::take_back)?;
                outcome
            }
            // As with a shell: said where the script would speak.
            Err(Failure::NoInterpreter { script, why }) => {
                writeln!(output, "{script}: {why}.")?;
                Ok(ExitStatus::from_raw(NOT_FOUND << 8))
            }
            Err(failure) => Err(failure),
        };
        // Nothing of the program is left that could be at work there.
        if let Some(enclosure) = &enclosure {
            enclosure.take_back()?;
            if let Some(block) = &command.log {
                output = files.put_back(&block.location, output)?;
            }
        }
        if let (Some(_), Ok(status)) = (&command.log, &outcome) {
            let seconds = begun.elapsed().as_secs();
            let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let rule = "-".repeat(64);
            write!(output, "\n# exit code: {}\n# elapsed time: {h:02}:{m:02}:{s:02}\n{rule}\n", code(*status))?;
        }
        let status = outcome?;
        let accepted = || u8::try_from(code(status)).is_ok_and(|code| command.accepts.contains(&code));
        if command.shows_output && command.log.is_none() {
            *self.said.borrow_mut() = shown(&mut output)?;
        }
        if status.success() || accepted() {
            return Ok(());
        }
        let is_told = command.shows_output || command.log.is_some();
        let output = if is_told { Vec::new() } else { tail(&mut output).unwrap_or_default() };
        Err(Failure::Exit { command: text, status: code(status), output })
    }

    fn resolve(&self, command: &Command, files: &Files) -> Result<Resolved, Failure> {
        let live = self.system_root == Path::new("/");
        let here = Path::new("/");
        let missing =
            |program: &str, place: &str| Failure::NoProgram { program: program.to_owned(), place: place.to_owned() };
        match &command.program {
            Program::Named(name) => {
                let on_target = || find_program(self.system_root, name);
                let on_this = || find_program(here, name).map(|program| Resolved { program, chroot: None });
                let inside = |program| Resolved { program, chroot: (!live).then(|| self.system_root.to_path_buf()) };
                let found = match command.runs_in {
                    RunsIn::Target => on_target().map(inside),
                    RunsIn::Either => on_target().map(inside).or_else(on_this),
                    RunsIn::Here => on_this(),
                };
                let place = if live || command.runs_in != RunsIn::Target { "" } else { " in the target system" };
                found.ok_or_else(|| missing(name, place))
            }
            Program::At(location) => {
                let path = files.path(location);
                let inside = path.strip_prefix(self.system_root).unwrap_or(&path).to_path_buf();
                let real =
                    resolve_in_root(self.system_root, &inside).map_err(|_| missing(&path.display().to_string(), ""))?;
                use std::os::unix::fs::PermissionsExt;
                let executable = real.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
                if !executable {
                    return Err(missing(&path.display().to_string(), ""));
                }
                // A file of another system runs inside that system, or not at all:
                // no rule of the host has decided about the program.
                let own = path.starts_with(self.system_root) && !live && command.runs_in != RunsIn::Here;
                let needs_shell = own && is_script(&real);
                if needs_shell && find_program(self.system_root, "sh").is_none() {
                    return Err(missing(
                        &path.display().to_string(),
                        ": the system below --root has no shell to run it",
                    ));
                }
                Ok(match own {
                    true => {
                        Resolved { program: Path::new("/").join(inside), chroot: Some(self.system_root.to_path_buf()) }
                    }
                    false => Resolved { program: path, chroot: None },
                })
            }
        }
    }

    fn spawn(
        &self,
        command: &Command,
        resolved: &Resolved,
        files: &Files,
        output: &File,
        enclosure: Option<&Enclosure<'_>>,
    ) -> Result<Running, Failure> {
        let root = resolved.chroot.as_deref().unwrap_or(Path::new("/"));
        let staging = command.confined.then(|| Location::new(Root::Staging, "").expect("the root itself"));
        let sandbox = staging.as_ref().map(|location| SandboxDir::open(files.path(location), root)).transpose()?;
        let inside = |path: PathBuf| match &resolved.chroot {
            Some(root) => path
                .strip_prefix(root)
                .map(|p| Path::new("/").join(p))
                .map_err(|_| io::Error::other(format!("{} is outside the target system", path.display()))),
            None => Ok(path),
        };
        let seen = |path: PathBuf| match sandbox.as_ref().and_then(|dir| dir.seen(&path)) {
            Some(path) => inside(root.join(path.strip_prefix("/").unwrap_or(&path))),
            None => match enclosure.and_then(|enclosure| enclosure.seen(&path)) {
                Some(path) => Ok(path),
                None => inside(path),
            },
        };
        let below_root = root.join(resolved.program.strip_prefix("/").unwrap_or(&resolved.program));
        let program = enclosure.and_then(|enclosure| enclosure.seen(&below_root));
        let program = program.as_ref().unwrap_or(&resolved.program);
        let mut process = match &command.exports {
            Some(file) => with_exports(file, program, root)?,
            None => std::process::Command::new(program),
        };
        for argument in &command.arguments {
            match argument {
                Argument::Text(text) => process.arg(text),
                Argument::Location(location) => process.arg(seen(files.path(location))?),
            };
        }
        match &command.environment {
            Environment::Clean(variables) => {
                process.env_clear().env("PATH", PROGRAM_PATH.join(":")).env("LC_ALL", "C");
                process.envs(variables.iter().cloned());
                process.envs(command.pass.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
            }
            Environment::Inherited(variables) => {
                for name in COMPILER_VARIABLES {
                    process.env_remove(name);
                }
                // The caller's directory is not for root's files.
                process.env_remove("TMPDIR");
                let own = tempfile::env::temp_dir();
                if resolved.chroot.is_none() && own != Path::new("/tmp") {
                    process.env("TMPDIR", own);
                }
                // The program that signs gets the PIN by its name; recipes do not.
                for (name, _) in std::env::vars_os() {
                    if name.to_str().is_some_and(is_secret_variable) {
                        process.env_remove(name);
                    }
                }
                process.envs(variables.iter().cloned());
            }
        }
        let mut open = Vec::new();
        if command.one_job {
            withhold(&mut process);
        } else if command.shares_jobs {
            open = self.jobs.share(&mut process);
        }
        if let Some(Bind { from, location }) = &command.bind
            && !enclosure.is_some_and(Enclosure::has_view)
        {
            bind(&mut process, &files.path(from), &files.path(location))?;
        }
        if let Some(dir) = &sandbox {
            dir.show(&mut process, root)?;
        }
        let directory = match command.directory.as_ref().or(staging.as_ref()) {
            Some(location) => seen(files.path(location))?,
            None => PathBuf::from("/"),
        };
        let input = match command.input.as_slice() {
            [] => Stdio::null(),
            lines => self.input(lines, files, seen)?.into(),
        };
        process.stdin(input).stdout(output.try_clone()?).stderr(output.try_clone()?).process_group(0);
        let mut leash = match enclosure {
            Some(enclosure) => Some(enclosure.lock(&mut process, &directory, open)?),
            None => {
                enter(&mut process, resolved.chroot.as_deref(), directory)?;
                sandbox.as_ref().map(|dir| dir.lock(&mut process)).transpose()?
            }
        };
        let started = start(&mut process);
        let level = leash.as_mut().and_then(Leash::level);
        let child = started.map_err(|error| {
            let level = level.map(|level| format!(" (confinement: {level})"));
            let missing = || missing_interpreter(&resolved.program, root);
            match (error.kind() == io::ErrorKind::NotFound).then(missing).flatten() {
                Some(why) => Failure::NoInterpreter { script: resolved.program.display().to_string(), why },
                None => not_started(&resolved.program, level, error),
            }
        })?;
        if let Some(level) = level {
            tracing::debug!(%level, "confined");
        }
        Ok(Running { child, leash, sandbox })
    }

    /// A file with the lines that a program reads. Not a pipe: the host does not wait for
    /// a program that does not read them.
    fn input(
        &self,
        lines: &[Argument],
        files: &Files,
        seen: impl Fn(PathBuf) -> io::Result<PathBuf>,
    ) -> io::Result<File> {
        let mut input = in_memory("input")?;
        for line in lines {
            match line {
                Argument::Text(text) => input.write_all(text.as_bytes())?,
                Argument::Location(location) => {
                    input.write_all(seen(files.path(location))?.as_os_str().as_encoded_bytes())?
                }
            }
            input.write_all(b"\n")?;
        }
        input.rewind()?;
        Ok(input)
    }

    fn wait(&self, running: &mut Running, limit: Option<Duration>, text: &str) -> Result<ExitStatus, Failure> {
        let pid = rustix::process::Pid::from_child(&running.child);
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from)?;
        let begun = Instant::now();
        let mut last_tick = begun;
        loop {
            if self.stops_on_signal && INTERRUPTED.load(Ordering::SeqCst) {
                running.stop();
                return Err(Failure::Interrupted);
            }
            if let Some(limit) = limit.filter(|limit| begun.elapsed() >= *limit) {
                running.stop();
                return Err(Failure::TimeLimit { command: text.to_owned(), seconds: limit.as_secs() });
            }
            let slice = rustix::event::Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
            match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&slice)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(running.child.wait()?),
                Err(e) => return Err(io::Error::from(e).into()),
            }
            if last_tick.elapsed() >= Duration::from_secs(3) {
                last_tick = Instant::now();
                self.reporter.tick();
            }
        }
    }
}

/// Has a program start in a directory, below a root of its own if one is given. As the
/// program sees the directory.
fn enter(process: &mut std::process::Command, root: Option<&Path>, directory: PathBuf) -> io::Result<()> {
    let root = root.map(Path::to_path_buf);
    let directory = CString::new(directory.into_os_string().into_vec())?;
    // SAFETY: between fork and exec only system calls are made; nothing allocates.
    unsafe {
        process.pre_exec(move || {
            // Without its parent no process would record how it ended.
            rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
            if let Some(root) = &root {
                rustix::process::chroot(root)?;
            }
            // After the mounts, which may have changed what is there.
            rustix::process::chdir(directory.as_c_str())?;
            Ok(())
        });
    }
    Ok(())
}

/// A file that is no program here, as for another machine or without its
/// interpreter, is distinguished from a system that cannot start or confine one.
fn not_started(program: &Path, confinement: Option<String>, error: io::Error) -> Failure {
    match (error.raw_os_error(), &confinement) {
        (Some(libc::ENOEXEC | libc::ENOENT | libc::EACCES | libc::ELIBBAD), None) => {
            Failure::NotStarted { program: program.display().to_string(), error }
        }
        _ => {
            let how = confinement.unwrap_or_default();
            Failure::Io(io::Error::new(error.kind(), format!("could not start {}: {error}{how}", program.display())))
        }
    }
}

/// Reads a file and becomes a program. The file sees no arguments; one that ends the
/// shell says so in the program's output.
const READ_EXPORTS: &str = r#"
program=("$@")
set --
trap 'echo "${program[0]} ended the shell that read it." >&2' EXIT
. "${program[0]}" >&2
trap - EXIT
exec "${program[@]:1}"
"#;

/// The command for a program behind the exported variables of a file.
fn with_exports(file: &str, program: &Path, root: &Path) -> Result<std::process::Command, Failure> {
    let missing = || Failure::NoProgram { program: "bash".into(), place: format!(", and is needed to read {file}") };
    let mut shell = std::process::Command::new(find_program(root, "bash").ok_or_else(missing)?);
    shell.args(["--norc", "--noprofile", "-c", READ_EXPORTS, "bash", file]).arg(program);
    Ok(shell)
}

/// Whether a file is a script, or may be one: no ELF file.
fn is_script(file: &Path) -> bool {
    let mut magic = [0; 4];
    !File::open(file).and_then(|mut file| file.read_exact(&mut magic)).is_ok_and(|()| &magic == b"\x7fELF")
}

/// As a shell reports it: 128 and the number for a signal.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
