//! Erasing a client from the audit trail, which still verifies afterwards.
//!
//! Actor, action, target, time and outcome stay. Everything that could identify the person is removed: the name in the
//! summaries that the practice reads, and every free text in the details, of which only ids, states, times, amounts and
//! the like stay ([`scrubbed`]). The salt is removed together with a value, so that its hash in the chain reveals
//! nothing any more; an entry without personal data keeps both. The erasure itself writes entries
//! ([`ERASURE`](super::transcript::ERASURE)), one for each client and each subject.
//!
//! Entries that wait for their place in the chain are changed before they get it. Nothing is sealed meanwhile: the
//! erasure takes the chain's advisory lock until the end of its transaction. Requests that read clinical text lock the
//! client, so that the erasure waits for their entry. A request that read the name before the erasure may still write
//! its entry after it; then the name is removed when that entry is sealed ([`late_entries`]), within half a second.
//!
//! Rows of other programs name a client in words only. They are changed where no other client has that name.

use std::collections::HashMap;

use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::{
    db::erasure::{ERASED, Erased, RowsToErase, pattern},
    domain::ids::{BookingId, ClientId},
    error::Result,
};

/// The fields of details whose text stays, beside those that end in `_id`, `_ids`, `_at`, `_status` or `_amount` and are
/// none of [`CONTACT`].
const FACTS: [&str; 27] = [
    "id",
    "from",
    "to",
    "state",
    "status",
    "changed",
    "fields",
    "filled",
    "dropped",
    "contact",
    "cancelled_by",
    "amount",
    "amount_before",
    "currency",
    "action",
    "event",
    "kind",
    "table",
    "tables",
    "fate",
    "ground",
    "sha256",
    "therapy_type",
    "therapist_name",
    "payment_gateway_name",
    "mode",
    "already_hidden",
];

/// A client's own data, whatever the column is called: `email_id` is an address and no id.
const CONTACT: [&str; 1] = ["email_id"];

/// Erases a client from the trail; returns the rows changed.
pub async fn erase(db: &mut PgConnection, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('safestories audit chain', 0))")
        .fetch_one(&mut *db)
        .await?;
    let (kinds, ids): (Vec<&str>, Vec<String>) = theirs.subjects().into_iter().unzip();
    let entries = sqlx::query!(
        r#"select e.entry_id as "entry_id!", e.log_id, e.detail as "detail!"
           from internal.audit_entries e
           where e.client_id = any ($1)
           union all
           select e.entry_id, e.log_id, e.detail
           from unnest($2::text[], $3::text[]) as subject (kind, id)
           join internal.audit_entries e on e.subject_type = subject.kind and e.subject_id = subject.id
           where e.client_id is null
           order by 1"#,
        &theirs.clients as &[ClientId],
        &kinds as &[&str],
        &ids,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut logs: Vec<i32> = entries.iter().filter_map(|entry| entry.log_id).collect();
    logs.sort_unstable();
    logs.dedup();
    let (changed, details): (Vec<i64>, Vec<Value>) = entries
        .iter()
        .filter_map(|entry| {
            let kept = scrubbed(&entry.detail, "");
            (kept != entry.detail).then_some((entry.entry_id, kept))
        })
        .unzip();
    scrub(db, &changed, &details).await?;
    let mut typed: HashMap<i32, Vec<&str>> = HashMap::new();
    for entry in &entries {
        if let Some(log) = entry.log_id {
            texts(&entry.detail, "", typed.entry(log).or_default());
        }
    }
    let summaries = summaries(db, theirs, &logs, &typed).await?;
    let (foreign, ambiguous) = foreign(db, theirs).await?;
    let kept = entries.iter().map(|entry| entry.entry_id).filter(|id| changed.binary_search(id).is_err());
    let untouched = logs.iter().filter(|id| !summaries.contains(id));
    let trail = "The trail: who did what, when, and how it ended. Ids, states and times tell it to nobody.";
    Ok(vec![
        Erased::anonymised(
            "audit_logs",
            summaries.iter().chain(&foreign),
            &["client_name", "action_description"],
            trail,
        ),
        Erased::kept("audit_logs", untouched, trail),
        Erased::kept(
            "audit_logs",
            ambiguous,
            "Written by other programs, which name a client in words only: another client has the same name.",
        ),
        Erased::anonymised("internal.audit_entries", &changed, &["detail"], trail),
        Erased::kept("internal.audit_entries", kept, trail),
    ])
}

/// Removes the name from late entries: queued entries of requests that read the client's name before its erasure. To be
/// called under the lock of the chain, before they are sealed.
pub(crate) async fn late_entries(db: &mut PgConnection, queued: &[i64]) -> Result<()> {
    let named = sqlx::query!(
        r#"select e.entry_id, l.log_id, l.client_name as "client_name!",
                  coalesce(l.action_description, '') as "action_description!", e.detail as "detail!"
           from internal.audit_entries e
           join internal.clients c on c.client_id = e.client_id
           join audit_logs l on l.log_id = e.log_id
           where e.entry_id = any ($1)
             and c.erased_at is not null
             and l.client_name <> $2
             and not exists (
                 select
                 from internal.audit_entries o
                 left join internal.clients k on k.client_id = o.client_id
                 where o.log_id = l.log_id
                   and o.client_id is not null
                   and k.erased_at is null
             )"#,
        queued,
        ERASED,
    )
    .fetch_all(&mut *db)
    .await?;
    for entry in named {
        sqlx::query!(
            "update internal.audit_entries set detail = $2 where entry_id = $1",
            entry.entry_id,
            scrubbed(&entry.detail, "")
        )
        .execute(&mut *db)
        .await?;
        sqlx::query!(
            "update audit_logs set client_name = $2, action_description = $3 where log_id = $1",
            entry.log_id,
            ERASED,
            entry.action_description.replace(&entry.client_name, ERASED),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

impl RowsToErase {
    /// The things that entries of the trail are about, by kind and id.
    pub fn subjects(&self) -> Vec<(&'static str, String)> {
        let numbers = [
            ("booking_request", &self.requests),
            ("transfer", &self.transfers),
            ("session_note", &self.session_notes),
            ("additional_note", &self.additional_notes),
            ("payment", &self.payments),
            ("refund", &self.refunds),
            ("document_form", &self.forms),
            ("break_glass", &self.grants),
            ("erase_request", &self.erase_requests),
        ];
        let numbers = numbers.into_iter().flat_map(|(kind, ids)| ids.iter().map(move |id| (kind, id.to_string())));
        let clients = self.clients.iter().map(|id| ("client", id.to_string()));
        clients.chain(self.bookings.iter().map(|id: &BookingId| ("booking", id.to_string()))).chain(numbers).collect()
    }
}

/// The part of a detail that stays: numbers, booleans, and texts that state facts.
fn scrubbed(detail: &Value, field: &str) -> Value {
    match detail {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(name, value)| (name.clone(), scrubbed(value, name)));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(|value| scrubbed(value, field)).collect(),
        Value::String(_) if !is_fact(field) => Value::Null,
        _ => detail.clone(),
    }
}

/// The texts of it that have to go, except those so short that they may be a part of any word.
fn texts<'a>(detail: &'a Value, field: &str, found: &mut Vec<&'a str>) {
    match detail {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| texts(value, name, found)),
        Value::Array(values) => values.iter().for_each(|value| texts(value, field, found)),
        Value::String(text) if !is_fact(field) && text.chars().nth(4).is_some() => found.push(text),
        _ => {}
    }
}

fn is_fact(field: &str) -> bool {
    let endings = ["_id", "_ids", "_at", "_status", "_amount"];
    FACTS.contains(&field) || !CONTACT.contains(&field) && endings.iter().any(|ending| field.ends_with(ending))
}

async fn scrub(db: &mut PgConnection, entries: &[i64], details: &[Value]) -> Result<()> {
    sqlx::query!(
        "with scrubbed as (
             update internal.audit_entries e
             set detail = kept.detail
             from unnest($1::bigint[], $2::jsonb[]) as kept (entry_id, detail)
             where e.entry_id = kept.entry_id
             returning e.entry_id
         )
         update internal.audit_seals s
         set detail_salt = null
         from scrubbed
         where s.entry_id = scrubbed.entry_id",
        entries,
        details,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Replaces the name in summaries, and texts that somebody `typed` where a sentence repeats them; returns the summaries
/// that had them. A summary whose entries are all the client's names nobody else, whatever the client's name was at the
/// time.
async fn summaries(
    db: &mut PgConnection,
    theirs: &RowsToErase,
    logs: &[i32],
    typed: &HashMap<i32, Vec<&str>>,
) -> Result<Vec<i32>> {
    let named = sqlx::query!(
        r#"select l.log_id,
                  l.client_name,
                  coalesce(l.action_description, '') as "action_description!",
                  not exists (
                      select
                      from internal.audit_entries e
                      where e.log_id = l.log_id
                        and e.client_id is not null
                        and e.client_id <> all ($2)
                  ) as "theirs!"
           from audit_logs l
           where l.log_id = any ($1)"#,
        logs,
        &theirs.clients as &[ClientId],
    )
    .fetch_all(&mut *db)
    .await?;
    let mut words = theirs.words.clone();
    words.extend(named.iter().filter(|log| log.theirs).filter_map(|log| log.client_name.clone()));
    words.sort_unstable();
    words.dedup();
    let theirs: Vec<i32> = named.iter().filter(|log| log.theirs).map(|log| log.log_id).collect();
    let (ids, sentences): (Vec<i32>, Vec<String>) = named
        .into_iter()
        .map(|log| {
            let mut texts = typed.get(&log.log_id).cloned().unwrap_or_default();
            texts.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
            (log.log_id, texts.iter().fold(log.action_description, |said, text| said.replace(text, ERASED)))
        })
        .unzip();
    let changed = sqlx::query_scalar!(
        r#"with said as materialized (
               select l.log_id,
                      left(case when l.log_id = any ($2) and l.client_name is not null then $4
                                else coalesce(regexp_replace(l.client_name, $3, $4, 'gi'), l.client_name)
                           end, 255) as client_name,
                      coalesce(regexp_replace(s.sentence, $3, $4, 'gi'), s.sentence) as action_description
               from unnest($1::integer[], $5::text[]) as s (log_id, sentence)
               join audit_logs l on l.log_id = s.log_id
           ), changed as (
               update audit_logs l
               set client_name = said.client_name,
                   action_description = said.action_description
               from said
               where l.log_id = said.log_id
                 and (l.client_name, l.action_description)
                     is distinct from (said.client_name, said.action_description)
               returning l.log_id
           ), forgotten as (
               update internal.audit_seals s
               set summary_salt = null
               from changed
               join internal.audit_entries e on e.log_id = changed.log_id
               where s.entry_id = e.entry_id
           )
           select log_id from changed order by log_id"#,
        &ids,
        &theirs,
        pattern(&words),
        ERASED,
        &sentences,
    )
    .fetch_all(db)
    .await?;
    Ok(changed)
}

/// Removes the name from summaries of other programs, where no other client has it; returns those, and those left
/// unchanged.
async fn foreign(db: &mut PgConnection, theirs: &RowsToErase) -> Result<(Vec<i32>, Vec<i32>)> {
    let found = sqlx::query!(
        r#"select l.log_id,
                  exists (
                      select
                      from all_clients_table c
                      where left(internal.fold(coalesce(c.client_name, '')), 100) = left(internal.fold(l.client_name), 100)
                        and c.client_id <> all ($2)
                  ) as "ambiguous!"
           from audit_logs l
           where internal.fold(l.client_name) in (select internal.fold(word) from unnest($1::text[]) as words (word))
             and not exists (select from internal.audit_entries e where e.log_id = l.log_id)
           order by l.log_id"#,
        &theirs.words,
        &theirs.clients as &[ClientId],
    )
    .fetch_all(&mut *db)
    .await?;
    let (ambiguous, sure): (Vec<_>, Vec<_>) = found.iter().partition(|log| log.ambiguous);
    let [ambiguous, sure] = [ambiguous, sure].map(|logs| logs.iter().map(|log| log.log_id).collect::<Vec<i32>>());
    sqlx::query!(
        "update audit_logs
         set client_name = $3::text,
             action_description = coalesce(regexp_replace(action_description, $2, $3::text, 'gi'), action_description)
         where log_id = any ($1)",
        &sure,
        theirs.pattern(),
        ERASED,
    )
    .execute(db)
    .await?;
    Ok((sure, ambiguous))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_detail_the_facts_stay_and_nothing_that_somebody_typed() {
        let detail = json!({
            "old": { "client_name": "Meera Iyer", "phone_number": null, "email_id": "meera@example.org" },
            "from": { "booking_start_at": "2026-02-04T10:30:00Z", "status": "sent" },
            "reason": "Meera is ill", "amount": "1700.00", "changed": ["client_name"], "sessions": 3,
            "plan": { "moved": [{ "booking_id": "bk_1", "client_name": "Meera Iyer" }], "clashes": [] },
            "override": { "allow_overlap": true, "reason": "Asked for it" },
        });
        assert_eq!(
            scrubbed(&detail, ""),
            json!({
                "old": { "client_name": null, "phone_number": null, "email_id": null },
                "from": { "booking_start_at": "2026-02-04T10:30:00Z", "status": "sent" },
                "reason": null, "amount": "1700.00", "changed": ["client_name"], "sessions": 3,
                "plan": { "moved": [{ "booking_id": "bk_1", "client_name": null }], "clashes": [] },
                "override": { "allow_overlap": true, "reason": null },
            })
        );
        let facts = json!({ "booking_id": "bk_1", "refund_status": "initiated", "raised_at": "2026-02-04T10:30:00Z" });
        assert_eq!(scrubbed(&facts, ""), facts);
    }
}
