//! A payment link: its columns, and how it is read.

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{BookingId, PaymentLinkId, UserId},
        money::Amount,
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result},
    http::etag::Versioned,
};

pub use crate::domain::status::PaymentLinkState as LinkState;

/// A link by which a booking is paid.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "state": "open",
    "amount": "1700.00",
    "currency": "INR",
    "expires_at": "2026-02-05T04:30:00Z",
    "cancel_booking": true,
    "short_url": "https://rzp.example.org/i/abc",
    "reference_id": "ss_0199c0de00007000800000000000000d",
    "gateway_link_id": "plink_demo1",
    "order_id": null,
    "gateway_payment_id": null,
    "authorized_at": null,
    "paid_at": null,
    "paid_late": false,
    "ended_at": null,
    "cancel_requested_at": null,
    "reason": null,
    "created_at": "2026-02-04T04:30:00Z",
    "created_by": 1
}))]
pub struct PaymentLink {
    /// The link.
    #[serde(skip)]
    pub(super) link_id: PaymentLinkId,
    /// The booking that is paid by it.
    pub booking_id: BookingId,
    /// How it stands.
    pub state: LinkState,
    /// How much is paid.
    #[schema(value_type = String, format = "decimal")]
    pub amount: Amount,
    /// In which currency.
    pub currency: String,
    /// Until when it can be paid.
    #[schema(value_type = KnownTimestamp)]
    pub expires_at: Timestamp,
    /// Whether the booking is cancelled where the link expires unpaid.
    pub cancel_booking: bool,
    /// Where the client pays; null while the gateway has not made it.
    pub short_url: Option<String>,
    /// Our reference; the gateway shows it too.
    pub reference_id: String,
    /// The gateway's id of the link.
    pub gateway_link_id: Option<String>,
    /// The gateway's id of the order, once it is paid: the payment's reference.
    pub order_id: Option<String>,
    /// The gateway's id of the payment, once it is paid.
    pub gateway_payment_id: Option<String>,
    /// Since when money is authorised that the gateway has not taken.
    pub authorized_at: Timestamp,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// Whether it was paid after it had ended: somebody has to look at it.
    pub paid_late: bool,
    /// When it expired or was cancelled.
    pub ended_at: Timestamp,
    /// Since when it is to be cancelled, which the gateway has not confirmed.
    pub cancel_requested_at: Timestamp,
    /// What the gateway said last, where that was no yes.
    pub reason: Option<String>,
    /// When it was asked for.
    #[schema(value_type = KnownTimestamp)]
    pub created_at: Timestamp,
    /// By which account; null where the client booked.
    pub created_by: Option<UserId>,
    /// How often the gateway was told or asked.
    #[serde(skip)]
    pub(super) tries: i32,
    /// The version of the stored row.
    #[serde(skip)]
    version: String,
}

impl PaymentLink {
    /// The last link of a booking.
    pub(super) async fn of_booking(db: &mut PgConnection, booking: &BookingId) -> Result<Self> {
        let link = if booking.is_possible() { find(db, None, Some(booking.as_str())).await? } else { None };
        link.ok_or(Error::NotFound("payment link"))
    }

    /// A link.
    pub(super) async fn read(db: &mut PgConnection, id: PaymentLinkId) -> Result<Self> {
        find(db, Some(id), None).await?.ok_or(Error::NotFound("payment link"))
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Whether it can be paid.
    pub(super) fn stands(&self) -> bool {
        matches!(self.state, LinkState::Making | LinkState::Open)
    }
}

async fn find(db: &mut PgConnection, id: Option<PaymentLinkId>, booking: Option<&str>) -> Result<Option<PaymentLink>> {
    let link = sqlx::query_as!(
        PaymentLink,
        r#"select link_id as "link_id: PaymentLinkId",
                  booking_id as "booking_id: BookingId",
                  state as "state: LinkState",
                  amount as "amount!: Amount",
                  currency,
                  expires_at at time zone 'UTC' as "expires_at!: Timestamp",
                  cancels_booking as cancel_booking,
                  short_url,
                  reference_id,
                  gateway_id as gateway_link_id,
                  order_id,
                  gateway_payment_id,
                  authorized_at at time zone 'UTC' as "authorized_at!: Timestamp",
                  paid_at at time zone 'UTC' as "paid_at!: Timestamp",
                  paid_late,
                  ended_at at time zone 'UTC' as "ended_at!: Timestamp",
                  cancel_asked_at at time zone 'UTC' as "cancel_requested_at!: Timestamp",
                  reason,
                  created_at at time zone 'UTC' as "created_at!: Timestamp",
                  created_by as "created_by: UserId",
                  tries,
                  xmin::text as "version!"
           from internal.payment_links
           where ($1::integer is null or link_id = $1)
             and ($2::text is null or booking_id = $2)
           order by link_id desc
           limit 1"#,
        id.map(|id| id.0),
        booking,
    )
    .fetch_optional(db)
    .await?;
    Ok(link)
}
