//! Search terms are taken literally.

use super::{ask, found};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn signs_with_a_meaning_elsewhere_have_none_here() {
    let api = TestApi::new().await;
    for (id, name) in
        [("C1", "Ravi_100%"), ("C2", r"Back\slash"), ("C3", "Zoë O'Neil"), ("C4", "Dev 👨‍👩‍👧 Kapoor"), ("C5", "a b c")]
    {
        api.given(client(id).with("client_name", name)).await;
    }
    for (q, hits) in [
        ("100%", &["client C1"][..]),
        ("ravi_1", &["client C1"]),
        (r"k\slash", &["client C2"]),
        ("o'neil", &["client C3"]),
        ("👨‍👩‍👧", &["client C4"]),
        ("dev 👨‍👩‍👧", &["client C4"]),
        ("a b c", &["client C5"]),
        ("a b", &["client C5"]),
        ("%%%", &[]),
        ("___", &[]),
        (r"\\\", &[]),
        ("'; drop table bookings --", &[]),
        ("\u{10ffff}\u{10ffff}\u{10ffff}", &[]),
    ] {
        assert_eq!(found(&api, q).await, hits, "{q}");
    }
    for unseen in ["\u{202e}\u{202e}\u{202e}", "\t\n\r\u{1}\u{2}\u{3}"] {
        ask(&api, unseen, "").await.is_invalid(&["q"]);
    }
}

#[tokio::test]
async fn the_longest_names_of_any_script_are_found() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let one_word = "म".repeat(255);
    let faces = "😀".repeat(255);
    let many_words = "अय्यर ".repeat(42).trim_end().to_owned();
    for (id, name) in [("C1", &one_word), ("C2", &faces), ("C3", &many_words)] {
        api.given(client(id).with("client_name", name.as_str())).await;
    }
    // Longer than any column a copy of it would reach.
    let row = booking("T1", "2026-02-05T10:30:00Z").with("booking_id", "long").of_client("C1");
    api.given(row.with("invitee_name", one_word.repeat(100))).await;
    let head = |text: &str, length: usize| text.chars().take(length).collect::<String>();
    assert_eq!(found(&api, &head(&one_word, 100)).await, ["client C1", "booking long"]);
    assert_eq!(found(&api, &head(&one_word, 3)).await, ["client C1", "booking long"]);
    assert_eq!(found(&api, &head(&faces, 100)).await, ["client C2"]);
    assert_eq!(found(&api, "अय्यर").await, ["client C3"]);
    assert_eq!(found(&api, "अय्यर अय्यर अय्यर").await, ["client C3"]);
    ask(&api, &head(&faces, 101), "").await.is_invalid(&["q"]);
}
