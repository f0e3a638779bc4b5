//! Phones in every notation: SQL tells which are the same, the program writes them in E.164 form.

use safestories::domain::contact::Phone;
use serde_json::json;

use super::CLIENTS;
use crate::{
    fixtures::{booking, therapist},
    harness::{TestApi, rows},
};

/// Notations, by the number that they are; none for what is no phone.
const NOTATIONS: [(Option<&str>, &[&str]); 8] = [
    (
        Some("+919812345678"),
        &[
            "+919812345678",
            "9812345678",
            "98123 45678",
            "098123-45678",
            "919812345678",
            "0919812345678",
            "+910919812345678",
            "91919812345678",
            "0091 98123 45678",
            "+0091 98123 45678",
            "+91 (0) 98123 45678",
            "(+91) 98123.45678",
            "+91/98123/45678",
            "tel:+91-98123-45678",
            "WhatsApp: 98123 45678",
            "\u{202a}+91 98123\u{2013}45678\u{202c}",
            "98123\u{a0}45678",
            "९८१२३ ४५६७८",
            "٩٨١٢٣٤٥٦٧٨",
            "\u{ff0b}\u{ff19}\u{ff11} \u{ff19}\u{ff18}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
        ],
    ),
    (Some("+919118001234"), &["9118001234", "09118001234", "+919118001234", "0091 9118001234", "+91 (0) 91180 01234"]),
    (Some("+442079460018"), &["+44 20 7946 0018", "0044 (0)20 7946 0018", "+44 (0)20 7946 0018", "442079460018"]),
    (Some("+971501234567"), &["+971 50 123 4567", "+971 (0)50 123 4567", "00971501234567"]),
    (Some("+16502530000"), &["+1 (650) 253-0000", "16502530000"]),
    (Some("+912226543210"), &["022-26543210", "22 2654 3210", "+91 22 2654 3210"]),
    (Some("+390669812345"), &["+39 06 698 12345", "0039 06 69812345"]),
    (
        None,
        &[
            "",
            " ",
            "na",
            "-",
            "12345",
            "98123",
            "981234567",
            "+91 98123",
            "+91 98123 456",
            "+9118001234",
            "0000000000",
            "9999999999",
            "+91 9999999999",
            "98123 45678 ext 5",
            "98123 45678 / 98111 22333",
            "98123+45678",
            "++919812345678",
            "asha@example.org",
            "मीरा ९८१२३४५६७८",
            "1234567890123456789012345",
            "+00000000",
        ],
    ),
];

#[tokio::test]
async fn sql_and_the_program_read_the_same_phones() {
    let api = TestApi::new().await;
    let mut sql = api.sql().await;
    let mut keys = Vec::new();
    for (number, notations) in NOTATIONS {
        for notation in notations {
            let read = Phone::parse(notation).map(|phone| phone.to_string());
            assert_eq!(read.as_deref(), number, "{notation}");
            let (key, same): (Option<String>, bool) = sqlx::query_as(
                "select internal.phone_key($1), internal.phone_key($1) is not distinct from internal.phone_key($2)",
            )
            .bind(notation)
            .bind(number)
            .fetch_one(&mut *sql)
            .await
            .unwrap();
            assert!(same, "{notation}: {key:?}");
            assert_eq!(key.is_some(), number.is_some(), "{notation}");
            keys.extend(key);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), NOTATIONS.len() - 1);
}

#[tokio::test]
async fn every_phone_that_is_written_is_in_e164_form() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), booking("T1", "2026-01-04T10:30:00Z").with("booking_id", "B1")]).await;
    let admin = api.admin();
    let made =
        admin.post(CLIENTS, json!({ "client_name": "Asha", "phone_number": "tel:098123-45678" })).await.created();
    assert_eq!(made["phone_number"], "+919812345678");
    let path = format!("{CLIENTS}/{}", made["client_id"].as_str().unwrap());
    let changed = admin.patch(&path, json!({ "phone_number": "9118001234" })).await.ok();
    assert_eq!(changed["phone_number"], "+919118001234");

    let body = json!({
        "therapist_id": "T1",
        "invitee_name": "Ravi",
        "invitee_phone": "९८१२३ ४५६७९",
        "emergency_contact_number": "0919812345670",
        "booking_start_at": "2026-02-05T10:30:00Z",
        "invitee_payment_amount": "1700.00",
    });
    let booked = admin.post("/api/v1/admin/bookings", body).await.created();
    assert_eq!(booked["invitee_phone"], "+919812345679");
    assert_eq!(booked["emergency_contact_number"], "+919812345670");
    let body =
        json!({ "invitee_phone": "\u{202a}+91 98123\u{2013}45671\u{202c}", "emergency_contact_number": "9118001234" });
    let changed = admin.patch("/api/v1/admin/bookings/B1", body).await.ok();
    assert_eq!(changed["invitee_phone"], "+919812345671");
    assert_eq!(changed["emergency_contact_number"], "+919118001234");

    let body = json!({
        "client_name": "Meera",
        "client_whatsapp": "whatsapp:+91/98123/45672",
        "therapy_type": "Individual Therapy",
        "therapist_name": "Therapist T1",
        "booking_link": "https://book.example.org/2",
    });
    let sent = admin.post("/api/v1/admin/booking-requests", body).await.created();
    assert_eq!(sent["client_whatsapp"], "+919812345672");

    let body = json!({ "name": "Isha", "contact_info": "098123 45673" });
    let therapist = admin.post("/api/v1/admin/therapists", body).await.created();
    assert_eq!(therapist["contact_info"], "+919812345673");

    let phones =
        rows(&api, "select phone_number from all_clients_table where phone_number !~ '^[+][0-9]{8,15}$'").await;
    assert!(phones.is_empty(), "{phones:?}");
}

/// Another program's phone is stored as it came, the client made of it in E.164 form.
#[tokio::test]
async fn the_client_of_a_booking_that_arrives_has_a_readable_phone() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(booking("T1", "2026-02-05T10:30:00Z").with("invitee_phone", "९८१२३ ४५६७८")).await;
    api.take_up().await;
    let phones = rows(&api, "select phone_number from all_clients_table").await;
    assert_eq!(phones, [json!({ "phone_number": "+919812345678" })]);
}
