//! The notifications and audit entries of a transfer.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    lock::Names,
    plan::{HandedOver, Handover, Load},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients::Record,
    domain::{ids::TherapistId, text::NO_NAME},
    error::Result,
    notifications::{self, Notice, NotificationKind, Recipient},
    therapists::Therapist,
};

/// The name of the therapist a client had.
pub(crate) fn from_name<'a>(client: &'a Record, names: &'a Names) -> Option<&'a str> {
    let locked = client.therapist_id.as_ref().and_then(|id| names.get(id));
    locked.or(client.assigned_therapist.as_ref()).map(String::as_str)
}

fn name_of(client: &Record) -> &str {
    client.client_name.as_deref().unwrap_or(NO_NAME)
}

/// The clients in words: a name, or how many.
fn who(of: &[&HandedOver]) -> String {
    match of {
        [one] => name_of(&one.client).to_owned(),
        many => format!("{} clients", many.len()),
    }
}

/// Notifies the therapists and the admins: each of them once, however many clients there are.
pub(crate) async fn notify(uow: &mut UnitOfWork, done: &[HandedOver], names: &Names, to: &Therapist) -> Result<()> {
    let all: Vec<&HandedOver> = done.iter().collect();
    let mut by_therapist: BTreeMap<&TherapistId, Vec<&HandedOver>> = BTreeMap::new();
    for one in done {
        if let Some(from) = &one.client.therapist_id {
            by_therapist.entry(from).or_default().push(one);
        }
    }
    let came = |of: &[&HandedOver]| if of.len() == 1 { "was" } else { "were" };
    let mut notices = Vec::new();
    for (from, given) in &by_therapist {
        let message = format!("{} {} transferred to {}", who(given), came(given), to.name);
        notices.push((NotificationKind::ClientTransferOut, message, given, Recipient::Therapist((*from).clone())));
    }
    let whence = match by_therapist.keys().collect::<Vec<_>>()[..] {
        [one] => names.get(one).map_or(one.as_str(), String::as_str).to_owned(),
        [] => String::new(),
        _ => "several therapists".to_owned(),
    };
    let from = if whence.is_empty() { String::new() } else { format!(" from {whence}") };
    let message = format!("{} {} transferred to you{from}", who(&all), came(&all));
    notices.push((NotificationKind::ClientTransferIn, message, &all, Recipient::Therapist(to.therapist_id.clone())));
    let message = format!("{} {} transferred{from} to {}", who(&all), came(&all), to.name);
    notices.push((NotificationKind::ClientTransfer, message, &all, Recipient::Admins));
    for (kind, message, of, recipient) in notices {
        let Some(first) = of.first() else { continue };
        let notice = Notice {
            kind,
            title: if of.len() == 1 { "Client transferred" } else { "Clients transferred" },
            message: &message,
            related_id: Some(&first.transfer_id.to_string()),
            to: &[recipient],
        };
        notifications::notify(uow, notice).await?;
    }
    Ok(())
}

/// Notes it in the trail: the clients together where there are several, each of them, each booking.
pub(crate) fn record(
    uow: &mut UnitOfWork,
    done: &[HandedOver],
    names: &Names,
    how: &Handover,
    to: &Therapist,
    load: Load,
) {
    let waived = how.allow_overlap.then(|| json!({ "allow_overlap": true, "reason": how.reason.as_deref() }));
    if done.len() > 1 {
        let sentence = format!("Transferred {} clients to {}", done.len(), to.name);
        let detail = json!({ "clients": done.len(), "load": load, "override": waived });
        uow.record(Entry::new("client_transfer", sentence).on("therapist", &to.therapist_id).detail(detail));
    }
    for HandedOver { transfer_id, client, plan } in done {
        let from = from_name(client, names).map(|name| format!(" from {name}")).unwrap_or_default();
        let sentence = format!("Transferred {}{from} to {}", name_of(client), to.name);
        let entry = Entry::new("client_transfer", sentence).on("transfer", transfer_id).detail(json!({
            "from_therapist_id": client.therapist_id,
            "to_therapist_id": to.therapist_id,
            "reason": how.reason.as_deref(),
            "plan": plan,
            "load": load,
            "override": waived,
        }));
        uow.record(entry.client(&client.client_id, name_of(client)));
        for session in &plan.moved {
            let entry = Entry::new("booking_transfer", format!("Moved a session to {}", to.name))
                .on("booking", &session.booking_id)
                .detail(json!({
                    "from_therapist_id": client.therapist_id,
                    "to_therapist_id": to.therapist_id,
                    "transfer_id": transfer_id,
                }));
            uow.record(entry.client(&client.client_id, name_of(client)).quiet());
        }
    }
}
