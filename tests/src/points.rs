//! The program, as it is shipped, is killed or refused at a point that a test counts to: before it
//! changes a file below a directory for the N-th time, or before it sends for the N-th time.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::preload;
use crate::world::Invocation;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted<'p> {
    /// Writes, fsync, mkdir and rename of files whose path contains this.
    Files(&'p str),
    /// Messages to other programs over TCP.
    Messages,
}

/// The fault that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// The program is killed at this point.
    Killed,
    /// The disk is full from this point on.
    Full,
}

/// Below `files`, the library looks at the name of what is written to.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) static __typeof__(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name)

static int reached(void)
{
    static atomic_int passed;
    const char *at = getenv("POINT_AT");
    int now = atomic_fetch_add(&passed, 1) + 1;
    if (!at || now < atoi(at))
        return 0;
    if (!getenv("POINT_FULL"))
        kill(getpid(), SIGKILL);
    errno = ENOSPC;
    return 1;
}

static int point(const char *path)
{
    const char *files = getenv("POINT_FILES");
    return files && path && strstr(path, files) && reached();
}

static int point_of(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return point(path);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    NEXT(write);
    return fd > 2 && point_of(fd) ? -1 : next(fd, bytes, count);
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *into, size_t count, unsigned flags)
{
    NEXT(copy_file_range);
    return point_of(to) ? -1 : next(from, at, to, into, count, flags);
}

int fsync(int fd)
{
    NEXT(fsync);
    return point_of(fd) ? -1 : next(fd);
}

int mkdir(const char *path, mode_t mode)
{
    NEXT(mkdir);
    return point(path) ? -1 : next(path, mode);
}

int rename(const char *from, const char *to)
{
    NEXT(rename);
    return point(from) ? -1 : next(from, to);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    NEXT(send);
    if (getenv("POINT_MESSAGES") && reached())
        return -1;
    return next(fd, bytes, count, flags);
}
"#;

fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| preload::library("points", SOURCE)).clone()
}

impl Invocation<'_> {
    /// Has the program be killed, or find the disk full, at this point, counted from one.
    pub fn at_point(self, counted: Counted<'_>, happens: Happens, point: u32) -> Self {
        let run = match counted {
            Counted::Files(part) => self.env("POINT_FILES", part),
            Counted::Messages => self.env("POINT_MESSAGES", "1"),
        };
        let run = if happens == Happens::Full { run.env("POINT_FULL", "1") } else { run };
        run.env("POINT_AT", point.to_string()).env("LD_PRELOAD", library().display().to_string())
    }
}
