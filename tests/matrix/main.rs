//! A matrix: every cell is built at most once, the index says what came of each, and the machine's tree
//! is as it was.

mod browser;
mod cells;
mod engines;
mod guides;
mod needed;
mod packages;
mod plan;
mod scene;
mod slurm;
