//! Modules × kernels × architectures: a specification becomes cells, cells become the text of an
//! engine that runs one command for each, and the results of the cells become one index and
//! one page.
//!
//! ```text
//! Spec ── Matrix ── emit (make, Slurm, Kubernetes, GitHub, GitLab)
//!            │            └─ each cell writes a CellResult
//!            └──────── Index ── JSON, OpenMetrics, page
//! ```
//!
//! This crate reads and writes no files, starts no programs, and knows nothing of trees, plugins
//! and terminals.

mod cell;
mod emit;
mod index;
mod metrics;
mod outcome;
mod page;
mod result;
mod spec;

pub use cell::{Cell, Coordinates, HeadersPackage, Matrix, MatrixError, Wanted};
pub use emit::{Engine, Job, emit};
pub use index::{Change, Index, IndexError, IndexedCell};
pub use metrics::metrics;
pub use outcome::CellOutcome;
pub use page::page;
pub use result::{BuiltModule, CellResult, FirstError};
pub use spec::{HeadersSpec, ModuleSpec, Spec, SpecError};
