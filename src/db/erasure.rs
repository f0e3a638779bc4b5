//! Erasing a client's data: the client's rows, and the outcome for each table.
//!
//! [`privacy`](crate::privacy) finds the client's rows and hands the list down; each feature erases those of its own
//! tables and reports the outcome. Data that could identify the person is replaced by [`ERASED`] or removed; records
//! that the practice has to keep, such as those of money, stay without it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    domain::ids::{BookingId, ClientId},
    error::Result,
};

/// Replaces the name of a person whose data was erased.
pub const ERASED: &str = "(erased)";

/// How many ways of writing a person's name, phones and addresses are looked for.
const MOST_WORDS: usize = 200;
/// How long one of them may be: no column that is looked through is wider.
const LONGEST_WORD: usize = 300;

/// The rows that an erasure of a client's data destroys, changes or counts, by their keys.
#[derive(Debug, Default)]
pub struct RowsToErase {
    /// The client's id first; then those of the records that were merged into it.
    pub clients: Vec<ClientId>,
    /// Bookings, and with them their appointments.
    pub bookings: Vec<BookingId>,
    /// `booking_cancelled`.
    pub cancellations: Vec<i32>,
    /// `booking_requests`.
    pub requests: Vec<i32>,
    /// `client_transfer_history`.
    pub transfers: Vec<i32>,
    /// `client_session_notes`.
    pub session_notes: Vec<i32>,
    /// `client_additional_notes`.
    pub additional_notes: Vec<i32>,
    /// `payments`.
    pub payments: Vec<i32>,
    /// `refund_cancellation_table`.
    pub refunds: Vec<i32>,
    /// `client_doc_form`.
    pub forms: Vec<i32>,
    /// Grants to read the client's notes by break-glass.
    pub grants: Vec<i32>,
    /// Requests to erase the client's data.
    pub erase_requests: Vec<i32>,
    /// The names, phones and addresses in those rows, in every way they are written there.
    pub words: Vec<String>,
}

/// The outcome of an erasure for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Fate)]
pub enum Outcome {
    /// They are gone.
    Destroyed,
    /// They stay without the columns that identify the person.
    Anonymised,
    /// They stay as they are: they identify nobody.
    Kept,
}

/// The outcome for the rows of one table.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "table": "payments", "fate": "anonymised", "rows": 2, "ids": ["17", "18"], "columns": ["invitee_name", "invitee_email"],
    "ground": "Money records are kept as tax law asks: amounts, dates and references, without the name."
}))]
pub struct Erased {
    /// The table.
    pub table: &'static str,
    /// The outcome for the rows.
    pub fate: Outcome,
    /// How many there are.
    pub rows: usize,
    /// Their keys.
    pub ids: Vec<String>,
    /// The columns that are replaced or emptied.
    pub columns: &'static [&'static str],
    /// Why the rows stay; null where they go.
    pub ground: Option<&'static str>,
}

impl Erased {
    /// Rows that are gone.
    pub fn destroyed(table: &'static str, ids: impl IntoIterator<Item: ToString>) -> Self {
        Self::new(table, Outcome::Destroyed, ids, &[], None)
    }

    /// The outcome of rows that lost some columns.
    pub fn anonymised(
        table: &'static str,
        ids: impl IntoIterator<Item: ToString>,
        columns: &'static [&'static str],
        ground: &'static str,
    ) -> Self {
        Self::new(table, Outcome::Anonymised, ids, columns, Some(ground))
    }

    /// Rows as they were.
    pub fn kept(table: &'static str, ids: impl IntoIterator<Item: ToString>, ground: &'static str) -> Self {
        Self::new(table, Outcome::Kept, ids, &[], Some(ground))
    }

    fn new(
        table: &'static str,
        fate: Outcome,
        ids: impl IntoIterator<Item: ToString>,
        columns: &'static [&'static str],
        ground: Option<&'static str>,
    ) -> Self {
        let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
        Self { table, fate, rows: ids.len(), ids, columns, ground }
    }
}

impl RowsToErase {
    /// The keys of the rows, by table, without the grants and the requests to erase.
    pub fn keys(&self) -> Value {
        json!({
            "bookings": self.bookings,
            "booking_cancelled": self.cancellations,
            "booking_requests": self.requests,
            "client_transfer_history": self.transfers,
            "client_session_notes": self.session_notes,
            "client_additional_notes": self.additional_notes,
            "payments": self.payments,
            "refund_cancellation_table": self.refunds,
            "client_doc_form": self.forms,
        })
    }

    /// How many of them there are, by table.
    pub fn counts(&self) -> Value {
        let keys = self.keys();
        let tables = keys.as_object().into_iter().flatten();
        tables
            .map(|(table, keys)| (table.clone(), keys.as_array().map_or(0, Vec::len)))
            .filter(|(_, rows)| *rows > 0)
            .collect()
    }

    /// A regular expression of PostgreSQL, matched without regard to letter case, that finds the person's name, phones
    /// and addresses in a sentence; none if nothing is known of them.
    pub fn pattern(&self) -> Option<String> {
        pattern(&self.words)
    }

    /// A text without them.
    pub async fn without_words(&self, db: &mut PgConnection, text: &str) -> Result<String> {
        let Some(pattern) = self.pattern() else { return Ok(text.to_owned()) };
        let text =
            sqlx::query_scalar!(r#"select regexp_replace($1::text, $2, $3, 'gi') as "text!""#, text, pattern, ERASED)
                .fetch_one(db)
                .await?;
        Ok(text)
    }
}

/// Whole words only, the longest first; any white space between the parts of a name is as good as another.
pub(crate) fn pattern(words: &[String]) -> Option<String> {
    let mut words: Vec<&str> = words
        .iter()
        .map(|word| word.trim())
        .filter(|word| (2..=LONGEST_WORD).contains(&word.chars().count()) && *word != ERASED)
        .collect();
    words.sort_unstable_by_key(|word| (std::cmp::Reverse(word.len()), *word));
    words.dedup();
    words.truncate(MOST_WORDS);
    let escaped = words.iter().map(|word| {
        let parts = word.split_whitespace().map(|part| {
            part.chars().fold(String::new(), |mut escaped, c| {
                if c.is_ascii_punctuation() {
                    escaped.push('\\');
                }
                escaped.push(c);
                escaped
            })
        });
        parts.collect::<Vec<_>>().join(r"\s+")
    });
    let any = escaped.collect::<Vec<_>>().join("|");
    (!any.is_empty()).then(|| format!("(?<![[:alnum:]])(?:{any})(?![[:alnum:]])"))
}

/// Removes the fingerprints of idempotency records about these rows: the hash of a name and a phone can be guessed. A
/// repeat is refused from then on, as one with another body. Rows are named by a part of their route and their id.
pub async fn forget_requests(db: &mut PgConnection, routes: &[&str], ids: &[String]) -> Result<u64> {
    let forgotten = sqlx::query!(
        r"update internal.idempotency_keys k
          set request_hash = '\x00'
          from unnest($1::text[], $2::text[]) as rows (route, id)
          where k.resource_id = rows.id
            and strpos(k.route, rows.route) > 0",
        routes as &[&str],
        ids,
    )
    .execute(db)
    .await?;
    Ok(forgotten.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_the_longest_form_and_no_punctuation_has_a_meaning() {
        let words = ["Meera", " Meera  Iyer ", "+91 (0)98", "a", "", ERASED, "Meera"].map(ToOwned::to_owned);
        let pattern = pattern(&words).unwrap();
        assert_eq!(pattern, r"(?<![[:alnum:]])(?:Meera\s+Iyer|\+91\s+\(0\)98|Meera)(?![[:alnum:]])");
        assert_eq!(super::pattern(&["x".to_owned()]), None);
    }
}
