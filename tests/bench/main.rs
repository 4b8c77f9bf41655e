//! modsmith and Debian's dkms in turn on the same work, as a table in Markdown.
//!
//!     make bench                 all rows
//!     make bench ONLY=status     those whose name has this in it
//!     make bench REPEAT=3        each command three times instead of the row's own number
//!
//! Worlds as in the tests: nothing of the machine's own is touched.

mod job;
mod rows;
mod scene;
mod table;

use std::process::ExitCode;

use rows::Bench;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // The bench calls itself to run commands where a world is laid over the machine.
    if let [word, job] = words.as_slice()
        && word == job::INSIDE
    {
        return job::perform(job);
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let repeat = match variable("REPEAT").map(|text| text.parse()) {
        None => None,
        Some(Ok(number)) if number > 0 => Some(number),
        Some(_) => {
            eprintln!("error: REPEAT is a number of repetitions, 1 or more.");
            return ExitCode::from(2);
        }
    };
    let only = variable("ONLY").unwrap_or_default();
    let chosen: Vec<_> = rows::GROUPS.iter().filter(|(name, _)| name.contains(&only)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = rows::GROUPS.iter().map(|(name, _)| *name).collect();
        eprintln!("error: no row has `{only}` in its name. They are: {}.", names.join(", "));
        return ExitCode::from(2);
    }
    let bench = Bench { repeat };
    print!("{}", table::head());
    let mut missed = 0;
    for (name, group) in chosen {
        eprintln!("{name} ...");
        for row in group(&bench) {
            missed += usize::from(row.met() == Some(false));
            print!("{}", row.to_markdown());
        }
    }
    eprintln!(
        "{}",
        if missed == 0 { "All targets were met.".to_owned() } else { format!("{missed} targets were missed.") }
    );
    ExitCode::SUCCESS
}
