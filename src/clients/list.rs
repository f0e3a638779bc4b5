//! Listing clients, by name.
//!
//! The practice's stand on `internal.client_facts`, a therapist's on `internal.therapist_client_facts`: an order is an index of
//! these, or a sort of the therapist's own clients.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    filter::{AdminClientFilter, ClientOrder, Criteria, OwnClientOrder, TherapistClientFilter},
    record::{ListedClient, SeenTherapists, select_clients},
};
use crate::{
    app::state::App,
    db::{found::Found, scope::Scope},
    domain::{
        contact::Search,
        ids::{ClientId, TherapistId},
        status::ClientStatus,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position},
    },
};

/// List clients
///
/// All of the practice's, by name. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/clients",
    tag = "clients",
    params(AdminClientFilter, ("sort" = inline(Option<ClientOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of clients", content(
            (Page<ListedClient> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_clients(
    State(app): State<App>,
    listing: Listing<AdminClientFilter, ClientOrder>,
) -> Result<Response> {
    let criteria = listing.filter.criteria(&app)?;
    listing.request.answer(ClientList { criteria, now: app.clock.now() }).await
}

/// List my clients
///
/// Those assigned to the caller, and those with a booking with them, by name. Computed fields count the bookings with
/// the caller only.
#[utoipa::path(
    get,
    path = "/clients",
    tag = "clients",
    params(
        TherapistClientFilter,
        ("sort" = inline(Option<OwnClientOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of clients", content(
            (Page<ListedClient> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_clients(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<TherapistClientFilter, OwnClientOrder>,
) -> Result<Response> {
    let search = listing.filter.search()?;
    listing.request.answer(OwnClientList { scope, search, now: app.clock.now() }).await
}

/// The clients of the practice that a filter wants.
struct ClientList {
    criteria: Criteria,
    now: DateTime<Utc>,
}

impl List for ClientList {
    type Row = ListedClient;
    type Order = ClientOrder;

    async fn rows(&self, db: &mut PgConnection, order: ClientOrder, position: &Position) -> Result<Vec<ListedClient>> {
        let criteria = &self.criteria;
        let found = Found::clients(db, criteria.search.as_deref()).await?;
        let is = |status| (criteria.status.one() == Some(status)).then_some(true);
        let clients = select_clients!(
            fetch_all(db, position.sorted(order)),
            ["order by
                left(f.name, 100) desc, -- by client_name
                left(f.therapist, 100) desc, -- by assigned_therapist
                f.last_session desc, -- by last_session_at
                f.sessions desc, -- by no_of_sessions
                f.created_at desc, -- by created_at
                f.client_id desc -- by any"],
            ["( -- counted
                select f.*,
                       true as contact,
                       (
                           select o.client_id
                           from internal.client_facts o
                           where o.phone = f.phone
                             and o.client_id <> f.client_id
                           order by o.client_id
                           limit 1
                       ) as duplicate,
                       (
                           select jsonb_agg(
                               jsonb_build_object('therapist_id', k.therapist_id, 'name', t.name, 'sessions', k.sessions)
                               order by k.sessions desc, k.therapist_id
                           )
                           from internal.therapist_client_facts k
                           left join lateral (
                               select t.name from therapists t where t.therapist_id = k.therapist_id order by t.id limit 1
                           ) t on true
                           where k.client_id = f.client_id
                             and k.sessions > 0
                       ) as therapists,
                       concat(
                           left(f.name, 100), -- by client_name
                           left(f.therapist, 100), -- by assigned_therapist
                           f.last_session, -- by last_session_at
                           f.sessions, -- by no_of_sessions
                           f.created_at, -- by created_at
                           ''
                       ) as sort_key
                from internal.client_facts f
                where true
                  and f.therapist_id = $2
                  and (f.bookings = 0 and $3)
                  and (f.latest >= internal.active_since($1) and $4)
                  and (f.standing = 1 and f.latest < internal.active_since($1) and $5)
                  and (f.bookings > 0 and f.standing <> 1 and f.latest < internal.active_since($1) and $6)
                  and internal.client_status(f.bookings, f.standing, f.latest, $1) = any ($15::text[]) -- planned anew
                  and f.last_session >= $7
                  and (f.last_session < $8 and f.last_session > '-infinity')
                  and (
                      exists (select from internal.client_facts o where o.phone = f.phone and o.client_id <> f.client_id)
                      or f.client_id in (
                          select i.client_id
                          from internal.clients i
                          join all_clients_table o on o.client_id = i.possible_duplicate_of
                      )
                  ) = $9
                  and f.client_id = any ($10)
                  and f.search like any (internal.search_patterns($11)) -- planned anew
                  and (left(f.name, 100), f.client_id) < ($12, $13) -- by client_name
                  and (left(f.therapist, 100), f.client_id) < ($12, $13) -- by assigned_therapist
                  and (f.last_session, f.client_id) < ($12::text::timestamp, $13) -- by last_session_at
                  and (f.sessions, f.client_id) < ($12::text::integer, $13) -- by no_of_sessions
                  and (f.created_at, f.client_id) < ($12::text::timestamptz, $13) -- by created_at
                order by
                    left(f.name, 100) desc, -- by client_name
                    left(f.therapist, 100) desc, -- by assigned_therapist
                    f.last_session desc, -- by last_session_at
                    f.sessions desc, -- by no_of_sessions
                    f.created_at desc, -- by created_at
                    f.client_id desc -- by any
                limit $14
            )"],
            Timestamp::from(self.now) => Timestamp,
            criteria.therapist_id.as_ref().map(TherapistId::as_str),
            is(ClientStatus::Lead),
            is(ClientStatus::Active),
            is(ClientStatus::DropOut),
            is(ClientStatus::Inactive),
            criteria.last_from.map(Timestamp::from) => Option<Timestamp>,
            criteria.last_before.map(Timestamp::from) => Option<Timestamp>,
            criteria.possible_duplicate,
            found.few(),
            found.many(),
            position.sort(),
            position.id(),
            position.limit,
            criteria.status.several() => Option<Vec<&str>>,
        )?;
        Ok(clients.into_iter().map(ListedClient::from).collect())
    }

    fn key(client: &ListedClient) -> Key {
        client.key()
    }
}

/// Those of a therapist, in the orders of therapists.
struct OwnClientList {
    scope: Scope,
    search: Option<Search>,
    now: DateTime<Utc>,
}

impl List for OwnClientList {
    type Row = ListedClient;
    type Order = OwnClientOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: OwnClientOrder,
        position: &Position,
    ) -> Result<Vec<ListedClient>> {
        let clients = select_clients!(
            fetch_all(db, position.sorted(order)),
            ["order by
                left(f.name, 100) desc, -- by client_name
                f.last_session desc, -- by last_session_at
                f.client_id desc -- by any"],
            ["( -- counted
                select f.*,
                       f.assigned or f.active_until > $1 as contact,
                       null as duplicate,
                       case when f.sessions > 0 then jsonb_build_array(jsonb_build_object(
                           'therapist_id', f.therapist_id,
                           'name', (select t.name from therapists t where t.therapist_id = internal.current_therapist() order by t.id limit 1),
                           'sessions', f.sessions
                       )) end as therapists,
                       concat(
                           left(f.name, 100), -- by client_name
                           f.last_session, -- by last_session_at
                           ''
                       ) as sort_key
                from internal.therapist_client_facts f
                where true
                  and f.therapist_id = $2
                  and (
                      f.name like any (internal.like_words($3)) -- planned anew
                      or (f.assigned or f.active_until > $1) and exists (
                          select
                          from all_clients_table w
                          where w.client_id = f.client_id
                            and internal.search_text(w.client_name, w.email_id, w.phone_number) like any (internal.search_patterns($3))
                      )
                  )
                  and (left(f.name, 100), f.client_id) < ($4, $5) -- by client_name
                  and (f.last_session, f.client_id) < ($4::text::timestamp, $5) -- by last_session_at
                order by
                    left(f.name, 100) desc, -- by client_name
                    f.last_session desc, -- by last_session_at
                    f.client_id desc -- by any
                limit $6
            )"],
            Timestamp::from(self.now) => Timestamp,
            self.scope.owner() => Option<&str>,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(clients.into_iter().map(|client| client.seen_by(&self.scope).into()).collect())
    }

    fn key(client: &ListedClient) -> Key {
        client.key()
    }
}
