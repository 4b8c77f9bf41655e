//! A machine whose clock is wrong.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::preload;
use crate::world::Invocation;

/// The clock that counts on from the start is right: only the time of day is wrong.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        next = dlsym(RTLD_NEXT, "clock_gettime");
    int status = next(clock, time);
    const char *seconds = getenv("CLOCK_IS_WRONG_BY");
    if (seconds && clock == CLOCK_REALTIME)
        time->tv_sec += atoll(seconds);
    return status;
}
"#;

impl Invocation<'_> {
    /// Has the program, and all that it starts, believe that it is so many years later.
    pub fn years_later(self, years: i64) -> Self {
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        let library = LIBRARY.get_or_init(|| preload::library("clock", SOURCE));
        let seconds = years * 365 * 24 * 60 * 60;
        self.env("CLOCK_IS_WRONG_BY", seconds.to_string()).env("LD_PRELOAD", library.display().to_string())
    }
}
