//! `internal.fold`, over all of Unicode.

use safestories::domain::text::is_visible;

use crate::harness::TestApi;

/// What texts fold to.
async fn folded(api: &TestApi, texts: &[String]) -> Vec<String> {
    sqlx::query_scalar("select internal.fold(word) from unnest($1::text[]) with ordinality as t (word, n) order by n")
        .bind(texts)
        .fetch_all(&mut *api.sql().await)
        .await
        .unwrap()
}

fn all_characters() -> impl Iterator<Item = char> {
    ('\u{1}'..=char::MAX).filter(|c| !matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..))
}

#[tokio::test]
async fn texts_fold_to_one_form() {
    let api = TestApi::new().await;
    let pairs = [
        ("  Asha\t\n Rao ", "asha rao"),
        ("Asha\u{a0}\u{2009}\u{3000}Rao", "asha rao"),
        ("\u{202a}As\u{200d}ha\u{ad}\u{feff}", "asha"),
        ("\u{200b}", ""),
        ("E\u{301}MILE", "\u{e9}mile"),
        ("\u{958}", "\u{915}\u{93c}"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("σίσυφος", "σίσυφοσ"),
        ("İSTANBUL", "istanbul"),
        ("i\u{307}stanbul", "istanbul"),
        ("ıstanbul", "istanbul"),
        ("STRAẞE Straße", "strasse strasse"),
        ("ЁЛКА", "ёлка"),
        ("\u{212a}elvin \u{212b}ngstr\u{f6}m", "kelvin \u{e5}ngstr\u{f6}m"),
        ("\u{966}\u{ff11}\u{662}\u{1d7db}4", "01234"),
        ("a_b%c\\d 'e\"", "a_b%c\\d 'e\""),
        ("", ""),
    ];
    let found = folded(&api, &pairs.map(|(text, _)| text.to_owned())).await;
    for ((text, wanted), found) in pairs.iter().zip(&found) {
        assert_eq!(found, wanted, "{text:?}");
    }
    assert_eq!(folded(&api, &found).await, found);
}

#[tokio::test]
async fn every_letter_folds_as_its_other_case() {
    let api = TestApi::new().await;
    let (upper, lower): (Vec<_>, Vec<_>) = all_characters()
        .filter(|c| c.to_lowercase().count() == 1 && !c.to_lowercase().eq([*c]))
        .map(|c| (c.to_string(), c.to_lowercase().to_string()))
        .unzip();
    assert!(upper.len() > 1400);
    let (folded_upper, folded_lower) = (folded(&api, &upper).await, folded(&api, &lower).await);
    for (letter, pair) in upper.iter().zip(folded_upper.iter().zip(&folded_lower)) {
        assert_eq!(pair.0, pair.1, "{letter}");
    }
}

#[tokio::test]
async fn what_cannot_be_seen_folds_to_nothing() {
    let api = TestApi::new().await;
    let characters: Vec<String> = all_characters()
        .filter(|c| matches!(c, ..'\u{3400}' | '\u{fe00}'..'\u{1d200}' | '\u{e0000}'..))
        .filter(|c| !c.is_control() || c.is_whitespace())
        .map(String::from)
        .collect();
    for (character, found) in characters.iter().zip(folded(&api, &characters).await) {
        assert_eq!(character.contains(is_visible), !found.is_empty(), "{}", character.escape_unicode());
    }
}

/// Folding ASCII is one expression, so that it costs as little as `lower`; the function behind it knows all characters.
#[tokio::test]
async fn both_ways_to_fold_agree() {
    let api = TestApi::new().await;
    let ascii: Vec<String> = ('\u{1}'..'\u{80}').map(|c| format!("A{c}{c}B{c}")).collect();
    let slowly: Vec<String> = sqlx::query_scalar(
        "select internal.fold_unicode(word) from unnest($1::text[]) with ordinality as t (word, n) order by n",
    )
    .bind(&ascii)
    .fetch_all(&mut *api.sql().await)
    .await
    .unwrap();
    assert_eq!(folded(&api, &ascii).await, slowly);
}
