//! The erasure itself: one transaction, in which all rows are found again under the locks.
//!
//! Locks: the therapists of the client and of the client's bookings by their ids, the client, the bookings; last of all, and
//! for the least time, the chain of the trail.

use serde_json::json;

use super::certificate::{Certificate, Facts, Order};
use super::words;
use crate::{
    app::unit_of_work::UnitOfWork,
    arrivals::inbox,
    audit::{self, entry::Entry, transcript::ERASURE},
    booking_requests, bookings, break_glass, clients,
    dashboards::cache,
    db::{
        erasure::{self, ERASED, Erased, RowsToErase},
        scope::Scope,
    },
    documents,
    domain::ids::{BookingId, ClientId, TherapistId},
    error::{Error, Result},
    messages, notes, notifications, payments, therapists,
    transfers::{self, refusal::ClientRefusal},
};

/// An erasure that was carried out.
pub(crate) struct Erasure {
    pub(crate) theirs: RowsToErase,
    pub(crate) erased: Vec<Erased>,
    pub(crate) certificate: Certificate,
}

/// Erases the data of a client that is locked.
pub(crate) async fn erase(uow: &mut UnitOfWork, order: Order<'_>) -> Result<Erasure> {
    let (theirs, claimed) = words::gather(uow, order.client).await?;
    bookings::lock_all(uow.db(), &theirs.bookings).await?;
    ensure_allowed(uow, &theirs).await?;
    let reason = match order.reason {
        Some(reason) => Some(theirs.without_words(uow.db(), reason).await?),
        None => None,
    };
    let certificate_id = name_notes(uow, &theirs).await?;
    let mut erased = notes::erase(uow, &theirs).await?;
    erased.extend(break_glass::erase(uow, &theirs).await?);
    erased.extend(inbox::erase(uow, &theirs).await?);
    erased.extend(documents::erase(uow, &theirs).await?);
    erased.extend(payments::erase(uow, &theirs).await?);
    erased.extend(messages::upkeep::erase(uow, &theirs).await?);
    erased.extend(bookings::erase(uow, &theirs).await?);
    erased.extend(booking_requests::erase(uow, &theirs).await?);
    erased.extend(transfers::erase(uow, &theirs).await?);
    erased.extend(clients::erase(uow, &theirs, certificate_id).await?);
    erased.extend(notifications::erase(uow, &theirs).await?);
    cache::follow(uow).await?;
    erased.extend(caches(uow, &theirs).await?);
    erased.extend(erase_requests(uow, &theirs).await?);
    forget_requests(uow, &theirs).await?;
    erased.extend(audit::erasing::erase(uow.db(), &theirs).await?);
    erased.sort_by_key(|part| part.fate);
    erased.retain(|part| part.rows > 0);

    let at = uow.now();
    let facts = Facts { certificate_id, at, order, reason, theirs: &theirs, erased: &erased };
    let certificate = facts.write(uow).await?;
    record(uow, &theirs, &claimed, &certificate);
    Ok(Erasure { theirs, erased, certificate })
}

/// Locks the rows concerned: the therapists, then the client, whose data must not be erased yet.
pub(crate) async fn lock(uow: &mut UnitOfWork, id: &ClientId) -> Result<()> {
    if !id.is_possible() {
        return Err(clients::missing(uow.db(), &Scope::Practice, id).await?);
    }
    let concerned = therapists_of(uow, id).await?;
    for therapist in &concerned {
        therapists::lock(uow.db(), therapist).await?;
    }
    let Some(client) = clients::lock_to_erase(uow.db(), id).await? else {
        return Err(clients::missing(uow.db(), &Scope::Practice, id).await?);
    };
    client.ensure_kept()?;
    if therapists_of(uow, id).await?.iter().any(|therapist| !concerned.contains(therapist)) {
        return Err(Error::contended("the client got another therapist while it was being held"));
    }
    Ok(())
}

/// Fails where a rule stands against the erasure of a client that is locked; changes nothing. Gives the client's rows.
pub(crate) async fn ensure_erasable(uow: &mut UnitOfWork, id: &ClientId) -> Result<RowsToErase> {
    let theirs = words::of(uow.db(), id).await?;
    ensure_allowed(uow, &theirs).await?;
    Ok(theirs)
}

/// Fails while sessions are ahead, a refund is under way, or a review is open.
async fn ensure_allowed(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<()> {
    let ahead = bookings::not_over(uow, &theirs.bookings).await?;
    if !ahead.is_empty() {
        return Err(ClientRefusal::Ahead(ahead).into());
    }
    let refunds = payments::in_flight(uow, theirs).await?;
    if !refunds.is_empty() {
        return Err(ClientRefusal::RefundInFlight(refunds).into());
    }
    break_glass::ensure_reviewed(uow, theirs).await
}

/// Removes the reasons from all requests to erase the client's data.
async fn erase_requests(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!(
        "update internal.erase_requests set reason = $2 where request_id = any ($1)",
        &theirs.erase_requests,
        ERASED,
    )
    .execute(uow.db())
    .await?;
    let ground = "The admin who requested the erasure, the time, and the admin who accepted or withdrew it.";
    Ok(vec![Erased::anonymised("internal.erase_requests", &theirs.erase_requests, &["reason"], ground)])
}

/// The therapists of a client and of the client's bookings, in the order in which everybody locks them.
async fn therapists_of(uow: &mut UnitOfWork, id: &ClientId) -> Result<Vec<TherapistId>> {
    let found = sqlx::query_scalar!(
        r#"select c.therapist_id as "therapist_id!: TherapistId"
           from all_clients_table c
           where c.client_id = $1
             and c.therapist_id is not null
           union
           select s.therapist_id
           from internal.client_bookings() s
           where s.client_id = $1
             and s.therapist_id is not null
           order by 1"#,
        id.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    Ok(found)
}

/// Registers the notes that this transaction may destroy, or some versions of; returns the number of the erasure.
async fn name_notes(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<i64> {
    let client = theirs.clients.first().ok_or_else(|| Error::internal("nobody's data is erased"))?;
    let id = sqlx::query_scalar!(
        "insert into internal.erasures (client_id, note_ids, txid)
         values ($1,
                 $2 || array(select v.note_id
                             from internal.note_versions v
                             where v.author_id is null
                               and v.booking_id = any ($3)),
                 pg_current_xact_id())
         returning erasure_id",
        client.as_str(),
        &theirs.session_notes,
        &theirs.bookings as &[BookingId],
    )
    .fetch_one(uow.db())
    .await?;
    Ok(id)
}

/// The rows of the caches: those that have followed, and those that other programs wrote of the client.
async fn caches(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    let [foreign_clients, foreign_sessions] = cache::erase_foreign(uow, theirs).await?;
    let ground = "Derived of the bookings and the client's record, which say no more than this.";
    let sessions = sqlx::query_scalar!(
        "select id from internal.appointments_cache_rows where booking_id = any ($1) order by id",
        &theirs.bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    let clients = sqlx::query_scalar!(
        "select id from internal.clients_summary_rows where client_id = any ($1) order by id",
        &theirs.clients as &[ClientId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(vec![
        Erased::anonymised("therapist_appointments_cache", sessions, &["client_name", "contact_info"], ground),
        Erased::anonymised(
            "therapist_clients_summary",
            clients,
            &["client_name", "client_email", "client_phone"],
            ground,
        ),
        Erased::destroyed("therapist_appointments_cache", foreign_sessions),
        Erased::destroyed("therapist_clients_summary", foreign_clients),
    ])
}

/// The idempotency records of a day contain a hash of the request.
async fn forget_requests(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<()> {
    let route = |kind: &str| match kind {
        "client" => "/clients",
        "booking" => "/bookings",
        "booking_request" => "/booking-requests",
        "transfer" => "/transfer",
        "session_note" => "/session-notes",
        "additional_note" => "/additional-notes",
        "payment" | "refund" => "/admin/",
        "break_glass" => "/break-glass",
        "erase_request" => "/erase",
        _ => "/document-forms",
    };
    let (routes, ids): (Vec<&str>, Vec<String>) =
        theirs.subjects().into_iter().map(|(kind, id)| (route(kind), id)).unzip();
    erasure::forget_requests(uow.db(), &routes, &ids).await?;
    Ok(())
}

/// One entry for the practice, and one for each thing that was touched: by them the trail knows why values are missing.
fn record(uow: &mut UnitOfWork, theirs: &RowsToErase, claimed: &[BookingId], certificate: &Certificate) {
    let Some(client) = theirs.clients.first() else { return };
    let facts = json!({
        "certificate_id": certificate.certificate_id,
        "sha256": certificate.sha256,
        "ground": certificate.ground,
        "requested_by": certificate.erased_by,
        "requested_at": certificate.requested_at,
        "accepted_by": certificate.accepted_by,
        "tables": certificate.tables,
    });
    let summary = Entry::new(ERASURE, "Erased the data of a client").on("client", client).detail(facts);
    uow.record_first(summary.client(client, ERASED));
    for booking in claimed {
        let entry = Entry::new("appointment_complete", "Completed a session that came from another program");
        uow.record(entry.on("booking", booking).client(client, ERASED).quiet());
    }
    for (kind, id) in theirs.subjects().into_iter().skip(1) {
        // A record that was merged before is a client of its own in the trail.
        let whose = if kind == "client" { ClientId::from(id.as_str()) } else { client.clone() };
        let entry = Entry::new(ERASURE, "Erased what could be recognised").on(kind, id);
        let entry = entry.detail(json!({ "certificate_id": certificate.certificate_id }));
        uow.record(entry.client(&whose, ERASED).quiet());
    }
}
