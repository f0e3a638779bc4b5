//! The figures of the practice, in one statement: for the cards, the series and the therapists.
//!
//! Bookings are first counted by their stored values (word, amount), and only the few combinations are then interpreted:
//! interpreting a word costs more than counting a booking. The statement is an index-only scan of `bookings_figures`. A
//! few bookings, or none, have values too large for an index entry: `bookings_figures_odd` finds those.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::period::Period;
use crate::{
    domain::{ids::TherapistId, money::Amount, time::Timestamp},
    error::Result,
};

/// The currency of all amounts: the practice's books are kept in it.
pub(super) const CURRENCY: &str = "INR";

/// The figures of the bookings that start in a period. "The list" is `GET /admin/bookings` with the same `from`, `to`
/// and `tz` (and the therapist, in a therapist's figures): `page.total` of the filter named is the same number.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "from": "2026-02-01",
    "to": "2026-02-28",
    "gross": "289000.00",
    "refunded": "5100.00",
    "net": "283900.00",
    "refunds_in_flight": "1700.00",
    "sessions": 170,
    "free_consultations": 14,
    "cancellations": 21,
    "no_shows": 6,
    "refunds": 3,
    "open_refunds": 1
}))]
pub(super) struct Figures {
    /// The first day of the period.
    from: NaiveDate,
    /// The last day of the period.
    to: NaiveDate,
    /// Payments: the sum of `invitee_payment_amount` over the whole list, cancelled bookings included. An amount below
    /// 0 counts as 0.
    gross: Amount,
    /// Refunds: the sum of `refund_amount` over the list with `refund_status=completed`.
    refunded: Amount,
    /// The difference: `gross` less `refunded`.
    net: Amount,
    /// Refunds under way: the sum of `refund_amount` over the lists with `refund_status=initiated` and
    /// `refund_status=processing`. Not taken off `net`.
    refunds_in_flight: Amount,
    /// Sessions, free consultations among them: the list with `active=true`.
    sessions: i64,
    /// Sessions that cost nothing: the list with `active=true&free=true`.
    free_consultations: i64,
    /// Bookings called off: the list with `state=cancelled`.
    cancellations: i64,
    /// Bookings whose client did not come: the list with `state=no_show`.
    no_shows: i64,
    /// Refunds completed: the list with `refund_status=completed`.
    refunds: i64,
    /// Refunds on their way: the lists with `refund_status=initiated` and `refund_status=processing` together.
    open_refunds: i64,
}

impl Figures {
    /// Those of a period in which nothing happened.
    pub(super) fn none(period: Period) -> Self {
        Self {
            from: period.from,
            to: period.to,
            gross: Amount::ZERO,
            refunded: Amount::ZERO,
            net: Amount::ZERO,
            refunds_in_flight: Amount::ZERO,
            sessions: 0,
            free_consultations: 0,
            cancellations: 0,
            no_shows: 0,
            refunds: 0,
            open_refunds: 0,
        }
    }
}

/// The figures of one period, of all or of one therapist.
pub(super) struct Counted {
    /// Which of the periods, from 0.
    pub(super) period: usize,
    /// The therapist, where figures are asked for by therapist; none for bookings without a therapist that the practice
    /// has.
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) figures: Figures,
}

/// The figures of each of consecutive periods with bookings; by therapist if requested.
pub(super) async fn count(db: &mut PgConnection, periods: &[Period], by_therapist: bool) -> Result<Vec<Counted>> {
    let bounds = Period::bounds(periods);
    let (Some(first), Some(end)) = (bounds.first(), bounds.last()) else { return Ok(Vec::new()) };
    let rows = sqlx::query!(
        r#"select c.bucket as "bucket!",
                  t.therapist_id as "therapist_id?: TherapistId",
                  round(sum(c.bookings * internal.booking_paid(c.invitee_payment_amount)), 2) as "gross!: Amount",
                  round(sum(c.bookings * internal.booking_refunded(c.refund_status, c.refund_amount)), 2)
                      as "refunded!: Amount",
                  round(sum(c.bookings * internal.booking_paid(c.invitee_payment_amount)), 2)
                      - round(sum(c.bookings * internal.booking_refunded(c.refund_status, c.refund_amount)), 2)
                      as "net!: Amount",
                  round(sum(c.bookings * internal.booking_refunding(c.refund_status, c.refund_amount)), 2)
                      as "refunds_in_flight!: Amount",
                  coalesce(sum(c.bookings) filter (where internal.is_active(c.booking_status)), 0)::bigint
                      as "sessions!",
                  coalesce(sum(c.bookings) filter (where internal.is_active(c.booking_status)
                                                     and internal.is_free(c.invitee_payment_amount)), 0)::bigint
                      as "free_consultations!",
                  coalesce(sum(c.bookings) filter (where internal.booking_status(c.booking_status) = 'cancelled'), 0)::bigint
                      as "cancellations!",
                  coalesce(sum(c.bookings) filter (where internal.booking_status(c.booking_status) = 'no_show'), 0)::bigint
                      as "no_shows!",
                  coalesce(sum(c.bookings) filter (where internal.refund_status(c.refund_status) = 'completed'), 0)::bigint
                      as "refunds!",
                  coalesce(sum(c.bookings) filter (where internal.refund_status(c.refund_status)
                                                         in ('initiated', 'processing')), 0)::bigint as "open_refunds!"
           from (
               select width_bucket(b.start_at, $1::timestamp[]) as bucket,
                      case when $4::boolean then b.therapist_id end as therapist_id,
                      b.booking_status,
                      b.invitee_payment_amount,
                      b.refund_status,
                      b.refund_amount,
                      count(*) as bookings
               from (
                   select coalesce(booking_start_at, '-infinity') as start_at,
                          therapist_id,
                          booking_status,
                          invitee_payment_amount,
                          refund_status,
                          refund_amount
                   from bookings
                   where booking_id is not null
                     and coalesce(booking_start_at, '-infinity') >= $2
                     and coalesce(booking_start_at, '-infinity') < $3
                     and internal.figures_from(therapist_id, booking_status, invitee_payment_amount, refund_status,
                                               refund_amount) = 'index'
                   union all
                   select coalesce(booking_start_at, '-infinity'),
                          therapist_id,
                          booking_status,
                          invitee_payment_amount,
                          refund_status,
                          refund_amount
                   from bookings
                   where booking_id is not null
                     and coalesce(booking_start_at, '-infinity') >= $2
                     and coalesce(booking_start_at, '-infinity') < $3
                     and internal.figures_from(therapist_id, booking_status, invitee_payment_amount, refund_status,
                                               refund_amount) = 'table'
               ) b
               group by 1, 2, 3, 4, 5, 6
           ) c
           left join (select distinct therapist_id from therapists) t on t.therapist_id = c.therapist_id
           group by c.bucket, t.therapist_id"#,
        bounds.as_slice() as &[Timestamp],
        *first as Timestamp,
        *end as Timestamp,
        by_therapist,
    )
    .fetch_all(db)
    .await?;
    let counted = rows.into_iter().filter_map(|row| {
        let period = usize::try_from(row.bucket).ok()?.checked_sub(1)?;
        let Period { from, to, .. } = *periods.get(period)?;
        Some(Counted {
            period,
            therapist_id: row.therapist_id,
            figures: Figures {
                from,
                to,
                gross: row.gross,
                refunded: row.refunded,
                net: row.net,
                refunds_in_flight: row.refunds_in_flight,
                sessions: row.sessions,
                free_consultations: row.free_consultations,
                cancellations: row.cancellations,
                no_shows: row.no_shows,
                refunds: row.refunds,
                open_refunds: row.open_refunds,
            },
        })
    });
    Ok(counted.collect())
}
