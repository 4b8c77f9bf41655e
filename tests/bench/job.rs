//! Commands that are run in turn inside a world, and what they cost.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use modsmith_tests::World;
use serde::{Deserialize, Serialize};

/// The word that makes the bench perform a job.
pub const INSIDE: &str = "--inside";

/// Several turns, taken one after the other, all of it repeated.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    pub repetitions: usize,
    pub turns: Vec<Turn>,
    /// Sample the memory of the program itself, without the programs that it
    /// starts. This disturbs the times.
    pub own_memory: bool,
}

/// Command lines, split at blanks.
#[derive(Debug, Serialize, Deserialize)]
pub struct Turn {
    /// Run before each repetition; not measured.
    pub before: Vec<String>,
    /// Measured, together.
    pub measured: Vec<String>,
}

impl Turn {
    pub fn of(line: impl Into<String>) -> Self {
        Self { before: Vec::new(), measured: vec![line.into()] }
    }

    pub fn before(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.before.extend(lines);
        self
    }

    pub fn then(mut self, line: impl Into<String>) -> Self {
        self.measured.push(line.into());
        self
    }
}

/// What a turn cost.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Of each repetition.
    pub seconds: Vec<f64>,
    /// The largest resident set, in KiB: of the program and those it waited
    /// for; of the program alone where that was asked for.
    pub peak_kib: u64,
}

impl Cost {
    pub fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() % 2 {
            0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
            _ => sorted[middle],
        }
    }
}

/// Performs a job inside a world: the cost of each turn.
///
/// # Panics
/// When a command fails, with what it said.
pub fn measure(world: &World, job: &Job) -> Vec<Cost> {
    let me = std::env::current_exe().expect("the running program has a path");
    let job = serde_json::to_string(job).expect("plain data");
    let out = world.program(me).arg(INSIDE).arg(job).run().expect(0);
    serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("no costs ({e}): {out}"))
}

/// The other side of [`measure`].
pub fn perform(job: &str) -> ExitCode {
    let job: Job = serde_json::from_str(job).expect("written by `measure`");
    let mut costs: Vec<Cost> = job.turns.iter().map(|_| Cost::default()).collect();
    for _ in 0..job.repetitions {
        for (turn, cost) in job.turns.iter().zip(&mut costs) {
            for line in &turn.before {
                run(line, false);
            }
            let mut total = Duration::ZERO;
            for line in &turn.measured {
                let (time, peak) = run(line, job.own_memory);
                total += time;
                cost.peak_kib = cost.peak_kib.max(peak);
            }
            cost.seconds.push(total.as_secs_f64());
        }
    }
    println!("{}", serde_json::to_string(&costs).expect("plain data"));
    ExitCode::SUCCESS
}

/// Runs a command to its end: how long it took, and its peak memory in KiB.
#[expect(clippy::zombie_processes, reason = "wait4 reaps it")]
fn run(line: &str, own_memory: bool) -> (Duration, u64) {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("a command has a name"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // Nobody reads the pipe while it runs: warnings fit in it.
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {line}: {e}"));
    let (status, peak) = if own_memory { watch(&mut child) } else { wait(&child) };
    let time = start.elapsed();
    if !status.success() {
        let mut said = String::new();
        let _ = std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said);
        panic!("`{line}` failed with {status}: {said}");
    }
    (time, peak)
}

/// wait4(2): with the resources that it used.
fn wait(child: &Child) -> (ExitStatus, u64) {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: zeroes are a valid rusage, and wait4 writes only to the two that
    // it is given.
    let (reaped, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &mut status, 0, &mut usage), usage)
    };
    assert_eq!(reaped, pid, "wait4: {}", std::io::Error::last_os_error());
    (ExitStatus::from_raw(status), usage.ru_maxrss.unsigned_abs())
}

/// Reads the process's own high-water mark until it ends.
fn watch(child: &mut Child) -> (ExitStatus, u64) {
    let file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        peak = peak.max(high_water_mark(Path::new(&file)).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return (status, peak);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn high_water_mark(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
