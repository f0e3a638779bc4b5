//! Services that fail: what is tried again, and what never is by itself.

use futures_util::future::join;
use safestories::app::messaging::Aisensy;
use serde_json::{Value, json};

use super::{
    all, book, practice, send,
    stand_ins::{Campaigns, Fault, LONG, Mail, nobody},
    standing, stands,
};
use crate::harness::{run, value};

#[tokio::test]
async fn what_a_service_refused_is_tried_again_and_arrives_once() {
    let refused = |call| (call < 2).then_some(Fault::Refuses(if call == 0 { 503 } else { 500 }));
    let service = Campaigns::with(refused, []).await;
    let api = practice(Some(service.account()), None).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    let row = all(&api).await.remove(0);
    assert_eq!(
        (&row["state"], &row["reason"], &row["answer"]),
        (&json!("waiting"), &json!("refused"), &json!("503: try later"))
    );
    assert_eq!(row["due_at"], "2026-02-04T04:31:00Z");
    send(&api).await;
    assert_eq!(service.calls(), 1);
    for _ in 0..2 {
        api.pass(2);
        send(&api).await;
    }
    assert_eq!((service.calls(), service.taken().len()), (3, 1));
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", "")]);
}

#[tokio::test]
async fn one_that_is_refused_every_time_is_given_up_and_a_person_sends_it_again() {
    let service = Campaigns::with(|_| None, [("practice_messages", 5)]).await;
    let api = practice(Some(service.account()), None).await;
    book(&api, "2026-02-20T10:30:00Z").await;
    for _ in 0..30 {
        send(&api).await;
        api.pass(241);
    }
    assert_eq!((service.calls(), service.taken().len()), (10, 0));
    let row = all(&api).await.remove(0);
    assert_eq!((&row["state"], &row["reason"]), (&json!("failed"), &json!("given_up")));
    assert_eq!(row["answer"], "400: Template params does not match the campaign");
}

#[tokio::test]
async fn where_nobody_listens_it_is_tried_again() {
    let api = practice(Some(Aisensy { url: nobody().await.parse().unwrap(), key: "x".to_owned() }), None).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "waiting", "refused")]);
}

#[tokio::test]
async fn after_a_lost_connection_it_waits_for_a_person() {
    let service = Campaigns::with(|call| (call == 0).then_some(Fault::TakesAndHangsUp), []).await;
    let api = practice(Some(service.account()), None).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    for _ in 0..5 {
        send(&api).await;
        api.pass(61);
    }
    assert_eq!(service.taken().len(), 1);
    let unclear = api.admin().get("/api/v1/admin/messages?state=unclear").await.data();
    assert_eq!(unclear.len(), 1);
    assert_eq!(unclear[0]["reason"], "no_answer");
    let path = format!("/api/v1/admin/messages/{}", unclear[0]["message_id"]);
    api.admin().post(&format!("{path}/resend"), json!({})).await.ok();
    api.admin().post(&format!("{path}/resend"), json!({})).await.is_problem(409, "message-under-way");
    send(&api).await;
    assert_eq!(service.taken().len(), 2);
    api.admin().post(&format!("{path}/settle"), json!({ "received": true })).await.is_problem(409, "message-clear");
}

#[tokio::test]
async fn an_instance_that_ends_while_it_sends_leaves_it_to_a_person() {
    let service = Campaigns::with(|_| Some(Fault::TakesInSilence), []).await;
    let api = practice(Some(service.account()), None).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    let sending = tokio::spawn({
        let app = api.app.clone();
        async move { safestories::messages::send_due(&app, &tokio_util::sync::CancellationToken::new()).await }
    });
    let taken = async {
        while service.taken().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, taken).await.expect("taken");
    sending.abort();
    // Another instance leaves it alone while the lease lasts.
    send(&api).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "sending", "")]);
    api.pass(3);
    send(&api).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "unclear", "interrupted")]);
    let path = format!("/api/v1/admin/messages/{}", all(&api).await[0]["message_id"]);
    let left = api.admin().post(&format!("{path}/settle"), json!({ "received": false })).await.ok();
    assert_eq!((&left["state"], &left["reason"]), (&json!("not_sent"), &json!("left")));
    assert_eq!(service.calls(), 1);
}

#[tokio::test]
async fn mail_is_refused_lost_or_taken() {
    let mail = Mail::start().await;
    let api = practice(None, Some(mail.server())).await;
    for (start, address) in
        [("2026-02-10T10:30:00Z", "refused@example.org"), ("2026-02-11T10:30:00Z", "lost@example.org")]
    {
        run(&api, &format!("update all_clients_table set email_id = '{address}'")).await;
        book(&api, start).await;
        send(&api).await;
    }
    assert_eq!(
        standing(&api).await,
        [stands("confirmation", "waiting", "refused"), stands("confirmation", "unclear", "no_answer")]
    );
    let answers: Vec<Value> = all(&api).await.iter().map(|row| row["answer"].clone()).collect();
    assert_eq!(answers, ["the mail server said 550", "the connection broke off"]);
}

/// `MESSAGES=10000` runs it in full size.
#[tokio::test]
async fn under_faults_each_message_arrives_once_where_the_answer_was_clear() {
    let size: usize = std::env::var("MESSAGES").ok().and_then(|size| size.parse().ok()).unwrap_or(200);
    // Every fifth call fails: four times clearly, once after it was taken.
    let plan = |call: usize| match call % 25 {
        4 | 14 => Some(Fault::Refuses(503)),
        9 | 19 => Some(Fault::Refuses(500)),
        24 => Some(Fault::TakesAndHangsUp),
        _ => None,
    };
    let service = Campaigns::with(plan, []).await;
    let api = practice(Some(service.account()), None).await;
    run(
        &api,
        &format!(
            "insert into bookings (booking_id, booking_status, booking_start_at, booking_end_at, therapist_id,
                                   booking_joining_link, invitee_created_at)
             select 'B' || n, 'confirmed', timestamp '2026-03-01' + n * interval '1 minute',
                    timestamp '2026-03-01 00:50' + n * interval '1 minute', 'T1', 'link ' || n, '2026-01-01'
             from generate_series(1, {size}) n;
             insert into appointment_table (session_id, client_id) select 'B' || n, 'C1' from generate_series(1, {size}) n;
             insert into internal.messages (kind, booking_id, start_at, state, created_at, due_at)
             select 'confirmation', booking_id, booking_start_at at time zone 'UTC', 'waiting', '2026-02-01', '2026-02-01'
             from bookings"
        ),
    )
    .await;
    let second =
        api.reached(crate::harness::Reach { messaging: api.app.messaging.clone(), ..crate::harness::Reach::default() });
    let begun = std::time::Instant::now();
    let mut rounds = 0;
    while value(&api, "select count(*) from internal.messages where state = 'waiting'").await != json!(0) {
        join(send(&api), send(&second)).await;
        api.pass(60);
        // By day only.
        if api.app.clock.now().format("%H").to_string().as_str() > "14" {
            api.pass(12 * 60);
        }
        rounds += 1;
        assert!(rounds < 60, "it comes to an end");
    }
    let states = value(
        &api,
        "select jsonb_object_agg(state, n) from (select state, count(*) n from internal.messages group by 1) s",
    )
    .await;
    eprintln!("{size} messages, {} calls, {states}, {:?}", service.calls(), begun.elapsed());
    let mut links: Vec<String> =
        service.taken().iter().map(|body| body["templateParams"][2].as_str().unwrap().to_owned()).collect();
    assert_eq!(links.len(), size, "each was taken");
    links.sort();
    links.dedup();
    assert_eq!(links.len(), size, "none twice");
    let lost = service.calls() / 25;
    assert_eq!(states["unclear"].as_u64().unwrap_or(0), lost as u64);
    assert_eq!(states["sent"].as_u64().unwrap_or(0), (size - lost) as u64);
}
