//! Starting the program of a command: its command line, environment, jobs, walls and standard streams.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

use rustix::process::Signal;

use crate::command::{Argument, Bind, Command, Environment};
use crate::failure::Failure;
use crate::files::Files;
use crate::interpreter::missing_interpreter;
use crate::jobs::{Jobs, withhold};
use crate::output::in_memory;
use crate::sandbox_dir::SandboxDir;
use crate::secrets::is_secret_variable;
use crate::walls::Enclosure;
use modsmith_facts::{Location, PROGRAM_PATH, Root, find_program};
use modsmith_sandbox::{Leash, bind, start};

/// Variables that compilers read: those of the caller must not change what is built.
const COMPILER_VARIABLES: [&str; 5] = ["CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS"];

/// The file of a program, and the root directory that the program gets.
pub(crate) struct Resolved {
    /// The path below the root directory of the program.
    pub program: PathBuf,
    /// `None`: the program keeps the root directory of this system.
    pub chroot: Option<PathBuf>,
}

/// A program that was started.
pub(crate) struct Running {
    pub child: Child,
    /// For a program that is confined to a directory.
    leash: Option<Leash>,
    sandbox: Option<SandboxDir>,
}

impl Running {
    /// Ends a program and everything that it started.
    pub fn stop(&mut self) {
        if let Some(leash) = self.leash.take() {
            let _ = leash.end(&mut self.child);
            return;
        }
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }

    /// Takes back the directory that was handed over to the program, which has ended.
    pub fn take_back(&self) -> io::Result<()> {
        self.sandbox.as_ref().map_or(Ok(()), SandboxDir::take_back)
    }
}

/// A program that is about to be started, with the directories that it works in.
pub(crate) struct Launch<'l> {
    command: &'l Command,
    resolved: &'l Resolved,
    files: &'l Files,
    enclosure: Option<&'l Enclosure<'l>>,
    /// The staging directory, for a command that is confined to it.
    staging: Option<Location>,
    sandbox: Option<SandboxDir>,
}

impl<'l> Launch<'l> {
    /// Hands the staging directory over to a command that is confined to it.
    ///
    /// # Errors
    /// A directory that cannot be handed over.
    pub fn new(
        command: &'l Command,
        resolved: &'l Resolved,
        files: &'l Files,
        enclosure: Option<&'l Enclosure<'l>>,
    ) -> io::Result<Self> {
        let staging = command.confined.then(|| Location::new(Root::Staging, "").expect("the root itself"));
        let root = resolved.chroot.as_deref().unwrap_or(Path::new("/"));
        let sandbox = staging.as_ref().map(|location| SandboxDir::open(files.path(location), root)).transpose()?;
        Ok(Self { command, resolved, files, enclosure, staging, sandbox })
    }

    /// Starts the program, which writes to `output`.
    pub fn start(self, jobs: &Jobs, output: &File) -> Result<Running, Failure> {
        let mut process = self.command_line()?;
        self.set_environment(&mut process);
        let open = self.attach_jobs(&mut process, jobs);
        self.show_directories(&mut process)?;
        let directory = match self.command.directory.as_ref().or(self.staging.as_ref()) {
            Some(location) => self.seen(location)?,
            None => PathBuf::from("/"),
        };
        process.stdin(self.input()?).stdout(output.try_clone()?).stderr(output.try_clone()?).process_group(0);
        let mut leash = self.raise_walls(&mut process, directory, open)?;
        let started = start(&mut process);
        let level = leash.as_mut().and_then(Leash::level).map(|level| level.to_string());
        let child = started.map_err(|error| self.start_error(level.as_deref(), error))?;
        if let Some(level) = level {
            tracing::debug!(%level, "confined");
        }
        Ok(Running { child, leash, sandbox: self.sandbox })
    }

    fn root(&self) -> &Path {
        self.resolved.chroot.as_deref().unwrap_or(Path::new("/"))
    }

    /// The path of a location in the view of the program.
    fn seen(&self, location: &Location) -> io::Result<PathBuf> {
        let path = self.files.path(location);
        if let Some(path) = self.sandbox.as_ref().and_then(|directory| directory.seen(&path)) {
            return self.below_root(self.root().join(path.strip_prefix("/").unwrap_or(&path)));
        }
        match self.enclosure.and_then(|enclosure| enclosure.seen(&path)) {
            Some(path) => Ok(path),
            None => self.below_root(path),
        }
    }

    /// A path of this system in the view of a program that has another root directory.
    fn below_root(&self, path: PathBuf) -> io::Result<PathBuf> {
        let Some(root) = &self.resolved.chroot else { return Ok(path) };
        let outside = |_| io::Error::other(format!("{} is outside the target system", path.display()));
        path.strip_prefix(root).map(|path| Path::new("/").join(path)).map_err(outside)
    }

    /// The program and its arguments.
    fn command_line(&self) -> Result<Process, Failure> {
        let own = &self.resolved.program;
        let real = self.root().join(own.strip_prefix("/").unwrap_or(own));
        let enclosed = self.enclosure.and_then(|enclosure| enclosure.seen(&real));
        let program = enclosed.as_ref().unwrap_or(own);
        let mut process = match &self.command.exports {
            Some(file) => with_exports(file, program, self.root())?,
            None => Process::new(program),
        };
        for argument in &self.command.arguments {
            match argument {
                Argument::Text(text) => process.arg(text),
                Argument::Location(location) => process.arg(self.seen(location)?),
            };
        }
        Ok(process)
    }

    fn set_environment(&self, process: &mut Process) {
        match &self.command.environment {
            Environment::Clean(variables) => {
                process.env_clear().env("PATH", PROGRAM_PATH.join(":")).env("LC_ALL", "C");
                process.envs(variables.iter().cloned());
                process.envs(self.command.pass.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
            }
            Environment::Inherited(variables) => {
                for name in COMPILER_VARIABLES {
                    process.env_remove(name);
                }
                // The caller's directory is not for root's files.
                process.env_remove("TMPDIR");
                let own = tempfile::env::temp_dir();
                if self.resolved.chroot.is_none() && own != Path::new("/tmp") {
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
    }

    /// Lets the program share the budget of jobs, or keeps it to one job. Returns the numbers of descriptors
    /// that the program needs for that.
    fn attach_jobs(&self, process: &mut Process, jobs: &Jobs) -> Vec<RawFd> {
        if self.command.one_job {
            withhold(process);
        } else if self.command.shares_jobs {
            return jobs.share(process);
        }
        Vec::new()
    }

    /// Shows the program the directories that it sees at other paths.
    fn show_directories(&self, process: &mut Process) -> io::Result<()> {
        if let Some(Bind { from, location }) = &self.command.bind
            && !self.enclosure.is_some_and(Enclosure::has_view)
        {
            bind(process, &self.files.path(from), &self.files.path(location))?;
        }
        match &self.sandbox {
            Some(directory) => directory.show(process, self.root()),
            None => Ok(()),
        }
    }

    /// The standard input. It is a file and no pipe: the host does not wait for a program that does not read
    /// its input.
    fn input(&self) -> io::Result<Stdio> {
        if self.command.input.is_empty() {
            return Ok(Stdio::null());
        }
        let mut input = in_memory("input")?;
        for line in &self.command.input {
            match line {
                Argument::Text(text) => input.write_all(text.as_bytes())?,
                Argument::Location(location) => input.write_all(self.seen(location)?.as_os_str().as_encoded_bytes())?,
            }
            input.write_all(b"\n")?;
        }
        input.rewind()?;
        Ok(input.into())
    }

    /// Confines the program, which starts in `directory` in its own view. All other preparations come before.
    fn raise_walls(&self, process: &mut Process, directory: PathBuf, open: Vec<RawFd>) -> io::Result<Option<Leash>> {
        match self.enclosure {
            Some(enclosure) => enclosure.lock(process, &directory, open).map(Some),
            None => {
                enter(process, self.resolved.chroot.as_deref(), directory)?;
                self.sandbox.as_ref().map(|sandbox| sandbox.lock(process)).transpose()
            }
        }
    }

    /// The failure of a program that could not be started. There are two causes: the file is no program on this
    /// machine (another architecture, a missing interpreter), or the system cannot start or confine programs.
    fn start_error(&self, level: Option<&str>, error: io::Error) -> Failure {
        let program = self.resolved.program.display().to_string();
        let missing = || missing_interpreter(&self.resolved.program, self.root());
        if let Some(why) = (error.kind() == io::ErrorKind::NotFound).then(missing).flatten() {
            return Failure::NoInterpreter { script: program, why };
        }
        match (error.raw_os_error(), level) {
            (Some(libc::ENOEXEC | libc::ENOENT | libc::EACCES | libc::ELIBBAD), None) => {
                Failure::NotStarted { program, error }
            }
            _ => {
                let level = level.map(|level| format!(" (confinement: {level})")).unwrap_or_default();
                Failure::Io(io::Error::new(error.kind(), format!("could not start {program}: {error}{level}")))
            }
        }
    }
}

/// Has a program start in a directory, below a root of its own if one is given. The path of the directory
/// is the one below that root.
fn enter(process: &mut Process, root: Option<&Path>, directory: PathBuf) -> io::Result<()> {
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
            // The mounts come before: they may have changed the directory of this path.
            rustix::process::chdir(directory.as_c_str())?;
            Ok(())
        });
    }
    Ok(())
}

/// Reads a file and becomes a program. The file sees no arguments. If the file ends the shell, the program's
/// output says so.
const READ_EXPORTS: &str = r#"
program=("$@")
set --
trap 'echo "${program[0]} ended the shell that read it." >&2' EXIT
. "${program[0]}" >&2
trap - EXIT
exec "${program[@]:1}"
"#;

/// The command for a program that gets the exported variables of a file.
fn with_exports(file: &str, program: &Path, root: &Path) -> Result<Process, Failure> {
    let missing = || Failure::NoProgram { program: "bash".into(), place: format!(", and is needed to read {file}") };
    let mut shell = Process::new(find_program(root, "bash").ok_or_else(missing)?);
    shell.args(["--norc", "--noprofile", "-c", READ_EXPORTS, "bash", file]).arg(program);
    Ok(shell)
}
