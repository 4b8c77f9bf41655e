//! The job budget: how much may be done at the same time, by this program and
//! by every `make` below it together.
//!
//! It is GNU make's jobserver: a pipe with one byte for each job. A program that
//! takes part holds one job while it runs; the makes that it starts find the pipe
//! in MAKEFLAGS and take further jobs from it as long as there are any.
//! Source: the GNU make manual, "Sharing Job Slots with GNU make".

use std::os::fd::RawFd;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::failure::Failure;
use crate::interrupt::INTERRUPTED;

/// The jobs of one invocation.
#[derive(Debug)]
pub struct Jobs {
    limit: u32,
    /// All jobs but one. Absent where there is nothing to share: for a single
    /// job, and without limit.
    server: Option<jobserver::Client>,
    held: Mutex<Held>,
}

/// The jobs that this program itself has taken.
#[derive(Debug, Default)]
struct Held {
    jobs: usize,
    /// Bytes from the pipe: one for each job but one. That one is this program's
    /// own; programs that are killed may take their bytes with them, but it comes
    /// back in every case, so that no build waits without end.
    bytes: Vec<jobserver::Acquired>,
}

impl Jobs {
    /// A budget of so many jobs; 0 is without limit.
    pub fn new(limit: u32) -> Self {
        let shared = (limit > 1).then(|| jobserver::Client::new(limit as usize - 1));
        let server = shared.and_then(|server| {
            server.inspect_err(|e| tracing::warn!("no jobserver, each make gets all jobs: {e}")).ok()
        });
        Self { limit, server, held: Mutex::default() }
    }

    /// How many jobs there are; 0 is without limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many threads of this program may work at once.
    pub fn workers(&self) -> usize {
        match self.limit {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            limit => limit as usize,
        }
    }

    /// Whether makes get their number of jobs from the jobserver; otherwise
    /// by `-j`.
    pub fn is_shared(&self) -> bool {
        self.server.is_some()
    }

    /// Waits for a job.
    pub(crate) fn take(&self) -> Result<Job<'_>, Failure> {
        loop {
            if INTERRUPTED.load(Ordering::SeqCst) {
                return Err(Failure::Interrupted);
            }
            let Some(server) = &self.server else { return Ok(Job(None)) };
            let mut held = self.held();
            let own = held.jobs == 0;
            if !own && server.available()? > 0 {
                held.bytes.push(server.acquire()?);
            }
            if own || held.bytes.len() == held.jobs {
                held.jobs += 1;
                return Ok(Job(Some(self)));
            }
            drop(held);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last job that is left counts as this program's own, whichever jobs have ended: all bytes are
    /// then in the pipe, for the makes below it.
    fn give_back(&self) {
        let mut held = self.held();
        held.jobs -= 1;
        let others = held.jobs.saturating_sub(1);
        held.bytes.truncate(others);
    }

    /// Lets a program and the makes below it use what is left of the budget. Returns the
    /// descriptors that have to stay open for that, by number.
    pub(crate) fn share(&self, process: &mut Command) -> Vec<RawFd> {
        let Some(server) = &self.server else { return Vec::new() };
        // cargo's name for what make reads from MAKEFLAGS.
        const FLAGS: &str = "CARGO_MAKEFLAGS";
        server.configure(process);
        let flags = process.get_envs().find(|(name, _)| *name == FLAGS).and_then(|(_, value)| value?.to_str());
        let flags = flags.unwrap_or_default().to_owned();
        let callers = std::env::var("MAKEFLAGS").unwrap_or_default();
        process.env_remove(FLAGS).env_remove("MFLAGS").env("MAKEFLAGS", with_jobs(&callers, &flags));
        descriptors(&flags)
    }
}

/// The two ends of the pipe, as the flags for make name them.
fn descriptors(flags: &str) -> Vec<RawFd> {
    let pair = flags.split_whitespace().find_map(|word| word.strip_prefix("--jobserver-auth="));
    pair.into_iter().flat_map(|pair| pair.split(',')).filter_map(|number| number.parse().ok()).collect()
}

/// Keeps the makes below a program from doing several things at the same time,
/// whatever the caller's own budget is.
pub(crate) fn withhold(process: &mut Command) {
    let callers = std::env::var("MAKEFLAGS").unwrap_or_default();
    process.env_remove("MFLAGS").env("MAKEFLAGS", with_jobs(&callers, ""));
}

/// The caller's MAKEFLAGS with another budget. It goes before all words but a
/// group of short options, which is written without its dash: behind `--` there
/// are variables.
fn with_jobs(callers: &str, jobs: &str) -> String {
    let mut words: Vec<&str> =
        callers.split_whitespace().filter(|word| !word.starts_with("-j") && !word.starts_with("--jobserver")).collect();
    let grouped = words.first().is_some_and(|word| !word.starts_with('-') && !word.contains('='));
    words.insert(usize::from(grouped), jobs);
    let text = words.join(" ");
    if grouped { text } else { format!(" {text}") }
}

/// A job, given back when it is dropped. `None`: jobs are not counted.
pub(crate) struct Job<'j>(Option<&'j Jobs>);

impl Drop for Job<'_> {
    fn drop(&mut self) {
        if let Some(jobs) = self.0 {
            jobs.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pipe(jobs: &Jobs) -> usize {
        jobs.server.as_ref().unwrap().available().unwrap()
    }

    #[test]
    fn a_budget_is_used_up_and_given_back() {
        let jobs = Jobs::new(3);
        let taken: Vec<_> = (0..3).map(|_| jobs.take().ok()).collect();
        assert!(taken.iter().all(Option::is_some));
        assert_eq!(in_pipe(&jobs), 0);
        drop(taken);
        assert_eq!(in_pipe(&jobs), 2);
        assert_eq!(jobs.held().jobs, 0);
    }

    #[test]
    fn the_last_job_leaves_all_others_to_its_makes() {
        let jobs = Jobs::new(2);
        let (first, second) = (jobs.take().ok().unwrap(), jobs.take().ok().unwrap());
        assert_eq!(in_pipe(&jobs), 0);
        drop(first);
        assert_eq!(in_pipe(&jobs), 1, "the one that goes on needs no byte any more");
        let third = jobs.take().ok().unwrap();
        assert_eq!(in_pipe(&jobs), 0);
        drop(second);
        drop(third);
        assert_eq!(in_pipe(&jobs), 1);
    }

    #[test]
    fn the_pipe_of_a_budget_is_known_by_its_descriptors() {
        assert_eq!(descriptors("-j --jobserver-fds=3,4 --jobserver-auth=3,4"), [3, 4]);
        assert_eq!(descriptors("-j --jobserver-auth=fifo:/tmp/x"), [0; 0]);
        let mut process = Command::new("true");
        assert_eq!(Jobs::new(3).share(&mut process).len(), 2);
    }

    #[test]
    fn one_job_and_no_limit_need_no_jobserver() {
        for limit in [0, 1] {
            let jobs = Jobs::new(limit);
            assert!(!jobs.is_shared());
            let all: Vec<_> = (0..9).map(|_| jobs.take().is_ok()).collect();
            assert_eq!(all, [true; 9]);
        }
    }

    #[test]
    fn the_callers_flags_stay_and_its_jobs_do_not() {
        let new = "-j --jobserver-auth=3,4";
        assert_eq!(with_jobs("", new), " -j --jobserver-auth=3,4");
        assert_eq!(with_jobs("ks -j8 --jobserver-auth=5,6", new), "ks -j --jobserver-auth=3,4");
        assert_eq!(with_jobs(" -j2 -- V=1", new), " -j --jobserver-auth=3,4 -- V=1");
        assert_eq!(with_jobs("s -- V=1", new), "s -j --jobserver-auth=3,4 -- V=1");
        assert_eq!(with_jobs("V=1", new), " -j --jobserver-auth=3,4 V=1");
        assert_eq!(
            with_jobs("ks -j8 --jobserver-auth=5,6 -- V=1", "").split_whitespace().collect::<Vec<_>>(),
            ["ks", "--", "V=1"]
        );
    }
}
