//! The certificate of an erasure: who requested and accepted it, when, on what ground, and how many rows had which outcome. It names the client by the id, which identifies nobody any more, and is kept forever.

use std::{collections::BTreeMap, fmt::Write};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{Erased, Outcome, RowsToErase},
    domain::{
        ids::{ClientId, UserId},
        status::words,
        text::hex,
        time::{Instant, Timestamp},
    },
    error::{Error, Result},
};

words! {
    /// Why data is erased.
    #[derive(Default)]
    pub(crate) enum Ground {
        /// The client asked for it.
        #[default]
        ClientRequest,
        /// The client withdrew their consent.
        ConsentWithdrawn,
        /// The purpose of the data collection has ended.
        PurposeEnded,
    }
}

/// Whose data is erased, and who wants it.
pub(crate) struct Order<'a> {
    pub(crate) client: &'a ClientId,
    pub(crate) ground: Ground,
    /// None in a dry run.
    pub(crate) reason: Option<&'a str>,
    pub(crate) requested_by: UserId,
    pub(crate) requested_at: DateTime<Utc>,
    /// None in a practice of one admin.
    pub(crate) accepted_by: Option<UserId>,
}

/// How many rows of each table, by outcome.
type Tables = BTreeMap<Outcome, BTreeMap<String, usize>>;

/// The record of an erasure of a client's data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "certificate_id": 17,
    "client_id": "cl_0199c0de00007000800000000000000b",
    "merged_client_ids": [],
    "erased_at": "2026-02-04T10:30:00Z",
    "erased_by": 1,
    "erased_by_name": "Meera Nair",
    "requested_at": "2026-02-04T09:00:00Z",
    "accepted_by": 4,
    "accepted_by_name": "Practice lead",
    "ground": "client_request",
    "reason": "Letter of 2 February",
    "tables": {
        "destroyed": { "client_session_notes": 3, "internal.note_versions": 7 },
        "anonymised": { "all_clients_table": 1, "bookings": 4, "payments": 3 },
        "kept": { "internal.audit_entries": 12 }
    },
    "statement": "Certificate of erasure 17\nClient: cl_0199c0de00007000800000000000000b\n",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}))]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(crate) struct Certificate {
    /// The number of the certificate.
    pub(crate) certificate_id: i64,
    /// The client.
    pub(crate) client_id: ClientId,
    /// The records that had been merged into the client's.
    pub(crate) merged_client_ids: Vec<ClientId>,
    /// When the data was erased.
    #[schema(value_type = Instant)]
    pub(crate) erased_at: Timestamp,
    /// The admin who requested it.
    pub(crate) erased_by: UserId,
    /// Their name now; null if the account is gone.
    pub(crate) erased_by_name: Option<String>,
    /// When it was requested.
    #[schema(value_type = Instant)]
    pub(crate) requested_at: Timestamp,
    /// The admin who accepted it; null in a practice of one admin.
    pub(crate) accepted_by: Option<UserId>,
    /// Their name now; null if the account is gone.
    pub(crate) accepted_by_name: Option<String>,
    /// On what ground.
    pub(crate) ground: String,
    /// The reason given, without the client's name.
    pub(crate) reason: Option<String>,
    /// How many rows of each table were destroyed, made anonymous or kept.
    #[schema(value_type = Object)]
    pub(crate) tables: serde_json::Value,
    /// The same in words.
    pub(crate) statement: String,
    /// The SHA-256 of the statement's bytes, in hexadecimal digits. It stands in the trail too.
    pub(crate) sha256: String,
}

/// The facts of a certificate.
pub(crate) struct Facts<'a> {
    pub(crate) certificate_id: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) order: Order<'a>,
    /// Without the client's name.
    pub(crate) reason: Option<String>,
    pub(crate) theirs: &'a RowsToErase,
    pub(crate) erased: &'a [Erased],
}

impl Facts<'_> {
    /// The rows, counted.
    pub(crate) fn tables(&self) -> Tables {
        let mut tables =
            Tables::from([Outcome::Destroyed, Outcome::Anonymised, Outcome::Kept].map(|fate| (fate, BTreeMap::new())));
        for part in self.erased.iter().filter(|part| part.rows > 0) {
            *tables.entry(part.fate).or_default().entry(part.table.to_owned()).or_default() += part.rows;
        }
        tables
    }

    fn statement(&self) -> String {
        let mut said = String::new();
        let ids: Vec<&str> = self.theirs.clients.iter().map(ClientId::as_str).collect();
        let (client, merged) = ids.split_first().map_or(("", &[][..]), |(client, merged)| (*client, merged));
        let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
        let instant = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let at = instant(&self.at);
        let _ = writeln!(said, "Certificate of erasure {}", self.certificate_id);
        let _ = writeln!(said, "Client: {client}");
        let _ = writeln!(said, "Merged records: {}", or_none(merged.join(", ")));
        let _ = writeln!(said, "Erased at: {at}");
        let Order { ground, requested_by, requested_at, accepted_by, .. } = &self.order;
        let accepted_by =
            accepted_by.map_or("nobody, in a practice of one admin".to_owned(), |by| format!("user {by}"));
        let _ = writeln!(said, "Requested by: user {requested_by} at {}", instant(requested_at));
        let _ = writeln!(said, "Accepted by: {accepted_by}");
        let _ = writeln!(said, "Ground: {ground}");
        let _ = writeln!(said, "Reason: {}", self.reason.as_deref().unwrap_or("none given"));
        for (fate, tables) in self.tables() {
            let rows: Vec<String> = tables.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
            let fate = match fate {
                Outcome::Destroyed => "Rows destroyed",
                Outcome::Anonymised => "Rows made anonymous",
                Outcome::Kept => "Rows kept as they were",
            };
            let _ = writeln!(said, "{fate}: {}", or_none(rows.join(", ")));
        }
        said
    }

    /// Writes the certificate.
    pub(crate) async fn write(self, uow: &mut UnitOfWork) -> Result<Certificate> {
        let statement = self.statement();
        let hash = digest(&SHA256, statement.as_bytes());
        let (client, merged) =
            self.theirs.clients.split_first().ok_or_else(|| Error::internal("nobody's data was erased"))?;
        sqlx::query!(
            "insert into internal.erasure_certificates
                 (erasure_id, client_id, erased_at, erased_by, ground, reason, merged, tables, statement, sha256,
                  requested_at, accepted_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            self.certificate_id,
            client.as_str(),
            self.at,
            self.order.requested_by.0,
            self.order.ground.as_str(),
            self.reason,
            merged as &[ClientId],
            json!(self.tables()),
            statement,
            hash.as_ref(),
            self.order.requested_at,
            self.order.accepted_by.map(|by| by.0),
        )
        .execute(uow.db())
        .await?;
        Certificate::of(uow.db(), client)
            .await?
            .ok_or_else(|| Error::internal("the certificate that was just written is not there"))
    }
}

impl Certificate {
    /// The certificate of a client, if their data was erased.
    pub(crate) async fn of(db: &mut PgConnection, client: &ClientId) -> Result<Option<Self>> {
        let found = sqlx::query!(
            r#"select c.erasure_id,
                      c.client_id as "client_id: ClientId",
                      c.merged as "merged: Vec<ClientId>",
                      c.erased_at as "erased_at!: Timestamp",
                      c.erased_by as "erased_by: UserId",
                      coalesce(u.full_name, u.name) as "erased_by_name?",
                      c.requested_at as "requested_at!: Timestamp",
                      c.accepted_by as "accepted_by: UserId",
                      coalesce(a.full_name, a.name) as "accepted_by_name?",
                      c.ground,
                      c.reason,
                      c.tables,
                      c.statement,
                      c.sha256
               from internal.erasure_certificates c
               left join users u on u.id = c.erased_by
               left join users a on a.id = c.accepted_by
               where c.client_id = $1"#,
            client.as_str(),
        )
        .fetch_optional(db)
        .await?;
        Ok(found.map(|row| Self {
            certificate_id: row.erasure_id,
            client_id: row.client_id,
            merged_client_ids: row.merged,
            erased_at: row.erased_at,
            erased_by: row.erased_by,
            erased_by_name: row.erased_by_name,
            requested_at: row.requested_at,
            accepted_by: row.accepted_by,
            accepted_by_name: row.accepted_by_name,
            ground: row.ground,
            reason: row.reason,
            tables: row.tables,
            statement: row.statement,
            sha256: hex(&row.sha256),
        }))
    }
}
