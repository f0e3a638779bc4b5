//! Clients who may be one person, and unreadable e-mail addresses.
//!
//! SQL narrows them down; whether two phones are one, and whether a text is an address, is understood in
//! [`domain::contact`](crate::domain::contact), as everywhere.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    domain::contact::{Email, Phone, name_key},
    error::Result,
    integrity::check::{Findings, Look, Sample, checks},
};

checks! {
    "duplicate_client" = Warning, "Clients with the same phone and the same name" {
        rule: "A person is one client. Two with one phone (in any notation) and one name (ignoring case and spaces) are most likely the same; each one after the first counts.",
        find: duplicates,
        remedy: "Look at both, and merge them: two people are never merged by a machine.",
    }
    "shared_phone" = Notice, "Clients with the same phone and other names" {
        rule: "A phone that several clients share may be a parent's or a couple's, or one person under two names; each one after the first counts.",
        find: shared_phones,
        remedy: "If it is one person, merge the two.",
    }
    "email_unreadable" = Notice, "E-mail addresses that are none" {
        rule: "`all_clients_table.email_id` is an address, or NULL. `na`, `none`, empty texts and texts without `@` reach nobody, and nobody is recognised by them.",
        find: emails,
        remedy: "Ask the client, and change the contact data.",
    }
}

async fn duplicates(db: &mut PgConnection, look: Look) -> Result<Findings> {
    by_phone(db, look, |same_name| same_name, "has the phone and the name of").await
}

async fn shared_phones(db: &mut PgConnection, look: Look) -> Result<Findings> {
    by_phone(db, look, |same_name| !same_name, "has the phone of").await
}

/// Clients by phone; the first of each phone and name is compared with the others.
async fn by_phone(db: &mut PgConnection, look: Look, counts: fn(bool) -> bool, says: &'static str) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut rows = sqlx::query!(
        r#"select c.client_id, c.client_name, c.phone_number as "phone!", internal.phone_tail(c.phone_number) as "tail!"
           from all_clients_table c
           join (
               select internal.phone_tail(phone_number) as tail
               from all_clients_table
               where length(internal.phone_tail(phone_number)) >= 6
               group by internal.phone_tail(phone_number)
               having count(*) > 1
           ) several on several.tail = internal.phone_tail(c.phone_number)
           left join internal.clients own on own.client_id = c.client_id
           where own.merged_into is null
           order by several.tail, c.client_id"#,
    )
    .fetch(db);
    let mut tail = String::new();
    // Of one tail: the clients of each phone, by name.
    let mut seen: HashMap<Phone, HashMap<String, String>> = HashMap::new();
    while let Some(row) = rows.try_next().await? {
        if row.tail != tail {
            tail = row.tail;
            seen.clear();
        }
        let Some(phone) = Phone::parse(&row.phone) else { continue };
        let names = seen.entry(phone).or_default();
        let name = row.client_name.as_deref().map(name_key).unwrap_or_default();
        let other = names.get(&name).or_else(|| names.values().min());
        if let Some(other) = other.filter(|_| counts(names.contains_key(&name))) {
            findings.add(look, || Sample {
                table: "all_clients_table".to_owned(),
                id: row.client_id.clone(),
                about: format!("{says} {other}"),
            });
        }
        names.entry(name).or_insert(row.client_id);
    }
    Ok(findings)
}

async fn emails(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut rows = sqlx::query!(
        r#"select client_id, email_id as "email!"
           from all_clients_table
           where email_id is not null
           order by client_id"#,
    )
    .fetch(db);
    while let Some(row) = rows.try_next().await? {
        if Email::parse(&row.email).is_none() {
            findings.add(look, || Sample {
                table: "all_clients_table".to_owned(),
                id: row.client_id,
                about: "email_id is no address".to_owned(),
            });
        }
    }
    Ok(findings)
}
