//! Figures of money in each currency: nothing is converted, and amounts of two currencies are never added.

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::TherapistId,
        money::{Amount, Currency},
        time::Timestamp,
    },
    error::Result,
};

/// Figures of money in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "currency": "EUR", "gross": "120.00", "refunded": "0.00", "net": "120.00", "refunds_in_flight": "0.00", "claims": "0.00"
}))]
pub struct CurrencyFigures {
    /// The currency: an ISO 4217 code, or another program's word as it is.
    pub currency: String,
    /// The sum of payments.
    #[schema(value_type = String, format = "decimal")]
    pub gross: Amount,
    /// The sum of completed refunds.
    #[schema(value_type = String, format = "decimal")]
    pub refunded: Amount,
    /// The difference: `gross` less `refunded`.
    #[schema(value_type = String, format = "decimal")]
    pub net: Amount,
    /// The sum of refunds under way.
    #[schema(value_type = String, format = "decimal")]
    pub refunds_in_flight: Amount,
    /// What is still to be paid.
    #[schema(value_type = String, format = "decimal")]
    pub claims: Amount,
}

impl CurrencyFigures {
    /// Nothing in rupees, the currency that always stands first.
    pub fn nothing() -> Self {
        let zero = Amount::ZERO;
        let currency = Currency::INR.to_owned();
        Self { currency, gross: zero, refunded: zero, net: zero, refunds_in_flight: zero, claims: zero }
    }
}

/// Figures of bookings that start in one of consecutive periods.
pub struct Elsewhere {
    /// Which of the periods, from 1.
    pub bucket: i32,
    /// The therapist of the bookings, where figures are asked for by therapist.
    pub therapist_id: Option<TherapistId>,
    /// The figures in one currency.
    pub figures: CurrencyFigures,
}

/// The figures in other currencies than rupees, by code: of the periods between bounds, or of all times where there are none;
/// of all bookings or of one therapist's, or by therapist.
pub async fn elsewhere(
    db: &mut PgConnection,
    bounds: &[Timestamp],
    therapist: Option<&TherapistId>,
    by_therapist: bool,
) -> Result<Vec<Elsewhere>> {
    let rows = sqlx::query!(
        r#"select c.bucket as "bucket!",
                  t.therapist_id as "therapist_id?: TherapistId",
                  c.currency as "currency!",
                  round(sum(c.paid), 2) as "gross!: Amount",
                  round(sum(c.refunded), 2) as "refunded!: Amount",
                  round(sum(c.paid), 2) - round(sum(c.refunded), 2) as "net!: Amount",
                  round(sum(c.refunding), 2) as "refunds_in_flight!: Amount",
                  round(sum(c.claimed), 2) as "claims!: Amount"
           from (
               select case when cardinality($1::timestamp[]) = 0 then 1 else width_bucket(f.starts_at, $1) end as bucket,
                      case when $5::boolean then f.therapist_id end as therapist_id,
                      e.key as currency,
                      (e.value ->> 'claimed')::numeric as claimed,
                      (e.value ->> 'paid')::numeric as paid,
                      (e.value ->> 'refunded')::numeric as refunded,
                      (e.value ->> 'refunding')::numeric as refunding
               from internal.booking_facts f
               cross join lateral jsonb_each(f.elsewhere) e
               where f.elsewhere is not null
                 and ($2::timestamp is null or f.starts_at >= $2)
                 and ($3::timestamp is null or f.starts_at < $3)
                 and ($4::text is null or f.therapist_id = $4)
           ) c
           left join (select distinct therapist_id from therapists) t on t.therapist_id = c.therapist_id
           group by c.bucket, t.therapist_id, c.currency
           order by c.currency"#,
        bounds as &[Timestamp],
        bounds.first().copied() as Option<Timestamp>,
        bounds.last().copied() as Option<Timestamp>,
        therapist.map(TherapistId::as_str),
        by_therapist,
    )
    .fetch_all(db)
    .await?;
    let figures = rows.into_iter().map(|row| Elsewhere {
        bucket: row.bucket,
        therapist_id: row.therapist_id,
        figures: CurrencyFigures {
            currency: row.currency,
            gross: row.gross,
            refunded: row.refunded,
            net: row.net,
            refunds_in_flight: row.refunds_in_flight,
            claims: row.claims,
        },
    });
    Ok(figures.collect())
}
