//! `q=`: names, addresses and phones in any notation, taken literally.

use serde_json::Value;

use super::BOOKINGS;
use crate::{
    fixtures::{booking, therapist},
    harness::TestApi,
};

async fn found(api: &TestApi, q: &str) -> Vec<String> {
    let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
    let list = api.admin().get(&format!("{BOOKINGS}?sort=invitee_name&include=total&q={q}")).await.ok();
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["invitee_name"].as_str().unwrap_or("-").to_owned())
        .collect();
    assert_eq!(list["page"]["total"], names.len());
    names
}

#[tokio::test]
async fn a_search_finds_what_holds_it() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    for (name, phone, email) in [
        ("Asha Rao", "+91 98000-12345", "asha.rao@example.org"),
        ("Ravi_100%", "0091 98111 22333", "ravi@example.org"),
        (r"Back\slash", "98222 33444", "na"),
        ("मीरा अय्यर", "+44 20 7946 0018", "meera@example.org"),
        ("Zoë O'Neil", "080 2345 6789", "ZOE@Example.ORG"),
    ] {
        let row = booking("T1", "2026-02-05T10:30:00Z");
        let row = row.with("invitee_name", name).with("invitee_phone", phone).with("invitee_email", email);
        api.given(row).await;
    }
    api.given(
        ["invitee_name", "invitee_phone", "invitee_email"]
            .iter()
            .fold(booking("T1", "2026-02-05T10:30:00Z"), |row, column| row.with(column, Value::Null)),
    )
    .await;
    for (q, names) in [
        ("asha", &["Asha Rao"][..]),
        ("ASHA R", &["Asha Rao"]),
        (" rao ", &["Asha Rao"]),
        ("98000 12345", &["Asha Rao"]),
        ("9800012345", &["Asha Rao"]),
        ("+919800012345", &["Asha Rao"]),
        ("+91-98000-12345", &["Asha Rao"]),
        ("098000 12345", &["Asha Rao"]),
        ("00919800012345", &["Asha Rao"]),
        ("00012", &["Asha Rao"]),
        ("98111 22333", &["Ravi_100%"]),
        ("+44 20 7946", &["मीरा अय्यर"]),
        ("मीरा", &["मीरा अय्यर"]),
        ("अय्यर", &["मीरा अय्यर"]),
        ("100%", &["Ravi_100%"]),
        ("i_1", &["Ravi_100%"]),
        ("%%%", &[]),
        ("___", &[]),
        (r"k\s", &[r"Back\slash"]),
        (r"\\\", &[]),
        ("ZOË", &["Zoë O'Neil"]),
        ("o'neil", &["Zoë O'Neil"]),
        ("zoe@example.org", &["Zoë O'Neil"]),
        ("'; drop table bookings --", &[]),
        ("example.org", &["Asha Rao", "Ravi_100%", "Zoë O'Neil", "मीरा अय्यर"]),
        ("asha\nasha", &[]),
    ] {
        assert_eq!(found(&api, q).await, names, "{q}");
    }
}
