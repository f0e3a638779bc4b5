//! Reading refunds: the list, newest first, and one of them.
//!
//! One statement a page, walked by the index of its order (`refunds_by_session`, `refunds_by_name`, the primary key;
//! `refunds_by_state` where a state is asked for); what a row needs of its payment and booking is looked up by their keys.
//! The refunds of a short period are looked up first, by the start of their sessions, as an array of ids.

use axum::{extract::State, response::Response};
use sqlx::PgConnection;

use super::{
    filter::{Criteria, RefundFilter, RefundOrder},
    model::{Refund, RefundState, select_refunds},
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
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
    listing.request.answer(RefundList(criteria)).await
}

/// The refunds that a filter wants.
struct RefundList(Criteria);

/// One page in one direction: the order's key and its type, the comparison with the position, and the direction.
macro_rules! page_of_refunds {
    ($key:literal: $type:literal, $beyond:literal, $direction:literal, $criteria:expr, $position:expr) => {
        select_refunds!(
            $key,
            [
                r#"($1::text is null or internal.refund_state(r.refund_status) = $1)
                and ($2::timestamp is null or coalesce(b.booking_start_at, r.session_timings, '-infinity') >= $2)
                and ($3::timestamp is null or coalesce(b.booking_start_at, r.session_timings, '-infinity') < $3)
                and ($4::text is null or b.therapist_id = $4)
                and ($5::text is null or r.client_id = $5)
                and ($6::text is null or r.session_id = $6)
                and ($7::text is null or internal.search_words(r.client_name, r.refund_id, r.payment_id)
                    like internal.like_words($7))
                and ($8::boolean is null
                     or r.id = any (array(
                         select o.id
                         from bookings n
                         join refund_cancellation_table o on o.session_id = n.booking_id
                         where coalesce(n.booking_start_at, '-infinity') >= $2
                           and coalesce(n.booking_start_at, '-infinity') < $3
                         union all
                         select o.id
                         from refund_cancellation_table o
                         where coalesce(o.session_timings, '-infinity') >= $2
                           and coalesce(o.session_timings, '-infinity') < $3
                     )))
                and ($9::text is null or ("# $key ", r.id) " $beyond " ($9::text::" $type ", $10::text::integer)) "
                "order by " $key " " $direction ", r.id " $direction " limit $11"
            ],
            $criteria.status,
            $criteria.period.from.map(Timestamp::from) as Option<Timestamp>,
            $criteria.period.before.map(Timestamp::from) as Option<Timestamp>,
            $criteria.therapist_id.as_ref().map(TherapistId::as_str),
            $criteria.client_id.as_ref().map(ClientId::as_str),
            $criteria.booking_id.as_ref().map(BookingId::as_str),
            $criteria.search.as_deref(),
            $crate::payments::select::is_short($criteria.period).then_some(true),
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

impl List for RefundList {
    type Row = Refund;
    type Order = RefundOrder;

    async fn rows(&self, db: &mut PgConnection, order: RefundOrder, position: &Position) -> Result<Vec<Refund>> {
        use RefundOrder as O;
        macro_rules! read {
            ($key:literal: $type:literal) => {
                if position.descending {
                    page_of_refunds!($key: $type, "<", "desc", self.0, position).fetch_all(db).await
                } else {
                    page_of_refunds!($key: $type, ">", "asc", self.0, position).fetch_all(db).await
                }
            };
        }
        let rows = match order {
            O::NewestFirst | O::OldestFirst => read!("r.id": "integer"),
            O::LatestSession | O::EarliestSession => read!("coalesce(r.session_timings, '-infinity')": "timestamp"),
            O::NameUp | O::NameDown => read!("left(internal.fold(coalesce(r.client_name, '')), 100)": "text"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let Criteria { status, period, therapist_id, client_id, booking_id, search } = &self.0;
        // The conditions equal those of the pages: the tests compare `page.total` with the rows.
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!"
               from refund_cancellation_table r
               left join bookings b on b.booking_id = r.session_id
               where ($1::text is null or internal.refund_state(r.refund_status) = $1)
                 and ($2::timestamp is null or coalesce(b.booking_start_at, r.session_timings, '-infinity') >= $2)
                 and ($3::timestamp is null or coalesce(b.booking_start_at, r.session_timings, '-infinity') < $3)
                 and ($4::text is null or b.therapist_id = $4)
                 and ($5::text is null or r.client_id = $5)
                 and ($6::text is null or r.session_id = $6)
                 and ($7::text is null or internal.search_words(r.client_name, r.refund_id, r.payment_id)
                     like internal.like_words($7))"#,
            *status,
            period.from.map(Timestamp::from) as Option<Timestamp>,
            period.before.map(Timestamp::from) as Option<Timestamp>,
            therapist_id.as_ref().map(TherapistId::as_str),
            client_id.as_ref().map(ClientId::as_str),
            booking_id.as_ref().map(BookingId::as_str),
            search.as_deref(),
        )
        .fetch_one(db)
        .await?;
        Ok(count)
    }

    fn key(refund: &Refund) -> Key {
        refund.key()
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
    let refund = Refund::read(&mut db, id).await?;
    Ok(refund.versioned().unless(unless))
}
