//! Rows as lines of CSV: each field of a row's JSON is a cell under its name.
//!
//! JSON has one kind of text; the schema of the row says which texts are times or amounts.

use std::{borrow::Cow, collections::HashMap};

use anyhow::bail;
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{Ref, RefOr, Schema},
};

use crate::domain::{
    money::Amount,
    time::{Timestamp, Zone},
};

/// How the text of a cell is to be taken.
#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    /// Somebody's words: a formula is defused.
    #[default]
    Words,
    /// A decimal number.
    Amount,
    /// An instant in UTC: shown in the practice's zone.
    Instant,
}

/// The columns of a kind of row, and the zone in which their times are shown.
#[derive(Debug)]
pub(super) struct Columns {
    /// Only those that hold other texts than words.
    kinds: HashMap<String, Kind>,
    zone: Zone,
}

impl Columns {
    /// The columns of `T`.
    pub(super) fn of<T: ToSchema>(zone: Zone) -> Self {
        let instant = Ref::from_schema_name(Timestamp::name()).ref_location;
        let amount = Ref::from_schema_name(Amount::name()).ref_location;
        let kind = |schema: RefOr<Schema>| match schema {
            RefOr::Ref(schema) if schema.ref_location == instant => Some(Kind::Instant),
            RefOr::Ref(schema) if schema.ref_location == amount => Some(Kind::Amount),
            _ => None,
        };
        let kinds = match T::schema() {
            RefOr::T(Schema::Object(row)) => {
                row.properties.into_iter().filter_map(|(name, schema)| Some((name, kind(schema)?))).collect()
            }
            _ => HashMap::new(),
        };
        Self { kinds, zone }
    }

    /// Writes rows, after a line of field names where `with_header` is set.
    pub(super) fn write<T: Serialize>(&self, rows: &[T], mut with_header: bool) -> anyhow::Result<Bytes> {
        let mut writer = csv::Writer::from_writer(Vec::with_capacity(rows.len() * 512));
        for row in rows {
            let Value::Object(fields) = serde_json::to_value(row)? else { bail!("a row of CSV that is no object") };
            if std::mem::take(&mut with_header) {
                writer.write_record(fields.keys())?;
            }
            writer.write_record(fields.iter().map(|(name, value)| self.cell(name, value)))?;
        }
        Ok(writer.into_inner()?.into())
    }

    fn cell(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => match self.kinds.get(name).copied().unwrap_or_default() {
                Kind::Words => defused(text).into_owned(),
                Kind::Amount => text.clone(),
                Kind::Instant => text.parse::<DateTime<Utc>>().map_or_else(
                    |_| text.clone(),
                    |instant| instant.with_timezone(&self.zone.0).format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
                ),
            },
            Value::Array(items) => items.iter().map(|item| self.cell(name, item)).collect::<Vec<_>>().join("; "),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
        }
    }
}

/// A text that no spreadsheet takes for a formula.
pub fn defused(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{text}"))
        }
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, ToSchema)]
    struct Row {
        name: Option<&'static str>,
        at: Timestamp,
        minutes: i32,
        words: Vec<&'static str>,
        amount: Amount,
        #[serde(skip)]
        _hidden: (),
    }

    #[test]
    fn rows_become_lines() {
        let at = Timestamp::from("2026-02-04T10:30:00Z".parse::<DateTime<Utc>>().unwrap());
        let amount = Amount::ABSENT.checked_sub(Amount::ZERO).unwrap();
        let row = |name| Row { name, at, minutes: -5, words: vec!["a", "=b"], amount, _hidden: () };
        let rows = [
            row(Some("=HYPERLINK(\"x\")")),
            row(None),
            row(Some("Asha, \"Rao\"")),
            Row { at: Timestamp::ABSENT, amount: Amount::ABSENT, ..row(Some("2026-02-04T10:30:00Z")) },
            row(Some("-5")),
        ];
        let csv = Columns::of::<Row>("Asia/Kolkata".parse().unwrap()).write(&rows, true).unwrap();
        assert_eq!(
            std::str::from_utf8(&csv).unwrap(),
            "name,at,minutes,words,amount\n\
             \"'=HYPERLINK(\"\"x\"\")\",2026-02-04T16:00:00+05:30,-5,a; '=b,0.00\n\
             ,2026-02-04T16:00:00+05:30,-5,a; '=b,0.00\n\
             \"Asha, \"\"Rao\"\"\",2026-02-04T16:00:00+05:30,-5,a; '=b,0.00\n\
             2026-02-04T10:30:00Z,,-5,a; '=b,\n\
             '-5,2026-02-04T16:00:00+05:30,-5,a; '=b,0.00\n"
        );
    }
}
