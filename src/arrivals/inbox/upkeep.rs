//! Messages that are forgotten: after 30 days, or with the data of their client.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{message::text, receive::context};
use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{Erased, RowsToErase},
    domain::{
        contact::{Email, Phone},
        ids::{BookingId, InboundEndpointId, InboxMessageId},
    },
    error::Result,
};

/// How long a message is kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How many bodies are opened at a time.
const BATCH: i64 = 500;

/// Deletes up to `limit` old messages, and endpoints that were deleted and have none; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let messages = sqlx::query!(
        "delete from internal.inbox
         where message_id = any (array(
             select message_id
             from internal.inbox
             where received_at < $1
             limit $2
             for update skip locked
         ))",
        now - KEPT,
        limit,
    )
    .execute(&mut *db)
    .await?;
    let endpoints = sqlx::query!(
        "delete from internal.inbound_endpoints e
         where e.deleted_at < $1
           and not exists (select from internal.inbox i where i.endpoint_id = e.endpoint_id)",
        now - KEPT,
    )
    .execute(db)
    .await?;
    Ok(messages.rows_affected() + endpoints.rows_affected())
}

/// Destroys the bodies of messages about a client: those about the bookings, and those that name a phone or an address of theirs,
/// understood or not.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    let contacts = Contacts::of(theirs);
    let mut found: Vec<InboxMessageId> = Vec::new();
    let mut after = 0;
    loop {
        let kept = sqlx::query!(
            r#"select i.message_id as "message_id: InboxMessageId",
                      i.endpoint_id as "endpoint_id: InboundEndpointId",
                      i.key,
                      i.body as "body!",
                      coalesce(i.booking_id = any ($2), false) as "theirs!"
               from internal.inbox i
               where i.body is not null
                 and i.message_id > $1
               order by i.message_id
               limit $3
               for no key update"#,
            after,
            &theirs.bookings as &[BookingId],
            BATCH,
        )
        .fetch_all(uow.db())
        .await?;
        let Some(last) = kept.last() else { break };
        after = last.message_id.0;
        let seal = &uow.app().seals.inbox;
        for one in &kept {
            let names = || {
                // One that cannot be opened any more can be read by nobody.
                seal.open(&context(one.endpoint_id, &one.key), &one.body).is_some_and(|body| contacts.are_in(&body))
            };
            if one.theirs || names() {
                found.push(one.message_id);
            }
        }
    }
    let now = uow.now();
    sqlx::query!(
        "update internal.inbox
         set body = null,
             state = 'erased',
             reason = 'the data of its client was erased',
             due_at = null,
             done_at = coalesce(done_at, $2)
         where message_id = any ($1)",
        &found as &[InboxMessageId],
        now,
    )
    .execute(uow.db())
    .await?;
    let ground = "That a message came, when, from which service, and what became of it.";
    Ok(vec![Erased::anonymised("internal.inbox", &found, &["body"], ground)])
}

/// The phones and addresses of a client.
struct Contacts {
    phones: BTreeSet<String>,
    emails: BTreeSet<String>,
}

impl Contacts {
    fn of(theirs: &RowsToErase) -> Self {
        let phones = theirs.words.iter().filter_map(|word| Phone::parse(word)).map(|phone| phone.as_str().to_owned());
        let emails =
            theirs.words.iter().filter_map(|word| Email::parse(word)).map(|email| email.as_str().to_lowercase());
        Self { phones: phones.collect(), emails: emails.collect() }
    }

    /// Whether one of them stands in a body, as a value of its own.
    fn are_in(&self, body: &[u8]) -> bool {
        if let Ok(json) = serde_json::from_slice::<Value>(body) {
            return self.are_among(&json);
        }
        let whole = String::from_utf8_lossy(body).to_lowercase();
        self.emails.iter().any(|email| whole.contains(email.as_str()))
            || self.phones.iter().any(|phone| whole.contains(phone.trim_start_matches("+91")))
    }

    fn are_among(&self, json: &Value) -> bool {
        match json {
            Value::Array(items) => items.iter().any(|item| self.are_among(item)),
            Value::Object(fields) => fields.values().any(|field| self.are_among(field)),
            value => text(value).is_some_and(|text| {
                self.emails.contains(&text.to_lowercase())
                    || Phone::parse(&text).is_some_and(|phone| self.phones.contains(phone.as_str()))
            }),
        }
    }
}
