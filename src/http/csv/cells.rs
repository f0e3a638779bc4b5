//! Rows as lines of CSV: each field of a row's JSON is a cell under its name.
//!
//! JSON has one kind of text; the schema of the row says which texts are times or amounts.

use std::{borrow::Cow, collections::BTreeMap};

use anyhow::bail;
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{Ref, RefOr, Schema},
};

use super::params::{CsvCharset, CsvHeader, CsvParams};
use crate::{
    domain::{
        money::Amount,
        time::{Instant, Timestamp, Zone},
    },
    error::{Error, Result},
    http::extract::names,
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
    /// Those of the rows, and how their texts are to be taken.
    kinds: BTreeMap<String, Kind>,
    /// Those that are wanted; none: all.
    wanted: Vec<String>,
    has_titles: bool,
    has_mark: bool,
    zone: Zone,
}

impl Columns {
    /// The columns of `T` that are wanted.
    ///
    /// # Errors
    ///
    /// If one of them is none of `T`.
    pub(super) fn of<T: ToSchema>(zone: Zone, params: CsvParams) -> Result<Self> {
        let instants = [Timestamp::name(), Instant::name()].map(|name| Ref::from_schema_name(name).ref_location);
        let amount = Ref::from_schema_name(Amount::name()).ref_location;
        let kind = |schema: RefOr<Schema>| match schema {
            RefOr::Ref(schema) if instants.contains(&schema.ref_location) => Kind::Instant,
            RefOr::Ref(schema) if schema.ref_location == amount => Kind::Amount,
            _ => Kind::Words,
        };
        let mut known = Vec::new();
        T::schemas(&mut known);
        let mut kinds = BTreeMap::new();
        let mut parts = vec![T::schema()];
        while let Some(part) = parts.pop() {
            match part {
                RefOr::T(Schema::Object(row)) => {
                    kinds.extend(row.properties.into_iter().map(|(name, schema)| (name, kind(schema))));
                }
                RefOr::T(Schema::AllOf(row)) => parts.extend(row.items),
                RefOr::Ref(shared) => {
                    let name = shared.ref_location.rsplit('/').next();
                    parts.extend(
                        known.iter().filter(|(known, _)| Some(&**known) == name).map(|(_, schema)| schema.clone()),
                    );
                }
                RefOr::T(_) => {}
            }
        }
        let CsvParams { columns: wanted, header, charset } = params;
        if let Some(unknown) = wanted.iter().find(|name| !kinds.contains_key(*name)) {
            return Err(Error::query("columns", names::unknown(unknown, kinds.keys().map(String::as_str))));
        }
        let (has_titles, has_mark) = (header == Some(CsvHeader::Titles), charset == Some(CsvCharset::Excel));
        Ok(Self { kinds, wanted, has_titles, has_mark, zone })
    }

    /// Writes rows, after a line of field names where they are the first.
    pub(super) fn write<T: Serialize>(&self, rows: &[T], mut are_first: bool) -> anyhow::Result<Bytes> {
        let mut text = Vec::with_capacity(rows.len() * 512);
        if are_first && self.has_mark {
            text.extend("\u{feff}".bytes());
        }
        let mut writer = csv::Writer::from_writer(text);
        for row in rows {
            let Value::Object(fields) = serde_json::to_value(row)? else { bail!("a row of CSV that is no object") };
            let all = || fields.keys().map(String::as_str).collect();
            let names: Vec<&str> =
                if self.wanted.is_empty() { all() } else { self.wanted.iter().map(String::as_str).collect() };
            if std::mem::take(&mut are_first) {
                writer.write_record(names.iter().map(|name| self.title(name).into_owned()))?;
            }
            writer.write_record(names.iter().map(|name| self.cell(name, fields.get(*name).unwrap_or(&Value::Null))))?;
        }
        Ok(writer.into_inner()?.into())
    }

    /// The name of a column in the first line.
    fn title<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if !self.has_titles {
            return Cow::Borrowed(name);
        }
        let words = name.replace('_', " ");
        let (first, rest) = words.split_at_checked(1).unwrap_or_default();
        Cow::Owned(first.to_uppercase() + rest)
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
        let csv = Columns::of::<Row>("Asia/Kolkata".parse().unwrap(), CsvParams::default())
            .unwrap()
            .write(&rows, true)
            .unwrap();
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
