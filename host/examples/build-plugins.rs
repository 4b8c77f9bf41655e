//! `build-plugins DIR OUT`: builds plugins as `modsmith plugin build DIR --out
//! OUT` does.

use modsmith::plugin::build::{BuildOptions, build};

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), Some(out)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: build-plugins DIR OUT");
        return 1.into();
    };
    match build(&BuildOptions { directory: directory.into(), out: out.into() }) {
        Ok(built) => {
            for plugin in built {
                println!("{:>8}  {}", plugin.size, plugin.file.display());
                plugin.imports.iter().for_each(|(name, functions)| println!("{:>12}: {}", name, functions.join(" ")));
            }
            0.into()
        }
        Err(error) => {
            eprintln!("{error}");
            error.details.iter().for_each(|line| eprintln!("  {line}"));
            error.hints.iter().for_each(|line| eprintln!("hint: {line}"));
            error.kind.exit_code().into()
        }
    }
}
