//! Searching names with a typing error.

use super::found;
use crate::{
    fixtures::{client, therapist},
    harness::TestApi,
};

/// Every way to write a word with one typo; a letter that is too much or another one is `x`.
fn typos(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut all = Vec::new();
    for at in 0..=letters.len() {
        let (head, tail) = letters.split_at(at);
        let mut make = |parts: &[&[char]]| all.push(parts.concat().into_iter().collect::<String>());
        make(&[head, &['x'], tail]);
        if let [_, rest @ ..] = tail {
            make(&[head, rest]);
            make(&[head, &['x'], rest]);
        }
        if let [one, other, rest @ ..] = tail {
            make(&[head, &[*other, *one], rest]);
        }
    }
    all
}

#[tokio::test]
async fn any_one_typo_in_a_short_name_is_forgiven() {
    let api = TestApi::new().await;
    let names = ["Meera", "Asha Rao", "मीरा", "Zoë Süßkind", "Om Shah"];
    for (number, name) in names.iter().enumerate() {
        api.given(client(&format!("C{number}")).with("client_name", *name)).await;
    }
    for word in ["Meera", "मीरा"] {
        let hit = if word == "Meera" { "client C0" } else { "client C2" };
        for typo in typos(word).iter().filter(|typo| typo.chars().count() > 2) {
            assert_eq!(found(&api, typo).await, [hit], "{typo}");
        }
    }
    for typo in typos("asha").iter().filter(|typo| typo.chars().count() > 2) {
        let hits = found(&api, typo).await;
        assert!(hits.contains(&"client C1".to_owned()), "{typo}: {hits:?}");
        assert_eq!(found(&api, &format!("{typo} rao")).await, ["client C1"], "{typo} rao");
    }
    for (q, hits) in [
        ("asha roa", &["client C1"][..]),
        ("ash rao", &["client C1"]),
        ("asharao", &["client C1"]),
        ("zoe", &["client C3"]),
        ("zoe süßkind", &["client C3"]),
        ("on shah", &["client C4"]),
        // Two are too many.
        ("zoe sußkind", &[]),
        ("an shah", &[]),
    ] {
        assert_eq!(found(&api, q).await, hits, "{q}");
    }
}

#[tokio::test]
async fn what_fits_better_comes_first() {
    let api = TestApi::new().await;
    for (id, name) in [
        ("C1", "Asha Rao"),
        ("C2", "Asha Rao Iyer"),
        ("C3", "Rao Asha"),
        ("C4", "Natasha Rao"),
        ("C5", "Usha Rao"),
        ("C6", "Asha Menon"),
        ("C7", "Ravi Kumar"),
    ] {
        api.given(client(id).with("client_name", name)).await;
    }
    api.given(therapist("T1").with("name", "Aisha Rao")).await;
    assert_eq!(
        found(&api, "asha rao").await,
        ["client C1", "client C2", "client C3", "client C4", "client C5", "therapist T1"]
    );
}

#[tokio::test]
async fn a_therapist_is_forgiven_a_typo_too() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1").with("name", "Kavita Deshpande"), therapist("T2").with("name", "Ravi Ghosh")]).await;
    for q in ["kavta", "deshpadne", "kavita deshpnde", "despande kavita"] {
        assert_eq!(found(&api, q).await, ["therapist T1"], "{q}");
    }
}
