//! The interface by which an executing plan reports to the user.

/// Told about what happens, in order. Implementations pass on or print; they never decide.
pub trait Reporter: Sync {
    /// A complete line of ordinary output.
    fn line(&self, text: &str);
    /// Several such lines.
    fn lines(&self, texts: &[String]) {
        texts.iter().for_each(|text| self.line(text));
    }
    /// Something that takes a while begins. `command` is its command line.
    fn begin(&self, text: &str, command: &str);
    /// The program is still running. This is called about every three seconds.
    fn tick(&self) {}
    /// The program ended. `Err` holds the exit status.
    fn end(&self, outcome: Result<(), i32>);
    /// The output of the program that has ended: lines of third parties.
    fn output(&self, lines: &[String]);
    /// The changes of a plan so far are undone. `title` is the plan's.
    fn undoing(&self, _title: &str) {}
    /// A warning, for standard error.
    fn warning(&self, text: &str);
    /// A line without a prefix such as `Warning:`; each is shown once.
    fn notice(&self, text: &str);
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn line(&self, _: &str) {}
    fn begin(&self, _: &str, _: &str) {}
    fn end(&self, _: Result<(), i32>) {}
    fn output(&self, _: &[String]) {}
    fn warning(&self, _: &str) {}
    fn notice(&self, _: &str) {}
}
