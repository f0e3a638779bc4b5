//! Text as people write it, and as programs paste it: one folded form of names, words, addresses and phones, in every search
//! and wherever two are compared.

mod fold;
mod phones;

use serde_json::json;

use crate::{
    fixtures::{booking, booking_request, cancellation, client, document_form, therapist},
    harness::{Answer, Person, TestApi, rows, run},
};

const CLIENTS: &str = "/api/v1/admin/clients";

/// How many rows of a list a search finds.
async fn count(person: &Person<'_>, list: &str, q: &str) -> usize {
    let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
    person.get(&format!("{list}?q={q}")).await.data().len()
}

/// The lists of an admin that a client's name finds, and, but for the last three, a phone.
const LISTS: [&str; 9] = [
    CLIENTS,
    "/api/v1/admin/bookings",
    "/api/v1/admin/appointments",
    "/api/v1/admin/cancellations",
    "/api/v1/admin/booking-requests",
    "/api/v1/admin/transfers",
    "/api/v1/admin/payments",
    "/api/v1/admin/refunds",
    "/api/v1/admin/audit-logs",
];

/// One client in every table, as other programs write them.
async fn given_everywhere(api: &TestApi, name: &str, phone: &str) {
    api.given(therapist("T1")).await;
    api.given(client("C1").with("client_name", name).with("phone_number", phone)).await;
    let row = booking("T1", "2026-02-04T10:30:00Z").with("booking_id", "B1").with("booking_status", "cancelled");
    api.given(row.with("invitee_name", name).with("invitee_phone", phone).of_client("C1")).await;
    api.given(cancellation("B1").with("invitee_name", name).with("invitee_number", phone)).await;
    api.given(booking_request("Therapist T1").with("client_name", name).with("client_whatsapp", phone)).await;
    api.given(document_form("B1")).await;
    run(
        api,
        &format!(
            "update appointment_table set contact_info = '{phone}';
             insert into client_transfer_history (client_name, client_phone, to_therapist_id, to_therapist_name)
             values ('{name}', '{phone}', 'T1', 'Therapist T1');
             insert into payments (booking_id, invitee_name, amount) values ('B1', '{name}', 1700);
             insert into refund_cancellation_table (client_id, client_name, session_id) values ('C1', '{name}', 'B1');
             insert into audit_logs (client_name, action_type, action_description, timestamp)
             values ('{name}', 'login', 'Logged in', 'Tue, Jan 20, 2026, 11:05 AM IST')"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_name_is_found_on_every_list_however_it_is_coded() {
    // Stored decomposed, with a joiner and hard spaces; ends in a final sigma.
    for (stored, asked) in [
        ("E\u{301}mile\u{a0}\u{a0}Zola", ["\u{c9}MILE ZOLA", "\u{e9}mile  zola", "e\u{301}mile\u{2009}zola"]),
        (
            "\u{915}\u{93c}ा\u{200d}सिम \u{202a}राव\u{202c}",
            ["\u{958}ासिम राव", "\u{915}\u{93c}ासिम\u{200c} राव", "\u{feff}\u{958}ासिम  राव"],
        ),
        ("Αλέξανδρος Straße", ["ΑΛΈΞΑΝΔΡΟΣ STRASSE", "αλέξανδροσ straße", "αλέξανδρος STRAẞE"]),
        ("İlker Işık", ["ilker ışık", "i\u{307}lker IS\u{327}IK", "ILKER IŞIK"]),
    ] {
        let api = TestApi::new().await;
        given_everywhere(&api, stored, "+919812345678").await;
        for q in asked {
            for list in LISTS {
                assert_eq!(count(&api.admin(), list, q).await, 1, "{q} in {list}");
            }
            let found = count(&api.admin(), "/api/v1/admin/search", q).await;
            assert_eq!(found, 2, "{q}: the client and the booking");
            assert_eq!(count(&api.therapist("T1"), "/api/v1/therapist/document-forms", q).await, 1, "{q}");
        }
    }
}

#[tokio::test]
async fn a_pasted_phone_finds_on_every_list_what_it_finds_among_the_clients() {
    for stored in ["+919812345678", "098123-45678", "९८१२३ ४५६७८", "+91 (0) 98123 45678", "tel:+91-98123-45678"]
    {
        let api = TestApi::new().await;
        given_everywhere(&api, "Asha Rao", stored).await;
        for q in [
            "+91 98123 45678",
            "098123 45678",
            "0919812345678",
            "+910919812345678",
            "\u{202a}+91 98123\u{2013}45678\u{202c}",
            "98123\u{a0}45678",
            "tel:+919812345678",
            "whatsapp: 98123 45678",
            "+91/98123/45678",
            "+91 (0) 98123 45678",
            "९८१२३४५६७८",
            "\u{ff19}\u{ff18}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
            // A part of it.
            "+91 98123",
            "12345",
        ] {
            for list in &LISTS[..6] {
                assert_eq!(count(&api.admin(), list, q).await, 1, "{q} in {list}, stored as {stored}");
            }
            assert_eq!(count(&api.admin(), "/api/v1/admin/search", q).await, 2, "{q}, stored as {stored}");
        }
        assert_eq!(count(&api.admin(), CLIENTS, "98123 45679").await, 0);
    }
}

/// Adds a client by hand.
async fn add(api: &TestApi, name: &str, phone: Option<&str>, email: Option<&str>) -> Answer {
    api.admin().post(CLIENTS, json!({ "client_name": name, "phone_number": phone, "email_id": email })).await
}

#[tokio::test]
async fn one_name_in_several_codings_is_one_client() {
    for (first, again) in [
        ("\u{c9}mile Zola", "E\u{301}MILE\u{a0} zola"),
        ("\u{958}ासिम राव", "\u{915}\u{93c}ा\u{200d}सिम  राव"),
        ("Αλέξανδρος", "ΑΛΈΞΑΝΔΡΟΣ"),
        ("İlker", "ILKER"),
    ] {
        let api = TestApi::new().await;
        api.given(therapist("T1")).await;
        let row = booking("T1", "2026-02-04T10:30:00Z").with("invitee_name", first);
        let row = row.with("invitee_phone", "9118001234");
        api.given(row).await;
        api.take_up().await;
        let row = booking("T1", "2026-02-05T10:30:00Z").with("invitee_name", again);
        api.given(row.with("invitee_phone", "+91 (0) 91180-01234")).await;
        api.take_up().await;
        let clients = rows(&api, "select client_name, phone_number, no_of_sessions from all_clients_table").await;
        let one = json!({ "client_name": first, "phone_number": "+919118001234", "no_of_sessions": 2 });
        assert_eq!(clients, [one], "{again}");
    }
}

#[tokio::test]
async fn two_records_of_one_person_are_duplicates_in_any_coding() {
    let api = TestApi::new().await;
    api.given_all([
        client("C1").with("client_name", "\u{958}ासिम राव").with("phone_number", "9118001234"),
        client("C2").with("client_name", "\u{915}\u{93c}ासिम\u{200d}राव").with("phone_number", "+919118001234"),
        client("C3").with("client_name", "Someone").with("phone_number", "०९११८० ०१२३४"),
    ])
    .await;
    for check in ["duplicate_client", "shared_phone"] {
        let report = api.admin().get(&format!("/api/v1/admin/integrity?fresh=true&check={check}")).await.ok();
        assert_eq!(report["checks"][0]["count"], 1, "{report}");
    }
    let doubtful = api.admin().get(&format!("{CLIENTS}?possible_duplicate=true")).await.data();
    assert_eq!(doubtful.len(), 3);
}

#[tokio::test]
async fn addresses_match_whatever_stands_around_them() {
    for stored in [
        "\u{a0}Asha@example.org\n",
        "\u{200b}asha@EXAMPLE.org\t",
        "<asha@example.org>",
        "mailto:asha@example.org",
        "asha@example.org,",
    ] {
        let api = TestApi::new().await;
        api.given(client("C1").with("phone_number", json!(null)).with("email_id", stored)).await;
        add(&api, "Asha", None, Some("asha@example.org")).await.is_problem(409, "client-ambiguous");
        assert_eq!(count(&api.admin(), CLIENTS, "asha@example.org").await, 1, "{stored}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_can_see_is_none() {
    let api = TestApi::new().await;
    for name in ["\u{200b}", " \u{202a}\u{202c}\u{2060} ", "\u{a0}\u{feff}\u{3164}"] {
        let answer = add(&api, name, None, None).await;
        answer.is_invalid(&["/client_name"]);
    }
    api.admin().get(&format!("{CLIENTS}?q=%E2%80%8B%E2%80%8B%E2%80%8B")).await.is_invalid(&["q"]);
}

#[tokio::test]
async fn a_status_word_with_white_space_around_it_is_that_word() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    for (word, state) in [("Cancelled\n", "cancelled"), ("\u{a0}No-Show ", "no_show"), ("\tcompleted\r\n", "completed")]
    {
        let id = api.given(booking("T1", "2026-01-04T10:30:00Z").with("booking_status", word)).await;
        let read = api.admin().get(&format!("/api/v1/admin/bookings/{id}")).await.ok();
        assert_eq!(read["state"], state, "{word:?}");
    }
}
