//! Reading refunds: the list, newest first, and one of them.
//!
//! Refunds are a twentieth of all bookings. They are walked by the index of their order (`refunds_by_session`, `refunds_by_name`,
//! the primary key), or of a state, a client or a search; the therapist and the start of their sessions are looked up in the
//! facts of bookings. What a row shows of its payment and booking is joined last.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    filter::{Criteria, RefundFilter, RefundOrder},
    model::{Refund, RefundState},
};
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        status::BookingState,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position},
    },
};

/// List refunds
///
/// Refunds under way, completed or undecided, newest first. Periods go by the start of the session. `Accept: text/csv`
/// streams the whole list.
#[utoipa::path(
    get,
    path = "/refunds",
    tag = "refunds",
    params(RefundFilter, ("sort" = inline(Option<RefundOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of refunds", content(
            (Page<Refund> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_refunds(
    State(app): State<App>,
    listing: Listing<RefundFilter, RefundOrder>,
) -> Result<Response> {
    let criteria = listing.filter.criteria(&app)?;
    listing.request.answer(RefundList { criteria, now: app.clock.now() }).await
}

/// The refunds that a filter wants.
pub(super) struct RefundList {
    pub(super) criteria: Criteria,
    pub(super) now: DateTime<Utc>,
}

impl List for RefundList {
    type Row = Refund;
    type Order = RefundOrder;

    async fn rows(&self, db: &mut PgConnection, order: RefundOrder, position: &Position) -> Result<Vec<Refund>> {
        let Self { criteria, .. } = self;
        let refunds = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Refund),
            [r#"
                select r.id as "id: RefundId",
                       internal.refund_state(r.refund_status) as "state!: RefundState",
                       r.client_id as "client_id: ClientId",
                       r.client_name,
                       coalesce(b.invitee_phone, c.phone_number) as client_phone,
                       coalesce(b.invitee_email, c.email_id) as client_email,
                       r.session_id as "session_id: BookingId",
                       r.session_name,
                       r.session_timings as "session_timings!: Timestamp",
                       r.payment_id,
                       internal.refund_status(r.refund_status) as refund_status,
                       coalesce(r.refund_id, p.refund_id) as refund_id,
                       p.payment_id as "refund_of?: PaymentId",
                       coalesce(p.amount, b.invitee_payment_amount) as "amount!: Amount",
                       coalesce(p.currency, b.invitee_payment_currency) as currency,
                       p.payment_gateway_name as "payment_gateway_name?",
                       p.payment_reference_id as "payment_reference_id?",
                       case when p.payment_id is null then b.refund_amount else p.refund_amount end
                           as "refund_amount!: Amount",
                       p.refund_initiation_date as "refund_initiation_date!: Timestamp",
                       case when p.payment_id is null then b.refund_failed_time else p.refund_failed_date end
                           as "refund_failed_date!: Timestamp",
                       b.therapist_id as "therapist_id?: TherapistId",
                       b.booking_host_name as "therapist_name?",
                       coalesce(b.booking_start_at, r.session_timings) as "booking_start_at!: Timestamp",
                       internal.booking_status(b.booking_status) as booking_status,
                       (
                           select internal.booking_state(k.status, k.starts_at, k.ends_at, k.noted, $13)
                           from internal.booking_facts k
                           where k.booking_id = r.session_id
                       ) as "booking_state: BookingState",
                       r.xmin::text as "version!",
                       u.place as "place!"
                from ( -- counted
                    select r.id,
                           concat(
                               coalesce(r.session_timings, '-infinity'), -- by session_timings
                               left(internal.fold(coalesce(r.client_name, '')), 100), -- by client_name
                               ''
                           ) as place
                    from refund_cancellation_table r
                    left join internal.booking_facts f on f.booking_id = r.session_id
                    where true
                      and r.id = $1
                      and internal.refund_state(r.refund_status) = $2
                      and internal.refund_state(r.refund_status) = any ($12::text[]) -- planned anew
                      and coalesce(nullif(f.starts_at, '-infinity'), r.session_timings, '-infinity') >= $3
                      and coalesce(nullif(f.starts_at, '-infinity'), r.session_timings, '-infinity') < $4
                      and f.therapist_id = $5 -- planned anew
                      and r.client_id = $6
                      and r.session_id = $7
                      and internal.search_words(r.client_name, r.refund_id, r.payment_id) like any (internal.like_words($8)) -- planned anew
                      and r.id < $9::text::integer -- by id
                      and (coalesce(r.session_timings, '-infinity'), r.id) < ($10::text::timestamp, $9::text::integer) -- by session_timings
                      and (left(internal.fold(coalesce(r.client_name, '')), 100), r.id) < ($10, $9::text::integer) -- by client_name
                    order by
                        coalesce(r.session_timings, '-infinity') desc, -- by session_timings
                        left(internal.fold(coalesce(r.client_name, '')), 100) desc, -- by client_name
                        r.id desc -- by any
                    limit $11
                ) u
                join refund_cancellation_table r on r.id = u.id
                left join bookings b on b.booking_id = r.session_id
                left join all_clients_table c on c.client_id = r.client_id
                left join lateral (
                    select o.*
                    from payments o
                    where o.payment_id = internal.payment_of_refund(r.session_id, r.payment_id)
                ) p on true
                order by
                    coalesce(r.session_timings, '-infinity') desc, -- by session_timings
                    left(internal.fold(coalesce(r.client_name, '')), 100) desc, -- by client_name
                    u.id desc -- by any
            "#],
            criteria.id.map(|id| id.0),
            criteria.status.word(),
            criteria.period.from.map(Timestamp::from) => Option<Timestamp>,
            criteria.period.before.map(Timestamp::from) => Option<Timestamp>,
            criteria.therapist_id.as_ref().map(TherapistId::as_str),
            criteria.client_id.as_ref().map(ClientId::as_str),
            criteria.booking_id.as_ref().map(BookingId::as_str),
            criteria.search.as_deref(),
            position.id(),
            position.sort(),
            position.limit,
            criteria.status.several() => Option<Vec<&str>>,
            Timestamp::from(self.now) => Timestamp,
        )?;
        Ok(refunds)
    }

    fn key(refund: &Refund) -> Key {
        refund.key()
    }
}

impl Refund {
    /// One refund.
    ///
    /// # Errors
    ///
    /// If there is none with this id.
    pub(in crate::payments) async fn read(db: &mut PgConnection, id: RefundId, now: DateTime<Utc>) -> Result<Self> {
        let one = Criteria { id: Some(id), ..Criteria::default() };
        RefundList { criteria: one, now }.first(db).await?.ok_or(Error::NotFound("refund"))
    }
}

/// Get a refund
#[utoipa::path(
    get,
    path = "/refunds/{id}",
    tag = "refunds",
    params(("id" = RefundId, Path, description = "The refund's id")),
    responses(
        (status = 200, description = "The refund", body = Refund),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_refund(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<RefundId>,
    unless: Preconditions,
) -> Result<Versioned<Refund>> {
    let mut db = app.db.read(&scope).await?;
    let refund = Refund::read(&mut db, id, app.clock.now()).await?;
    Ok(refund.versioned().unless(unless))
}
