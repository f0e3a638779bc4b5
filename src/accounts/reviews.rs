//! The changes of therapists' accounts that another admin has to confirm: listed, and confirmed.
//!
//! To confirm a change is to say that the account is held by the therapist it stands for. Each change waits for itself; one
//! confirmation covers the earlier ones of the same account by the same admin, never a later one.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::refusal::ReviewRefusal;
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{AccountChangeId, TherapistId, UserId},
        status::words,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
    users::{self, AccountChange, password},
};

orders! {
    /// The orders in which account reviews can be listed.
    AccountReviewOrder: LatestFirst = "-changed_at", EarliestFirst = "changed_at"
}

words! {
    /// How an account review stands.
    #[schema(as = AccountReviewState)]
    pub(super) enum ReviewState {
        /// Another admin has to confirm it.
        Awaiting,
        /// It was confirmed.
        Confirmed,
        /// Nobody could confirm it in time.
        Unreviewed,
    }
}

/// Which account reviews are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountReviewFilter {
    /// Only those that are awaited, or only the others.
    awaiting: Option<bool>,
    /// Only those of this account.
    #[param(example = 3)]
    user_id: Option<UserId>,
}

/// A change of a therapist's account by an admin, which another admin confirms.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "review_id": 17,
    "user_id": 3,
    "user_name": "Asha Rao",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "kind": "password_reset",
    "changed_by": 1,
    "changed_by_name": "Front desk",
    "changed_at": "2026-02-04T10:30:00Z",
    "state": "awaiting",
    "opens_at": null,
    "can_confirm": true,
    "confirmed_at": null,
    "confirmed_by": null,
    "confirmed_by_name": null
}))]
pub(super) struct AccountReview {
    /// Its id.
    review_id: AccountChangeId,
    /// The account.
    user_id: UserId,
    /// The name of its user.
    user_name: Option<String>,
    /// The therapist whose account it was after the change.
    therapist_id: Option<TherapistId>,
    /// Their name.
    therapist_name: Option<String>,
    /// The change.
    kind: AccountChange,
    /// The admin who did it.
    changed_by: Option<UserId>,
    /// The name of that admin.
    changed_by_name: Option<String>,
    /// When it was changed.
    #[schema(value_type = crate::domain::time::Instant)]
    changed_at: Timestamp,
    /// `awaiting`: the account opens no clinical text; `confirmed`; or `unreviewed`: nobody could confirm it in time, and it
    /// opens clinical text since `opens_at`.
    state: ReviewState,
    /// From when on it opens clinical text unreviewed; null while another admin can confirm it.
    opens_at: Timestamp,
    /// Whether the caller can confirm it: they are independent of the admin who did it, and its user has set a password.
    can_confirm: bool,
    /// When it was confirmed; null if it was not.
    confirmed_at: Timestamp,
    /// By which admin; null for the command line.
    confirmed_by: Option<UserId>,
    /// The name of that admin.
    confirmed_by_name: Option<String>,
    #[serde(skip)]
    sort_key: String,
}

/// List account reviews
///
/// The changes of therapists' accounts by admins, latest first; `awaiting=true` are those to be confirmed.
/// `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/account-reviews",
    tag = "users",
    params(
        AccountReviewFilter,
        ("sort" = inline(Option<AccountReviewOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of reviews", content(
            (Page<AccountReview> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_account_reviews(
    _: Scope,
    caller: Caller,
    State(app): State<App>,
    Listing { filter, request }: Listing<AccountReviewFilter, AccountReviewOrder>,
) -> Result<Response> {
    request.answer(AccountReviews { review_id: None, filter, admin: caller.user_id, now: app.clock.now() }).await
}

/// The reviews that a filter wants, as they are at an instant for an admin.
struct AccountReviews {
    review_id: Option<AccountChangeId>,
    filter: AccountReviewFilter,
    admin: UserId,
    now: DateTime<Utc>,
}

impl List for AccountReviews {
    type Row = AccountReview;
    type Order = AccountReviewOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: AccountReviewOrder,
        position: &Position,
    ) -> Result<Vec<AccountReview>> {
        let reviews = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(AccountReview),
            [r#"
                select c.change_id as "review_id: AccountChangeId",
                       c.user_id as "user_id: UserId",
                       internal.account_name(c.user_id) as user_name,
                       c.therapist_id as "therapist_id: TherapistId",
                       internal.therapist_name(c.therapist_id) as therapist_name,
                       c.kind as "kind: AccountChange",
                       c.changed_by as "changed_by: UserId",
                       internal.account_name(c.changed_by) as changed_by_name,
                       c.changed_at as "changed_at!: Timestamp",
                       case when c.confirmed_at is not null then 'confirmed'
                            when c.opens_at <= $1 then 'unreviewed'
                            else 'awaiting'
                       end as "state!: ReviewState",
                       c.opens_at as "opens_at!: Timestamp",
                       (c.confirmed_at is null
                        and c.user_id <> $2
                        and exists (select from users u where u.id = c.user_id and u.password <> $3)
                        and internal.is_independent($2, c.changed_by, c.changed_at)) as "can_confirm!",
                       c.confirmed_at as "confirmed_at!: Timestamp",
                       c.confirmed_by as "confirmed_by: UserId",
                       internal.account_name(c.confirmed_by) as confirmed_by_name,
                       c.changed_at::text as "sort_key!"
                from internal.account_changes c
                where c.needs_review
                  and c.change_id = $4
                  and (c.confirmed_at is null and (c.opens_at is null or c.opens_at > $1)) = $5
                  and c.user_id = $6
                  and (c.changed_at, c.change_id) < ($7::text::timestamptz, $8::text::integer) -- by any
                order by
                    c.changed_at desc, -- by any
                    c.change_id desc -- by any
                limit $9
            "#],
            self.now,
            self.admin.0,
            password::UNSET,
            self.review_id.map(|id| id.0),
            self.filter.awaiting,
            self.filter.user_id.map(|user| user.0),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(reviews)
    }

    fn key(review: &AccountReview) -> Key {
        Key { sort: review.sort_key.clone(), id: review.review_id.to_string() }
    }
}

impl AccountReview {
    async fn read(db: &mut PgConnection, id: AccountChangeId, admin: UserId, now: DateTime<Utc>) -> Result<Self> {
        let one = AccountReviews { review_id: Some(id), filter: AccountReviewFilter::default(), admin, now };
        one.first(db).await?.ok_or(Error::NotFound("account review"))
    }
}

/// Confirm who holds an account
///
/// Says that the account is held by the therapist it stands for, so that it opens clinical text again. By another admin
/// than the one who changed it, and one who is independent of that admin: neither made, enabled, reset or re-roled the
/// other's account within the 30 days before or since, nor did a third admin both. Refused until the user has set a password.
/// Earlier changes of the account by the same admin are confirmed with it, later ones not.
#[utoipa::path(
    post,
    path = "/account-reviews/{id}/confirm",
    tag = "users",
    params(("id" = AccountChangeId, Path, description = "The review's id")),
    responses((status = 200, description = "Confirmed", body = AccountReview), Problems),
)]
pub(super) async fn confirm_account(
    caller: Caller,
    work: Work,
    Path(id): Path<AccountChangeId>,
) -> Result<Json<AccountReview>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| confirm(uow, id, caller.user_id).await).await?;
        let now = uow.now();
        Ok(Json(AccountReview::read(uow.db(), id, caller.user_id, now).await?))
    })
    .await
}

async fn confirm(uow: &mut UnitOfWork, id: AccountChangeId, reviewer: UserId) -> Result<()> {
    let now = uow.now();
    let review = AccountReview::read(uow.db(), id, reviewer, now).await?;
    if review.changed_by == Some(reviewer) || review.user_id == reviewer {
        return Err(ReviewRefusal::Own.into());
    }
    // Locks the reviewer before the change, in the order in which an account is disabled.
    if let (Some(admin), Some(changed_at)) = (review.changed_by, review.changed_at.instant()) {
        users::ensure_independent(uow, reviewer, admin, changed_at).await?;
    }
    users::lock_change(uow, id).await?;
    let review = AccountReview::read(uow.db(), id, reviewer, now).await?;
    if review.confirmed_at.instant().is_some() {
        return Err(ReviewRefusal::Confirmed.into());
    }
    // The link that is still open could let in somebody else after the confirmation.
    if !password::is_set(uow.db(), review.user_id).await? {
        return Err(ReviewRefusal::Unclaimed.into());
    }
    users::confirm(uow, id).await?;
    let whose = review.user_name.as_deref().unwrap_or("a user");
    let entry = Entry::new("account_confirm", format!("Confirmed who holds the account of {whose}"));
    let detail = json!({ "review_id": id, "kind": review.kind, "changed_by": review.changed_by });
    uow.record(entry.on("user", review.user_id).detail(detail));
    Ok(())
}
