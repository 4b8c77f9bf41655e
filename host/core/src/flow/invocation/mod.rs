//! The parts of one invocation of the program, which every flow gets.

pub(super) mod cache;
pub(super) mod deferred;
pub(super) mod env;
pub(super) mod facts;
pub(super) mod file_facts;
pub(super) mod image;
pub(super) mod kernel_inputs;
pub(super) mod reporter;
pub(super) mod runner;
pub(super) mod trust_facts;

use std::sync::Arc;

use crate::conf::{PackageConf, Strictness};
use crate::error::Result;
use crate::event::Observer;
use crate::flow::invocation::deferred::Transaction;
use crate::flow::invocation::env::Env;
use crate::flow::invocation::facts::Facts;
use crate::flow::invocation::runner::{Mode, Runner};
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Plan;

/// One invocation, or one of its threads: cheap to clone.
#[derive(Clone)]
pub struct Invocation<'a> {
    pub env: Arc<Env>,
    pub facts: Arc<Facts>,
    pub runner: Runner<'a>,
    pub transaction: Transaction,
    pub scope: Scope,
}

/// What else is built at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// Whether each build has a directory of its own, because others of the same
    /// package go on at the same time.
    pub isolated: bool,
    /// Whether other packages are built for the same kernel meanwhile or next.
    pub multi_package: bool,
}

impl<'a> Invocation<'a> {
    pub fn new(env: Env, observer: &'a dyn Observer, mode: Mode) -> Self {
        let env = Arc::new(env);
        Self {
            facts: Arc::default(),
            runner: Runner::new(env.clone(), observer, mode),
            transaction: Transaction::default(),
            scope: Scope::default(),
            env,
        }
    }

    /// The same invocation as part of a transaction, in which depmod and boot image
    /// wait for [`super::transaction::finish`].
    pub(super) fn in_transaction(&self) -> Self {
        Self { transaction: self.transaction.opened(), ..self.clone() }
    }

    /// The same invocation, building this number of packages for one kernel.
    pub(super) fn building(&self, packages: usize) -> Self {
        Self { scope: Scope { multi_package: packages > 1, ..self.scope }, ..self.clone() }
    }

    /// The same invocation, building the same package for several kernels at
    /// once.
    pub(super) fn isolated(&self) -> Self {
        Self { scope: Scope { isolated: true, ..self.scope }, ..self.clone() }
    }

    /// The facts of a kernel.
    pub fn kernel(&self, target: &Target) -> Arc<Kernel> {
        self.facts.kernel(&self.env, target, &self.runner.reporter)
    }

    /// A package's dkms.conf for a kernel, validated.
    pub fn conf(&self, package: &Package, kernel: &Kernel, strictness: Strictness) -> Result<PackageConf> {
        self.facts.conf(&self.env, package, kernel, strictness, &self.runner.reporter)
    }

    /// The plans of a dry run, in order.
    pub fn into_plans(self) -> Vec<Plan> {
        self.runner.take_plans()
    }
}
