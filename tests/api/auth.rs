//! Login, logout, and the caller's own account.

mod calendar_link;
mod guesses;
mod login;
mod logout;
mod me;
mod password;
mod refresh;
mod sessions;
pub mod totp;

use std::sync::OnceLock;

use argon2::{Argon2, Params, PasswordHasher};
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApi};

/// The password of everybody in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// Its hash, made once with cheap parameters, which it contains.
pub fn hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let cheap = Params::new(64, 1, 1, None).expect("parameters");
        Argon2::from(cheap).hash_password(PASSWORD.as_bytes()).expect("a hash").to_string()
    })
}

impl TestApi {
    /// A user with [`PASSWORD`]; gives their id.
    pub async fn sign_up(&self, username: &str, role: &str, therapist_id: Option<&str>) -> i32 {
        sqlx::query_scalar(
            "insert into users (username, password, name, role, therapist_id)
             values ($1, $2, initcap($1), $3, $4)
             returning id",
        )
        .bind(username)
        .bind(hash())
        .bind(role)
        .bind(therapist_id)
        .fetch_one(&mut *self.sql().await)
        .await
        .expect("a user")
    }

    /// Gives somebody who is there already [`PASSWORD`].
    pub async fn give_password(&self, username: &str) {
        let mut sql = self.sql().await;
        // As the server does: of another program's change, the sessions would end.
        sqlx::raw_sql("begin; set local safestories.writer = 'server'")
            .execute(&mut *sql)
            .await
            .expect("a transaction");
        sqlx::query("update users set password = $2 where username = $1")
            .bind(username)
            .bind(hash())
            .execute(&mut *sql)
            .await
            .expect("a user");
        sqlx::raw_sql("commit").execute(&mut *sql).await.expect("a commit");
    }

    /// Logs in with a name and a password.
    async fn try_login(&self, username: &str, password: &str) -> Answer {
        self.nobody().post("/api/v1/auth/login", json!({ "username": username, "password": password })).await
    }

    /// The tokens of a new session with [`PASSWORD`].
    pub async fn log_in(&self, username: &str) -> Tokens {
        Tokens::of(self.try_login(username, PASSWORD).await.ok())
    }

    /// Somebody with these tokens.
    pub fn with(&self, tokens: &Tokens) -> Person<'_> {
        self.nobody().bearing(&tokens.access)
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.nobody().post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
    }
}

/// The answer of a login.
pub struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    #[expect(clippy::needless_pass_by_value, reason = "an answer is handed over as it comes")]
    fn of(answer: Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}
