//! The budget of reading without a shell.
//!
//! A short text can describe values and comparisons without end: `A=$A$A`,
//! `${A%%*a*b}`. Bash, which has limits, reads what costs more than any real file.

/// The bytes of all values that one file makes on the way, together.
const BYTES: usize = 16 << 20;

/// The characters that one file's patterns are compared with, together.
const STEPS: usize = 50_000_000;

/// The rest of the budget for one file.
pub(crate) struct Budget {
    bytes: usize,
    steps: usize,
    exceeded: Option<&'static str>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { bytes: BYTES, steps: STEPS, exceeded: None }
    }

    /// Pays for a value of so many bytes, before it is made. `None`: it is not to be made.
    pub(crate) fn pay_bytes(&mut self, count: usize) -> Option<()> {
        match self.bytes.checked_sub(count) {
            Some(left) => self.bytes = left,
            None => self.exceeded = Some("values that grow beyond 16 MiB"),
        }
        self.exceeded.is_none().then_some(())
    }

    /// Pays for so many comparisons. `None`: they are too many.
    pub(crate) fn pay_steps(&mut self, count: usize) -> Option<()> {
        match self.steps.checked_sub(count) {
            Some(left) => self.steps = left,
            None => self.exceeded = Some("patterns that take more than 50 million comparisons"),
        }
        self.exceeded.is_none().then_some(())
    }

    /// The exhausted part of the budget, as a noun.
    pub(crate) fn exceeded(&self) -> Option<&'static str> {
        self.exceeded
    }
}
