//! Testing plugins: a question and a small system in, a plan, a value or a
//! refusal out, from the real engine.

mod ask;
mod call;
mod facts;
mod render;
mod target;

pub use ask::{Answer, ask};
pub use call::Call;
pub use facts::{FACTS, Facts, KernelTable, PackageTable};
pub use target::Target;
