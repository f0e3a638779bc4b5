//! Exports everything that is stored about one client as one zip: for the client, who has a right to it.
//!
//! - For every table with rows of theirs ([`client_rows`](super::client_rows)) a JSON and a CSV file, an ICS file of
//!   the sessions, and `manifest.json`, which names each file with its SHA-256, size and number of rows, and lists the
//!   columns left out and why ([`tables::LEFT_OUT`]): secrets, and data about other people.
//! - It holds clinical text, so its audit entry is committed before a byte of it is sent. Without an audit entry the
//!   export is refused (503).
//! - One snapshot: all of it is of the same instant. The client is locked meanwhile, so an export and an erasure of the
//!   same client run one after the other. Where rows have changed since the snapshot began, the export starts anew.
//! - A row is packed as it is read, and each table is read twice (JSON, CSV), so that memory holds the packed archive only.
//! - No `Idempotency-Key`: a repeat is another export, with an entry of its own. The key is ignored, as under `/auth`.

mod archive;
mod cells;
mod sessions;
mod tables;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use self::{
    archive::Archive,
    cells::{Column, Row},
    tables::{CLINICAL, LEFT_OUT, TABLES},
};
use super::client_rows::ClientRows;
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    auth::Confirm,
    break_glass, clients,
    db::scope::Scope,
    domain::{
        ids::ClientId,
        text::{NO_NAME, Text, hex},
        time::{Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{OptionalJson, Path},
        icalendar,
    },
};

/// The archive's description of itself.
const ABOUT: &str = "All that is stored about one client. Each table is there as JSON and as CSV with the same rows; times \
                     are RFC 3339, amounts decimal strings. sha256 and bytes are of each file as it is unpacked.";

/// The archive, as the description shows it.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "stands in the description only")]
pub(crate) struct ClientArchive(Vec<u8>);

/// Why the data is exported, and the caller's password. An export without notes needs neither.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "reason": "Asked for by the client, letter of 2 February",
    "confirmation": { "password": "demo-password" }
}))]
pub(crate) struct ExportClient {
    /// False leaves the notes out; true if not given.
    clinical: Option<bool>,
    /// The caller's password, once more. Required for an export with notes.
    confirmation: Option<Confirm>,
    /// Why; it is audited, stands in the manifest, and is shown to the admin who reviews the export. Required for an export
    /// with notes.
    reason: Option<Text<1000>>,
}

/// Export a client's data
///
/// One zip with all that is stored about the client: for every table with rows of theirs a JSON and a CSV file, `sessions.ics`,
/// and `manifest.json` with the SHA-256 of each file. It holds clinical text, so it needs a reason and the password once
/// more (and a code where the second factor is on); every admin is notified, and another one has to review it, in the list of
/// break-glass grants. `"clinical": false` leaves the notes out and needs neither. It is audited before it is sent. An
/// `Idempotency-Key` means nothing here: a repeat is another export.
#[utoipa::path(
    post,
    path = "/clients/{client_id}/export",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The client's id")),
    request_body = Option<ExportClient>,
    responses(
        (status = 200, description = "The archive", body = ClientArchive, content_type = "application/zip"),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(crate) async fn export_client(
    caller: Caller,
    scope: Scope,
    work: Work,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    OptionalJson(ExportClient { clinical, confirmation, reason }): OptionalJson<ExportClient>,
) -> Result<Response> {
    let clinical = clinical.unwrap_or(true);
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &id).await?;
    if clinical {
        Error::ensure_given([("/confirmation", confirmation.is_some()), ("/reason", reason.is_some())])?;
    }
    let pack = async |uow: &mut UnitOfWork| {
        let name = format!("attachment; filename=\"client-export-{}.zip\"", uow.now().format("%Y%m%dT%H%M%SZ"));
        Ok((name, export(uow, &scope, &id, clinical, reason.as_deref(), app.zone).await?))
    };
    let (name, archive) = match confirmation {
        Some(given) => given.check(&app, &caller, &work).await?.run(work.snapshot(), pack).await?,
        None => work.snapshot().run(pack).await?,
    };
    let name = HeaderValue::try_from(name).map_err(|error| Error::Internal(error.into()))?;
    let kind = HeaderValue::from_static("application/zip");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Bytes::from(archive)).into_response())
}

/// Packs all that is stored about a client, and records that.
async fn export(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &ClientId,
    clinical: bool,
    reason: Option<&str>,
    zone: Zone,
) -> Result<Vec<u8>> {
    clients::ensure(uow.db(), scope, id).await?;
    let locked = clients::records(uow.db(), std::slice::from_ref(id)).await?;
    locked.iter().try_for_each(clients::Record::ensure_kept)?;
    let name = locked.first().and_then(|record| record.client_name.as_deref()).unwrap_or(NO_NAME);
    let theirs = ClientRows::of(uow.db(), id).await?;

    let mut archive = Archive::new(uow.now());
    let mut without_rows = Vec::new();
    let mut rows = Map::new();
    for &table in TABLES.iter().filter(|table| clinical || !CLINICAL.contains(table)) {
        match pack(uow.db(), &mut archive, table, &theirs).await? {
            0 => without_rows.push(table),
            packed => drop(rows.insert(table.to_owned(), json!(packed))),
        }
    }
    let sessions = sessions::sessions(uow.db(), &theirs.bookings).await?;
    add(&mut archive, "sessions.ics", &icalendar::write("Sessions", zone, &sessions), sessions.len())?;
    let manifest = manifest(uow, &theirs, clinical, reason, &archive, &without_rows).await?;
    add(&mut archive, "manifest.json", &manifest, 1)?;
    let archive = archive.finish()?;

    let sha256 = hex(digest(&SHA256, &archive).as_ref());
    let review =
        if clinical { Some(break_glass::note_export(uow, id, reason.unwrap_or_default()).await?) } else { None };
    let without = if clinical { "" } else { " without the notes" };
    uow.record(
        Entry::new("client_export", format!("Exported the data of {name}{without}"))
            .on("client", id)
            .client(id, name)
            .detail(json!({
                "reason": reason,
                "clinical": clinical,
                "grant_id": review,
                "rows": rows,
                "bytes": archive.len(),
                "sha256": sha256,
            })),
    );
    Ok(archive)
}

/// Packs the client's rows of one table; returns how many. One without any is left out.
async fn pack(db: &mut PgConnection, archive: &mut Archive, table: &str, theirs: &ClientRows) -> Result<u64> {
    let columns = cells::columns(db, table).await?;
    let packed = pack_json(db, archive, table, theirs, &columns).await?;
    if packed > 0 {
        pack_csv(db, archive, table, theirs, &columns).await?;
    }
    Ok(packed)
}

async fn pack_json(
    db: &mut PgConnection,
    archive: &mut Archive,
    table: &str,
    theirs: &ClientRows,
    columns: &[Column],
) -> Result<u64> {
    let name = format!("{table}.json");
    let mut rows = tables::rows(db, table, theirs);
    let mut packed = 0;
    while let Some(row) = rows.try_next().await? {
        if packed == 0 {
            archive.begin(&name)?;
            archive.write(b"[\n")?;
        } else {
            archive.write(b",\n")?;
        }
        archive.write(read(table, &row)?.json(columns).as_bytes())?;
        packed += 1;
    }
    if packed > 0 {
        archive.write(b"\n]\n")?;
        archive.end(&name, packed);
    }
    Ok(packed)
}

async fn pack_csv(
    db: &mut PgConnection,
    archive: &mut Archive,
    table: &str,
    theirs: &ClientRows,
    columns: &[Column],
) -> Result<()> {
    let name = format!("{table}.csv");
    archive.begin(&name)?;
    archive.write(&line(&cells::titles(columns))?)?;
    let mut rows = tables::rows(db, table, theirs);
    let mut packed = 0;
    while let Some(row) = rows.try_next().await? {
        archive.write(&line(&read(table, &row)?.cells(columns))?)?;
        packed += 1;
    }
    archive.end(&name, packed);
    Ok(())
}

/// A row without the columns that are left out.
fn read<'a>(table: &str, json: &'a str) -> Result<Row<'a>> {
    let mut row = Row::read(json)?;
    tables::left_out(table).for_each(|left_out| row.leave_out(left_out));
    Ok(row)
}

fn line(cells: &[String]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(|error| Error::Internal(error.into()))?;
    writer.into_inner().map_err(|error| Error::Internal(anyhow::anyhow!("{error}")))
}

/// Adds a file that is at hand.
fn add(archive: &mut Archive, name: &str, text: &str, rows: usize) -> Result<()> {
    archive.begin(name)?;
    archive.write(text.as_bytes())?;
    archive.end(name, rows as u64);
    Ok(())
}

/// The tables that an export without notes leaves out.
fn without_notes(clinical: bool) -> impl Iterator<Item = Value> {
    let tables = CLINICAL.iter().filter(move |_| !clinical);
    tables.map(|table| json!({ "table": table, "columns": ["*"], "why": "the export was made without notes" }))
}

async fn manifest(
    uow: &mut UnitOfWork,
    theirs: &ClientRows,
    clinical: bool,
    reason: Option<&str>,
    archive: &Archive,
    without_rows: &[&str],
) -> Result<String> {
    let user = uow.actor().map(|actor| actor.user_id);
    let name =
        sqlx::query_scalar!("select coalesce(full_name, name) from users where id = $1", user.map(|user| user.0),)
            .fetch_optional(uow.db())
            .await?
            .flatten();
    let left_out: Vec<Value> = LEFT_OUT
        .iter()
        .map(|left_out| json!({ "table": left_out.table, "columns": left_out.columns, "why": left_out.why }))
        .chain(without_notes(clinical))
        .collect();
    let manifest = json!({
        "about": ABOUT,
        "client_id": theirs.clients.first(),
        "merged_client_ids": theirs.clients.get(1..),
        "created_at": Timestamp::from(uow.now()),
        "created_by": { "user_id": user, "name": name },
        "reason": reason,
        "clinical": clinical,
        "request_id": &*uow.context().request_id,
        "server": concat!("safestories ", env!("CARGO_PKG_VERSION")),
        "files": archive.files(),
        "without_rows": without_rows,
        "left_out": left_out,
    });
    serde_json::to_string_pretty(&manifest).map(|text| text + "\n").map_err(|error| Error::Internal(error.into()))
}
