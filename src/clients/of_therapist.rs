//! A therapist's clients, and the copies of a therapist's name in their rows.
//!
//! A therapist's clients are those assigned to them and those with a booking with them: `internal.therapist_client_facts`, which a
//! page sorts by name.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    db::{pruned::pruned, scope::Scope},
    domain::{
        contact::Search,
        ids::{ClientId, TherapistId},
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
    therapists::{self, EditTherapist, Profile},
};

orders! {
    /// The orders in which a therapist's clients can be listed.
    TherapistClientOrder: NameUp = "client_name", NameDown = "-client_name"
}

/// Which of a therapist's clients are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ClientsOfTherapistFilter {
    /// Only those assigned to the therapist now, or only those who once came.
    assigned: Option<bool>,
    /// Only those whose name, e-mail address or phone (in any notation) holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// A client of a therapist, and their sessions together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "phone_number": "+919800012345",
    "email_id": "meera.iyer@example.org",
    "assigned": true,
    "sessions": 14,
    "last_session_at": "2026-01-28T10:30:00Z",
    "next_session_at": "2026-02-04T10:30:00Z"
}))]
pub(super) struct TherapistClient {
    /// The client's id.
    client_id: ClientId,
    /// Their name.
    client_name: Option<String>,
    /// Their phone.
    phone_number: Option<String>,
    /// Their e-mail address.
    email_id: Option<String>,
    /// Whether they are assigned to the therapist now.
    assigned: bool,
    /// Bookings with the therapist, but for cancelled ones and no-shows.
    sessions: i64,
    /// When the last of them began; null if none has.
    last_session_at: Timestamp,
    /// When the next of them begins; null if none is ahead.
    next_session_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List a therapist's clients
///
/// Those assigned to the therapist, and those who have a booking of theirs.
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/clients",
    tag = "therapists",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ClientsOfTherapistFilter,
        ("sort" = inline(Option<TherapistClientOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of clients", content(
            (Page<TherapistClient> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_therapist_clients(
    scope: Scope,
    State(app): State<App>,
    Path(therapist): Path<TherapistId>,
    listing: Listing<ClientsOfTherapistFilter, TherapistClientOrder>,
) -> Result<Response> {
    therapists::ensure_named(&mut *app.db.read(&scope).await?, &therapist).await?;
    let ClientsOfTherapistFilter { assigned, q } = listing.filter;
    let search = q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    listing.request.answer(TherapistClients { therapist, assigned, search }).await
}

/// The clients of a therapist.
struct TherapistClients {
    therapist: TherapistId,
    assigned: Option<bool>,
    search: Option<Search>,
}

impl List for TherapistClients {
    type Row = TherapistClient;
    type Order = TherapistClientOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: TherapistClientOrder,
        position: &Position,
    ) -> Result<Vec<TherapistClient>> {
        let clients = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(TherapistClient),
            [r#"
                select c.client_id as "client_id!: ClientId",
                       c.client_name,
                       c.phone_number,
                       c.email_id,
                       f.assigned as "assigned!",
                       f.sessions::bigint as "sessions!",
                       f.last_session as "last_session_at!: Timestamp",
                       f.next_session as "next_session_at!: Timestamp",
                       left(f.name, 100) as "sort_key!"
                from ( -- counted
                    select f.*
                    from internal.therapist_client_facts f
                    where f.therapist_id = $1
                      and f.assigned = $2
                      and exists (
                          select
                          from all_clients_table w
                          where w.client_id = f.client_id
                            and internal.search_text(w.client_name, w.email_id, w.phone_number) like any (internal.search_patterns($3)) -- planned anew
                      )
                      and (left(f.name, 100), f.client_id) < ($4, $5) -- by any
                    order by
                        left(f.name, 100) desc, -- by any
                        f.client_id desc -- by any
                    limit $6
                ) f
                join all_clients_table c on c.client_id = f.client_id
                order by
                    left(f.name, 100) desc, -- by any
                    f.client_id desc -- by any
            "#],
            self.therapist.as_str(),
            self.assigned,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(clients)
    }

    fn key(client: &TherapistClient) -> Key {
        Key { sort: client.sort_key.clone(), id: client.client_id.to_string() }
    }
}

/// Change a therapist
///
/// JSON merge patch. A new name follows to the therapist's resources, clients and sessions ahead; what is past keeps the
/// name of its time.
#[utoipa::path(
    patch,
    path = "/therapists/{therapist_id}",
    tag = "therapists",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id"), Preconditions),
    request_body = EditTherapist,
    responses((status = 200, description = "Changed", body = Profile), Problems),
)]
pub(super) async fn edit_therapist(
    work: Work,
    Path(id): Path<TherapistId>,
    when: Preconditions,
    Json(patch): Json<EditTherapist>,
) -> Result<Versioned<Profile>> {
    work.run(async |uow| {
        if let Some(name) = therapists::edit(uow, &id, patch, &when).await? {
            rename(uow, &id, &name).await?;
        }
        let now = uow.now();
        Ok(Profile::read(uow.db(), &id, now).await?.versioned())
    })
    .await
}

/// Writes a therapist's new name to clients and upcoming sessions. The therapist's row must be locked.
async fn rename(uow: &mut UnitOfWork, therapist: &TherapistId, name: &str) -> Result<()> {
    let now = uow.now();
    sqlx::query!(
        "update all_clients_table c
         set assigned_therapist = $2
         from (
             select client_id
             from all_clients_table
             where therapist_id = $1
             order by client_id
             for no key update
         ) held
         where c.client_id = held.client_id",
        therapist.as_str(),
        name,
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update appointment_table a
         set therapist_name = $2
         from bookings b
         where b.booking_id = a.session_id
           and b.therapist_id = $1
           and internal.is_active(b.booking_status)
           and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                    b.invitee_payment_amount) > $3
           and a.therapist_id = $1",
        therapist.as_str(),
        name,
        Timestamp::from(now) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
