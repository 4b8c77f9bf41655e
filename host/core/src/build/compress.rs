//! Compressing module files with the programs whose options framework.conf sets.

use crate::conf::framework::Framework;
use modsmith_facts::Compression;
use modsmith_facts::Location;
use modsmith_plan::{Command, OnFailure, RunsIn};

/// A compression program and its options.
pub struct Compressor {
    program: &'static str,
    options: Vec<String>,
}

impl Compressor {
    pub fn new(compression: Compression, framework: &Framework) -> Self {
        let (program, options) = match compression {
            Compression::Gzip => ("gzip", framework.compress_gzip_opts()),
            Compression::Xz => ("xz", framework.compress_xz_opts()),
            Compression::Zstd => ("zstd", framework.compress_zstd_opts()),
        };
        Self { program, options: options.into_iter().map(str::to_owned).collect() }
    }

    /// Replaces a file by its compressed form; a failure leaves it plain, which
    /// every kernel can load.
    pub fn command(&self, file: &Location) -> Command {
        let mut command = Command::new(self.program).args(self.options.iter()).arg("-f").location_arg(file.clone());
        command.failure = OnFailure::Warn;
        command.runs_in = RunsIn::Either;
        command
    }
}
