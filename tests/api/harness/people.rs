//! People as types: each logs in with its first request.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
};
use http_body_util::BodyExt;
use safestories::{
    auth::token,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
    },
    http::caller::Caller,
};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use super::{Answer, TestApi, contract};

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Person<'a> {
    api: &'a TestApi,
    who: Who,
    headers: Vec<(HeaderName, HeaderValue)>,
    address: Option<IpAddr>,
}

#[derive(Clone, Debug)]
enum Who {
    Nobody,
    /// By user name.
    Admin(String),
    /// By `therapist_id`.
    Therapist(String),
}

/// A login that is known already.
#[derive(Clone, Debug)]
pub(super) struct Login(Caller);

impl TestApi {
    /// The first admin.
    pub fn admin(&self) -> Person<'_> {
        self.admin_named("admin")
    }

    /// Another admin, by user name.
    pub fn admin_named(&self, username: &str) -> Person<'_> {
        self.person(Who::Admin(username.to_owned()))
    }

    /// The user of a therapist, by `therapist_id`; the therapist has to be there (see `given`).
    pub fn therapist(&self, therapist_id: &str) -> Person<'_> {
        self.person(Who::Therapist(therapist_id.to_owned()))
    }

    /// Forgets all logins: everybody logs in again with the next request.
    pub async fn forget_logins(&self) {
        self.people.lock().await.clear();
    }

    /// Somebody who is not logged in.
    pub fn nobody(&self) -> Person<'_> {
        self.person(Who::Nobody)
    }

    fn person(&self, who: Who) -> Person<'_> {
        Person { api: self, who, headers: Vec::new(), address: None }
    }

    /// The user that somebody is; made where there is none yet.
    async fn user(&self, who: &Who) -> Option<(i32, UserRole, Option<String>)> {
        let (role, column, value) = match who {
            Who::Nobody => return None,
            Who::Admin(name) => (UserRole::Admin, "username", name),
            Who::Therapist(id) => (UserRole::Therapist, "therapist_id", id),
        };
        let therapist = (role == UserRole::Therapist).then(|| value.clone());
        let sql = format!(
            "with known as (select id from users where {column} = $1 order by id limit 1),
                  made as (
                      insert into users (username, password, name, full_name, role, therapist_id)
                      select $1, '-', $1, $1, $2, $3
                      where not exists (select from known)
                      returning id
                  )
             select id from known union all select id from made"
        );
        let id = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(value)
            .bind(role.as_str())
            .bind(&therapist)
            .fetch_one(&mut *self.sql().await)
            .await
            .unwrap_or_else(|error| panic!("no user for {who:?}: {error}"));
        Some((id, role, therapist))
    }
}

impl Person<'_> {
    /// The same, with a header in all that is sent.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("the value of a header");
        self.headers.push((HeaderName::from_static(Box::leak(name.to_ascii_lowercase().into_boxed_str())), value));
        self
    }

    /// The same, from this address.
    #[must_use]
    pub fn from(mut self, address: &str) -> Self {
        self.address = Some(address.parse().expect("an address"));
        self
    }

    /// The same, with an access token of a real login.
    #[must_use]
    pub fn bearing(self, access_token: &str) -> Self {
        self.with("authorization", &format!("Bearer {access_token}"))
    }

    /// `users.id`.
    pub async fn user_id(&self) -> i32 {
        self.api.user(&self.who).await.expect("somebody").0
    }

    /// The Authorization header: logs in where needed. Empty for nobody.
    pub async fn authorization(&self) -> String {
        let mut logins = self.api.people.lock().await;
        let key = format!("{:?}", self.who);
        if !logins.contains_key(&key) {
            let Some((id, role, therapist)) = self.api.user(&self.who).await else {
                return String::new();
            };
            let caller = Caller {
                user_id: UserId(id),
                session_id: Uuid::new_v4(),
                role,
                therapist_id: therapist.map(TherapistId::from),
            };
            self.open_session(&caller).await;
            logins.insert(key.clone(), Login(caller));
        }
        let Login(caller) = &logins[&key];
        // Signed anew for every request, since tests let hours pass.
        let token = token::sign(&self.api.app.secrets, caller, self.api.now(), token::LIFETIME).expect("a token");
        format!("Bearer {token}")
    }

    /// The session of the login; it has to have sent something.
    pub async fn session_id(&self) -> Uuid {
        let logins = self.api.people.lock().await;
        logins.get(&format!("{:?}", self.who)).expect("somebody who is logged in").0.session_id
    }

    /// Inserts the session that a login makes, without hashing a password and without an audit entry.
    async fn open_session(&self, caller: &Caller) {
        sqlx::query(
            "insert into internal.sessions (session_id, user_id, created_at, last_used_at, expires_at)
             values ($1, $2, $3, $3, $3::timestamptz + interval '3650 days')",
        )
        .bind(caller.session_id)
        .bind(caller.user_id)
        .bind(self.api.now())
        .execute(&mut *self.api.sql().await)
        .await
        .expect("a session");
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Sends JSON, or nothing.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        match body {
            Some(body) => {
                let json = self.clone().with("content-type", "application/json");
                json.send_raw(method, path, body.to_string()).await
            }
            None => self.send_raw(method, path, Body::empty()).await,
        }
    }

    /// Sends any body under the headers given with [`Self::with`]; gives the answer as it arrives.
    pub async fn stream(&self, method: Method, path: &str, body: impl Into<Body>) -> axum::response::Response {
        self.api.settle().await;
        let mut request = Request::builder().method(method).uri(path).body(body.into()).expect("a request");
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("localhost"));
        if let Some(address) = self.address {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 40_000)));
        }
        let authorization = self.authorization().await;
        if !authorization.is_empty() {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.parse().expect("a header"));
        }
        let ends_sessions = request.uri().path().starts_with("/api/v1/auth/logout");
        let response = match self.api.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if ends_sessions || response.status() == StatusCode::UNAUTHORIZED {
            // After the end of a session the next request logs in again.
            self.api.people.lock().await.remove(&format!("{:?}", self.who));
        }
        response
    }

    /// Sends any body under the headers given with [`Self::with`].
    pub async fn send_raw(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let (parts, body) = self.stream(method.clone(), path, body).await.into_parts();
        // Events are for [`Self::stream`]: an answer that does not end is not read.
        let endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = if endless { Body::empty() } else { body };
        let bytes = body.collect().await.expect("a whole answer").to_bytes();
        let answer = Answer::new(parts.status, parts.headers, &bytes);
        if answer.status == StatusCode::CONFLICT {
            contract::assert_listed(&method, path, &answer);
        }
        if answer.status == StatusCode::PRECONDITION_FAILED && !answer.text.is_empty() {
            contract::assert_current(&method, path, &answer);
        }
        answer
    }
}

/// All rows of a list, page by page of `limit`, forwards; checks that reading backwards gives the same.
pub async fn all(person: &Person<'_>, path: &str, query: &str, limit: usize) -> Vec<Value> {
    let page = async |cursor: Option<&str>| {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        person.get(&format!("{path}?{query}&limit={limit}{cursor}")).await.ok()
    };
    let mut pages = vec![page(None).await];
    while let Some(next) = pages.last().unwrap()["page"]["next"].as_str() {
        let next = page(Some(next)).await;
        pages.push(next);
    }
    let mut prev = pages.last().unwrap()["page"]["prev"].clone();
    for earlier in pages.iter().rev().skip(1) {
        let back = page(Some(prev.as_str().expect("a page before"))).await;
        assert_eq!(back["data"], earlier["data"], "{query} backwards");
        prev = back["page"]["prev"].clone();
    }
    assert_eq!(prev, Value::Null);
    pages.iter().flat_map(|page| page["data"].as_array().unwrap().clone()).collect()
}
