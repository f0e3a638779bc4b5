//! Hiding rows of the audit log: they stay, out of the usual view. Hiding a hidden row changes nothing.
//!
//! Nobody covers their own tracks: an admin does not hide rows of their own doing, nor of the doing of an account that is not
//! independent of theirs (`internal.is_independent`). Rows about access to clinical text, exports, erasures, accounts and
//! hiding are hidden by nobody, nor are rows of other programs that name no therapist: whose doing they are is not known.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::model::AuditLog;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::{Effect, Entry},
    domain::{ids::AuditLogId, text::Text},
    error::{
        Error, Refusal, Result,
        problem::{ProblemKind, Problems, kinds},
    },
    http::extract::{DryRun, Json, OptionalJson, Path, Query},
};

/// How many rows one request may hide.
const AT_ONCE: usize = 500;
/// The actions whose rows stay in view, by how they begin.
const KEPT_ACTIONS: &str = "^(break_glass|client_export|client_erase|user_|account_|password_|totp_|audit_hide|trail_)";
/// The subjects whose rows stay in view, whatever was done to them.
const KEPT_SUBJECTS: [&str; 4] = ["break_glass", "erase_request", "user", "audit_log"];

kinds! { PROBLEMS:
    NOT_HIDEABLE = FORBIDDEN, "not-hideable", "The entry stays in view",
        "Nobody hides entries about what they did themselves, or what an account did that is linked to theirs (see `not-independent`). What another program wrote without a therapist may be anybody's own, since it names an admin by name alone. Nobody hides entries about break-glass, exports, erasures, accounts or hiding. `entries` names those that stay, each with `why`: `own` or `kept_in_view`. Nothing was hidden.";
}

/// Rows that stay in view, by their ids; true for those that would not, had somebody else done it.
#[derive(Debug, thiserror::Error)]
#[error("entries of your own doing, and those about break-glass, exports, erasures, accounts and hiding, stay in view")]
struct NotHideable(Vec<(i32, bool)>);

impl Refusal for NotHideable {
    fn kind(&self) -> &'static ProblemKind {
        &NOT_HIDEABLE
    }

    fn members(&self) -> Map<String, Value> {
        let entry =
            |(log_id, own): &(i32, bool)| json!({ "log_id": log_id, "why": if *own { "own" } else { "kept_in_view" } });
        Map::from_iter([("entries".to_owned(), self.0.iter().map(entry).collect())])
    }
}

/// Why a row is hidden; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Entered by mistake" }))]
pub(super) struct HideAuditLog {
    /// Kept by the audit. Nothing clinical.
    reason: Option<Text<500>>,
}

/// Which rows are hidden, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "log_ids": [9001, 9002], "reason": "Entered by mistake" }))]
pub(super) struct HideAuditLogs {
    /// Which rows: 1 to 500 ids.
    #[schema(min_items = 1, max_items = 500)]
    log_ids: Vec<AuditLogId>,
    /// Kept by the audit. Nothing clinical.
    reason: Option<Text<500>>,
}

/// The result of hiding.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "hidden": 2, "already_hidden": 0 }))]
pub(super) struct HiddenAuditLogs {
    /// How many were hidden by this request.
    #[schema(minimum = 0)]
    hidden: usize,
    /// How many were hidden before.
    #[schema(minimum = 0)]
    already_hidden: usize,
    /// True if nothing was kept: the request was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// The changes that a dry run would have made; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    effects: Option<Vec<Effect>>,
}

/// Hide an entry of the audit log
///
/// It is kept, and listed with `visibility=hidden`; the hiding is an entry of its own. That it was hidden already is no
/// error. Refused for entries of the caller's own doing, and for those about break-glass, exports, erasures, accounts and
/// hiding.
#[utoipa::path(
    post,
    path = "/audit-logs/{log_id}/hide",
    tag = "audit",
    params(("log_id" = AuditLogId, Path, description = "The entry's id")),
    request_body = Option<HideAuditLog>,
    responses(
        (status = 200, description = "It is hidden", body = AuditLog),
        (status = 403, description = "It stays in view, or you are no admin"),
        Problems,
    ),
)]
pub(super) async fn hide_audit_log(
    work: Work,
    Path(id): Path<AuditLogId>,
    OptionalJson(request): OptionalJson<HideAuditLog>,
) -> Result<Json<AuditLog>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| match hide(uow, &[id], request.reason.as_deref()).await?.missing {
            Some(_) => Err(Error::NotFound("audit log entry")),
            None => Ok(()),
        })
        .await?;
        AuditLog::read(uow.db(), id).await.map(Json)
    })
    .await
}

/// Hide entries of the audit log
///
/// Many at once: all, or none where one does not exist or stays in view. One entry of the log tells of it.
#[utoipa::path(
    post,
    path = "/audit-logs/hide",
    tag = "audit",
    params(DryRun),
    request_body = HideAuditLogs,
    responses(
        (status = 200, description = "They are hidden", body = HiddenAuditLogs),
        (status = 403, description = "One of them stays in view, or you are no admin"),
        Problems,
    ),
)]
pub(super) async fn hide_audit_logs(
    work: Work,
    Query(DryRun { dry_run }): Query<DryRun>,
    Json(request): Json<HideAuditLogs>,
) -> Result<Json<HiddenAuditLogs>> {
    let HideAuditLogs { log_ids, reason } = request;
    if !(1..=AT_ONCE).contains(&log_ids.len()) {
        return Err(Error::body("/log_ids", "takes 1 to 500 ids"));
    }
    let run = work.dry_run(dry_run).run(async |uow| {
        let done = hide(uow, &log_ids, reason.as_deref()).await?;
        if let Some(place) = done.missing {
            return Err(Error::body(format!("/log_ids/{place}"), "there is no such entry"));
        }
        uow.answers_with(StatusCode::OK, "audit-logs");
        let effects = uow.effects();
        let dry_run = effects.is_some().then_some(true);
        Ok(Json(HiddenAuditLogs { hidden: done.hidden, already_hidden: done.already_hidden, dry_run, effects }))
    });
    run.await
}

/// The result of hiding.
struct Outcome {
    hidden: usize,
    already_hidden: usize,
    /// The place of the first id that names no row.
    missing: Option<usize>,
}

/// Hides rows, and records it for each that was not hidden.
async fn hide(uow: &mut UnitOfWork, ids: &[AuditLogId], reason: Option<&str>) -> Result<Outcome> {
    let numbers: Vec<i32> = ids.iter().map(|id| id.0).collect();
    let caller = uow.actor().map(|actor| actor.user_id.0);
    // What an account did that is linked to the caller's counts as the caller's own. So does a row of another program that
    // names no therapist: it names an admin by name alone, and admins change names, also those of others.
    let found = sqlx::query!(
        r#"select l.log_id,
                  l.is_visible is not false as "shown!",
                  coalesce(of_entries.own, l.therapist_id is null) as "own!",
                  coalesce(l.action_type ~ $3, false) or coalesce(of_entries.kept, false) as "kept!"
           from audit_logs l
           cross join lateral (
               select bool_or(not internal.is_independent($2, e.actor_id, e.at)) as own,
                      bool_or(e.action ~ $3 or coalesce(e.subject_type = any ($4), false)) as kept
               from internal.audit_entries e
               where e.log_id = l.log_id
           ) of_entries
           where l.log_id = any ($1)
           order by l.log_id
           for no key update of l"#,
        &numbers,
        caller,
        KEPT_ACTIONS,
        &KEPT_SUBJECTS as &[&str],
    )
    .fetch_all(uow.db())
    .await?;
    let missing = numbers.iter().position(|id| found.binary_search_by_key(id, |row| row.log_id).is_err());
    if missing.is_some() {
        return Ok(Outcome { hidden: 0, already_hidden: 0, missing });
    }
    let stay: Vec<(i32, bool)> =
        found.iter().filter(|row| row.shown && (row.own || row.kept)).map(|row| (row.log_id, !row.kept)).collect();
    if !stay.is_empty() {
        return Err(NotHideable(stay).into());
    }
    let shown: Vec<i32> = found.iter().filter(|row| row.shown).map(|row| row.log_id).collect();
    sqlx::query!("update audit_logs set is_visible = false where log_id = any ($1)", &shown).execute(uow.db()).await?;
    let sentence = match shown.len() {
        1 => "Hid an entry of the audit log".to_owned(),
        many => format!("Hid {many} entries of the audit log"),
    };
    for id in &shown {
        let entry = Entry::new("audit_hide", sentence.clone()).on("audit_log", id);
        uow.record(entry.detail(json!({ "reason": reason })));
    }
    if shown.is_empty() {
        uow.record(Entry::new("audit_hide", "").detail(json!({ "already_hidden": numbers })).quiet());
    }
    Ok(Outcome { hidden: shown.len(), already_hidden: found.len() - shown.len(), missing })
}
