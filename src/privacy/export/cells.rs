//! The rows of a table as JSON and as CSV: whatever columns the table has, and whatever another program wrote into
//! them.
//!
//! PostgreSQL writes a row as JSON text, which loses nothing: `infinity` and `NaN` are texts in it, amounts keep their
//! scale. Only the form is changed here, to that of every answer of this server: times with their offset, amounts as
//! decimal strings, `rescheduled_from` for the column that is misspelt. CSV holds the same texts; a list is one cell.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use sqlx::PgConnection;

use super::tables::{LeftOut, left_out};
use crate::{
    error::{Error, Result},
    http::csv,
};

/// How the values of a column are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A time in UTC, without saying so.
    Utc,
    /// A local time of India, stored without a zone.
    Ist,
    /// A time with its offset.
    Instant,
    /// An amount.
    Amount,
    /// Anything else.
    Plain,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    name: String,
    kind: Kind,
}

impl Column {
    /// The column's name in the export.
    fn title(&self) -> &str {
        match self.name.as_str() {
            "recheduled_from" => "rescheduled_from",
            name => name,
        }
    }
}

/// The columns of a table (`payments`, `internal.session_notes`), in their order, but for those that no row has.
pub(crate) async fn columns(db: &mut PgConnection, table: &str) -> Result<Vec<Column>> {
    let (schema, name) = table.split_once('.').unwrap_or(("public", table));
    let columns = sqlx::query!(
        r#"select a.attname::text as "name!",
                  format_type(a.atttypid, null) as "type!"
           from pg_attribute a
           join pg_class c on c.oid = a.attrelid
           join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = $1
             and c.relname = $2
             and a.attnum > 0
             and not a.attisdropped
           order by a.attnum"#,
        schema,
        name,
    )
    .fetch_all(db)
    .await?;
    let never = |name: &str| left_out(table).any(|it| it.but_where.is_none() && it.columns.contains(&name));
    let kept = columns.into_iter().filter(|column| !never(&column.name));
    let column = kept.map(|column| {
        let kind = match column.r#type.as_str() {
            "timestamp without time zone" if (table, column.name.as_str()) == ("notifications", "created_at") => {
                Kind::Ist
            }
            "timestamp without time zone" => Kind::Utc,
            "timestamp with time zone" => Kind::Instant,
            "numeric" => Kind::Amount,
            _ => Kind::Plain,
        };
        Column { name: column.name, kind }
    });
    Ok(column.collect())
}

/// A row as PostgreSQL writes it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Row<'a>(#[serde(borrow)] BTreeMap<String, &'a RawValue>);

impl<'a> Row<'a> {
    pub(crate) fn read(json: &'a str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| Error::Internal(error.into()))
    }

    /// Empties the columns that are left out of rows like this one.
    pub(crate) fn leave_out(&mut self, left_out: &LeftOut) {
        let Some((column, word)) = left_out.but_where else { return };
        if self.0.get(column).is_none_or(|value| value.get().trim_matches('"') != word) {
            self.0.retain(|column, _| !left_out.columns.contains(&column.as_str()));
        }
    }

    /// The value of a column, in JSON.
    fn value(&self, column: &Column) -> Cow<'a, str> {
        let raw = self.0.get(&column.name).map_or("null", |raw| raw.get());
        // Neither a time nor an amount holds anything that is escaped.
        let text = raw.trim_matches('"');
        match column.kind {
            Kind::Plain => raw.into(),
            _ if raw == "null" => raw.into(),
            Kind::Amount => format!("\"{text}\"").into(),
            Kind::Instant => text.strip_suffix("+00:00").map_or(raw.into(), |time| format!("\"{time}Z\"").into()),
            // Neither infinity nor a year before Christ has an offset that could be written to it.
            Kind::Utc | Kind::Ist if !text.ends_with(|end: char| end.is_ascii_digit()) => raw.into(),
            Kind::Utc => format!("\"{text}Z\"").into(),
            Kind::Ist => format!("\"{text}+05:30\"").into(),
        }
    }

    /// The row as one JSON object.
    pub(super) fn json(&self, columns: &[Column]) -> String {
        let field = |column: &Column| format!("{}:{}", Value::from(column.title()), self.value(column));
        format!("{{{}}}", columns.iter().map(field).collect::<Vec<_>>().join(","))
    }

    /// The row as cells of CSV. NULL is empty.
    pub(super) fn cells(&self, columns: &[Column]) -> Vec<String> {
        let cell = |column: &Column| {
            let value = self.value(column);
            if value == "null" {
                String::new()
            } else if column.kind == Kind::Plain {
                plain(&value)
            } else {
                value.trim_matches('"').to_owned()
            }
        };
        columns.iter().map(cell).collect()
    }
}

/// A value that is neither a time nor an amount, as a cell: words without a formula, a list of them as other lists write
/// it, anything else as it stands.
fn plain(value: &str) -> String {
    let words = |items: Vec<Option<String>>| items.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
    let text =
        serde_json::from_str(value).or_else(|_| serde_json::from_str(value).map(|items| words(items).join("; ")));
    text.map_or_else(|_| value.to_owned(), |text: String| csv::defused(&text).into_owned())
}

/// The line of titles.
pub(crate) fn titles(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.title().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), kind }
    }

    #[test]
    fn what_other_programs_left_is_kept_and_every_form_is_that_of_the_api() {
        let columns = [
            column("recheduled_from", Kind::Utc),
            column("at", Kind::Utc),
            column("told", Kind::Ist),
            column("kept", Kind::Instant),
            column("amount", Kind::Amount),
            column("none", Kind::Amount),
            column("words", Kind::Plain),
            column("many", Kind::Plain),
            column("missing", Kind::Plain),
        ];
        let row = r#"{"recheduled_from":"2026-02-04T10:30:00","at":"-infinity","told":"2026-02-04T10:30:00.5",
                      "kept":"2026-02-04T10:30:00+00:00","amount":-1700.00,"none":"NaN","words":"=\"a\"\u0001",
                      "many":["@a","b"],"hidden":1}"#;
        let row = Row::read(row).expect("a row");
        assert_eq!(
            row.json(&columns),
            r#"{"rescheduled_from":"2026-02-04T10:30:00Z","at":"-infinity","told":"2026-02-04T10:30:00.5+05:30","kept":"2026-02-04T10:30:00Z","amount":"-1700.00","none":"NaN","words":"=\"a\"\u0001","many":["@a","b"],"missing":null}"#
        );
        assert_eq!(
            row.cells(&columns),
            [
                "2026-02-04T10:30:00Z",
                "-infinity",
                "2026-02-04T10:30:00.5+05:30",
                "2026-02-04T10:30:00Z",
                "-1700.00",
                "NaN",
                "'=\"a\"\u{1}",
                "'@a; b",
                ""
            ]
        );
    }
}
