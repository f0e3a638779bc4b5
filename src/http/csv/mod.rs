//! A whole list as CSV: every page of it, from one snapshot, in constant memory.
//!
//! Lists are read through a pool of two connections of their own, so that a slow download takes none from the requests;
//! a third download gets 429. Rows are read ahead of the client by a task, which gives up where nobody takes them, so that a client
//! that reads nothing holds none of the two for long. A failure in mid-stream breaks the connection (the chunked body never ends), so that nobody takes a
//! part for the whole. Cells that a spreadsheet would take for a formula get an apostrophe in front; times stand in the
//! practice's zone with their offset; every field has the name and the value of the JSON.

mod cells;
mod params;

pub use self::cells::defused;
pub use self::params::CsvParams;

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::sync::mpsc;
use tracing::Instrument;

use self::cells::Columns;
use super::page::{List, Order, Position};
use crate::{
    app::state::App,
    db::{checkout::Export, deadline::within, scope::Scope},
    error::{Error, Result},
};

/// How many rows are read at a time.
const ROWS: i64 = 500;

/// How long the next rows may take: longer than their statement may.
const READING: Duration = Duration::from_secs(65);

/// In which form the client wants a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As JSON: it names that first, or nothing that we have.
    Json,
    /// As CSV, or else as JSON.
    CsvOrJson,
    /// As CSV and not as JSON.
    Csv,
}

impl Form {
    /// The form that the `Accept` header wants most (RFC 9110, section 12.5.1), of equal ones the first.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<Range> = accepted.flat_map(|value| value.split(',')).map(Range::parse).collect();
        // Of the ranges that hold a form, the narrowest says how much it is wanted: with the weight, and its place from behind.
        let wanted = |kinds: &[&str]| {
            let range = kinds.iter().find_map(|kind| ranges.iter().position(|range| range.kind == *kind));
            range.map(|place| (ranges[place].weight, ranges.len() - place)).filter(|(weight, _)| *weight > 0)
        };
        let (csv, json) = (wanted(&["text/csv", "text/*"]), wanted(&["application/json", "application/*", "*/*"]));
        match (csv, json) {
            (Some(_), None) => Self::Csv,
            (Some(csv), Some(json)) if csv > json => Self::CsvOrJson,
            _ => Self::Json,
        }
    }
}

/// A range of an `Accept` header.
struct Range {
    kind: String,
    /// In thousandths.
    weight: u16,
}

impl Range {
    fn parse(range: &str) -> Self {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let kind = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
        Self { kind, weight: (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0).round() as u16 }
    }
}

/// The rows still to be sent.
struct Rest<L: List> {
    /// None once all have been read.
    snapshot: Option<Export>,
    list: L,
    order: L::Order,
    position: Position,
    /// Rows read, not yet written; none: all are written.
    rows: Option<Vec<L::Row>>,
    is_first: bool,
    columns: Columns,
}

/// Streams all rows of `list`, as a file of that name.
pub(crate) async fn stream<L: List>(
    app: &App,
    scope: &Scope,
    list: L,
    order: L::Order,
    params: CsvParams,
    name: &str,
) -> Result<Response> {
    let columns = Columns::of::<L::Row>(app.zone, params)?;
    let mut snapshot = app.db.begin_export(scope).await?.ok_or(Error::TooMany(5))?;
    let position = Position { from: None, descending: order.is_descending(), limit: ROWS, count: None };
    // The first rows are read before the answer begins, so that an error in them is still a problem document.
    let rows = Some(list.rows(&mut snapshot, order, &position).await?);
    let snapshot = Some(snapshot);
    let rest = Rest { snapshot, list, order, position, rows, is_first: true, columns };
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(rest.send(sender, app.write_timeout).in_current_span());
    let body = Body::from_stream(stream::try_unfold(receiver, async |mut receiver| match receiver.recv().await {
        Some(Ok(Some(chunk))) => Ok(Some((chunk, receiver))),
        Some(Ok(None)) => Ok(None),
        Some(Err(error)) => Err(error),
        None => Err(Error::internal("the rows were not waited for")),
    }));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let today = app.zone.date(app.clock.now());
    let file = HeaderValue::try_from(format!("attachment; filename=\"{name}-{today}.csv\""));
    let file = file.map_err(|error| Error::Internal(error.into()))?;
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, file)], body).into_response())
}

impl<L: List> Rest<L> {
    /// Sends them, and that it was all; stops where nobody takes them.
    async fn send(mut self, sender: mpsc::Sender<Result<Option<Bytes>>>, patience: Duration) {
        loop {
            let next = within(READING, self.next()).await;
            let is_more = matches!(next, Ok(Some(_)));
            if let Err(error) = &next {
                tracing::error!(%error, "a CSV answer broke off");
            }
            match tokio::time::timeout(patience, sender.send(next)).await {
                Ok(Ok(())) if is_more => {}
                Ok(_) => return,
                Err(_) => return tracing::warn!("a CSV answer was given up, since its client reads nothing"),
            }
        }
    }

    /// Writes the rows at hand and reads the next ones.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(rows) = self.rows.take() else { return Ok(None) };
        let rows: Vec<L::Row> = rows.into_iter().map(L::exported).collect();
        let chunk = self.columns.write(&rows, std::mem::take(&mut self.is_first)).map_err(Error::Internal)?;
        if let Some(last) = rows.last().filter(|_| i64::try_from(rows.len()) == Ok(ROWS))
            && let Some(snapshot) = &mut self.snapshot
        {
            self.position.from = Some(L::key(last));
            let more = self.list.rows(snapshot, self.order, &self.position).await?;
            self.rows = Some(more).filter(|rows| !rows.is_empty());
        }
        if self.rows.is_none() {
            // With its permit: others need not wait for the client.
            self.snapshot = None;
        }
        Ok(Some(chunk))
    }
}
