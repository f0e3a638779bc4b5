//! What becomes of a message after its service took it, as the service tells later.
//!
//! It is told in any order and more than once, and some of it never: a message only moves forward, from `sent` over `failed` and
//! `delivered` to `read`, so that the end is the same.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{list::MessageState, subject::Reason, whatsapp, worker::LEASE};
use crate::{
    app::unit_of_work::UnitOfWork,
    db::received::{Received, RowChange, Written},
    domain::ids::{BookingId, MessageId},
    error::Result,
};

/// How far the clock of a service may be from this one.
const CLOCKS: TimeDelta = TimeDelta::minutes(1);

/// What a service tells of a message that it took.
#[derive(Debug)]
pub struct SaidStatus {
    /// The ids by which it may be known.
    pub ids: Vec<String>,
    /// What became of it.
    pub delivery: Delivery,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// Why it was not delivered, in the service's words.
    pub error: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It did not reach the client.
    Failed,
    /// It reached the client.
    Delivered,
    /// The client has opened it.
    Read,
}

impl Delivery {
    fn state(self) -> MessageState {
        match self {
            Self::Failed => MessageState::Failed,
            Self::Delivered => MessageState::Delivered,
            Self::Read => MessageState::Read,
        }
    }
}

/// Moves a message forward. [`Received::Overtaken`], if it was not sent from here, or is being sent again.
///
/// # Errors
///
/// If the database refuses.
pub async fn receive(uow: &mut UnitOfWork, said: &SaidStatus) -> Result<Received> {
    let known = sqlx::query!(
        r#"select message_id as "message_id: MessageId",
                  booking_id as "booking_id: BookingId",
                  state as "state: MessageState"
           from internal.messages
           where service_id = any ($1)
             and state in ('sent', 'delivered', 'read', 'failed')
           order by message_id desc
           limit 1
           for no key update"#,
        &said.ids,
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(known) = known else {
        // Its service may be quicker to tell than to answer.
        let since = said.at.map(|at| at + LEASE + CLOCKS);
        let is_being_sent = sqlx::query_scalar!(
            r#"select exists (
                   select from internal.messages where state = 'sending' and ($1::timestamptz is null or leased_until < $1)
               ) as "is!""#,
            since,
        )
        .fetch_one(uow.db())
        .await?;
        return Ok(if is_being_sent { Received::Missing("no message has this id yet") } else { Received::Overtaken });
    };
    let mut rows = Vec::new();
    let to = said.delivery.state();
    if reach(to) > reach(known.state) {
        let now = uow.now();
        let has_failed = said.delivery == Delivery::Failed;
        sqlx::query!(
            "update internal.messages set state = $2, reason = $3, answer = $4, done_at = $5 where message_id = $1",
            known.message_id.0,
            to.as_str(),
            has_failed.then_some(Reason::Undelivered.as_str()),
            said.error.as_deref().filter(|_| has_failed).map(whatsapp::without_contacts),
            said.at.filter(|at| *at < now).unwrap_or(now),
        )
        .execute(uow.db())
        .await?;
        rows.push(RowChange {
            table: "internal.messages",
            before: Some(json!({ "state": known.state })),
            after: json!({ "state": to }),
        });
    }
    Ok(Received::Written(Written { booking: known.booking_id, rows, contradicts: None }))
}

fn reach(state: MessageState) -> u8 {
    match state {
        MessageState::Failed => 1,
        MessageState::Delivered => 2,
        MessageState::Read => 3,
        _ => 0,
    }
}
