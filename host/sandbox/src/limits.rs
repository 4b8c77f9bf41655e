//! The resources of a confined program.

use std::time::Duration;

use rustix::process::{Resource, Rlimit};

/// The resources that a confined program and all programs below it may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Processor time per process, rounded up to whole seconds.
    pub cpu: Duration,
    /// Address space per process, in bytes.
    pub memory: u64,
    /// Memory of all processes together, in bytes: see [`Usage`].
    pub total_memory: u64,
    /// Processes at once: see [`Usage`].
    pub processes: usize,
}

/// Processes of one user at once, where the kernel counts them for the confined
/// program alone or for `nobody`: far more than [`Limits::processes`], since
/// others can be running as that user.
const USER_PROCESSES: u64 = 512;

/// Open files per process.
const FILES: u64 = 256;

/// Lowers the limits of this process; one that is lower already stays. Makes system
/// calls only.
pub(super) fn set(limits: &Limits, own_user: bool) {
    let seconds = limits.cpu.as_secs() + u64::from(limits.cpu.subsec_nanos() > 0);
    lower(Resource::Cpu, seconds.max(1));
    lower(Resource::As, limits.memory);
    lower(Resource::Nofile, FILES);
    lower(Resource::Core, 0);
    lower(Resource::Fsize, 0);
    if own_user {
        lower(Resource::Nproc, USER_PROCESSES);
    }
    go_first(b"1000");
}

/// Processes and threads at once of a user who builds: far more than the jobs of a machine with so many
/// processors need.
pub(super) fn build_processes() -> u64 {
    // SAFETY: asks for a number.
    let processors = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    1024 + 128 * u64::try_from(processors).unwrap_or(1)
}

/// The largest file that a build may write, in bytes.
const BUILD_FILE: u64 = 8 << 30;

/// Sets limits for builds, so that a build that runs wild leaves the machine usable. Makes system
/// calls only.
pub(super) fn set_for_builds(processes: u64, own_user: bool) {
    lower(Resource::Core, 0);
    lower(Resource::Fsize, BUILD_FILE);
    if own_user {
        lower(Resource::Nproc, processes);
    }
    go_first(b"500");
}

/// Lowers a limit; one that is lower already stays. A refusal leaves the old one.
fn lower(resource: Resource, value: u64) {
    let old = rustix::process::getrlimit(resource);
    let value = Some(old.maximum.map_or(value, |hard| hard.min(value)));
    let _ = rustix::process::setrlimit(resource, Rlimit { current: value, maximum: value });
}

/// Which process ends where memory runs out on the whole machine: 1000 is the first.
fn go_first(score: &[u8]) {
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(c"/proc/self/oom_score_adj", flags, rustix::fs::Mode::empty()) {
        let _ = rustix::io::write(&file, score);
    }
}

/// The resources that a confined program uses at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub processes: usize,
    /// Memory in bytes, also what is swapped out; what processes share counts for each.
    pub memory: u64,
}

impl Usage {
    /// Of all that `ancestor` started, itself not counted; zero without a `/proc`.
    ///
    /// Source: proc_pid_task(5), `children`; proc_pid_status(5).
    pub fn below(ancestor: u32) -> Self {
        let mut usage = Self::default();
        let mut waiting = children(ancestor);
        while let Some(process) = waiting.pop() {
            usage.processes += 1;
            let status = std::fs::read(format!("/proc/{process}/status")).unwrap_or_default();
            usage.memory = usage.memory.saturating_add(memory(&String::from_utf8_lossy(&status)));
            waiting.extend(children(process));
        }
        usage
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { processes: self.processes + other.processes, memory: self.memory.saturating_add(other.memory) }
    }

    /// The exceeded limit, as words.
    pub fn excess(self, limits: &Limits) -> Option<String> {
        if self.processes > limits.processes {
            Some(format!("more than {} processes", limits.processes))
        } else if self.memory > limits.total_memory {
            Some(format!("more than {} MiB of memory", limits.total_memory >> 20))
        } else {
            None
        }
    }
}

/// The memory, swap and huge pages of a process, in bytes.
fn memory(status: &str) -> u64 {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let kibibytes = value.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
        matches!(name, "VmRSS" | "VmSwap" | "HugetlbPages").then(|| kibibytes.saturating_mul(1024))
    };
    status.lines().filter_map(value).fold(0, u64::saturating_add)
}

pub(super) fn children(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split(' ').filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    #[test]
    fn memory_that_is_swapped_out_or_of_huge_pages_counts() {
        let status = "Name:\tx\nVmHWM:\t     900 kB\nVmRSS:\t     100 kB\nRssAnon:\t      90 kB\nVmSwap:\t      20 kB\n\
                      HugetlbPages:\t    2048 kB\nThreads:\t1\n";
        assert_eq!(memory(status), (100 + 20 + 2048) << 10);
        assert_eq!(memory(""), 0);
    }

    #[test]
    fn all_that_a_process_started_is_counted() {
        let script = "sh -c 'sh -c \"echo; read x\"; :'; :";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        // The innermost one says that it is there.
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        let usage = Usage::below(child.id());
        assert_eq!(usage.processes, 2);
        assert!(usage.memory > 100_000, "{usage:?}");
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        child.wait().unwrap();
        assert_eq!(Usage::below(child.id()), Usage::default());
    }
}
