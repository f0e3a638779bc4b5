//! Rows as lines of CSV: a serde serializer that takes structs of plain values.

use std::{borrow::Cow, fmt::Display};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde::{
    Serialize, Serializer,
    ser::{self, Impossible, SerializeSeq, SerializeStruct},
};

use super::super::time::Zone;

/// Why a row cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Row(String),
    #[error(transparent)]
    Csv(#[from] csv::Error),
}

impl ser::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::Row(message.to_string())
    }
}

/// Writes rows, after a line of their field names if asked.
pub(super) fn write<T: Serialize>(rows: &[T], with_header: bool, zone: Zone) -> Result<Bytes, Fault> {
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(rows.len() * 512));
    let mut header = with_header;
    for row in rows {
        let line = row.serialize(Line { zone, names: Vec::new(), cells: Vec::new() })?;
        if std::mem::take(&mut header) {
            writer.write_record(&line.names)?;
        }
        writer.write_record(&line.cells)?;
    }
    let bytes = writer.into_inner().map_err(|error| Fault::Row(error.to_string()))?;
    Ok(bytes.into())
}

/// One row: takes a struct, cell by cell.
struct Line {
    zone: Zone,
    names: Vec<&'static str>,
    cells: Vec<String>,
}

impl SerializeStruct for Line {
    type Ok = Self;
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        self.names.push(name);
        self.cells.push(value.serialize(Cell { zone: self.zone, kind: Kind::Text })?);
        Ok(())
    }

    fn end(self) -> Result<Self, Fault> {
        Ok(self)
    }
}

/// How the text of a cell is to be taken.
#[derive(Clone, Copy)]
enum Kind {
    /// Somebody's words: a formula is defused.
    Text,
    /// A number of ours.
    Number,
    /// An instant in UTC: shown in the practice's zone.
    Instant,
}

/// One cell: takes a plain value, or a list of them.
#[derive(Clone, Copy)]
struct Cell {
    zone: Zone,
    kind: Kind,
}

impl Cell {
    fn text(self, text: &str) -> String {
        match self.kind {
            Kind::Number => text.to_owned(),
            Kind::Instant => text.parse::<DateTime<Utc>>().map_or_else(
                |_| text.to_owned(),
                |instant| instant.with_timezone(&self.zone.0).format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            ),
            Kind::Text => defused(text).into_owned(),
        }
    }
}

/// What a spreadsheet would run as a formula, as plain text.
#[must_use]
pub fn defused(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{text}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// The values of a list, in one cell.
struct Items {
    cell: Cell,
    items: Vec<String>,
}

impl SerializeSeq for Items {
    type Ok = String;
    type Error = Fault;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.items.push(value.serialize(self.cell)?);
        Ok(())
    }

    fn end(self) -> Result<String, Fault> {
        Ok(self.items.join("; "))
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Result<String, Fault> {
            Ok(value.to_string())
        }
    )+};
}

/// The kinds of values that neither rows nor cells are.
macro_rules! refuse {
    ($ok:ty, $what:literal: $($method:ident($($argument:ty),*)),+ $(,)?) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, Fault> {
            Err(ser::Error::custom(concat!($what, ": ", stringify!($method))))
        }
    )+};
}

impl Serializer for Cell {
    type Ok = String;
    type Error = Fault;
    type SerializeSeq = Items;
    type SerializeTuple = Impossible<String, Fault>;
    type SerializeTupleStruct = Impossible<String, Fault>;
    type SerializeTupleVariant = Impossible<String, Fault>;
    type SerializeMap = Impossible<String, Fault>;
    type SerializeStruct = Impossible<String, Fault>;
    type SerializeStructVariant = Impossible<String, Fault>;

    numbers! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64,
    }

    fn serialize_str(self, text: &str) -> Result<String, Fault> {
        Ok(self.text(text))
    }

    fn serialize_char(self, character: char) -> Result<String, Fault> {
        Ok(self.text(character.encode_utf8(&mut [0; 4])))
    }

    fn serialize_none(self) -> Result<String, Fault> {
        Ok(String::new())
    }

    fn serialize_unit(self) -> Result<String, Fault> {
        Ok(String::new())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<String, Fault> {
        let kind = match name {
            "Timestamp" => Kind::Instant,
            "Amount" => Kind::Number,
            _ => self.kind,
        };
        value.serialize(Self { kind, ..self })
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<String, Fault> {
        Ok(word.to_owned())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Fault> {
        Ok(Items { cell: self, items: Vec::with_capacity(length.unwrap_or_default()) })
    }

    refuse! { String, "not a cell": serialize_bytes(&[u8]), serialize_unit_struct(&'static str) }
    refuse! { Impossible<String, Fault>, "not a cell":
        serialize_tuple(usize), serialize_tuple_struct(&'static str, usize), serialize_map(Option<usize>),
        serialize_tuple_variant(&'static str, u32, &'static str, usize), serialize_struct(&'static str, usize),
        serialize_struct_variant(&'static str, u32, &'static str, usize),
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, Fault> {
        Err(ser::Error::custom("not a cell: a variant with a value"))
    }
}

impl Serializer for Line {
    type Ok = Self;
    type Error = Fault;
    type SerializeSeq = Impossible<Self, Fault>;
    type SerializeTuple = Impossible<Self, Fault>;
    type SerializeTupleStruct = Impossible<Self, Fault>;
    type SerializeTupleVariant = Impossible<Self, Fault>;
    type SerializeMap = Impossible<Self, Fault>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<Self, Fault>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Self, Fault> {
        value.serialize(self)
    }

    refuse! { Self, "not a row":
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]), serialize_none(),
        serialize_unit(), serialize_unit_struct(&'static str),
        serialize_unit_variant(&'static str, u32, &'static str),
    }
    refuse! { Impossible<Self, Fault>, "not a row":
        serialize_seq(Option<usize>), serialize_tuple(usize), serialize_tuple_struct(&'static str, usize),
        serialize_map(Option<usize>), serialize_tuple_variant(&'static str, u32, &'static str, usize),
        serialize_struct_variant(&'static str, u32, &'static str, usize),
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Self, Fault> {
        Err(ser::Error::custom("not a row: a variant"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::platform::time::Timestamp;

    #[derive(Serialize)]
    struct Row {
        name: Option<&'static str>,
        at: Timestamp,
        minutes: i32,
        words: Vec<&'static str>,
        #[serde(skip)]
        _hidden: (),
    }

    #[test]
    fn rows_become_lines() {
        let at = Timestamp::from("2026-02-04T10:30:00Z".parse::<DateTime<Utc>>().unwrap());
        let row = |name| Row { name, at, minutes: -5, words: vec!["a", "=b"], _hidden: () };
        let rows = [row(Some("=HYPERLINK(\"x\")")), row(None), row(Some("Asha, \"Rao\""))];
        let csv = write(&rows, true, "Asia/Kolkata".parse().unwrap()).unwrap();
        assert_eq!(
            std::str::from_utf8(&csv).unwrap(),
            "name,at,minutes,words\n\
             \"'=HYPERLINK(\"\"x\"\")\",2026-02-04T16:00:00+05:30,-5,a; '=b\n\
             ,2026-02-04T16:00:00+05:30,-5,a; '=b\n\
             \"Asha, \"\"Rao\"\"\",2026-02-04T16:00:00+05:30,-5,a; '=b\n"
        );
    }
}
