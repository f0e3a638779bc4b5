//! A client in lists, with the columns that the caller may read.
//!
//! A list finds its clients by their facts, and joins the wide rows of those shown; what one client's bookings come to is counted
//! anew, since it is read in the middle of changes too.
//!
//! A therapist reads only the sessions that the two have together: the number of sessions, the status, the last and the
//! next session count their own bookings only. Contact data is masked unless the client is assigned to them or has a
//! session with them ahead; possible duplicates are not shown at all.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use utoipa::ToSchema;

use super::missing::missing;
use crate::{
    db::{pruned::Sort, scope::Scope},
    domain::{
        ids::{ClientId, TherapistId},
        status::ClientStatus,
        time::Timestamp,
    },
    error::Result,
    http::page::Key,
};

/// Somebody the practice is for: the columns of `all_clients_table`, and what is computed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "phone_number": "+919800012345",
    "email_id": "meera.iyer@example.org",
    "no_of_sessions": 12,
    "therapist_id": "58701",
    "assigned_therapist": "Asha Rao",
    "contact_visible": true,
    "status": "active",
    "last_session_at": "2026-01-28T10:30:00Z",
    "next_session_at": "2026-02-04T10:30:00Z",
    "possible_duplicate_of": null,
    "created_at": "2025-06-01T06:15:00Z",
    "erased_at": null
}))]
pub(super) struct ClientRecord {
    /// The client's id.
    pub(super) client_id: ClientId,
    /// The client's name.
    pub(super) client_name: Option<String>,
    /// The client's phone: in E.164 form, unless another program wrote it. Contact data.
    pub(super) phone_number: Option<String>,
    /// The client's e-mail address, or what another program wrote for none. Contact data.
    pub(super) email_id: Option<String>,
    /// How many sessions there are that are neither cancelled nor no-shows; for a therapist those with them.
    pub(super) no_of_sessions: i32,
    /// The therapist whom the client is assigned to.
    pub(super) therapist_id: Option<TherapistId>,
    /// The name of that therapist.
    pub(super) assigned_therapist: Option<String>,
    /// Whether contact data is shown to the caller; where not, those fields are null.
    pub(super) contact_visible: bool,
    /// How the client stands; for a therapist by the bookings with them.
    pub(super) status: ClientStatus,
    /// The start of the last session, neither cancelled nor a no-show, that has begun.
    pub(super) last_session_at: Timestamp,
    /// The start of the next such session ahead.
    pub(super) next_session_at: Timestamp,
    /// The client this may be the same person as: as it was marked on arrival, else the first other one with the same
    /// phone. Always null for therapists.
    pub(super) possible_duplicate_of: Option<ClientId>,
    /// When this server first knew of the client; null where another program added them.
    pub(super) created_at: Timestamp,
    /// When the client's data was erased; null if it was not. The record then tells nothing but what happened when.
    pub(super) erased_at: Timestamp,
    /// The therapists of a row of a list: no part of one client's answer, which has more of them.
    #[serde(skip)]
    pub(super) therapists: SeenTherapists,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in the list it was read for.
    #[serde(skip)]
    pub(super) sort_key: String,
}

/// A therapist whom a client has sessions with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({ "therapist_id": "58701", "name": "Asha Rao", "sessions": 12 }))]
pub(super) struct SeenTherapist {
    /// The therapist.
    therapist_id: TherapistId,
    /// The therapist's name; null where the practice has no such therapist.
    name: Option<String>,
    /// How many sessions, neither cancelled nor no-shows; those ahead included.
    sessions: i32,
}

/// The therapists of a client, as SQL puts them together.
pub(super) type SeenTherapists = Json<Vec<SeenTherapist>>;

/// A client in a list, with their therapists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedClient {
    #[serde(flatten)]
    record: ClientRecord,
    /// The therapists with whom there are sessions, most sessions first; a therapist is shown themselves.
    therapists: Vec<SeenTherapist>,
}

impl From<ClientRecord> for ListedClient {
    fn from(mut record: ClientRecord) -> Self {
        let therapists = std::mem::take(&mut *record.therapists);
        Self { record, therapists }
    }
}

impl ListedClient {
    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.record.sort_key.clone(), id: self.record.client_id.to_string() }
    }
}

/// Reads clients: takes how it is run, the clauses after the source, the source of the figures `f`, and the arguments; `$1` is
/// the present instant.
macro_rules! select_clients {
    ($fetch:ident($db:expr, $sort:expr), [$($tail:literal)*], [$($source:literal)+], $($arguments:tt)*) => {
        $crate::db::pruned::pruned!(
            $fetch($db, $sort),
            query_as!($crate::clients::record::ClientRecord),
            [
                r#"select c.client_id as "client_id!: ClientId",
                  c.client_name,
                  c.phone_number,
                  c.email_id,
                  f.sessions as "no_of_sessions!",
                  c.therapist_id as "therapist_id: TherapistId",
                  c.assigned_therapist,
                  f.contact as "contact_visible!",
                  internal.client_status(f.bookings, f.standing, f.latest, $1) as "status!: ClientStatus",
                  f.last_session as "last_session_at!: Timestamp",
                  f.next_session as "next_session_at!: Timestamp",
                  coalesce(marked.client_id, f.duplicate) as "possible_duplicate_of: ClientId",
                  i.created_at as "created_at!: Timestamp",
                  i.erased_at as "erased_at!: Timestamp",
                  coalesce(f.therapists, '[]') as "therapists!: SeenTherapists",
                  c.xmin::text as "version!",
                  f.sort_key as "sort_key!"
           from "# $($source)+ r#" f
           join all_clients_table c on c.client_id = f.client_id
           left join internal.clients i on i.client_id = c.client_id
           left join all_clients_table marked on marked.client_id = i.possible_duplicate_of
           "# $($tail)*
            ],
            $($arguments)*
        )
    };
}
pub(super) use select_clients;

impl ClientRecord {
    /// One client of the scope, as its caller sees them.
    pub(super) async fn read(db: &mut PgConnection, scope: &Scope, id: &ClientId, now: DateTime<Utc>) -> Result<Self> {
        if !is_reached(db, scope, id).await? {
            return Err(missing(db, scope, id).await?);
        }
        let found = select_clients!(
            fetch_optional(&mut *db, Sort::default()),
            [],
            [
                "(
               select k.client_id,
                      s.*,
                      '' as sort_key,
                      null::jsonb as therapists,
                      (true
                          and k.client_id in (select internal.contact_clients($4, $1))
                      ) as contact,
                      (
                          select o.client_id
                          from all_clients_table o
                          where $4 is null
                            and internal.phone_key(o.phone_number) = internal.phone_key(k.phone_number)
                            and o.client_id <> k.client_id
                          order by o.client_id
                          limit 1
                      ) as duplicate
               from all_clients_table k
               cross join lateral internal.sums_of_client(k.client_id, $3, $1) s
               where k.client_id = $2
           )"
            ],
            Timestamp::from(now) => Timestamp,
            id.as_str(),
            scope.owner() => Option<&str>,
            scope.therapist().map(TherapistId::as_str),
        )?;
        match found {
            Some(client) => Ok(client.seen_by(scope)),
            None => Err(missing(db, scope, id).await?),
        }
    }

    /// Hides columns from a therapist.
    pub(super) fn seen_by(mut self, scope: &Scope) -> Self {
        if !scope.is_practice() {
            self.possible_duplicate_of = None;
        }
        if !self.contact_visible {
            self.phone_number = None;
            self.email_id = None;
        }
        self
    }
}

/// Whether a client exists for a scope.
pub(super) async fn is_reached(db: &mut PgConnection, scope: &Scope, id: &ClientId) -> Result<bool> {
    if !id.is_possible() {
        return Ok(false);
    }
    let reached = sqlx::query_scalar!(
        r#"select exists (
               select
               from all_clients_table c
               where c.client_id = $1
                 and ($2::text is null
                      or exists (
                          select
                          from internal.reachable_clients($2) as reached (client_id)
                          where reached.client_id = $1
                      ))
           ) as "reached!""#,
        id.as_str(),
        scope.owner(),
    )
    .fetch_one(db)
    .await?;
    Ok(reached)
}

/// Makes sure that a client exists for a scope, before its rows are read.
///
/// # Errors
///
/// [`missing`], if not.
pub async fn ensure(db: &mut PgConnection, scope: &Scope, id: &ClientId) -> Result<()> {
    if is_reached(db, scope, id).await? { Ok(()) } else { Err(missing(db, scope, id).await?) }
}
