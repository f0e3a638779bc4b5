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
//! An erasure is refused while a session is upcoming or running, and while a refund is under way, since its recipient
//! has to be known. A payment without a requested refund, or a failed refund, does not prevent it.
//!
//! # Proof
//!
//! The certificate says who erased which client's data, when, on what ground, how many rows of each table were
//! destroyed, anonymised or kept, and the SHA-256 of this text, which the audit trail contains too. It contains no
//! personal data, is written once (a trigger refuses changes) and kept forever, as is the row of `internal.erasures`.

mod certificate;
mod run;
mod words;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::{
    certificate::{Certificate, Ground},
    run::{Erasure, erase},
};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Effect,
    auth::Confirmation,
    clients,
    db::{
        erasure::{Erased, Outcome},
        scope::Scope,
    },
    domain::{ids::ClientId, text::Text},
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{DryRun, Json, OptionalJson, Path, Query},
    },
};

/// The confirmation and the reason. A dry run needs neither.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "password": "the present password",
    "ground": "client_request",
    "reason": "Letter of 2 February"
}))]
pub(crate) struct EraseClient {
    /// My password, once more.
    password: Option<String>,
    /// A code of the authenticator app, or a recovery code, where my account asks for one.
    code: Option<String>,
    /// On what ground; `client_request` if not said.
    ground: Option<Ground>,
    /// A reason for the certificate; the client's name is removed from it.
    reason: Option<Text<500>>,
}

/// The effects of an erasure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasurePlan {
    /// True: nothing was kept.
    dry_run: bool,
    /// The client.
    client_id: ClientId,
    /// The records that were merged into the client's: what is left of them goes too.
    merged_client_ids: Vec<ClientId>,
    /// Rows that would be gone.
    destroyed: Vec<Erased>,
    /// Rows that would stay without what tells whose they are, and on which ground they stay.
    anonymised: Vec<Erased>,
    /// Rows that would stay as they are, and on which ground.
    kept: Vec<Erased>,
    /// The audit entries that would be written.
    effects: Vec<Effect>,
}

/// Erase a client's data
///
/// Notes are destroyed, all else is made anonymous, in one transaction; money records stay without the name. It cannot be
/// undone: it needs the password once more, and a code where the second factor is on. A dry run needs neither, and answers
/// 200 with the plan: which rows of which table go, which stay and on which ground. Refused while sessions are ahead or a
/// refund is on its way.
#[utoipa::path(
    post,
    path = "/clients/{client_id}/erase",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The client's id"), DryRun),
    request_body = Option<EraseClient>,
    responses(
        (status = 201, description = "Erased; the certificate", body = Certificate),
        (status = 200, description = "The plan: a dry run changes nothing", body = ErasurePlan),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(crate) async fn erase_client(
    _: Scope,
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    OptionalJson(request): OptionalJson<EraseClient>,
) -> Result<Response> {
    let ground = request.ground.unwrap_or_default();
    if dry_run.unwrap_or(false) {
        let run = work.dry_run(dry_run).run(async |uow| {
            let erasure = erase(uow, &id, ground, request.reason.as_ref()).await?;
            Ok((erasure, uow.effects().unwrap_or_default()))
        });
        let (Erasure { theirs, erased, certificate: _ }, effects) = run.await?;
        let part = |fate| erased.iter().filter(|part| part.fate == fate).cloned().collect();
        let plan = ErasurePlan {
            dry_run: true,
            client_id: id,
            merged_client_ids: theirs.clients.iter().skip(1).cloned().collect(),
            destroyed: part(Outcome::Destroyed),
            anonymised: part(Outcome::Anonymised),
            kept: part(Outcome::Kept),
            effects,
        };
        return Ok(Json(plan).into_response());
    }
    let password = request.password.ok_or_else(|| Error::body("/password", "is missing: say it once more"))?;
    let confirmation = Confirmation::of(&app, &caller, password, request.code, work.address()).await?;
    let certificate = confirmation
        .run(work, async |uow| {
            let certificate = uow.once_or(
                StatusCode::CREATED,
                async |uow| {
                    let certificate = erase(uow, &id, ground, request.reason.as_ref()).await?.certificate;
                    Ok((certificate.certificate_id, certificate))
                },
                async |uow, _| {
                    let kept = Certificate::of(uow.db(), &id).await?;
                    kept.ok_or_else(|| Error::internal("no erasure was kept for a repeat"))
                },
            );
            certificate.await
        })
        .await?;
    let location = format!("/api/v1/admin/clients/{id}/erasure");
    Ok((StatusCode::CREATED, [(axum::http::header::LOCATION, location)], Json(certificate)).into_response())
}

/// Get the certificate of an erasure
///
/// The admin who erased the client's data, the time, the ground, and the outcome for each table. Kept forever.
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
