//! Tells the open streams that asked for it which rows of the lists were written: ids and versions only, to admins all, to a
//! therapist the rows they may see.
//!
//! A trigger on each table (SQL `internal.tell_of_rows`) notes the rows in the writer's own transaction, whoever writes; more than
//! 200 rows of a statement are told as one event without an id. Nothing is kept for those who come back: a stream that goes on
//! after a break, or is too slow, is told to read its lists again.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::body::Bytes;
use serde_json::json;
use sqlx::PgConnection;

use super::rows::Snapshot;
use crate::{app::state::App, domain::ids::TherapistId, error::Result};

/// The most rows that are told at a time.
const MOST: i64 = 2_000;

/// How far the changes have been told.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// All transactions below had ended, and their rows have been told. None while nobody wants to hear.
    horizon: Option<i64>,
    /// What has been told of transactions at or above the horizon: the transaction of each.
    told: BTreeMap<i64, i64>,
}

/// A row that was written, or many of a kind.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "an id says of what it is, as everywhere")]
struct Change {
    change_id: i64,
    xid: i64,
    what: String,
    /// None: many rows.
    row_id: Option<String>,
    /// The stored part of the row's `ETag`; none where it is gone.
    version: Option<String>,
    /// The therapists who may see the row.
    therapists: Vec<TherapistId>,
}

impl Changes {
    /// Tells of what was committed since the last look; `now` was taken before.
    pub(super) async fn look(&mut self, app: &App, db: &mut PgConnection, now: Snapshot) -> Result<()> {
        let Some(wanted) = app.streams.changes_wanted() else {
            *self = Self::default();
            return Ok(());
        };
        let horizon = *self.horizon.get_or_insert(wanted);
        let mut changes = read(db, horizon).await?;
        let are_all = i64::try_from(changes.len()) != Ok(MOST);
        changes.retain(|change| self.told.insert(change.change_id, change.xid).is_none());
        self.horizon = Some(now.horizon);
        self.told.retain(|_, xid| *xid >= now.horizon);
        if !are_all {
            app.streams.tell(|_| Some(lists_changed()));
            return Ok(());
        }
        if !changes.is_empty() {
            app.streams.tell(|therapist| events(&changes, therapist));
        }
        Ok(())
    }
}

/// Says that lists are to be read again.
pub(super) fn lists_changed() -> Bytes {
    Bytes::from_static(b"event: lists.changed\ndata: {}\n\n")
}

/// The events for a therapist, or for admins: of each row the last.
fn events(changes: &[Change], therapist: Option<&TherapistId>) -> Option<Bytes> {
    let mut last = BTreeMap::new();
    for change in changes {
        let of_practice = ["payment", "refund", "booking_request", "transfer"];
        let is_seen = match (therapist, &change.row_id) {
            (None, _) => true,
            (Some(_), None) => !of_practice.contains(&&*change.what),
            (Some(therapist), Some(_)) => change.therapists.contains(therapist),
        };
        if is_seen {
            last.insert((&change.what, &change.row_id), &change.version);
        }
    }
    let mut text = String::new();
    for ((what, id), version) in last {
        let data = json!({ "id": id, "version": version });
        // Writing into a string does not fail.
        let _ = write!(text, "event: {what}.changed\ndata: {data}\n\n");
    }
    (!text.is_empty()).then(|| text.into())
}

/// What was noted by transactions at or above a horizon.
async fn read(db: &mut PgConnection, horizon: i64) -> Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        r#"select c.change_id,
                  c.xid::text::bigint as "xid!",
                  c.what,
                  c.row_id,
                  case c.what
                      when 'booking' then (select b.xmin::text from bookings b where b.booking_id = c.row_id)
                      when 'client' then (select k.xmin::text from all_clients_table k where k.client_id = c.row_id)
                      when 'payment' then (select p.xmin::text from payments p where p.payment_id = c.row_id::integer)
                      when 'refund' then (select r.xmin::text from refund_cancellation_table r where r.id = c.row_id::integer)
                      when 'booking_request' then (
                          select r.xmin::text || coalesce('-' || f.xmin::text, '')
                          from booking_requests r
                          left join internal.request_facts f on f.request_id = r.request_id
                          where r.request_id = c.row_id::integer
                      )
                      when 'session_note' then (
                          select n.xmin::text from client_session_notes n where n.note_id = c.row_id::integer
                      )
                      when 'additional_note' then (
                          select n.xmin::text from client_additional_notes n where n.note_id = c.row_id::integer
                      )
                      when 'document_form' then (select d.xmin::text from client_doc_form d where d.link_id = c.row_id::integer)
                      when 'transfer' then (
                          select h.xmin::text from client_transfer_history h where h.transfer_id = c.row_id::integer
                      )
                  end as version,
                  case c.what
                      when 'booking' then array(select b.therapist_id from bookings b where b.booking_id = c.row_id)
                      when 'client' then array(
                          select k.therapist_id from internal.therapist_client_facts k where k.client_id = c.row_id
                      )
                      when 'session_note' then array(
                          select b.therapist_id
                          from client_session_notes n
                          join bookings b on b.booking_id = n.booking_id
                          where n.note_id = c.row_id::integer
                      )
                      when 'additional_note' then array(
                          select n.therapist_id from client_additional_notes n where n.note_id = c.row_id::integer
                      )
                      when 'document_form' then array(
                          select b.therapist_id
                          from client_doc_form d
                          join bookings b on b.booking_id = d.booking_id
                          where d.link_id = c.row_id::integer
                      )
                      else '{}'
                  end as "therapists!: Vec<TherapistId>"
           from (
               select c.*
               from internal.row_changes c
               where c.xid >= $1::text::xid8
               order by c.change_id
               limit $2
           ) c
           order by c.change_id"#,
        horizon.to_string(),
        MOST,
    )
    .fetch_all(db)
    .await?;
    Ok(changes)
}

/// Forgets what was told; returns how many rows, `limit` at most.
pub(super) async fn purge(db: &mut PgConnection, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.row_changes
         where change_id = any (array(
             select change_id
             from internal.row_changes
             where written_at < now() - interval '1 minute'
             order by change_id
             limit $1
             for update skip locked
         ))",
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}
