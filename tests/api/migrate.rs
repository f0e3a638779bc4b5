//! `safestories migrate`: arguments and exit codes.

use std::process::ExitCode;

use clap::Parser;
use safestories::cli::migrate::{self, Migrate};
use sqlx::{Connection, PgConnection};

use crate::harness::{Database, database};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    migrate: Migrate,
}

async fn run(url: &str, arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let command = Command::try_parse_from(["migrate"].iter().chain(arguments))?;
    migrate::run(command.migrate, url, None).await
}

#[tokio::test]
async fn check_fails_until_the_database_is_current_and_changes_nothing() {
    let url = database().await;
    assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::FAILURE);
    assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::FAILURE);
    assert_eq!(run(&url, &[]).await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(run(&url, &[]).await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn check_fails_on_what_came_from_elsewhere_until_it_is_adopted() {
    let url = database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::query("create table aisensy_campaign_api (campaign_name text)").execute(&mut conn).await.unwrap();
    assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::FAILURE);
    assert!(run(&url, &[]).await.is_err());
    assert_eq!(run(&url, &["--adopt"]).await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_choice_about_triggers_belongs_to_an_adoption() {
    let url = database().await;
    assert!(run(&url, &["--foreign-triggers", "accept"]).await.is_err());
    assert!(run(&url, &["--check", "--adopt"]).await.is_err());
}

#[tokio::test]
async fn a_database_where_others_may_create_functions_is_not_current() {
    let url = database().await;
    assert_eq!(run(&url, &[]).await.unwrap(), ExitCode::SUCCESS);
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::query("grant create on schema public to public").execute(&mut conn).await.unwrap();
    assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::FAILURE);
    let told = run(&url, &[]).await.unwrap_err().to_string();
    assert!(told.contains("revoke create on schema public from public;"), "{told}");
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let url = Database::encoded(encoding).await;
        assert_eq!(run(&url, &["--check"]).await.unwrap(), ExitCode::FAILURE);
        for arguments in [&[][..], &["--adopt"]] {
            let told = run(&url, arguments).await.unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("the encoding of this database is {encoding}, and has to be UTF8")),
                "{told}"
            );
        }
    }
}
