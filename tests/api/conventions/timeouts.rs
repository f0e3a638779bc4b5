//! Limits on statements (`statement_timeout` and the like), and that none of them stays on a pooled connection.

use safestories::{
    db::scope::Scope,
    domain::ids::{TherapistId, UserId},
};
use serde_json::json;
use sqlx::PgConnection;

use super::{BOOKINGS, a_booking, practice};

/// How long a statement, a lock and the next statement may take, and whether expressions are compiled.
async fn bounds(conn: &mut PgConnection) -> [String; 4] {
    let (statement, lock, idle, jit) = sqlx::query_as(
        "select current_setting('statement_timeout'), current_setting('lock_timeout'),
                current_setting('idle_in_transaction_session_timeout'), current_setting('jit')",
    )
    .fetch_one(conn)
    .await
    .unwrap();
    [statement, lock, idle, jit]
}

fn therapist() -> Scope {
    Scope::Own { therapist: TherapistId::from("T1"), user: UserId(1) }
}

#[tokio::test]
async fn every_connection_is_bounded() {
    let api = practice().await;
    let pooled = api.pooled_instance(&format!("{}&application_name=direct", &**api.database()));
    for (name, app) in [("ours", &api.app), ("pooled", &pooled.app)] {
        let mut db = app.db.read(&Scope::Practice).await.unwrap();
        assert_eq!(bounds(&mut db).await, ["30s", "5s", "15s", "off"], "{name}");
        let mut db = app.db.read(&therapist()).await.unwrap();
        assert_eq!(bounds(&mut db).await, ["30s", "5s", "15s", "off"], "{name}");
        let mut db = app.db.system_transaction().await.unwrap();
        assert_eq!(bounds(&mut db).await, ["10s", "5s", "15s", "off"], "{name}");
        drop(db);
    }
}

#[tokio::test]
async fn behind_a_pooler_nothing_outlasts_the_transaction() {
    let api = practice().await;
    let pooled = api.pooled_instance(&format!("{}&application_name=direct", &**api.database()));
    let mut plain = pooled.app.db.direct().await.unwrap();
    let default = bounds(&mut plain).await;
    for scope in [Scope::Practice, therapist()] {
        let mut db = pooled.app.db.read(&scope).await.unwrap();
        sqlx::raw_sql("rollback").execute(&mut *db).await.unwrap();
        assert_eq!(bounds(&mut db).await, default);
    }
    let mut db = pooled.app.db.read(&Scope::Practice).await.unwrap();
    assert!(sqlx::query("update therapists set name = 'x'").execute(&mut *db).await.is_err(), "it only reads");
    drop(db);

    // It serves as ever: a list, a table, a change, a login that fails, one that is counted.
    let path = a_booking(&api).await;
    pooled.admin().get(BOOKINGS).await.ok();
    pooled.admin().with("accept", "text/csv").get(BOOKINGS).await.is(200);
    pooled.admin().post(&format!("{path}/cancel"), json!({ "reason": "x" })).await.ok();
    let wrong = json!({ "username": "admin", "password": "a wrong password" });
    for _ in 0..5 {
        pooled.nobody().post("/api/v1/auth/login", wrong.clone()).await.is(401);
    }
    pooled.nobody().post("/api/v1/auth/login", wrong).await.is(429);
    pooled.nobody().get("/readyz").await.is(200);
}
