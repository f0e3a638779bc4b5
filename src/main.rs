//! The `safestories` program: parse the command line, run it, exit code.

use std::process::ExitCode;

use clap::Parser;
use safestories::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("safestories: {error:#}");
            ExitCode::FAILURE
        }
    }
}
