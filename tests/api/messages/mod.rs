//! Messages to clients: what is written with what caused it, what is sent, and what waits for a person.

mod admin;
mod delivery;
mod faults;
mod sent;
mod smtp;
mod stand_ins;
mod unsubscribe;

use safestories::{
    app::messaging::{Aisensy, MailServer, Messaging},
    domain::status::MessageKind,
    messages,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    fixtures::{campaign, client, therapist},
    harness::{Answer, Reach, TestApi},
};

const MESSAGES: &str = "/api/v1/admin/messages";
const BOOKINGS: &str = "/api/v1/admin/bookings";

const ALL: [MessageKind; 6] = [
    MessageKind::BookingLink,
    MessageKind::Confirmation,
    MessageKind::Moved,
    MessageKind::Cancelled,
    MessageKind::PaymentLink,
    MessageKind::Reminder,
];

/// A practice with one therapist and one client, C1, who agreed to both channels; every kind is sent.
async fn practice(whatsapp: Option<Aisensy>, mail: Option<MailServer>) -> TestApi {
    practice_with(Messaging { kinds: ALL.to_vec(), reminder_hours: vec![24, 2], whatsapp, mail }).await
}

async fn practice_with(messaging: Messaging) -> TestApi {
    practice_over(TestApi::new().await, messaging).await
}

async fn practice_over(plain: TestApi, messaging: Messaging) -> TestApi {
    let api = plain.reached(Reach { messaging, ..Reach::default() });
    api.given(therapist("T1")).await;
    let meera = client("C1").with("client_name", "Meera Iyer").with("phone_number", "+919800012345");
    api.given(meera.with("email_id", "meera@example.org")).await;
    api.given(campaign(Some("practice_messages"), None, None)).await;
    consent(&api, "C1", true).await;
    api
}

/// Says that a client agrees to both channels, or to none.
async fn consent(api: &TestApi, client: &str, given: bool) {
    let both = json!([{ "channel": "whatsapp", "given": given }, { "channel": "email", "given": given }]);
    api.admin().patch(&format!("/api/v1/admin/clients/{client}"), json!({ "message_consents": both })).await.ok();
}

/// Books a session of C1; gives its id.
async fn book(api: &TestApi, start: &str) -> String {
    let wanted = json!({
        "therapist_id": "T1", "client_id": "C1", "invitee_name": "Meera Iyer", "invitee_phone": "+919800012345",
        "invitee_email": "meera@example.org", "booking_start_at": start, "invitee_payment_amount": "1700.00",
        "booking_joining_link": "https://meet.example.org/abc", "booking_resource_name": "Individual Therapy"
    });
    let made = api.admin().post(BOOKINGS, wanted).await.created();
    made["booking_id"].as_str().expect("an id").to_owned()
}

/// Sends what is due, as the worker of the server does.
async fn send(api: &TestApi) {
    messages::send_due(&api.app, &CancellationToken::new()).await.expect("messages worked");
}

/// The messages, the oldest first.
async fn all(api: &TestApi) -> Vec<Value> {
    api.admin().get(&format!("{MESSAGES}?sort=message_id")).await.data()
}

/// Kind, state and reason of each message, the oldest first.
async fn standing(api: &TestApi) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all(api).await.iter().map(|row| (text(&row["kind"]), text(&row["state"]), text(&row["reason"]))).collect()
}

fn stands(kind: &str, state: &str, reason: &str) -> (String, String, String) {
    (kind.to_owned(), state.to_owned(), reason.to_owned())
}

async fn act(api: &TestApi, booking: &str, action: &str, body: Value) -> Answer {
    api.admin().post(&format!("{BOOKINGS}/{booking}/{action}"), body).await
}
