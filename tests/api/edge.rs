//! Rules for every path, before any feature: methods, compression, headers, health and metrics.

use axum::http::Method;

use crate::{
    fixtures::{booking, therapist},
    harness::{Reach, TestApi},
};

#[tokio::test]
async fn options_needs_no_login_and_tells_the_methods() {
    let api = TestApi::new().await;
    for (path, allow) in [
        ("/api/v1/admin/bookings", "GET, HEAD, POST, OPTIONS"),
        ("/api/v1/admin/bookings/any", "GET, HEAD, PATCH, OPTIONS"),
        ("/api/v1/auth/login", "POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ] {
        let answer = api.nobody().send(Method::OPTIONS, path, None).await;
        answer.is(204);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    api.nobody().send(Method::OPTIONS, "/api/v1/nowhere", None).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_a_problem_that_names_those_it_does() {
    let api = TestApi::new().await;
    let answer = api.admin().delete("/api/v1/admin/bookings").await;
    answer.is_problem(405, "method-not-allowed");
    for method in ["GET", "HEAD", "POST"] {
        assert!(answer.header("allow").contains(method), "{}", answer.header("allow"));
    }
    api.nobody().delete("/healthz").await.is_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem() {
    let api = TestApi::new().await;
    for path in ["/nowhere", "/api/v1/admin/nowhere", "/api/v1", "/healthz/"] {
        api.nobody().get(path).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_path_without_the_version_or_with_a_slash_too_many_is_told_the_right_one() {
    let api = TestApi::new().await;
    for (path, meant) in [
        ("/api/admin/bookings", "/api/v1/admin/bookings"),
        ("/admin/bookings/7", "/api/v1/admin/bookings/7"),
        ("/v1/auth/login", "/api/v1/auth/login"),
        ("/api/v1/admin/bookings/", "/api/v1/admin/bookings"),
        ("/api/v1//admin/bookings/", "/api/v1/admin/bookings"),
        ("/api/v1/admin/bookings/7/", "/api/v1/admin/bookings/7"),
        ("/openapi.json/", "/openapi.json"),
    ] {
        let answer = api.nobody().get(path).await;
        answer.is_problem(404, "not-found");
        assert_eq!(answer.body["detail"], format!("there is no such path; it is {meant}"), "{path}");
    }
    assert_eq!(api.nobody().get("/nowhere").await.body["detail"], "there is no such path");
}

#[tokio::test]
async fn the_bare_address_says_where_everything_is() {
    let api = TestApi::new().await;
    let start = api.nobody().get("/").await.ok();
    for part in ["docs", "openapi", "health", "readiness"] {
        api.nobody().get(start[part].as_str().expect("a path")).await.is(200);
    }
    let page = api.nobody().with("accept", "text/html,*/*;q=0.8").get("/").await;
    page.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    for link in page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        api.nobody().get(&format!("/{link}")).await.is(200);
    }
    let moved = api.nobody().get("/docs/").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, "../docs"));
    assert_eq!(api.nobody().get("/favicon.ico").await.header("content-type"), "image/svg+xml");
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let id = api.given(booking("T1", "2026-02-04T10:30:00Z")).await;
    for path in ["/healthz".to_owned(), format!("/api/v1/admin/bookings/{id}")] {
        let (get, head) = (api.admin().get(&path).await, api.admin().send(Method::HEAD, &path, None).await);
        assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_can_read_it() {
    let api = TestApi::new().await;
    let asking = api.nobody().with("accept-encoding", "gzip, br");
    assert_eq!(asking.get("/openapi.json").await.header("content-encoding"), "gzip");
    assert_eq!(asking.get("/healthz").await.header("content-encoding"), "");
    assert_eq!(api.nobody().get("/openapi.json").await.header("content-encoding"), "");
}

#[tokio::test]
async fn browsers_are_told_to_frame_and_guess_nothing() {
    let api = TestApi::new().await;
    let answer = api.nobody().get("/api/v1/admin/bookings").await;
    answer.is_problem(401, "unauthenticated");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_server_is_ready_while_it_can_do_its_work() {
    let api = TestApi::new().await;
    let readiness = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&mut *api.sql().await).await.expect("a change behind its back");
        // Another instance has not looked yet.
        api.second_instance().nobody().get("/readyz").await
    };
    readiness("select").await.is(200);

    let answer = readiness("revoke insert on audit_logs from safestories").await;
    answer.is_problem(503, "not-ready");
    assert_eq!((&answer.body["failing"], answer.header("retry-after")), (&"audit".into(), "1"));

    // As PostgreSQL answers where the disk is full.
    let full = "grant insert on audit_logs to safestories;
                create function refuse() returns trigger language plpgsql as
                $$ begin raise 'could not extend file' using errcode = 'disk_full'; end $$;
                create trigger refuse before insert or update on internal.write_probe for each row execute function refuse()";
    let answer = readiness(full).await;
    answer.is_problem(503, "not-ready");
    assert_eq!(answer.body["failing"], "writes");
    readiness("drop trigger refuse on internal.write_probe").await.is(200);

    let undone = "delete from internal._sqlx_migrations
                  where version = (select max(version) from internal._sqlx_migrations)";
    let answer = readiness(undone).await;
    answer.is_problem(503, "not-ready");
    assert_eq!(answer.body["failing"], "migrations");

    api.nobody().get("/healthz").await.is(200);
}

#[tokio::test]
async fn figures_name_routes_and_never_what_was_asked_for() {
    let api = TestApi::new().await;
    api.admin().get("/api/v1/admin/bookings/some-booking?word=whispered").await;
    api.nobody().send(Method::from_bytes(b"SPELL").expect("a method"), "/healthz", None).await.is(405);
    let figures = api.nobody().get("/metrics").await;
    figures.is(200);
    for line in [
        r#"safestories_requests_total{method="GET",route="/api/v1/admin/bookings/{booking_id}",status="4xx"}"#,
        r#"safestories_request_microseconds_total{method="GET",route="/api/v1/admin/bookings/{booking_id}"}"#,
        r#"safestories_request_seconds_count{group="admin",status="4xx"}"#,
        r#"safestories_requests_total{method="other",route="unmatched",status="4xx"}"#,
        r#"safestories_answers_total{status="405"}"#,
        "safestories_database_seconds_bucket{le=",
        r#"safestories_pool_connections{state="idle"}"#,
        "safestories_password_queue",
        "process_resident_memory_bytes",
    ] {
        assert!(figures.text.contains(line), "no {line} in\n{}", figures.text);
    }
    for word in ["some-booking", "whispered", "SPELL"] {
        assert!(!figures.text.contains(word), "{word} in\n{}", figures.text);
    }
}

#[tokio::test]
async fn the_figures_stay_small_whatever_was_asked() {
    let api = TestApi::new().await;
    let document = api.nobody().get("/openapi.json").await.ok();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "SPELL"];
    for path in document["paths"].as_object().expect("paths").keys() {
        for method in methods {
            api.nobody().send(Method::from_bytes(method.as_bytes()).expect("a method"), path, None).await;
        }
        api.admin().get(path).await;
    }
    let figures = api.nobody().get("/metrics").await;
    // Of each operation so far one or two classes of status: there is room for all.
    assert!(figures.text.len() < 100_000, "{} bytes", figures.text.len());
    assert!(!figures.text.contains(r#"method="HEAD""#) && !figures.text.contains(r#"method="OPTIONS",route="/"#));
}

#[tokio::test]
async fn the_metrics_ask_for_a_token_where_one_is_set_and_may_have_a_port_of_their_own() {
    let api = TestApi::new().await;
    let guarded = api.reached(Reach { metrics_token: Some("a-token-of-prometheus"), ..Reach::default() });
    for asked in [guarded.nobody(), guarded.nobody().bearing("a-token-of-prometheuS"), guarded.admin()] {
        asked.get("/metrics").await.is_problem(401, "unauthenticated");
    }
    guarded.nobody().bearing("a-token-of-prometheus").get("/metrics").await.is(200);
    let apart = api.reached(Reach { own_metrics_port: true, ..Reach::default() });
    apart.nobody().get("/metrics").await.is_problem(404, "not-found");
}

#[tokio::test]
async fn whom_to_tell_of_a_hole_is_said_where_it_is_configured() {
    let api = TestApi::new().await;
    let path = "/.well-known/security.txt";
    api.nobody().get(path).await.is_problem(404, "not-found");
    let open = api.reached(Reach { security_contact: Some("mailto:security@example.org"), ..Reach::default() });
    let answer = open.nobody().get(path).await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.text, "Contact: mailto:security@example.org\nExpires: 2026-08-03T00:00:00Z\n");
}
