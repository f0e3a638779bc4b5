//! Rows as text for `COPY`, by table, with their serial numbers.

use std::fmt::{Display, Write as _};

use chrono::{DateTime, Utc};

use super::tables::Table;

/// Rows of all tables, not yet loaded.
#[derive(Debug)]
pub(super) struct Sheets {
    /// Rows by table.
    text: [Vec<u8>; Table::COUNT],
    /// The highest number given out, by table.
    last: LastIds,
}

/// The highest number in use in each table's serial column.
#[derive(Debug, Clone, Default)]
pub(super) struct LastIds([i32; Table::COUNT]);

impl LastIds {
    /// Numbers already in use when loading starts.
    pub(super) fn set(&mut self, table: Table, last: i32) {
        self.0[table as usize] = last;
    }

    /// The highest number in use.
    pub(super) fn get(&self, table: Table) -> i32 {
        self.0[table as usize]
    }
}

impl Sheets {
    /// Empty sheets; numbers go on after `last`.
    pub(super) fn new(last: LastIds) -> Self {
        Self { text: std::array::from_fn(|_| Vec::new()), last }
    }

    /// The highest numbers given out.
    pub(super) fn last_ids(&self) -> &LastIds {
        &self.last
    }

    /// Bytes waiting.
    pub(super) fn size(&self) -> usize {
        self.text.iter().map(Vec::len).sum()
    }

    /// Takes what waits, by table in the order of loading.
    pub(super) fn take(&mut self) -> Vec<(Table, Vec<u8>)> {
        Table::all().zip(self.text.iter_mut().map(std::mem::take)).filter(|(_, text)| !text.is_empty()).collect()
    }

    /// Writes one row, beginning with its number where the table counts; gives that number (else 0).
    pub(super) fn row(&mut self, table: Table, write: impl FnOnce(&mut Row<'_>)) -> i32 {
        let text = &mut self.text[table as usize];
        let mut row = Row { text, begun: false };
        let mut id = 0;
        if table.serial().is_some() {
            let last = &mut self.last.0[table as usize];
            *last += 1;
            id = *last;
            row.show(id);
        }
        write(&mut row);
        text.push(b'\n');
        id
    }
}

/// A row being written, value by value in the order of the table's columns.
pub(super) struct Row<'a> {
    text: &'a mut Vec<u8>,
    begun: bool,
}

impl Row<'_> {
    fn next(&mut self) {
        if self.begun {
            self.text.push(b'\t');
        }
        self.begun = true;
    }

    /// A text.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.next();
        self.escape(value);
        self
    }

    /// A text or NULL.
    pub(super) fn maybe<T: AsRef<str>>(&mut self, value: Option<T>) -> &mut Self {
        match value {
            Some(value) => self.text(value.as_ref()),
            None => self.null(),
        }
    }

    /// Anything that shows itself.
    pub(super) fn show(&mut self, value: impl Display) -> &mut Self {
        self.next();
        // Writing to a row cannot fail.
        let _ = write!(self, "{value}");
        self
    }

    /// An instant, as UTC without an offset.
    pub(super) fn time(&mut self, at: DateTime<Utc>) -> &mut Self {
        self.show(at.naive_utc())
    }

    /// An instant or NULL.
    pub(super) fn maybe_time(&mut self, at: Option<DateTime<Utc>>) -> &mut Self {
        match at {
            Some(at) => self.time(at),
            None => self.null(),
        }
    }

    /// NULL.
    pub(super) fn null(&mut self) -> &mut Self {
        self.next();
        self.text.extend_from_slice(b"\\N");
        self
    }

    fn escape(&mut self, value: &str) {
        let mut rest = value.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t')) {
            self.text.extend_from_slice(&rest[..at]);
            self.text.extend_from_slice(match rest[at] {
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                _ => b"\\\\",
            });
            rest = &rest[at + 1..];
        }
        self.text.extend_from_slice(rest);
    }
}

impl std::fmt::Write for Row<'_> {
    fn write_str(&mut self, value: &str) -> std::fmt::Result {
        self.escape(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_would_take_for_its_own_is_escaped() {
        let mut sheets = Sheets::new(LastIds::default());
        sheets.row(Table::DocForms, |row| {
            row.text("a\tb\\c\nd\r").null().show(format_args!("{}\t", 1));
        });
        assert_eq!(sheets.take(), [(Table::DocForms, b"1\ta\\tb\\\\c\\nd\\r\t\\N\t1\\t\n".to_vec())]);
    }
}
