//! What clients get, when, and what they do not.

use serde_json::json;

use super::{
    BOOKINGS, act, all, book, consent, practice, practice_with, send,
    stand_ins::{Campaigns, Mail},
    standing, stands,
};
use crate::{
    fixtures::{booking, campaign, client},
    harness::{TestApi, run, value},
};
use safestories::app::messaging::Messaging;

#[tokio::test]
async fn a_client_is_told_of_a_booking_a_move_and_a_cancellation() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let id = book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    act(&api, &id, "reschedule", json!({ "booking_start_at": "2026-02-11T10:30:00Z" })).await.ok();
    send(&api).await;
    act(&api, &id, "cancel", json!({ "reason": "x" })).await.ok();
    send(&api).await;
    send(&api).await;
    let taken = service.taken();
    assert_eq!(
        taken[0],
        json!({
            "apiKey": "key-of-the-practice", "campaignName": "practice_messages", "destination": "+919800012345",
            "userName": "Meera Iyer", "source": "SafeStories",
            "templateParams": [
                "Meera Iyer", "Tuesday, Feb 10, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)", "https://meet.example.org/abc"
            ],
            "tags": [], "attributes": {},
        })
    );
    let params: Vec<usize> = taken.iter().map(|body| body["templateParams"].as_array().unwrap().len()).collect();
    assert_eq!(params, [3, 3, 2]);
    assert_eq!(
        standing(&api).await,
        [stands("confirmation", "sent", ""), stands("moved", "sent", ""), stands("cancelled", "sent", "")]
    );
    let first = &all(&api).await[0];
    assert_eq!(
        (&first["channel"], &first["service_id"], &first["client_id"]),
        (&json!("whatsapp"), &json!("m0"), &json!("C1"))
    );
}

#[tokio::test]
async fn without_configuration_there_is_no_row() {
    let api = practice_with(Messaging::default()).await;
    let id = book(&api, "2026-02-05T10:30:00Z").await;
    act(&api, &id, "cancel", json!({ "reason": "x" })).await.ok();
    send(&api).await;
    assert_eq!(value(&api, "select count(*) from internal.messages").await, json!(0));
}

#[tokio::test]
async fn who_did_not_agree_or_does_not_any_more_gets_nothing() {
    let (service, mail) = (Campaigns::start().await, Mail::start().await);
    let api = practice(Some(service.account()), Some(mail.server())).await;
    api.given(client("C2").with("phone_number", "+919800099999").with("email_id", "noor@example.org")).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    consent(&api, "C1", false).await;
    let wanted = json!({
        "therapist_id": "T1", "client_id": "C2", "invitee_name": "Noor", "invitee_phone": "+919800099999",
        "booking_start_at": "2026-02-11T10:30:00Z", "free": true
    });
    api.admin().post(BOOKINGS, wanted).await.created();
    send(&api).await;
    assert_eq!(standing(&api).await, vec![stands("confirmation", "not_sent", "no_consent"); 2]);
    assert_eq!((service.calls(), mail.taken().len()), (0, 0));
}

#[tokio::test]
async fn mail_goes_to_who_agreed_to_mail_alone() {
    let (service, mail) = (Campaigns::start().await, Mail::start().await);
    let api = practice(Some(service.account()), Some(mail.server())).await;
    let patch = json!({ "message_consents": [{ "channel": "whatsapp", "given": false }] });
    api.admin().patch("/api/v1/admin/clients/C1", patch).await.ok();
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    let text = mail.taken().join("\n");
    assert_eq!(service.calls(), 0);
    for words in [
        "From: \"The practice\" <hello@example.org>",
        "To: meera@example.org",
        "Subject: Your session is booked",
        "Tuesday, Feb 10, 2026 at 4:00 PM",
        "https://meet.example.org/abc",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for words in ["Therapy", "Therapist", "Individual"] {
        assert!(!text.contains(words), "{words}: {text}");
    }
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", "")]);
}

#[tokio::test]
async fn reminders_go_before_sessions_whoever_booked_them_and_anew_after_a_move() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    // By another program, long ago.
    let row = booking("T1", "2026-02-06T06:30:00Z").with("booking_id", "B1");
    api.given(row.with("invitee_created_at", "2026-01-01T00:00:00").of_client("C1")).await;
    send(&api).await;
    assert_eq!(service.calls(), 0);
    api.at("2026-02-05T06:30:00Z");
    send(&api).await;
    send(&api).await;
    assert_eq!(service.calls(), 1);
    act(&api, "B1", "reschedule", json!({ "booking_start_at": "2026-02-07T06:30:00Z" })).await.ok();
    api.at("2026-02-06T06:30:00Z");
    send(&api).await;
    api.at("2026-02-07T04:30:00Z");
    send(&api).await;
    let sent: Vec<(String, i64)> = all(&api)
        .await
        .iter()
        .filter(|row| row["state"] == "sent")
        .map(|row| (row["start_at"].as_str().unwrap()[..10].to_owned(), row["hours_before"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        sent,
        [("2026-02-06", 24), ("2026-02-07", 0), ("2026-02-07", 24), ("2026-02-07", 2)]
            .map(|(day, hours)| (day.to_owned(), hours))
    );
}

#[tokio::test]
async fn a_reminder_of_the_night_goes_in_the_evening_before_and_one_that_is_too_late_not_at_all() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    // Nine in the morning in India: two hours before is in the night. It was booked less than a day before.
    book(&api, "2026-02-05T03:30:00Z").await;
    send(&api).await;
    assert_eq!(service.calls(), 1);
    api.at("2026-02-04T14:59:00Z");
    send(&api).await;
    assert_eq!(service.calls(), 1);
    api.at("2026-02-04T15:00:00Z");
    send(&api).await;
    assert_eq!(service.calls(), 2);
    api.at("2026-02-05T03:00:00Z");
    send(&api).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", ""), stands("reminder", "sent", "")]);
}

#[tokio::test]
async fn what_does_not_hold_any_more_is_not_sent() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let api_of = |id: &str| format!("{BOOKINGS}/{id}");
    let moved = book(&api, "2026-02-10T10:30:00Z").await;
    act(&api, &moved, "reschedule", json!({ "booking_start_at": "2026-02-11T10:30:00Z" })).await.ok();
    let cancelled = book(&api, "2026-02-12T10:30:00Z").await;
    act(&api, &cancelled, "cancel", json!({ "reason": "x" })).await.ok();
    let retired = book(&api, "2026-02-13T10:30:00Z").await;
    run(&api, "insert into internal.retirements values ('T1', now())").await;
    send(&api).await;
    let found = standing(&api).await;
    for expected in [("confirmation", "moved"), ("confirmation", "cancelled"), ("confirmation", "retired")] {
        assert!(found.contains(&stands(expected.0, "not_sent", expected.1)), "{expected:?}: {found:?}");
    }
    assert!(found.iter().all(|(_, state, _)| state == "not_sent"), "{found:?}");
    api.admin().get(&api_of(&retired)).await.ok();
    assert_eq!(service.calls(), 0);
}

#[tokio::test]
async fn what_happens_in_the_night_is_told_in_the_morning() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    api.at("2026-02-04T18:30:00Z");
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    assert_eq!(service.calls(), 0);
    assert_eq!(all(&api).await[0]["due_at"], "2026-02-05T02:30:00Z");
    api.at("2026-02-05T02:30:00Z");
    send(&api).await;
    assert_eq!(service.calls(), 1);
}

#[tokio::test]
async fn another_programs_booking_is_confirmed_when_it_arrives() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let row = booking("T1", "2026-02-10T10:30:00Z").with("booking_id", "B1").with("invitee_name", "Meera Iyer");
    api.given(row.with("invitee_phone", "+919800012345")).await;
    api.take_up().await;
    send(&api).await;
    run(&api, "update bookings set booking_status = 'canceled' where booking_id = 'B1'").await;
    api.take_up().await;
    send(&api).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", ""), stands("cancelled", "sent", "")]);
}

#[tokio::test]
async fn a_booking_link_goes_out_and_again_when_it_is_resent() {
    let service = Campaigns::with(|_| None, [("asha_link", 2)]).await;
    let api = practice(Some(service.account()), None).await;
    api.given(campaign(Some("asha_link"), Some("individual  therapy"), Some("Asha Rao"))).await;
    api.given(campaign(Some("asha_reminder"), Some("Individual Therapy"), Some("Asha Rao"))).await;
    let request = json!({
        "client_name": "Meera Iyer", "client_whatsapp": "+919800012345", "therapy_type": "Individual Therapy",
        "therapist_name": "Asha Rao", "booking_link": "https://book.example.org/17"
    });
    let made = api.admin().post("/api/v1/admin/booking-requests", request).await.created();
    let path = format!("/api/v1/admin/booking-requests/{}", made["request_id"]);
    api.admin().post(&format!("{path}/resend"), json!({})).await.ok();
    send(&api).await;
    // The first one had not gone yet.
    assert_eq!(service.calls(), 1);
    api.admin().post(&format!("{path}/resend"), json!({})).await.ok();
    send(&api).await;
    let taken = service.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[1]["campaignName"], "asha_link");
    assert_eq!(taken[1]["templateParams"], json!(["Meera Iyer", "https://book.example.org/17"]));
    run(&api, "update booking_requests set status = 'booked'").await;
    run(&api, "update internal.messages set state = 'waiting', due_at = '2026-02-01' where message_id = 1").await;
    send(&api).await;
    assert_eq!(standing(&api).await[0], stands("booking_link", "not_sent", "closed"));
}

#[tokio::test]
async fn a_payment_link_is_kept_sealed_and_the_later_one_goes() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let id = book(&api, "2026-02-10T10:30:00Z").await;
    run(&api, "delete from internal.messages").await;
    for link in ["https://pay.example.org/first", "https://pay.example.org/second"] {
        let id = id.as_str().into();
        api.work(async |uow| safestories::messages::payment_link(uow, &id, link).await).await.unwrap();
    }
    let kept = value(&api, "select string_agg(encode(link, 'escape'), ' ') from internal.messages").await;
    assert!(!kept.to_string().contains("pay.example.org"), "{kept}");
    send(&api).await;
    let links: Vec<_> = service.taken().iter().map(|body| body["templateParams"][2].clone()).collect();
    assert_eq!(links, ["https://pay.example.org/second"]);
}

#[tokio::test]
async fn a_booking_is_confirmed_once_it_is_paid_for() {
    let service = Campaigns::start().await;
    let api: TestApi = practice(Some(service.account()), None).await;
    let wanted = json!({
        "therapist_id": "T1", "client_id": "C1", "invitee_name": "Meera Iyer", "invitee_phone": "+919800012345",
        "booking_start_at": "2026-02-10T10:30:00Z", "invitee_payment_amount": "1700.00", "invitee_status": "waiting"
    });
    let made = api.admin().post(BOOKINGS, wanted).await.created();
    send(&api).await;
    assert_eq!(standing(&api).await, []);
    let payment = json!({ "booking_id": made["booking_id"], "amount": "1700.00" });
    api.admin().post("/api/v1/admin/payments", payment).await.created();
    send(&api).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", "")]);
}
