//! The zip: files written one after the other, each with its SHA-256, size and number of rows for the manifest.
//!
//! Rows are packed as they are written, so that memory holds the packed file, not the rows.

use std::io::{Cursor, Write};

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::Serialize;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    domain::text::hex,
    error::{Error, Result},
};

/// A file of the archive, as the manifest lists it.
#[derive(Debug, Serialize)]
pub(crate) struct Packed {
    /// Its name.
    pub(crate) name: String,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub(crate) sha256: String,
    /// Its size before it was packed.
    pub(crate) bytes: u64,
    /// How many rows, or sessions, are in it.
    pub(crate) rows: u64,
}

/// An archive being written.
pub(crate) struct Archive {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    options: SimpleFileOptions,
    digest: Context,
    bytes: u64,
    files: Vec<Packed>,
}

impl Archive {
    pub(crate) fn new(at: DateTime<Utc>) -> Self {
        let part = |number: u32| u8::try_from(number).unwrap_or_default();
        let year = u16::try_from(at.year()).unwrap_or_default();
        let date = [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(part);
        let [month, day, hour, minute, second] = date;
        let time = zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).unwrap_or_default();
        Self {
            zip: ZipWriter::new(Cursor::new(Vec::new())),
            options: SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(time)
                .unix_permissions(0o600),
            digest: Context::new(&SHA256),
            bytes: 0,
            files: Vec::new(),
        }
    }

    /// Begins a file.
    pub(crate) fn begin(&mut self, name: &str) -> Result<()> {
        self.zip.start_file(name, self.options).map_err(failed)?;
        self.digest = Context::new(&SHA256);
        self.bytes = 0;
        Ok(())
    }

    /// Writes a part of the file begun last.
    pub(crate) fn write(&mut self, part: &[u8]) -> Result<()> {
        self.digest.update(part);
        self.bytes += part.len() as u64;
        self.zip.write_all(part).map_err(failed)
    }

    /// Ends the file begun last.
    pub(crate) fn end(&mut self, name: &str, rows: u64) {
        let digest = std::mem::replace(&mut self.digest, Context::new(&SHA256)).finish();
        let sha256 = hex(digest.as_ref());
        self.files.push(Packed { name: name.to_owned(), sha256, bytes: self.bytes, rows });
    }

    /// The files written so far.
    pub(crate) fn files(&self) -> &[Packed] {
        &self.files
    }

    /// The archive.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.zip.finish().map_err(failed)?.into_inner())
    }
}

fn failed(error: impl Into<anyhow::Error>) -> Error {
    Error::Internal(error.into())
}
