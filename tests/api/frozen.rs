//! Connections to PostgreSQL freeze: nothing arrives on them any more, though the other side acknowledges what is sent, and new
//! ones work.

use std::time::{Duration, Instant};

use axum::http::Method;
use http_body_util::BodyExt;
use safestories::{app::listen, arrivals, audit::sealing::Sealer, cli::serve::sealing, notifications};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::{
    fixtures::{booking, therapist},
    harness::{Database, Proxy, TestApi},
};

const BOOKINGS: &str = "/api/v1/admin/bookings";
const THERAPISTS: &str = "/api/v1/therapist/bookings";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frozen_connections_are_thrown_away() {
    let database = Database::migrated().await;
    let proxy = Proxy::before(&database).await;
    let api = TestApi::over(Database::elsewhere(proxy.url.clone()));
    let second = api.second_instance();
    api.given(therapist("T1")).await;
    let id = api.given(booking("T1", "2026-02-10T10:30:00Z")).await;
    let stop = CancellationToken::new();
    for api in [&api, &second] {
        tokio::spawn(listen::listen(api.app.clone(), stop.clone()));
        tokio::spawn(notifications::feed(api.app.clone(), stop.clone()));
        tokio::spawn(arrivals::run(api.app.clone(), stop.clone()));
        let app = api.app.clone();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            let mut sealer = Sealer::default();
            loop {
                let _ = sealing::seal(&app, &mut sealer, None).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }));
    }
    let stream = "/api/v1/therapist/notifications/stream";
    let mut stream = second.therapist("T1").stream(Method::GET, stream, "").await.into_body();
    let read = async |api: &TestApi| {
        let (admin, therapist, nobody) = (api.admin(), api.therapist("T1"), api.nobody());
        let asked = (0..4).map(|_| async {
            let (one, other, ready) =
                tokio::join!(admin.get(BOOKINGS), therapist.get(THERAPISTS), nobody.get("/readyz"));
            [one, other, ready].iter().all(|answer| answer.status == 200)
        });
        futures_util::future::join_all(asked).await.into_iter().all(|answered| answered)
    };
    assert!(read(&api).await && read(&second).await);

    proxy.freeze();
    let frozen = Instant::now();
    // All that is under way meets a frozen connection, and readers come again and again.
    let recovered = async |api: &TestApi| while !read(api).await {};
    // What a request that is given up leaves is written by a task.
    let change = async {
        while api
            .admin()
            .post(&format!("{BOOKINGS}/{id}/cancel"), json!({ "reason": "x" }))
            .await
            .status
            .is_server_error()
        {}
    };
    tokio::join!(recovered(&api), recovered(&second), change);
    // Without a further word from us: what the stream's user is told, the arrivals and the seals.
    let mut past = PgConnection::connect(&database).await.unwrap();
    let told = async {
        let mut events = String::new();
        while !events.contains("\"booking_cancelled\"") {
            let frame = stream.frame().await.expect("no end").expect("a frame");
            events.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
        }
    };
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("an event");
    sqlx::raw_sql("update bookings set booking_subject = 'by hand'").execute(&mut past).await.unwrap();
    let waits = "select exists (select from internal.arrivals) or exists (select from internal.audit_unsealed)";
    while sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut past).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let took = frozen.elapsed();
    assert!(took < Duration::from_secs(35), "{took:?}");
    assert!(api.app.sessions.is_current() && second.app.sessions.is_current());
    let (open, _) = api.app.db.connections();
    assert!(open <= 8, "{open} connections");
    stop.cancel();
}
