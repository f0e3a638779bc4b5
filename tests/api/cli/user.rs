//! `safestories user …`, run as a program.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::json;

use crate::{
    fixtures::therapist,
    harness::{TestApi, database},
};

const PASSWORD: &str = "a password from stdin";

/// Runs the command; its password comes from stdin.
fn run(url: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_safestories"))
        .arg("user")
        .args(arguments)
        .env("DATABASE_URL", url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    // A command that fails at once does not wait for its input.
    let _ = writeln!(child.stdin.take().expect("a pipe"), "{PASSWORD}");
    child.wait_with_output().expect("an end")
}

#[track_caller]
fn told(output: &Output, success: bool) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), success, "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_disabled_and_given_passwords() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let url = api.database();
    let login = async |name: &str| {
        api.nobody().post("/api/v1/auth/login", json!({ "username": name, "password": PASSWORD })).await
    };

    told(&run(url, &["create", "--username", "Meera", "--role", "admin", "--name", "Meera"]), true);
    told(
        &run(url, &["create", "--username", "asha", "--role", "therapist", "--name", "Asha", "--therapist-id", "T1"]),
        true,
    );
    login("meera").await.is(200);
    let asha = login("asha").await.ok();
    assert_eq!(asha["user"]["therapist_id"], "T1");

    let again = run(url, &["create", "--username", "MEERA", "--role", "admin", "--name", "M"]);
    assert!(told(&again, false).contains("somebody else logs in by this name"));
    told(&run(url, &["create", "--username", "x", "--role", "therapist", "--name", "X"]), false);
    told(
        &run(url, &["create", "--username", "x", "--role", "therapist", "--name", "X", "--therapist-id", "T9"]),
        false,
    );
    told(&run(url, &["create", "--username", PASSWORD, "--role", "admin", "--name", "X"]), false);
    told(&run(url, &["create", "--username", "x", "--role", "nurse", "--name", "X"]), false);

    let token = asha["access_token"].as_str().unwrap();
    told(&run(url, &["set-password", "--username", "ASHA"]), true);
    api.nobody().bearing(token).get("/api/v1/auth/me").await.is(401);
    told(&run(url, &["disable", "--username", "asha"]), true);
    login("asha").await.is(401);
    assert!(told(&run(url, &["disable", "--username", "asha"]), true).contains("already"));
    told(&run(url, &["disable", "--username", "nobody"]), false);
    let list = told(&run(url, &["list"]), true);
    assert!(list.lines().any(|line| line.contains("asha") && line.contains("disabled")), "{list}");

    let actions: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    for action in ["user_create", "password_change", "user_disable"] {
        assert!(actions.iter().any(|known| known == action), "{action} in {actions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_passwords_are_hashed_in_place_and_once() {
    let api = TestApi::new().await;
    let url = api.database();
    sqlx::raw_sql(
        "insert into users (username, password, name) values
             ('old', 'plain secret', 'Old'), ('empty', '', 'Empty'), ('other', '$2b$10$abcdefghijklmnopqrstuv', 'Other')",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    let login = async || {
        let body = json!({ "username": "old", "password": "plain secret" });
        api.nobody().post("/api/v1/auth/login", body).await
    };
    login().await.is(401);
    let first = told(&run(url, &["hash-legacy-passwords"]), true);
    assert!(first.contains("Hashed 1 password") && first.contains("empty") && first.contains("other"), "{first}");
    login().await.is(200);
    assert!(told(&run(url, &["hash-legacy-passwords"]), true).contains("Hashed 0 passwords"));
    let kept: Vec<String> = sqlx::query_scalar("select password from users where username <> 'old' order by username")
        .fetch_all(&mut *api.sql().await)
        .await
        .unwrap();
    assert_eq!(kept, ["", "$2b$10$abcdefghijklmnopqrstuv"]);
    assert_eq!(api.audit_log().await[0].0, "password_hash");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_current_is_left_alone() {
    let empty = database().await;
    let output = run(&empty, &["list"]);
    assert!(told(&output, false).contains("safestories migrate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_would_steer_the_terminal_are_shown_and_not_obeyed() {
    let api = TestApi::new().await;
    let url = api.database();
    let names = "insert into users (username, password, name, full_name, role)
                 values (E'me\\u001b[2Jera', '', E'a\\r\\nb\\u009b31m', E'\\u202eeman', E'admin\\u0007')";
    sqlx::raw_sql(names).execute(&mut *api.sql().await).await.unwrap();
    let mut said = told(&run(url, &["list"]), true);
    said += &told(&run(url, &["hash-legacy-passwords"]), true);
    said += &told(&run(url, &["disable", "--id", "1"]), true);
    assert!(said.contains(r"me\u{1b}[2Jera") && said.contains(r"\u{202e}eman"), "{said}");
    assert!(!said.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_the_same_however_it_is_typed() {
    let api = TestApi::new().await;
    let url = api.database();
    told(&run(url, &["create", "--username", " Ｍｅｅｒａ\u{200b} ", "--role", "admin", "--name", "Meera"]), true);
    let kept: String = sqlx::query_scalar("select username from users").fetch_one(&mut *api.sql().await).await.unwrap();
    assert_eq!(kept, "Meera");
    told(&run(url, &["create", "--username", "meera", "--role", "admin", "--name", "M"]), false);
    told(&run(url, &["set-password", "--username", "ＭＥＥＲＡ"]), true);
    let login = async |name: &str| {
        api.nobody().post("/api/v1/auth/login", json!({ "username": name, "password": PASSWORD })).await
    };
    for name in ["meera", " meera\n", "ｍｅｅｒａ", "me\u{ad}era", "\u{202e}MEERA\0"] {
        login(name).await.is(200);
    }
    login("me era").await.is(401);
    // As another program left it.
    let update = "update users set username = E'\\u00a0Zoe\\u0308\\u200d '";
    sqlx::raw_sql(update).execute(&mut *api.sql().await).await.unwrap();
    login("zoë").await.is(200);
}
