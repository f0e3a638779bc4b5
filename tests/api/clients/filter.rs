//! `q=` and the other parameters: phones in any notation, everything else taken literally.

use super::{CLIENTS, ids};
use crate::{fixtures::client, harness::TestApi};

#[tokio::test]
async fn a_search_finds_a_phone_in_any_notation() {
    let api = TestApi::new().await;
    for (id, name, phone, email) in [
        ("C1", "Asha Rao", "+91 98000-12345", "asha.rao@example.org"),
        ("C2", "Omar", "+971 (0)50 123 4567", "na"),
        ("C3", "मीरा अय्यर", "+44 (0)20 7946 0018", "meera@example.org"),
        ("C4", "Ravi_100%", "98111 22333 / 98111 22334", "none"),
    ] {
        api.given(client(id).with("client_name", name).with("phone_number", phone).with("email_id", email)).await;
    }
    for (q, found) in [
        ("9800012345", &["C1"][..]),
        ("+919800012345", &["C1"]),
        ("0091 98000 12345", &["C1"]),
        ("098000 12345", &["C1"]),
        ("00012", &["C1"]),
        ("+971501234567", &["C2"]),
        ("00971 50 123 4567", &["C2"]),
        ("+971 050 1234567", &["C2"]),
        ("0501234567", &["C2"]),
        ("+442079460018", &["C3"]),
        ("9811122334", &["C4"]),
        ("ASHA", &["C1"]),
        ("मीरा", &["C3"]),
        ("100%", &["C4"]),
        ("i_1", &["C4"]),
        ("___", &[]),
        ("@example.org", &["C1", "C3"]),
        ("'; drop table all_clients_table --", &[]),
    ] {
        let query: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
        let list = api.admin().get(&format!("{CLIENTS}?include=total&q={query}")).await.ok();
        assert_eq!(ids(list["data"].as_array().unwrap()), found, "{q}");
        assert_eq!(list["page"]["total"], found.len(), "{q}");
    }
}

#[tokio::test]
async fn parameters_are_checked_by_name() {
    let api = TestApi::new().await;
    for (query, place) in [
        ("status=gone", "status"),
        ("status=Lead", "status"),
        ("last_session_from=yesterday", "last_session_from"),
        ("last_session_from=2026-02-05&last_session_to=2026-02-04", "last_session_to"),
        ("tz=Mars", "tz"),
        ("possible_duplicate=1", "possible_duplicate"),
        ("q=a", "q"),
        ("sort=status", "sort"),
        ("limit=0", "limit"),
        ("cursor=abc", "cursor"),
        ("colour=red", "colour"),
    ] {
        api.admin().get(&format!("{CLIENTS}?{query}")).await.is_invalid(&[place]);
    }
}
