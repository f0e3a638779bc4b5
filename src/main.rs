//! The `safestories` program: parse the command line, run it, exit code.

use std::process::ExitCode;

use safestories::cli::{Cli, terminal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::read().run().await {
        Ok(code) => code,
        Err(error) => {
            terminal::fail(&error);
            ExitCode::FAILURE
        }
    }
}
