//! The table in Markdown.

use std::fs;

/// What is to be compared with a row's target.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// At least so many times faster than the other.
    Faster(f64),
    /// At most so many times the other's time.
    Within(f64),
    /// At most so many MiB.
    Mebibytes(f64),
    /// At most so many milliseconds.
    Milliseconds(f64),
    None,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    pub what: String,
    /// Seconds, or MiB where the target is in MiB.
    pub ours: f64,
    /// Seconds, and whose they are.
    pub other: Option<(f64, &'static str)>,
    pub target: Target,
}

impl Row {
    /// `None` for a row without target.
    pub fn met(&self) -> Option<bool> {
        let other = self.other.map_or(f64::NAN, |(seconds, _)| seconds);
        match self.target {
            Target::Faster(times) => Some(other / self.ours >= times),
            Target::Within(times) => Some(self.ours / other <= times),
            Target::Mebibytes(limit) => Some(self.ours <= limit),
            Target::Milliseconds(limit) => Some(self.ours * 1e3 <= limit),
            Target::None => None,
        }
    }

    pub fn to_markdown(&self) -> String {
        let other = self.other.map(|(seconds, whose)| format!("{} ({whose})", time(seconds))).unwrap_or_default();
        let (ours, ratio, target) = match (self.target, self.other) {
            (Target::Mebibytes(limit), _) => (format!("{:.1} MiB", self.ours), String::new(), format!("≤ {limit} MiB")),
            (Target::Milliseconds(limit), _) => (time(self.ours), String::new(), format!("≤ {limit} ms")),
            (Target::Faster(times), Some((seconds, _))) => {
                (time(self.ours), format!("{:.1}× faster", seconds / self.ours), format!("≥ {times}× faster"))
            }
            (Target::Within(times), Some((seconds, _))) => {
                (time(self.ours), format!("{:.2}× its time", self.ours / seconds), format!("≤ {times}×"))
            }
            (_, Some((seconds, _))) => {
                (time(self.ours), format!("{:.2}× its time", self.ours / seconds), String::new())
            }
            (_, None) => (time(self.ours), String::new(), String::new()),
        };
        let met = match self.met() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        format!("| {} | {ours} | {other} | {ratio} | {target} | {met} |\n", self.what)
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{:.2} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// The machine, and the table's first lines.
pub fn head() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once([':', '='])?.1.trim().trim_matches('"').to_owned())
    };
    let model = field(&cpuinfo, "model name").unwrap_or_else(|| "an unnamed processor".into());
    let os = field(&fs::read_to_string("/etc/os-release").unwrap_or_default(), "PRETTY_NAME").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores of {model}, {os}; load average {load} at the start. Medians.\n\n\
         | | modsmith | other | ratio | target | met |\n|---|--:|--:|--:|--:|---|\n"
    )
}
