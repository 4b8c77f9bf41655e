//! The effect of a stop signal.
//!
//! While a plan is carried out, the first signal only sets a flag: running
//! programs are stopped and the plan is undone. At any other time, while the
//! program reads, waits for a lock or asks a plugin, nothing has to be undone and
//! the signal ends it at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Set by the signal handlers of the program.
pub static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether no plan is being carried out.
pub static AT_REST: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// How many threads are carrying out a plan.
static PLANS: Mutex<usize> = Mutex::new(0);

/// Says that everything a stop signal was meant for has ended. Plans that clear up after it, and
/// those that finish what was done before it, are carried out to their end.
pub fn end_of_stop() {
    INTERRUPTED.store(false, Ordering::SeqCst);
}

/// A plan that is being carried out.
pub(crate) struct AtWork;

impl AtWork {
    pub(crate) fn begin() -> Self {
        change(|plans| plans + 1);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        change(|plans| plans - 1);
    }
}

fn change(to: impl FnOnce(usize) -> usize) {
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    *plans = to(*plans);
    AT_REST.store(*plans == 0, Ordering::SeqCst);
}
