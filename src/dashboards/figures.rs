//! The figures of the practice, in one statement: for the cards, the series and the therapists.
//!
//! Counted over the facts of bookings (`internal.booking_facts`), whose money is that of their rows in `payments`.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    currencies::{CurrencyFigures, elsewhere},
    period::Period,
};
use crate::{
    domain::{
        ids::TherapistId,
        money::{Amount, Currency},
        time::Timestamp,
    },
    error::Result,
};

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
    "claims": "3400.00",
    "sessions": 170,
    "free_consultations": 14,
    "cancellations": 21,
    "no_shows": 6,
    "refunds": 3,
    "open_refunds": 1,
    "currencies": [{
        "currency": "INR", "gross": "289000.00", "refunded": "5100.00", "net": "283900.00",
        "refunds_in_flight": "1700.00", "claims": "3400.00"
    }]
}))]
pub(super) struct Figures {
    /// The first day of the period.
    from: NaiveDate,
    /// The last day of the period.
    to: NaiveDate,
    /// The sum of the payments of these bookings, cancelled ones included. An amount below 0 counts as 0.
    #[schema(value_type = String, format = "decimal")]
    gross: Amount,
    /// The sum of their completed refunds.
    #[schema(value_type = String, format = "decimal")]
    refunded: Amount,
    /// The difference: `gross` less `refunded`.
    #[schema(value_type = String, format = "decimal")]
    net: Amount,
    /// The sum of their refunds under way (initiated or processing). Not taken off `net`.
    #[schema(value_type = String, format = "decimal")]
    refunds_in_flight: Amount,
    /// What is still to be paid: the sum of `invitee_payment_amount` of bookings that are `waiting` for their payment and
    /// not cancelled. Not part of `gross`.
    #[schema(value_type = String, format = "decimal")]
    claims: Amount,
    /// Sessions, free consultations among them: the list with `active=true`.
    sessions: i64,
    /// Sessions that cost nothing: the list with `active=true&free=true`.
    free_consultations: i64,
    /// Bookings called off: the list with `state=cancelled`.
    cancellations: i64,
    /// Bookings whose client did not come: the list with `state=no_show`.
    no_shows: i64,
    /// Refunds completed.
    refunds: i64,
    /// Refunds under way.
    open_refunds: i64,
    /// The amounts by currency: first those in rupees, which stand above too, then what there is in others, by code.
    currencies: Vec<CurrencyFigures>,
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
            claims: Amount::ZERO,
            sessions: 0,
            free_consultations: 0,
            cancellations: 0,
            no_shows: 0,
            refunds: 0,
            open_refunds: 0,
            currencies: vec![CurrencyFigures::nothing()],
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
                  round(sum(c.paid), 2) as "gross!: Amount",
                  round(sum(c.refunded), 2) as "refunded!: Amount",
                  round(sum(c.paid), 2) - round(sum(c.refunded), 2) as "net!: Amount",
                  round(sum(c.refunding), 2) as "refunds_in_flight!: Amount",
                  round(sum(c.claimed), 2) as "claims!: Amount",
                  sum(c.sessions)::bigint as "sessions!",
                  sum(c.free)::bigint as "free_consultations!",
                  sum(c.cancelled)::bigint as "cancellations!",
                  sum(c.no_shows)::bigint as "no_shows!",
                  sum(c.refunds)::bigint as "refunds!",
                  sum(c.open_refunds)::bigint as "open_refunds!"
           from (
               select width_bucket(f.starts_at, $1::timestamp[]) as bucket,
                      case when $4::boolean then f.therapist_id end as therapist_id,
                      sum(f.paid) as paid,
                      sum(f.refunded) as refunded,
                      sum(f.refunding) as refunding,
                      sum(f.claimed) as claimed,
                      count(*) filter (where f.counted_as = 'active') as sessions,
                      count(*) filter (where f.counted_as = 'active' and f.free) as free,
                      count(*) filter (where f.counted_as = 'cancelled') as cancelled,
                      count(*) filter (where f.counted_as = 'no_show') as no_shows,
                      sum(f.refunds) as refunds,
                      sum(f.open_refunds) as open_refunds
               from internal.booking_facts f
               where f.starts_at >= $2
                 and f.starts_at < $3
               group by 1, 2
           ) c
           left join (select distinct therapist_id from therapists) t on t.therapist_id = c.therapist_id
           group by c.bucket, t.therapist_id"#,
        bounds.as_slice() as &[Timestamp],
        *first as Timestamp,
        *end as Timestamp,
        by_therapist,
    )
    .fetch_all(&mut *db)
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
                claims: row.claims,
                sessions: row.sessions,
                free_consultations: row.free_consultations,
                cancellations: row.cancellations,
                no_shows: row.no_shows,
                refunds: row.refunds,
                open_refunds: row.open_refunds,
                currencies: vec![CurrencyFigures {
                    currency: Currency::INR.to_owned(),
                    gross: row.gross,
                    refunded: row.refunded,
                    net: row.net,
                    refunds_in_flight: row.refunds_in_flight,
                    claims: row.claims,
                }],
            },
        })
    });
    let mut counted: Vec<Counted> = counted.collect();
    for found in elsewhere(db, &bounds, None, by_therapist).await? {
        let same = |one: &&mut Counted| {
            usize::try_from(found.bucket) == Ok(one.period + 1) && one.therapist_id == found.therapist_id
        };
        if let Some(of) = counted.iter_mut().find(same) {
            of.figures.currencies.push(found.figures);
        }
    }
    Ok(counted)
}
