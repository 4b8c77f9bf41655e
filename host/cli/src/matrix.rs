//! `modsmith matrix`: the cells of a matrix, and what came of them.

mod collect;
mod existing;
mod files;
mod headers;
mod plan;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};

use super::arguments::DirectoryArguments;
use modsmith_core::Environment;
use modsmith_core::error::Result;
use modsmith_matrix::Engine;

pub use files::{read_matrix, write_beside};

/// Modules times kernels: lists the cells, writes the text of an engine that runs them, and puts
/// their results together.
#[derive(Debug, Parser)]
#[command(name = "modsmith matrix")]
pub struct MatrixArguments {
    #[command(subcommand)]
    command: MatrixCommand,
    #[command(flatten)]
    directories: DirectoryArguments,
}

#[derive(Debug, Subcommand)]
enum MatrixCommand {
    /// List the cells of a specification in a file, and write the text of an engine that runs them
    Plan {
        /// Specification: modules, kernels and architectures, as TOML
        #[arg(value_name = "SPEC")]
        spec: PathBuf,
        /// File for the cells
        #[arg(short, long, value_name = "FILE", default_value = "matrix.json")]
        output: PathBuf,
        /// Write the text for this engine to standard output
        #[arg(long, value_name = "ENGINE", value_parser = engine())]
        emit: Option<Engine>,
        /// Directory of results that the text names
        #[arg(long, value_name = "DIR", default_value = "results", requires = "emit")]
        results: String,
        /// Container image that the text names
        #[arg(long, value_name = "IMAGE", requires = "emit")]
        image: Option<String>,
        /// Store that the text has cells push to: a directory, or `oci://HOST[:PORT]/PATH`
        #[arg(long, value_name = "STORE", requires = "emit", requires = "key")]
        push: Option<String>,
        /// Private key that the text names for it
        #[arg(long, value_name = "FILE", requires = "push")]
        key: Option<String>,
        /// Run nothing for builds that the store has
        #[arg(long)]
        skip_existing: bool,
    },
    /// Make one index, metrics and a page of the results of all cells
    Collect {
        /// The cells, as `plan` has written them
        #[arg(value_name = "FILE")]
        matrix: PathBuf,
        /// Directory with the results; index.json, metrics.txt and index.html are written there
        #[arg(long, value_name = "DIR", default_value = "results")]
        results: PathBuf,
        /// The index.json of an earlier run: what has changed since is shown
        #[arg(long, value_name = "FILE")]
        before: Option<PathBuf>,
        /// Write the index as JSON to standard output
        #[arg(long)]
        json: bool,
    },
}

/// An engine, by its name on the command line.
fn engine() -> impl TypedValueParser<Value = Engine> {
    PossibleValuesParser::new(Engine::ALL.map(Engine::name))
        .try_map(|name| Engine::ALL.into_iter().find(|engine| engine.name() == name).ok_or("there is no such engine"))
}

/// Does what the command says.
pub fn run(arguments: &MatrixArguments, environment: &Environment) -> Result<()> {
    match &arguments.command {
        MatrixCommand::Plan { spec, output, emit, results, image, push, key, skip_existing } => {
            let push = push.as_deref().zip(key.as_deref());
            let text = emit.map(|engine| plan::Text { engine, results, image: image.as_deref(), push });
            let wish = plan::Wish { spec, output, text, skip_existing: *skip_existing };
            plan::run(&wish, &arguments.directories, environment)
        }
        MatrixCommand::Collect { matrix, results, before, json } => {
            collect::run(matrix, results, before.as_deref(), *json)
        }
    }
}
