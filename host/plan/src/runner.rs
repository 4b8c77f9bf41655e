//! Running a program as a step of a plan.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::PidfdFlags;

use crate::command::{Command, Program, RunsIn};
use crate::failure::Failure;
use crate::files::Files;
use crate::interpreter::NOT_FOUND;
use crate::interrupt::INTERRUPTED;
use crate::jobs::Jobs;
use crate::launch::{Launch, Resolved, Running};
use crate::output::{in_memory, shown, tail};
use crate::report::Reporter;
use crate::secrets::conceal_text;
use crate::walls::Enclosure;
use modsmith_facts::{find_program, resolve_in_root};

/// Runs the programs of steps.
pub struct Runner<'a> {
    pub system_root: &'a Path,
    pub reporter: &'a dyn Reporter,
    pub jobs: &'a Jobs,
    /// Whether a stop signal ends programs. Not while cleaning up after one.
    pub stops_on_signal: bool,
    /// The lines that the last program wrote, if the user is shown them.
    pub said: RefCell<Vec<String>>,
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
        let launch = Launch::new(command, &resolved, files, enclosure.as_ref()).map_err(Failure::from);
        let outcome = match launch.and_then(|launch| launch.start(self.jobs, &output)) {
            Ok(mut running) => {
                let outcome = self.wait(&mut running, command.time_limit, &text);
                running.take_back()?;
                outcome
            }
            // As with a shell, the message is part of the script's output.
            Err(Failure::NoInterpreter { script, why }) => {
                writeln!(output, "{script}: {why}.")?;
                Ok(ExitStatus::from_raw(NOT_FOUND << 8))
            }
            Err(failure) => Err(failure),
        };
        // The program and all that it started have ended: nothing works in the directory any more.
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

/// Whether a file is a script, or may be one: no ELF file.
fn is_script(file: &Path) -> bool {
    let mut magic = [0; 4];
    !File::open(file).and_then(|mut file| file.read_exact(&mut magic)).is_ok_and(|()| &magic == b"\x7fELF")
}

/// The exit status as a shell reports it: for a signal, 128 and its number.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
