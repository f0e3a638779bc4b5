//! Users through HTTP: shared helpers and the tests by operation.

mod change;
mod create;
mod disable;
mod list;
mod reset;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApi};

/// The admins' list, and where a user is made.
const USERS: &str = "/api/v1/admin/users";

/// The path of an operation on a user.
fn path(id: &Value, operation: &str) -> String {
    format!("{USERS}/{id}{operation}")
}

/// Logs in by name.
async fn login(api: &TestApi, username: &str, password: &str) -> Answer {
    api.nobody().post("/api/v1/auth/login", json!({ "username": username, "password": password })).await
}

/// Makes a user with [`PASSWORD`]; gives their id.
async fn made(api: &TestApi, username: &str, more: Value) -> Value {
    let mut body = json!({ "username": username, "password": PASSWORD, "name": username, "role": "admin" });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    fields.extend(more);
    api.admin().post(USERS, body).await.created()["id"].clone()
}

const PASSWORD: &str = "a long enough password";
