//! Reading payments: the list, latest first, and one of them.
//!
//! Three sets are listed: the rows of `payments`; as pending, the bookings whose payment is awaited, which have no such row
//! until it arrives; and as expired, those whose payment link has expired. Each set is read up to a page's rows, then the pages
//! are merged. A place in an order is the order's
//! key, the payment's id (0 for an awaited one) and the booking's id (empty for a payment).
//!
//! Payments are walked by the index of their order (`payments_by_…`), or found by the one of a refund's state, a client, a booking
//! or a search; of a therapist or a gateway PostgreSQL chooses between the two by how many there are. Those of a period, which
//! is one of sessions, are all found and sorted: that costs as much as there are sessions in it. Awaited ones are few
//! (`booking_facts_awaited`): all are read, and sorted.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    filter::{ClientPaymentFilter, Criteria, PaymentFilter, PaymentOrder},
    model::{Payment, PaymentState},
};
use crate::{
    app::state::App,
    clients,
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

/// List payments
///
/// Payments, latest first; and, as `pending`, bookings whose payment has not arrived, which have no `payment_id` yet; as `expired`
/// where their payment link has expired, though the booking was cancelled with it. Each is in one `state`, so that the lists of all states add up to this one. Periods go by the start of the session.
/// `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/payments",
    tag = "payments",
    params(PaymentFilter, ("sort" = inline(Option<PaymentOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of payments", content(
            (Page<Payment> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_payments(
    State(app): State<App>,
    listing: Listing<PaymentFilter, PaymentOrder>,
) -> Result<Response> {
    let criteria = listing.filter.criteria(&app)?;
    listing.request.answer(PaymentList { criteria, now: app.clock.now() }).await
}

/// List a client's payments
///
/// The client's payments, latest first; and, as `pending`, those that have not arrived.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/payments",
    tag = "clients",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ClientPaymentFilter,
        ("sort" = inline(Option<PaymentOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of payments", content(
            (Page<Payment> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_client_payments(
    scope: Scope,
    State(app): State<App>,
    Path(client): Path<ClientId>,
    listing: Listing<ClientPaymentFilter, PaymentOrder>,
) -> Result<Response> {
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &client).await?;
    let criteria = listing.filter.of(client).criteria(&app)?;
    listing.request.answer(PaymentList { criteria, now: app.clock.now() }).await
}

/// The payments that a filter wants.
pub(super) struct PaymentList {
    pub(super) criteria: Criteria,
    pub(super) now: DateTime<Utc>,
}

/// The ids of a position: the payment's, and the booking's where it is awaited.
fn beyond(position: &Position) -> (Option<i32>, Option<&str>) {
    let ids = position.id().and_then(|id| id.split_once(' '));
    (ids.and_then(|(nth, _)| nth.parse().ok()), ids.map(|(_, mark)| mark))
}

impl List for PaymentList {
    type Row = Payment;
    type Order = PaymentOrder;

    #[expect(clippy::too_many_lines, reason = "it is one statement")]
    async fn rows(&self, db: &mut PgConnection, order: PaymentOrder, position: &Position) -> Result<Vec<Payment>> {
        let Self { criteria, .. } = self;
        let is = |state| (criteria.state.one() == Some(state)).then_some(true);
        let (nth, mark) = beyond(position);
        let before = criteria.period.before.map(Timestamp::from);
        let payments = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Payment),
            [r#"
                select p.payment_id as "payment_id?: PaymentId",
                       coalesce(p.booking_id, b.booking_id) as "booking_id: BookingId",
                       (
                           select a.client_id
                           from internal.appointment_of(coalesce(p.booking_id, b.booking_id)) a
                       ) as "client_id: ClientId",
                       b.therapist_id as "therapist_id?: TherapistId",
                       b.booking_host_name as "therapist_name?",
                       b.booking_resource_name as "session_name?",
                       case when p.payment_id is null then
                                case when exists (
                                    select
                                    from internal.payment_links l
                                    where l.booking_id = b.booking_id
                                      and l.state = 'expired'
                                      and not exists (
                                          select
                                          from internal.payment_links o
                                          where o.booking_id = l.booking_id
                                            and o.link_id > l.link_id
                                      )
                                ) then 'expired' else 'pending' end
                            else internal.payment_state(p.refund_status, p.amount, b.booking_status, b.invitee_status)
                       end as "state!: PaymentState",
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       internal.booking_status(b.booking_status) as booking_status,
                       (
                           select internal.booking_state(k.status, k.starts_at, k.ends_at, k.noted, $22)
                           from internal.booking_facts k
                           where k.booking_id = b.booking_id
                       ) as "booking_state: BookingState",
                       case when p.payment_id is null then b.invitee_name else p.invitee_name end as invitee_name,
                       b.invitee_phone as "invitee_phone?",
                       case when p.payment_id is null then b.invitee_email else p.invitee_email end as invitee_email,
                       case when p.payment_id is null then b.invitee_payment_reference_id else p.payment_reference_id
                       end as payment_reference_id,
                       case when p.payment_id is null then b.invitee_payment_amount else p.amount end as "amount!: Amount",
                       case when p.payment_id is null then b.invitee_payment_currency else p.currency end as currency,
                       p.payment_date as "payment_date!: Timestamp",
                       case when p.payment_id is null then b.invitee_payment_gateway else p.payment_gateway_name
                       end as payment_gateway_name,
                       p.refund_amount as "refund_amount!: Amount",
                       p.refund_initiation_date as "refund_initiation_date!: Timestamp",
                       internal.refund_status(p.refund_status) as refund_status,
                       p.refund_failed_date as "refund_failed_date!: Timestamp",
                       p.refund_id as "refund_id?",
                       (
                           select r.id
                           from refund_cancellation_table r
                           where (r.session_id = coalesce(p.booking_id, b.booking_id)
                                  or (p.booking_id is null and r.payment_id = p.payment_id::text))
                             and internal.payment_of_refund(r.session_id, r.payment_id) = p.payment_id
                           order by internal.refund_status(r.refund_status) is null, r.id
                           limit 1
                       ) as "refund_cancellation_id: RefundId",
                       case when p.payment_id is null then b.invitee_created_at else p.created_at
                       end as "created_at!: Timestamp",
                       case when p.payment_id is null then b.booking_updated_at else p.updated_at
                       end as "updated_at!: Timestamp",
                       case when p.payment_id is null then b.xmin else p.xmin end::text as "version!",
                       concat(
                           u.paid_at, -- by payment_date
                           u.amount, -- by amount
                           u.name, -- by invitee_name
                           ''
                       ) as "place!"
                from ( -- counted
                    select u.*
                    from (
                        (
                            select p.payment_id as nth,
                                   p.booking_id,
                                   ''::text as mark,
                                   coalesce(p.payment_date, '-infinity') as paid_at,
                                   round(internal.booking_paid(p.amount), 2) as amount,
                                   left(internal.fold(coalesce(p.invitee_name, '')), 100) as name
                            from (
                                select p.*
                                from payments p
                                left join internal.booking_facts f on f.booking_id = p.booking_id
                                where true
                                  and p.payment_id = $1
                                  and (
                                      internal.refund_state(p.refund_status) = 'pending'
                                      and f.counted_as = 'cancelled' -- planned anew
                                      and $2
                                  )
                                  and (
                                      internal.refund_state(p.refund_status) = 'pending'
                                      and internal.booking_paid(p.amount) = 0 -- planned anew
                                      and f.counted_as is distinct from 'cancelled'
                                      and $3
                                  )
                                  and (
                                      internal.refund_state(p.refund_status) = 'pending'
                                      and internal.booking_paid(p.amount) <> 0
                                      and f.counted_as is distinct from 'cancelled'
                                      and f.awaited is not true
                                      and $4
                                  )
                                  and internal.refund_state(p.refund_status) = $5 -- planned anew
                                  and (false and $23)
                                  and (
                                      case
                                          when internal.refund_state(p.refund_status) <> 'pending'
                                              then 'refund_' || internal.refund_state(p.refund_status)
                                          when f.counted_as = 'cancelled' then 'cancelled'
                                          when f.awaited or internal.booking_paid(p.amount) = 0 then 'pending'
                                          else 'completed'
                                      end = any ($21::text[]) -- planned anew
                                  )
                                  and left(internal.fold(p.payment_gateway_name), 100) = left(internal.fold($6), 100) -- planned anew
                                  and f.therapist_id = $7 -- planned anew
                                  and f.client_id = $8
                                  and p.booking_id = $9
                                  and f.starts_at >= $10 -- planned anew
                                  and f.starts_at < $11 -- planned anew
                                  and coalesce(f.starts_at, '-infinity') < $19 -- planned anew
                                  and internal.search_words(p.invitee_name, p.invitee_email, p.payment_reference_id) like any (internal.like_words($12)) -- planned anew
                                  -- The planner assumes that a period's payments are spread over all: all of them are found first.
                                  offset $20 -- with $20
                            ) p
                            where true
                              and (coalesce(p.payment_date, '-infinity'), p.payment_id, '') < ($13::text::timestamp, $14, $15) -- by payment_date
                              and (round(internal.booking_paid(p.amount), 2), p.payment_id, '') < ($13::text::numeric, $14, $15) -- by amount
                              and (left(internal.fold(coalesce(p.invitee_name, '')), 100), p.payment_id, '') < ($13, $14, $15) -- by invitee_name
                            order by
                                coalesce(p.payment_date, '-infinity') desc, -- by payment_date
                                round(internal.booking_paid(p.amount), 2) desc, -- by amount
                                left(internal.fold(coalesce(p.invitee_name, '')), 100) desc, -- by invitee_name
                                p.payment_id desc -- by any
                            limit $16
                        )
                        union all
                        (
                            select a.*
                            from (
                                select coalesce(p.payment_id, 0) as nth,
                                       f.booking_id,
                                       case when p.payment_id is null then f.booking_id else '' end as mark,
                                       coalesce(p.payment_date, '-infinity') as paid_at,
                                       round(internal.booking_paid(case when p.payment_id is null then b.invitee_payment_amount else p.amount end), 2) as amount,
                                       left(internal.fold(coalesce(case when p.payment_id is null then b.invitee_name else p.invitee_name end, '')), 100) as name
                                from internal.booking_facts f
                                join bookings b on b.booking_id = f.booking_id
                                left join payments p on p.booking_id = f.booking_id
                                where f.awaited
                                  and (
                                      p.payment_id is null and f.claimed > 0
                                      or $17 and internal.refund_status(p.refund_status) is null
                                          and internal.booking_paid(p.amount) <> 0
                                  )
                                  and (false and $18)
                                  and (
                                      p.payment_id is not null
                                      or not exists (
                                          select
                                          from internal.payment_links l
                                          where l.booking_id = f.booking_id
                                            and l.state = 'expired'
                                            and not exists (
                                                select
                                                from internal.payment_links o
                                                where o.booking_id = l.booking_id
                                                  and o.link_id > l.link_id
                                            )
                                      )
                                  )
                                  and left(internal.fold(case when p.payment_id is null then b.invitee_payment_gateway else p.payment_gateway_name end), 100) = left(internal.fold($6), 100)
                                  and f.therapist_id = $7
                                  and f.client_id = $8
                                  and f.booking_id = $9
                                  and f.starts_at >= $10
                                  and f.starts_at < $11
                                  and f.starts_at < $19
                                  and internal.search_words(
                                      case when p.payment_id is null then b.invitee_name else p.invitee_name end,
                                      case when p.payment_id is null then b.invitee_email else p.invitee_email end,
                                      case when p.payment_id is null then b.invitee_payment_reference_id else p.payment_reference_id end
                                  ) like any (internal.like_words($12))
                            ) a
                            where true
                              and (a.paid_at, a.nth, a.mark) < ($13::text::timestamp, $14, $15) -- by payment_date
                              and (a.amount, a.nth, a.mark) < ($13::text::numeric, $14, $15) -- by amount
                              and (a.name, a.nth, a.mark) < ($13, $14, $15) -- by invitee_name
                            order by
                                a.paid_at desc, -- by payment_date
                                a.amount desc, -- by amount
                                a.name desc, -- by invitee_name
                                a.nth desc, -- by any
                                a.mark desc -- by any
                            limit $16
                        )
                        union all
                        (
                            select a.*
                            from (
                                select 0 as nth,
                                       f.booking_id,
                                       f.booking_id as mark,
                                       '-infinity'::timestamp as paid_at,
                                       round(internal.booking_paid(b.invitee_payment_amount), 2) as amount,
                                       left(internal.fold(coalesce(b.invitee_name, '')), 100) as name
                                from internal.payment_links x
                                join internal.booking_facts f on f.booking_id = x.booking_id
                                join bookings b on b.booking_id = x.booking_id
                                where x.state = 'expired'
                                  and not exists (
                                      select
                                      from internal.payment_links o
                                      where o.booking_id = x.booking_id
                                        and o.link_id > x.link_id
                                  )
                                  and not exists (select from payments p where p.booking_id = x.booking_id)
                                  -- One that was paid in another way, without a payment here, is none.
                                  and (f.awaited or f.counted_as = 'cancelled' and x.cancels_booking)
                                  and (false and $24)
                                  and left(internal.fold(b.invitee_payment_gateway), 100) = left(internal.fold($6), 100)
                                  and f.therapist_id = $7
                                  and f.client_id = $8
                                  and f.booking_id = $9
                                  and f.starts_at >= $10
                                  and f.starts_at < $11
                                  and f.starts_at < $19
                                  and internal.search_words(
                                      b.invitee_name,
                                      b.invitee_email,
                                      b.invitee_payment_reference_id
                                  ) like any (internal.like_words($12))
                            ) a
                            where true
                              and (a.paid_at, a.nth, a.mark) < ($13::text::timestamp, $14, $15) -- by payment_date
                              and (a.amount, a.nth, a.mark) < ($13::text::numeric, $14, $15) -- by amount
                              and (a.name, a.nth, a.mark) < ($13, $14, $15) -- by invitee_name
                            order by
                                a.paid_at desc, -- by payment_date
                                a.amount desc, -- by amount
                                a.name desc, -- by invitee_name
                                a.nth desc, -- by any
                                a.mark desc -- by any
                            limit $16
                        )
                    ) u
                    order by
                        u.paid_at desc, -- by payment_date
                        u.amount desc, -- by amount
                        u.name desc, -- by invitee_name
                        u.nth desc, -- by any
                        u.mark desc -- by any
                    limit $16
                ) u
                left join payments p on p.payment_id = u.nth
                left join bookings b on b.booking_id = u.booking_id
                order by
                    u.paid_at desc, -- by payment_date
                    u.amount desc, -- by amount
                    u.name desc, -- by invitee_name
                    u.nth desc, -- by any
                    u.mark desc -- by any
            "#],
            criteria.payment_id.map(|id| id.0),
            is(PaymentState::Cancelled),
            is(PaymentState::Pending),
            is(PaymentState::Completed),
            criteria.refund(),
            criteria.gateway.as_deref(),
            criteria.therapist_id.as_ref().map(TherapistId::as_str),
            criteria.client_id.as_ref().map(ClientId::as_str),
            criteria.booking_id.as_ref().map(BookingId::as_str),
            criteria.period.from.map(Timestamp::from) => Option<Timestamp>,
            before.filter(|_| criteria.period.from.is_some()) => Option<Timestamp>,
            criteria.search.as_deref(),
            position.sort(),
            nth,
            mark,
            position.limit,
            criteria.state.one() == Some(PaymentState::Pending),
            (!criteria.wants_awaited()).then_some(true),
            before.filter(|_| criteria.period.from.is_none()) => Option<Timestamp>,
            before.map(|_| 0_i64),
            criteria.state.several() => Option<Vec<&str>>,
            Timestamp::from(self.now) => Timestamp,
            is(PaymentState::Expired),
            (!criteria.wants_expired()).then_some(true),
        )?;
        Ok(payments)
    }

    fn key(payment: &Payment) -> Key {
        payment.key()
    }
}

impl Payment {
    /// One payment.
    ///
    /// # Errors
    ///
    /// If there is none with this id.
    pub(super) async fn read(db: &mut PgConnection, id: PaymentId, now: DateTime<Utc>) -> Result<Self> {
        PaymentList { criteria: Criteria::one(id), now }.first(db).await?.ok_or(Error::NotFound("payment"))
    }
}

/// Get a payment
#[utoipa::path(
    get,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = PaymentId, Path, description = "The payment's id")),
    responses(
        (status = 200, description = "The payment", body = Payment),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_payment(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<PaymentId>,
    unless: Preconditions,
) -> Result<Versioned<Payment>> {
    let mut db = app.db.read(&scope).await?;
    let payment = Payment::read(&mut db, id, app.clock.now()).await?;
    Ok(payment.versioned().unless(unless))
}
