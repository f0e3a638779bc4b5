//! Users through HTTP: shared helpers and the tests by operation.

mod change;
mod create;
mod disable;
mod list;
mod reset;

use serde_json::{Value, json};

use crate::{
    accounts::{self, claim},
    harness::{Answer, TestApi},
};

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

/// Makes a user with [`PASSWORD`]; returns their id.
async fn made(api: &TestApi, username: &str, more: Value) -> Value {
    let mut body =
        json!({ "username": username, "name": username, "role": "admin", "confirmation": confirmation(api).await });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    fields.extend(more);
    let user = api.admin().post(USERS, body).await.created();
    claim(api, &user["claim"], PASSWORD).await.is(204);
    user["id"].clone()
}

/// What the first admin says once more.
async fn confirmation(api: &TestApi) -> Value {
    api.admin().user_id().await;
    api.give_password("admin").await;
    accounts::confirmation()
}

const PASSWORD: &str = "a long enough password";
