//! Erasing a client's data, and the certificate that proves it.
//!
//! # Rows that are destroyed, anonymised or kept
//!
//! Notes are **destroyed**: drafts and signed ones, with versions and addenda, and additional notes. Everywhere else
//! the rows stay **anonymous**, since figures, money records and other people's histories depend on them: the name
//! becomes `(erased)`; phones, addresses, answers, links, reasons, emergency contacts and all other texts about the
//! client are removed. Money records keep amounts, dates and references, as tax law asks; bookings their time,
//! therapist and state. In the audit trail the name is removed from summaries, free text from details, and the trail
//! still verifies ([`erasing`](crate::audit::erasing)). Caches follow, search finds nothing, figures stay unchanged.
//!
//! Only rows linked to the client are touched. The same phone under another name is another person (a couple, a
//! parent); the texts of other clients' notes belong to those. Rows of other programs that no key links are recognised
//! by phone and name; those of their caches, and of their audit log, also by the name alone, if no other client has it.
//! Not found are: ids (a scheduling provider may have used a phone as one), a note whose booking does not exist,
//! notifications of other programs without a `related_id` (sentences that name somebody, in the inbox of one account),
//! free text in rows about somebody else, and everything outside of this database: copies, exports, the mailboxes and
//! form tools of the practice.
//!
//! Reads of notes, of the risk, and of the access log lock the client until their entry is committed: the erasure waits
//! for them, and later ones find nothing. Should an entry with the name be written later nevertheless, the name is
//! removed when the entry is sealed, within half a second.
//!
//! An erasure takes a fixed number of statements, which use indexes except for the caches, where rows without a key are
//! searched among all. A dry run takes as long.
//!
//! # Afterwards
//!
//! `GET …/clients/{id}` answers the anonymous record with `erased_at`: bookings and payments still name the id. Every
//! change of it or of its sessions is refused with 409 `client-erased`, which names the certificate; corrections of
//! money are not. Nobody is matched with it: a person who returns is a new client. Sessions that took place are
//! completed, since no note will follow, and open requests expire.
//!
//! An erasure is refused while a session is upcoming or running; while a refund is under way, since its recipient has to be
//! known; and while a grant or an export of the client waits for review, since it would take the reasons away. A payment
//! without a requested refund, or a failed refund, does not prevent it.
//!
//! It is requested by one admin and accepted by another ([`erase_requests`](super::erase_requests)).
//!
//! # Proof
//!
//! The certificate says which client's data was erased, who requested and who accepted that, on what ground, how many rows of each table were
//! destroyed, anonymised or kept, and the SHA-256 of this text, which the audit trail contains too. It contains no
//! personal data, is written once (a trigger refuses changes) and kept forever, as is the row of `internal.erasures`.

mod certificate;
mod run;
mod words;

use axum::extract::State;

pub(super) use self::{
    certificate::{Certificate, Ground, Order},
    run::{Erasure, ensure_erasable, erase, lock},
};
use crate::{
    app::state::App,
    clients,
    db::scope::Scope,
    domain::ids::ClientId,
    error::{Error, Result, problem::Problems},
    http::extract::{Json, Path},
};

/// Get the certificate of an erasure
///
/// The admins who requested and accepted the erasure, the time, the ground, and the outcome for each table. Kept forever.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/erasure",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The client's id")),
    responses((status = 200, description = "The certificate", body = Certificate), Problems),
)]
pub(crate) async fn get_client_erasure(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<ClientId>,
) -> Result<Json<Certificate>> {
    let mut db = app.db.read(&scope).await?;
    clients::ensure(&mut db, &scope, &id).await?;
    let certificate = Certificate::of(&mut db, &id).await?;
    certificate.map(Json).ok_or(Error::NotFound("certificate of erasure"))
}
