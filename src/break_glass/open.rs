//! Opening a grant: the reason, the password once more, every admin notified at once.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::model::{Grant, LASTS};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    auth::Confirmation,
    clients,
    db::scope::Scope,
    domain::{
        ids::{ClientId, GrantId},
        text::{NO_NAME, Text},
    },
    error::{Result, problem::Problems},
    http::{
        caller::Caller,
        etag::Versioned,
        extract::{Json, Path},
    },
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// A grant to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "reason": "The therapist is in hospital, and the client calls in distress",
    "password": "demo-password"
}))]
pub(crate) struct OpenBreakGlass {
    /// Why clinical text has to be read, for whoever reviews it. Nothing clinical: it is listed, and stands in the trail.
    reason: Text<1000>,
    /// Your password, once more.
    password: String,
    /// A code of your authenticator app, or a recovery code: where your account has a second factor.
    code: Option<String>,
}

/// Open a break-glass grant
///
/// Lets the caller read this client's notes for 60 minutes. Every admin is told at once, and another one has to review it.
/// Wrong passwords count like those at login. While a grant is open another one may be opened: with its own reason, and
/// for 60 minutes from then on.
#[utoipa::path(
    post,
    path = "/clients/{client_id}/break-glass",
    tag = "break-glass",
    params(("client_id" = ClientId, Path, description = "The client's id")),
    request_body = OpenBreakGlass,
    responses(
        (status = 201, description = "Opened", body = Grant),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(crate) async fn open_break_glass(
    caller: Caller,
    scope: Scope,
    work: Work,
    State(app): State<App>,
    Path(client): Path<ClientId>,
    Json(request): Json<OpenBreakGlass>,
) -> Result<Versioned<Grant>> {
    let OpenBreakGlass { reason, password, code } = request;
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &client).await?;
    let confirmation = Confirmation::of(&app, &caller, password, code, &work).await?;
    confirmation
        .run(work, async |uow| {
            let id = uow.make_once(async |uow| open(uow, &client, &reason).await).await?;
            let now = uow.now();
            let grant = Grant::read(uow.db(), id, now).await?;
            Ok(grant.versioned().created(format!("/api/v1/admin/break-glass/{id}")))
        })
        .await
}

async fn open(uow: &mut UnitOfWork, client: &ClientId, reason: &str) -> Result<GrantId> {
    // Held, so that it is not merged away at this moment.
    let Some(locked) = clients::lock(uow.db(), client).await? else {
        return Err(clients::missing(uow.db(), &Scope::Practice, client).await?);
    };
    locked.ensure_kept()?;
    let user = uow.actor().map(|actor| actor.user_id.0);
    let now = uow.now();
    let id = sqlx::query_scalar!(
        r#"insert into internal.break_glass_grants (client_id, user_id, reason, opened_at, expires_at)
           values ($1, $2, $3, $4, $5)
           returning grant_id as "grant_id: GrantId""#,
        client.as_str(),
        user,
        reason,
        now,
        now + LASTS,
    )
    .fetch_one(uow.db())
    .await?;
    let grant = Grant::read(uow.db(), id, now).await?;
    let name = grant.client_name.as_deref().unwrap_or(NO_NAME);
    let by = grant.user_name.as_deref().unwrap_or("An admin");
    let notice = Notice {
        kind: NotificationKind::BreakGlass,
        title: "Break-glass",
        message: &format!("{by} may read the notes of {name} for 60 minutes: please review"),
        related_id: Some(&id.to_string()),
        to: &[Recipient::EveryAdmin],
    };
    notifications::notify(uow, notice).await?;
    // Without the reason, which is the detail's: an erasure finds it there, however short it is.
    let sentence = format!("Opened the clinical record of {name} by break-glass");
    let detail = json!({ "reason": reason, "opened_at": grant.opened_at, "expires_at": grant.expires_at });
    uow.record(grant.entry("break_glass", sentence).detail(detail));
    Ok(id)
}
