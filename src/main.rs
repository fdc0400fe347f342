//! The process entry of the `truewheel` program.

fn main() -> std::process::ExitCode {
    truewheel::cli::main()
}
