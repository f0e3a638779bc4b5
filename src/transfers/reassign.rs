//! Transferring clients to another therapist: one or many, in one transaction, by the same statements.
//!
//! Locks: all therapists concerned and the clients ([`lock`]), then the bookings that move ([`plan`]).

use std::collections::HashMap;

use serde_json::{Map, json};

use super::{
    lock::{self, ID_CHARS, LockedClients, Names},
    notify,
    plan::{self, HandedOver, Handover, Leave, Load, Whom},
    refusal::ClientRefusal,
};
use crate::{
    app::unit_of_work::UnitOfWork,
    booking_requests, bookings,
    clients::{self, Record},
    domain::{
        ids::{BookingId, ClientId, TherapistId, TransferId},
        text::NO_NAME,
        time::Timestamp,
    },
    error::Result,
    http::etag::Preconditions,
    scheduling,
    therapists::Therapist,
};

/// Transfers clients; returns the result for each, and the new therapist's load.
pub(crate) async fn hand_over(
    uow: &mut UnitOfWork,
    whom: &Whom,
    how: &Handover,
    conditions: &Preconditions,
) -> Result<(Vec<HandedOver>, Load)> {
    let locked = lock::lock(uow, whom, how).await?;
    if let (Whom::One(_), Some((client, _))) = (whom, locked.clients.first()) {
        clients::ensure_current(uow, &client.client_id, &client.version, conditions).await?;
    }
    locked.clients.iter().try_for_each(|(client, _)| client.ensure_kept())?;
    lock::ensure_still_theirs(uow, &locked).await?;
    let LockedClients { clients, names, to } = locked;
    let clients: Vec<Record> = clients.into_iter().map(|(client, _)| client).collect();
    let plans = plan::plan(uow, &clients, &to, how.leave).await?;
    let moving: Vec<BookingId> =
        plans.iter().flat_map(|plan| &plan.moved).map(|session| session.booking_id.clone()).collect();
    let load = Load::new(&to, scheduling::booked(uow, &to).await?, moving.len());
    let clashes: Vec<_> = plans.iter().flat_map(|plan| &plan.clashes).collect();
    let members = || {
        let each = clients.iter().zip(&plans).map(|(client, plan)| {
            json!({ "client_id": client.client_id, "from_therapist_id": client.therapist_id, "plan": plan })
        });
        Map::from_iter([
            ("clashes".to_owned(), json!(clashes)),
            ("load".to_owned(), json!(load)),
            ("transfers".to_owned(), each.collect()),
        ])
    };
    if !clashes.is_empty() && how.leave == Leave::None {
        return Err(ClientRefusal::Clash(clashes.len(), members()).into());
    }
    if load.is_too_much() && !how.allow_overlap {
        return Err(ClientRefusal::Full(load.after, to.capacity, members()).into());
    }

    let ids: Vec<ClientId> = clients.iter().map(|client| client.client_id.clone()).collect();
    clients::hand_over(uow, &ids, &to).await?;
    booking_requests::follow_transfer(uow, &ids, &to).await?;
    bookings::reassign(uow, &moving, &to).await?;
    let mut made = keep(uow, &clients, &names, how, &to).await?;
    let done: Vec<HandedOver> = clients
        .into_iter()
        .zip(plans)
        .filter_map(|(client, plan)| Some(HandedOver { transfer_id: made.remove(&client.client_id)?, client, plan }))
        .collect();
    notify::notify(uow, &done, &names, &to).await?;
    notify::record(uow, &done, &names, how, &to, load);
    Ok((done, load))
}

/// Writes the history; returns each client's transfer.
async fn keep(
    uow: &mut UnitOfWork,
    clients: &[Record],
    names: &Names,
    how: &Handover,
    to: &Therapist,
) -> Result<HashMap<ClientId, TransferId>> {
    let now = Timestamp::from(uow.now());
    let actor = uow.actor().map(|actor| actor.user_id.0);
    let ids: Vec<&str> = clients.iter().map(|client| client.client_id.as_str()).collect();
    // A therapist who does not exist, or whose id is too long for the column, is stored by name only.
    let fits = |id: &&TherapistId| names.contains_key(*id) && id.as_str().chars().nth(ID_CHARS).is_none();
    let from: Vec<Option<&str>> =
        clients.iter().map(|client| client.therapist_id.as_ref().filter(fits).map(TherapistId::as_str)).collect();
    let from_names: Vec<Option<&str>> = clients.iter().map(|client| notify::from_name(client, names)).collect();
    let made = sqlx::query!(
        r#"with due as materialized (
               select c.*, f.from_id, f.from_name, row_number() over (order by c.client_id) as place
               from unnest($1::text[], $2::text[], $3::text[]) as f (client_id, from_id, from_name)
               join all_clients_table c on c.client_id = f.client_id
           ), added as (
               insert into client_transfer_history
                   (client_name, client_email, client_phone, from_therapist_id, from_therapist_name, to_therapist_id,
                    to_therapist_name, transferred_by_admin_id, transferred_by_admin_name, transfer_date, reason, notes)
               select coalesce(d.client_name, $4), d.email_id, d.phone_number, d.from_id, left(d.from_name, 255), $5,
                      left($6, 255), $7, (select left(coalesce(u.full_name, u.name), 255) from users u where u.id = $7),
                      $8, $9, $10
               from due d
               order by d.place
               returning transfer_id
           )
           -- Ids are drawn in the order of the insert.
           insert into internal.transfer_clients (transfer_id, client_id)
           select a.transfer_id, d.client_id
           from due d
           join (select transfer_id, row_number() over (order by transfer_id) as place from added) a on a.place = d.place
           on conflict (transfer_id) do update
           set client_id = excluded.client_id
           returning transfer_id as "transfer_id: TransferId", client_id as "client_id: ClientId""#,
        &ids as &[&str],
        &from as &[Option<&str>],
        &from_names as &[Option<&str>],
        NO_NAME,
        to.therapist_id.as_str(),
        to.name,
        actor,
        now as Timestamp,
        how.reason.as_deref(),
        how.notes.as_deref(),
    )
    .fetch_all(uow.db())
    .await?;
    Ok(made.into_iter().map(|row| (row.client_id, row.transfer_id)).collect())
}
