//! Killing the program at a point of its journal, with the program as it is
//! shipped: a library that the dynamic linker loads into it counts what the
//! program writes to its journals, and kills it at the N-th time.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::preload;

/// Which point the library kills at.
pub const VARIABLE: &str = "KILL_AT_JOURNAL_POINT";

/// Before a journal is closed is a point, too: what a committed plan has moved
/// aside is gone then, and the journal is not.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_journal(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 6)
        return 0;
    path[length] = 0;
    return strcmp(path + length - 6, ".jsonl") == 0 && strstr(path, "/.modsmith/journal/") != NULL;
}

static void point(void)
{
    static atomic_int passed;
    const char *at = getenv("KILL_AT_JOURNAL_POINT");
    if (at && atomic_fetch_add(&passed, 1) + 1 == atoi(at))
        kill(getpid(), SIGKILL);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    static ssize_t (*next)(int, const void *, size_t);
    if (!next)
        next = dlsym(RTLD_NEXT, "write");
    ssize_t written = next(fd, bytes, count);
    if (fd > 2 && is_journal(fd))
        point();
    return written;
}

int close(int fd)
{
    static int (*next)(int);
    if (!next)
        next = dlsym(RTLD_NEXT, "close");
    if (fd > 2 && is_journal(fd))
        point();
    return next(fd);
}
"#;

/// The library, compiled once.
///
/// # Panics
/// Without a compiler.
pub fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| preload::library("kill", SOURCE)).clone()
}
