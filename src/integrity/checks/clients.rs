//! Clients who may be one person, and unreadable phones and e-mail addresses.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    error::Result,
    integrity::check::{Findings, Look, Row, Sample, checks},
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
    "phone_unreadable" = Notice, "Phones that are none" {
        rule: "`all_clients_table.phone_number` is a phone in any notation, or NULL. Numbers that are too short or too long, several in one column, remarks and one digit repeated reach nobody, and nobody is recognised by them.",
        find: phones,
        remedy: "Ask the client, and change the contact data.",
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
        r#"select c.client_id,
                  several.phone as "phone!",
                  coalesce(internal.name_key(c.client_name), '') as "name!"
           from all_clients_table c
           join (
               select internal.phone_key(phone_number) as phone
               from all_clients_table
               where internal.phone_key(phone_number) is not null
               group by internal.phone_key(phone_number)
               having count(*) > 1
           ) several on several.phone = internal.phone_key(c.phone_number)
           left join internal.clients own on own.client_id = c.client_id
           where own.merged_into is null
           order by several.phone, c.client_id"#,
    )
    .fetch(db);
    let mut phone = String::new();
    // The clients of this phone, by name.
    let mut names: HashMap<String, String> = HashMap::new();
    while let Some(row) = rows.try_next().await? {
        if row.phone != phone {
            phone = row.phone;
            names.clear();
        }
        let other = names.get(&row.name).or_else(|| names.values().min());
        if let Some(other) = other.filter(|_| counts(names.contains_key(&row.name))) {
            findings.add(look, || Sample {
                table: "all_clients_table".to_owned(),
                id: row.client_id.clone(),
                about: format!("{says} {other}"),
            });
        }
        names.entry(row.name).or_insert(row.client_id);
    }
    Ok(findings)
}

async fn phones(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'all_clients_table' as "table!",
                  client_id as "id!",
                  'phone_number is no phone' as "about!"
           from all_clients_table
           where phone_number is not null
             and internal.phone_key(phone_number) is null
           order by client_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn emails(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'all_clients_table' as "table!",
                  client_id as "id!",
                  'email_id is no address' as "about!"
           from all_clients_table
           where email_id is not null
             and internal.email_key(email_id) is null
           order by client_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
