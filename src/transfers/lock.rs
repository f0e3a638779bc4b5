//! Locks the rows of a transfer: the therapists by their ids, then the clients by theirs.
//!
//! The clients' therapists are read before, since they are locked too. Where a client has another therapist by the time
//! the locks are granted, another request was faster, and this one is refused with the client's present state.

use std::collections::{BTreeMap, HashMap};

use super::{
    plan::{Handover, Whom},
    refusal::{ClientRefusal, Standing},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    clients::{self, Record},
    db::scope::Scope,
    domain::{
        ids::{ClientId, TherapistId, TransferId},
        time::Timestamp,
    },
    error::{Error, FieldError, Result},
    therapists::{self, Therapist},
};

/// The longest therapist's id that `client_transfer_history` can hold.
pub(crate) const ID_CHARS: usize = 50;

/// The names of the therapists concerned, by their ids.
pub(crate) type Names = HashMap<TherapistId, String>;

/// The clients to be transferred, each with the therapist it had before the locks.
pub(crate) struct LockedClients {
    pub(crate) clients: Vec<(Record, Option<TherapistId>)>,
    pub(crate) names: Names,
    pub(crate) to: Therapist,
}

/// Locks the therapists, then the clients.
pub(crate) async fn lock(uow: &mut UnitOfWork, whom: &Whom, how: &Handover) -> Result<LockedClients> {
    let (listed, of): (Option<&[ClientId]>, Option<&TherapistId>) = match whom {
        Whom::One(id) => (Some(std::slice::from_ref(id)), None),
        Whom::These(ids) => (Some(ids), None),
        Whom::AllOf(therapist) => (None, Some(therapist)),
    };
    let before = theirs(uow, listed, of).await?;
    if let (Whom::One(id), true) = (whom, before.is_empty()) {
        return Err(clients::missing(uow.db(), &Scope::Practice, id).await?);
    }
    if let Whom::These(ids) = whom {
        ensure_known(uow, ids, &before).await?;
    }
    let mut wanted: Vec<&TherapistId> = before.values().flatten().chain(of).collect();
    wanted.push(&how.to);
    let mut names = Names::new();
    let mut to = None;
    for id in in_order(uow, &wanted).await? {
        let Some(therapist) = therapists::lock(uow.db(), &id).await? else { continue };
        names.insert(id.clone(), therapist.name.clone());
        if id == how.to {
            to = Some(therapist);
        }
    }
    let to = to.ok_or_else(|| Error::body("/to_therapist_id", "there is no such therapist"))?;
    therapists::ensure_at_work(uow.db(), &to).await?;
    if to.therapist_id.as_str().chars().nth(ID_CHARS).is_some() {
        return Err(Error::body("/to_therapist_id", "the id is too long for the history of transfers"));
    }
    // All of a therapist's clients are only known once nobody else can give or take them.
    let before = match whom {
        Whom::AllOf(therapist) if !names.contains_key(therapist) => {
            return Err(Error::body("/from_therapist_id", "there is no such therapist"));
        }
        Whom::AllOf(_) => theirs(uow, listed, of).await?,
        _ => before,
    };
    let ids: Vec<ClientId> = before.keys().cloned().collect();
    let records = clients::records(uow.db(), &ids).await?;
    match whom {
        Whom::One(id) if records.is_empty() => return Err(clients::missing(uow.db(), &Scope::Practice, id).await?),
        Whom::These(ids) if records.len() < ids.len() => {
            return Err(Error::contended("a client was merged while it was being held"));
        }
        Whom::AllOf(_) if records.is_empty() => return Err(ClientRefusal::NoClients.into()),
        _ => {}
    }
    let clients = records.into_iter().map(|record| {
        let had = before.get(&record.client_id).cloned().flatten();
        (record, had)
    });
    Ok(LockedClients { clients: clients.collect(), names, to })
}

/// Clients with their therapists: those named, or a therapist's. Locks nothing.
async fn theirs(
    uow: &mut UnitOfWork,
    named: Option<&[ClientId]>,
    of: Option<&TherapistId>,
) -> Result<BTreeMap<ClientId, Option<TherapistId>>> {
    let rows = sqlx::query!(
        r#"select client_id as "client_id: ClientId", therapist_id as "therapist_id: TherapistId"
           from all_clients_table
           where ($1::text[] is null or client_id = any ($1))
             and ($2::text is null or therapist_id = $2)"#,
        named as Option<&[ClientId]>,
        of as Option<&TherapistId>,
    )
    .fetch_all(uow.db())
    .await?;
    Ok(rows.into_iter().map(|row| (row.client_id, row.therapist_id)).collect())
}

/// Those of these therapists that exist, in the order in which everybody locks them.
async fn in_order(uow: &mut UnitOfWork, therapists: &[&TherapistId]) -> Result<Vec<TherapistId>> {
    let ids = sqlx::query_scalar!(
        r#"select therapist_id as "therapist_id!: TherapistId"
           from therapists
           where therapist_id = any ($1)
           order by therapist_id"#,
        therapists as &[&TherapistId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(ids)
}

/// Fails, naming their places, where there are no such clients.
async fn ensure_known(
    uow: &mut UnitOfWork,
    ids: &[ClientId],
    known: &BTreeMap<ClientId, Option<TherapistId>>,
) -> Result<()> {
    let mut faults = Vec::new();
    for (at, id) in ids.iter().enumerate().filter(|(_, id)| !known.contains_key(id)) {
        let detail = match clients::merge_survivor(uow.db(), id).await? {
            Some(into) => format!("was merged into {into}"),
            None => "there is no such client".to_owned(),
        };
        faults.push(FieldError::body(format!("/client_ids/{at}"), detail));
    }
    Error::unless_none(faults)
}

/// Fails where clients were given to somebody else meanwhile, or are with the new therapist already.
pub(crate) async fn ensure_still_theirs(uow: &mut UnitOfWork, locked: &LockedClients) -> Result<()> {
    let ids = |wanted: &dyn Fn(&Record, &Option<TherapistId>) -> bool| -> Vec<ClientId> {
        let found = locked.clients.iter().filter(|(client, had)| wanted(client, had));
        found.map(|(client, _)| client.client_id.clone()).collect()
    };
    let there = ids(&|client, _| client.therapist_id.as_ref() == Some(&locked.to.therapist_id));
    if !there.is_empty() {
        return Err(ClientRefusal::AlreadyThere(standing(uow, &there).await?).into());
    }
    let moved = ids(&|client, had| client.therapist_id != *had);
    if !moved.is_empty() {
        return Err(ClientRefusal::Meanwhile(standing(uow, &moved).await?).into());
    }
    Ok(())
}

/// The therapists of these clients, and the latest transfer of each.
async fn standing(uow: &mut UnitOfWork, clients: &[ClientId]) -> Result<Vec<Standing>> {
    let standing = sqlx::query_as!(
        Standing,
        r#"select c.client_id as "client_id: ClientId",
                  c.therapist_id as "therapist_id: TherapistId",
                  h.transfer_id as "transfer_id?: TransferId",
                  h.transfer_date as "transfer_date!: Timestamp",
                  h.transferred_by_admin_name
           from all_clients_table c
           left join lateral (
               select h.*
               from internal.transfer_clients l
               join client_transfer_history h on h.transfer_id = l.transfer_id
               where l.client_id = c.client_id
               order by h.transfer_id desc
               limit 1
           ) h on h.to_therapist_id = c.therapist_id
           where c.client_id = any ($1)
           order by c.client_id"#,
        clients as &[ClientId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(standing)
}
