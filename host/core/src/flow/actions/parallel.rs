//! Runs tasks in parallel, each after the tasks that it depends on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::flow::invocation::reporter::TaskReporter;

/// A piece of work, and what it waits for.
#[derive(Debug, Clone, Default)]
pub struct Task {
    pub name: String,
    /// Names of the tasks that have to be settled first. A name that is no task's is never
    /// settled.
    pub needs: BTreeSet<String>,
}

/// What the end of a task means for the other tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Tasks that need it may begin.
    Settled,
    /// Tasks that need it are left over.
    Unsettled,
    /// No other task begins.
    Stop,
}

/// What became of the tasks.
pub struct Finished<R> {
    /// Results of the tasks that were done, in the order in which they began.
    pub results: Vec<(usize, R)>,
    /// The tasks that could not begin, and the tasks that they still need.
    pub left: Vec<(usize, BTreeSet<String>)>,
}

struct State<R> {
    /// Tasks that may begin, in order.
    ready: VecDeque<usize>,
    /// Tasks that wait, and what for.
    waiting: Vec<(usize, BTreeSet<String>)>,
    in_work: Vec<usize>,
    /// In the order in which they began.
    results: Vec<(usize, Option<R>)>,
    done: usize,
    stopped: bool,
}

/// Does the tasks, at most `workers` at a time.
///
/// `begin` is called in the order in which the tasks begin, and gives each what its work needs. A
/// single worker is the calling thread itself.
pub fn run<B, R: Send>(
    tasks: &[Task],
    workers: usize,
    reporter: &TaskReporter<'_>,
    begin: impl Fn(usize) -> B + Sync,
    work: impl Fn(usize, B) -> (End, R) + Sync,
) -> Finished<R> {
    let (ready, waiting): (Vec<_>, Vec<_>) =
        tasks.iter().map(|task| task.needs.clone()).enumerate().partition(|(_, needs)| needs.is_empty());
    let state = Mutex::new(State {
        ready: ready.into_iter().map(|(task, _)| task).collect(),
        waiting,
        in_work: Vec::new(),
        results: Vec::new(),
        done: 0,
        stopped: false,
    });
    let changed = Condvar::new();
    let overview = |state: &State<R>| {
        let names: Vec<&str> = state.in_work.iter().map(|task| tasks[*task].name.as_str()).collect();
        reporter.overall(state.done, tasks.len(), &names);
    };
    let worker = || {
        let mut now = state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if now.stopped || (now.ready.is_empty() && now.in_work.is_empty()) {
                return;
            }
            let Some(task) = now.ready.pop_front() else {
                now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            now.in_work.push(task);
            now.results.push((task, None));
            overview(&now);
            let begun = begin(task);
            drop(now);
            let (end, result) = work(task, begun);
            now = state.lock().unwrap_or_else(PoisonError::into_inner);
            now.finish(task, result);
            now.consider(end, &tasks[task].name);
            overview(&now);
            changed.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers.min(tasks.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let results = state.results.into_iter().filter_map(|(task, result)| Some((task, result?))).collect();
    Finished { results, left: state.waiting }
}

impl<R> State<R> {
    fn finish(&mut self, task: usize, result: R) {
        self.in_work.retain(|other| *other != task);
        self.done += 1;
        if let Some(slot) = self.results.iter_mut().find(|(other, _)| *other == task) {
            slot.1 = Some(result);
        }
    }

    fn consider(&mut self, end: End, name: &str) {
        match end {
            End::Settled => self.settle(name),
            End::Unsettled => {}
            End::Stop => self.stopped = true,
        }
    }

    fn settle(&mut self, name: &str) {
        for (_, needs) in &mut self.waiting {
            needs.remove(name);
        }
        let (ready, waiting): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|(_, needs)| needs.is_empty());
        self.waiting = waiting;
        self.ready.extend(ready.into_iter().map(|(task, _)| task));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use modsmith_plan::Silent;

    /// How long a task waits for two others.
    const TIMEOUT: Duration = Duration::from_secs(20);

    fn tasks(list: &[(&str, &[&str])]) -> Vec<Task> {
        let task = |(name, needs): &(&str, &[&str])| Task {
            name: (*name).to_owned(),
            needs: needs.iter().map(|n| (*n).to_owned()).collect(),
        };
        list.iter().map(task).collect()
    }

    fn order(list: &[(&str, &[&str])], workers: usize, end: impl Fn(&str) -> End + Sync) -> (Vec<String>, Vec<String>) {
        let tasks = tasks(list);
        let Finished { results, left } =
            run(&tasks, workers, &TaskReporter::new(&Silent), drop, |task, ()| (end(&tasks[task].name), task));
        assert!(results.iter().all(|(task, result)| task == result));
        let name = |task: usize| tasks[task].name.clone();
        (results.into_iter().map(|(t, _)| name(t)).collect(), left.into_iter().map(|(t, _)| name(t)).collect())
    }

    #[test]
    fn needs_come_first_and_otherwise_the_order_stays() {
        let list: &[(&str, &[&str])] = &[("a", &["z"]), ("b", &[]), ("c", &["a", "b"]), ("z", &[])];
        let (begun, left) = order(list, 1, |_| End::Settled);
        assert_eq!(begun, ["b", "z", "a", "c"]);
        assert!(left.is_empty());
        let (begun, _) = order(list, 3, |_| End::Settled);
        let place = |name| begun.iter().position(|b| b == name).unwrap();
        assert!(place("z") < place("a") && place("a") < place("c") && place("b") < place("c"), "{begun:?}");
    }

    #[test]
    fn what_needs_something_that_failed_or_is_unknown_or_itself_is_left_over() {
        let list: &[(&str, &[&str])] =
            &[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["nobody"]), ("e", &["f"]), ("f", &["e"]), ("g", &[])];
        for workers in [1, 2, 8] {
            let (mut begun, left) =
                order(list, workers, |name| if name == "a" { End::Unsettled } else { End::Settled });
            begun.sort();
            assert_eq!(begun, ["a", "g"]);
            assert_eq!(left, ["b", "c", "d", "e", "f"]);
        }
    }

    #[test]
    fn nothing_begins_after_a_stop() {
        let (begun, _) = order(&[("a", &[]), ("b", &[]), ("c", &["b"])], 1, |_| End::Stop);
        assert_eq!(begun, ["a"]);
    }

    #[test]
    fn as_many_as_there_are_workers_go_on_at_once() {
        struct Count {
            now: usize,
            most: usize,
        }

        let (count, begun) = (Mutex::new(Count { now: 0, most: 0 }), Condvar::new());
        let list: &[(&str, &[&str])] = &[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[]), ("e", &[])];
        run(&tasks(list), 3, &TaskReporter::new(&Silent), drop, |_, ()| {
            let mut under_way = count.lock().unwrap();
            under_way.now += 1;
            under_way.most = under_way.most.max(under_way.now);
            begun.notify_all();
            let (mut under_way, _) = begun.wait_timeout_while(under_way, TIMEOUT, |count| count.most < 3).unwrap();
            under_way.now -= 1;
            (End::Settled, ())
        });
        assert_eq!(count.into_inner().unwrap().most, 3);
    }
}
